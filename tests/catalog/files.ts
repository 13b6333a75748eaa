import { deflateRawSync } from 'node:zlib';

/** A safetensors file with tensors of F32 zeros. */
export function safetensors(
  tensors: Record<string, number[]>,
  change: { dtype?: string; metadata?: Record<string, string> } = {},
): Buffer {
  const header: Record<string, unknown> = change.metadata ? { __metadata__: change.metadata } : {};
  let at = 0;
  for (const [name, shape] of Object.entries(tensors)) {
    const size = shape.reduce((product, length) => product * length, 1) * (change.dtype === 'F16' ? 2 : 4);
    header[name] = { dtype: change.dtype ?? 'F32', shape, data_offsets: [at, at + size] };
    at += size;
  }
  return rawSafetensors(JSON.stringify(header), at);
}

export function rawSafetensors(header: string, dataBytes: number): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

export type GgufEntry = string | number | string[];

/** A GGUF file of version 3 with F32 tensors of zeros. */
export function gguf(entries: Record<string, GgufEntry>, tensors: Record<string, number[]> = {}): Buffer {
  const parts = [Buffer.from('GGUF'), u32(3), u64(Object.keys(tensors).length), u64(Object.keys(entries).length)];
  for (const [key, value] of Object.entries(entries)) {
    parts.push(text(key));
    if (typeof value === 'string') parts.push(u32(8), text(value));
    else if (typeof value === 'number') parts.push(u32(4), u32(value));
    else parts.push(u32(9), u32(8), u64(value.length), ...value.map(text));
  }
  let at = 0;
  for (const [name, shape] of Object.entries(tensors)) {
    parts.push(text(name), u32(shape.length), ...shape.map(u64), u32(0), u64(at));
    at += Math.ceil((shape.reduce((product, length) => product * length, 1) * 4) / 32) * 32;
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, Buffer.alloc(Math.ceil(header.length / 32) * 32 - header.length + at)]);
}

/** A zip archive; no checksums, nobody here looks at them. */
export function zip(entries: Record<string, Buffer>, options: { deflate?: boolean; sizeSaid?: number } = {}): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(entries)) {
    const packed = options.deflate ? deflateRawSync(content) : content;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(options.deflate ? 8 : 0, 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(options.sizeSaid ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const body = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
    local.push(body);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.alloc(2), common, tail, Buffer.from(name)]));
    at += body.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(central.length, 8);
  end.writeUInt16LE(central.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, directory, end]);
}

const b = (value: string) => Buffer.from(value, 'latin1');

/** What `torch.save({'w': tensor})` pickles, shortened. */
export const goodPickle = b(
  '\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\x09\x89ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds.',
);

export const goodTorchFile = zip({
  'archive/data.pkl': goodPickle,
  'archive/version': b('3\n'),
  'archive/data/0': Buffer.alloc(24),
});

const short = (value: string) => b(`\x8c${String.fromCharCode(value.length)}${value}`);

/** Pickles that run something when they are loaded, each in another way of writing it. */
export const hostilePickles: Record<string, Buffer> = {
  'os.system by GLOBAL': b("cos\nsystem\n(S'id'\ntR."),
  'posix.system by GLOBAL, protocol 2': b('\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.'),
  'os.system by STACK_GLOBAL': Buffer.concat([
    b('\x80\x04'),
    short('os'),
    short('system'),
    b('\x93'),
    short('id'),
    b('\x85R.'),
  ]),
  'names through the memo': Buffer.concat([
    b('\x80\x04'),
    short('os'),
    b('\x940'),
    short('system'),
    b('\x940h\x00h\x01\x93'),
    short('id'),
    b('\x85R.'),
  ]),
  'builtins.eval': b("c__builtin__\neval\n(S'1'\ntR."),
  'builtins.exec': b("cbuiltins\nexec\n(S'1'\ntR."),
  'builtins.getattr': b("cbuiltins\ngetattr\n(S'1'\ntR."),
  'builtins.__import__': b("cbuiltins\n__import__\n(S'os'\ntR."),
  'subprocess.Popen by INST': b("(S'id'\nisubprocess\nPopen\n."),
  'subprocess.Popen by OBJ': b("(csubprocess\nPopen\nS'id'\no."),
  'nt.system': b("cnt\nsystem\n(S'id'\ntR."),
  runpy: b("crunpy\nrun_path\n(S'x'\ntR."),
  importlib: b("cimportlib\nimport_module\n(S'os'\ntR."),
  'torch.load': b("ctorch\nload\n(S'x'\ntR."),
  'torch.storage._load_from_bytes': b("ctorch.storage\n_load_from_bytes\n(S'x'\ntR."),
  'pickle.loads': b("cpickle\nloads\n(S'x'\ntR."),
  'operator.attrgetter': b("coperator\nattrgetter\n(S'x'\ntR."),
  webbrowser: b("cwebbrowser\nopen\n(S'x'\ntR."),
  'numpy loader': b("cnumpy\nload\n(S'x'\ntR."),
  'dotted name of an allowed module': Buffer.concat([
    b('\x80\x04'),
    short('collections'),
    short('OrderedDict.__init__.__globals__'),
    b('\x93)R.'),
  ]),
  'name made at run time': Buffer.concat([b('\x80\x04'), short('os'), b('K\x01\x93)R.')]),
  'a second pickle behind the first': Buffer.concat([goodPickle, b("cos\nsystem\n(S'id'\ntR.")]),
  'the extension registry': b('\x80\x02\x82\x01)R.'),
  'in a PyTorch archive': zip({ 'archive/data.pkl': b("cos\nsystem\n(S'id'\ntR.") }),
  deflated: zip({ 'archive/data.pkl': b("cos\nsystem\n(S'id'\ntR.") }, { deflate: true }),
  'in another pickle of the archive': zip({
    'archive/data.pkl': goodPickle,
    'archive/EXTRA.PKL': b("cos\nsystem\n(S'id'\ntR."),
  }),
  'cut off': b('\x80\x02cposix\nsystem\nX\xff\x00\x00\x00id'),
  'not a pickle at all': b('MZ\x90\x00\x03'),
  'an archive without a pickle': zip({ 'readme.txt': b('hello') }),
  'a bomb': zip({ 'archive/data.pkl': Buffer.alloc(80 * 1024 * 1024) }, { deflate: true, sizeSaid: 10 }),
};

export const config = JSON.stringify({
  architectures: ['LlamaForCausalLM'],
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 512,
  max_position_embeddings: 256,
  torch_dtype: 'float32',
});

export const sound = { 'config.json': config, 'model.safetensors': safetensors({ a: [2, 3], b: [4] }) };

/** An OrderedDict of every plain type, as CPython's own pickle writes it under protocols 0 to 5. */
export const pythonPickles = [
  'Y2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnAwCih0UnAxClZhCnAyCihscDMKSTEKYUYyLjUKYShJMQpJMgpJMwpJNAp0cDQKYUkwMQphTmFJLTUKYUwxMTgwNTkxNjIwNzE3NDExMzAzNDI0TAphVukKcDUKYWNfY29kZWNzCmVuY29kZQpwNgooVngKcDcKVmxhdGluMQpwOAp0cDkKUnAxMAphY19fYnVpbHRpbl9fCnNldApwMTEKKChscDEyCkkxCmF0cDEzClJwMTQKYWNfX2J1aWx0aW5fXwpmcm96ZW5zZXQKcDE1CigobHAxNgpJMwphdHAxNwpScDE4CmFjX19idWlsdGluX18KY29tcGxleApwMTkKKEYxLjAKRjIuMAp0cDIwClJwMjEKYXMu',
  'Y2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnEAKVJxAVgBAAAAYXECXXEDKEsBR0AEAAAAAAAAKEsBSwJLA0sEdHEESTAxCk5K+////0wxMTgwNTkxNjIwNzE3NDExMzAzNDI0TApYAgAAAMOpcQVjX2NvZGVjcwplbmNvZGUKcQYoWAEAAAB4cQdYBgAAAGxhdGluMXEIdHEJUnEKY19fYnVpbHRpbl9fCnNldApxCyhdcQxLAWF0cQ1ScQ5jX19idWlsdGluX18KZnJvemVuc2V0CnEPKF1xEEsDYXRxEVJxEmNfX2J1aWx0aW5fXwpjb21wbGV4CnETKEc/8AAAAAAAAEdAAAAAAAAAAHRxFFJxFWVzLg==',
  'gAJjY29sbGVjdGlvbnMKT3JkZXJlZERpY3QKcQApUnEBWAEAAABhcQJdcQMoSwFHQAQAAAAAAAAoSwFLAksDSwR0cQSITkr7////igkAAAAAAAAAAEBYAgAAAMOpcQVjX2NvZGVjcwplbmNvZGUKcQZYAQAAAHhxB1gGAAAAbGF0aW4xcQiGcQlScQpjX19idWlsdGluX18Kc2V0CnELXXEMSwFhhXENUnEOY19fYnVpbHRpbl9fCmZyb3plbnNldApxD11xEEsDYYVxEVJxEmNfX2J1aWx0aW5fXwpjb21wbGV4CnETRz/wAAAAAAAAR0AAAAAAAAAAhnEUUnEVZXMu',
  'gANjY29sbGVjdGlvbnMKT3JkZXJlZERpY3QKcQApUnEBWAEAAABhcQJdcQMoSwFHQAQAAAAAAAAoSwFLAksDSwR0cQSITkr7////igkAAAAAAAAAAEBYAgAAAMOpcQVDAXhxBmNidWlsdGlucwpzZXQKcQddcQhLAWGFcQlScQpjYnVpbHRpbnMKZnJvemVuc2V0CnELXXEMSwNhhXENUnEOY2J1aWx0aW5zCmNvbXBsZXgKcQ9HP/AAAAAAAABHQAAAAAAAAACGcRBScRFlcy4=',
  'gASVlAAAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpSMAWGUXZQoSwFHQAQAAAAAAAAoSwFLAksDSwR0lIhOSvv///+KCQAAAAAAAAAAQIwCw6mUQwF4lI+UKEsBkChLA5GUjAhidWlsdGluc5SMB2NvbXBsZXiUk5RHP/AAAAAAAABHQAAAAAAAAACGlFKUZXMu',
  'gAWVlAAAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpSMAWGUXZQoSwFHQAQAAAAAAAAoSwFLAksDSwR0lIhOSvv///+KCQAAAAAAAAAAQIwCw6mUQwF4lI+UKEsBkChLA5GUjAhidWlsdGluc5SMB2NvbXBsZXiUk5RHP/AAAAAAAABHQAAAAAAAAACGlFKUZXMu',
];

/** The same of an object that runs a command. */
export const hostilePythonPickles = [
  'KGRwMApWdwpwMQoobHAyCkkxCmFjcG9zaXgKc3lzdGVtCnAzCihWaWQKcDQKdHA1ClJwNgphcy4=',
  'fXEAWAEAAAB3cQFdcQIoSwFjcG9zaXgKc3lzdGVtCnEDKFgCAAAAaWRxBHRxBVJxBmVzLg==',
  'gAJ9cQBYAQAAAHdxAV1xAihLAWNwb3NpeApzeXN0ZW0KcQNYAgAAAGlkcQSFcQVScQZlcy4=',
  'gAN9cQBYAQAAAHdxAV1xAihLAWNwb3NpeApzeXN0ZW0KcQNYAgAAAGlkcQSFcQVScQZlcy4=',
  'gASVKgAAAAAAAAB9lIwBd5RdlChLAYwFcG9zaXiUjAZzeXN0ZW2Uk5SMAmlklIWUUpRlcy4=',
  'gAWVKgAAAAAAAAB9lIwBd5RdlChLAYwFcG9zaXiUjAZzeXN0ZW2Uk5SMAmlklIWUUpRlcy4=',
];
