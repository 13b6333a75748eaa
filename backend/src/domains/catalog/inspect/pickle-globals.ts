/**
 * What weights need to be rebuilt, and nothing else: neither `torch.load` nor `_load_from_bytes`, which load a second pickle, nor
 * anything of `builtins` that looks up or runs.
 */
const allowed = new Set([
  ...['OrderedDict', 'defaultdict', 'Counter', 'deque'].map((name) => `collections.${name}`),
  ...[
    'set',
    'frozenset',
    'dict',
    'list',
    'tuple',
    'int',
    'float',
    'bool',
    'complex',
    'bytearray',
    'bytes',
    'str',
    'slice',
    'range',
  ].flatMap((name) => [`builtins.${name}`, `__builtin__.${name}`]),
  '_codecs.encode',
  ...[
    '_rebuild_tensor',
    '_rebuild_tensor_v2',
    '_rebuild_tensor_v3',
    '_rebuild_parameter',
    '_rebuild_parameter_with_state',
    '_rebuild_qtensor',
    '_rebuild_sparse_tensor',
    '_rebuild_meta_tensor_no_storage',
    '_rebuild_device_tensor_from_numpy',
    '_rebuild_device_tensor_from_cpu_tensor',
    '_rebuild_wrapper_subclass',
  ].map((name) => `torch._utils.${name}`),
  ...['Size', 'device', 'Tensor', 'Generator', 'strided', 'per_tensor_affine', 'per_channel_affine'].map(
    (name) => `torch.${name}`,
  ),
  ...['UntypedStorage', 'TypedStorage', '_UntypedStorage', '_TypedStorage'].map((name) => `torch.storage.${name}`),
  ...['Parameter', 'UninitializedParameter', 'Buffer'].map((name) => `torch.nn.parameter.${name}`),
  'torch._tensor._rebuild_from_type_v2',
  'torch.serialization._get_layout',
  ...['numpy.core.multiarray', 'numpy._core.multiarray'].flatMap((module) => [
    `${module}.scalar`,
    `${module}._reconstruct`,
  ]),
  ...['numpy.core.numeric', 'numpy._core.numeric'].map((module) => `${module}._frombuffer`),
  ...['dtype', 'ndarray', 'float16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8', 'bool_'].map(
    (name) => `numpy.${name}`,
  ),
]);

const storages =
  /^torch(\.cuda)?\.(Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|QInt8|QUInt8|QInt32|ComplexFloat|ComplexDouble)Storage$/;
const dtypes =
  /^torch\.(float(16|32|64)|bfloat16|float8_e\w+|u?int(8|16|32|64)|bool|complex(64|128)|half|double|long|q(u?int8|int32))$/;

/** May `module.name` be imported by weights? */
export function isAllowedGlobal(name: string): boolean {
  return allowed.has(name) || storages.test(name) || dtypes.test(name);
}
