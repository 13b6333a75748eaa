import type { ModelFacts } from '#ports/runtime';
import { InvalidFile } from './reader.ts';

type Json = Record<string, unknown>;

/** A JSON object of a model folder. Throws `InvalidFile` where it is none. */
export function parseObject(bytes: Buffer, name: string): Json {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  } catch {
    // told below
  }
  throw new InvalidFile(`${name} is not a JSON object.`);
}

/** What a Transformers `config.json` says, under the names that its many architectures use. */
export function factsOfConfig(config: Json): Partial<ModelFacts> {
  const inner =
    typeof config.text_config === 'object' && config.text_config !== null ? (config.text_config as Json) : {};
  const find = <T>(names: string[], is: (value: unknown) => value is T): T | null => {
    for (const source of [config, inner]) {
      for (const name of names) {
        const value = source[name];
        if (is(value)) return value;
      }
    }
    return null;
  };
  const number = (...names: string[]) => find(names, isNatural);
  const architectures = Array.isArray(config.architectures) ? config.architectures : [];
  const dtype = find(['torch_dtype', 'dtype'], isText);
  return {
    architecture: isText(architectures[0]) ? architectures[0] : find(['model_type'], isText),
    dtype: dtype === null ? null : (dtypes[dtype] ?? dtype),
    contextLength: number(
      'max_position_embeddings',
      'n_positions',
      'n_ctx',
      'max_seq_len',
      'seq_length',
      'max_sequence_length',
    ),
    layers: number('num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'),
    hiddenSize: number('hidden_size', 'n_embd', 'd_model', 'dim'),
    heads: number('num_attention_heads', 'n_head', 'n_heads'),
    kvHeads: number('num_key_value_heads', 'n_kv_heads', 'num_kv_heads', 'multi_query_group_num'),
    headDim: number('head_dim', 'kv_channels'),
    vocabularySize: number('vocab_size', 'padded_vocab_size'),
  };
}

const dtypes: Record<string, string> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16', float64: 'F64' };

const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= 200;
