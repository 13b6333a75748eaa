import type { ModelFacts } from '#ports/runtime';
import type { Gguf } from './gguf.ts';
import type { Tensor } from './safetensors.ts';

/** What one file contributes to what is known of a model; kept with the file's row. */
export interface FileFacts {
  kind: 'safetensors' | 'gguf' | 'pickle' | 'onnx' | 'config' | 'tokenizer' | 'tokenizer-config' | 'template' | 'other';
  /** numbers and names found in a header or config; what is absent is unknown */
  facts?: Partial<ModelFacts>;
  /** bytes by dtype */
  dtypes?: Record<string, number>;
}

const weightKinds = ['gguf', 'safetensors', 'pickle', 'onnx'] as const;

/** Sums up the files of a model; null when there is none yet. A config.json tells more exactly than the headers do. */
export function combineFacts(files: { size: number; facts: FileFacts }[]): ModelFacts | null {
  if (files.length === 0) return null;
  const kinds = new Set(files.map(({ facts }) => facts.kind));
  // a folder of safetensors often has the same weights as .bin: only the better format counts
  const format = (['safetensors', 'gguf', 'pickle', 'onnx'] as const).find((kind) => kinds.has(kind)) ?? 'unknown';
  const weights = files.filter(({ facts }) => facts.kind === format);
  const dtypes: Record<string, number> = {};
  for (const { facts } of weights) {
    for (const [dtype, bytes] of Object.entries(facts.dtypes ?? {})) dtypes[dtype] = (dtypes[dtype] ?? 0) + bytes;
  }
  const sources = [...files.filter(({ facts }) => facts.kind === 'config'), ...weights].map(
    ({ facts }) => facts.facts ?? {},
  );
  const first = <K extends keyof ModelFacts>(key: K) =>
    sources.find((source) => (source[key] ?? null) !== null)?.[key] ?? null;
  const parameters = weights.map(({ facts }) => facts.facts?.parameters);
  const heads = first('heads');
  const hiddenSize = first('hiddenSize');
  return {
    format,
    architecture: first('architecture'),
    parameters:
      parameters.length > 0 && parameters.every((count) => typeof count === 'number') ? sum(parameters) : null,
    dtype: Object.entries(dtypes).sort((a, b) => b[1] - a[1])[0]?.[0] ?? first('dtype'),
    contextLength: first('contextLength'),
    layers: first('layers'),
    hiddenSize,
    heads,
    kvHeads: first('kvHeads') ?? heads,
    headDim: first('headDim') ?? (heads && hiddenSize ? Math.floor(hiddenSize / heads) : null),
    vocabularySize: first('vocabularySize'),
    weightBytes: sum(weights.map(({ size }) => size)),
    tokenizer: kinds.has('tokenizer') || sources.some((source) => source.tokenizer === true),
    chatTemplate: kinds.has('template') || files.some(({ facts }) => facts.facts?.chatTemplate === true),
  };
}

/** Is it something that an engine loads as the model? */
export function isWeights(kind: FileFacts['kind']): boolean {
  return (weightKinds as readonly string[]).includes(kind);
}

export function factsOfTensors(tensors: Tensor[]): { dtypes: Record<string, number>; parameters: number } {
  const dtypes: Record<string, number> = {};
  let parameters = 0;
  for (const { dtype, shape, size } of tensors) {
    dtypes[dtype] = (dtypes[dtype] ?? 0) + size;
    parameters += shape.reduce((product, length) => product * length, 1);
  }
  return { dtypes, parameters };
}

export function factsOfGguf({ metadata, tensors }: Gguf): FileFacts {
  const { dtypes, parameters } = factsOfTensors(tensors);
  const text = (key: string) => (typeof metadata.get(key) === 'string' ? (metadata.get(key) as string) : null);
  const architecture = text('general.architecture');
  const number = (key: string) => {
    const value = metadata.get(`${architecture}.${key}`);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
  };
  const tokens = metadata.get('tokenizer.ggml.tokens');
  return {
    kind: 'gguf',
    dtypes,
    facts: {
      architecture,
      parameters,
      contextLength: number('context_length'),
      layers: number('block_count'),
      hiddenSize: number('embedding_length'),
      heads: number('attention.head_count'),
      kvHeads: number('attention.head_count_kv'),
      headDim: number('attention.key_length'),
      vocabularySize: number('vocab_size') ?? (typeof tokens === 'object' ? tokens.items : null),
      tokenizer: tokens !== undefined,
      chatTemplate: text('tokenizer.chat_template') !== null,
    },
  };
}

const sum = (numbers: (number | null | undefined)[]) =>
  numbers.reduce<number>((total, number) => total + (number ?? 0), 0);
