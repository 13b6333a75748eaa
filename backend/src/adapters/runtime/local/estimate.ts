import type { ModelFacts } from '#ports/runtime';

export interface MemoryEstimate {
  /** bytes, each */
  weightsBytes: number;
  kvCacheBytes: number;
  overheadBytes: number;
  requiredBytes: number;
  /** false when the layers or heads are unknown, so that the cache could not be reckoned with */
  complete: boolean;
}

interface Request {
  facts: ModelFacts;
  /** tokens of one sequence */
  contextLength: number;
  /** sequences kept at the same time */
  parallel: number;
  /** bytes of one value in the cache; llama.cpp keeps 16-bit floats */
  cacheValueBytes?: number;
  /** bytes of one weight after conversion; null when the weights are served as they are */
  convertedWeightBytes?: number | null;
}

/** Measured: Node with llama.cpp and a model of 4 MB, after some requests. */
const PROCESS_BYTES = 180 * 1024 * 1024;
/** Tokens of a prompt evaluated at once, for which there are intermediate results and logits. */
const BATCH = 512;

/**
 * What serving a model takes: its weights, the key-value cache of every sequence and the working memory of a batch. The cache of a
 * transformer with grouped-query attention holds a key and a value per layer, key-value head and head dimension.
 */
export function estimateMemory({
  facts,
  contextLength,
  parallel,
  cacheValueBytes = 2,
  convertedWeightBytes = null,
}: Request): MemoryEstimate {
  const converted = convertedWeightBytes !== null && facts.parameters !== null;
  const weightsBytes = converted ? facts.parameters! * convertedWeightBytes : facts.weightBytes;
  const shape = cacheShape(facts);
  const kvCacheBytes = shape === null ? 0 : shape.layers * 2 * shape.width * cacheValueBytes * contextLength * parallel;
  const overheadBytes = PROCESS_BYTES + BATCH * 4 * ((facts.vocabularySize ?? 0) + 8 * (facts.hiddenSize ?? 0));
  return {
    weightsBytes,
    kvCacheBytes,
    overheadBytes,
    requiredBytes: weightsBytes + kvCacheBytes + overheadBytes,
    complete: shape !== null,
  };
}

/** `width` is key-value heads × head dimension; without its own number of key-value heads a model has one per head. */
function cacheShape({
  layers,
  heads,
  kvHeads,
  headDim,
  hiddenSize,
}: ModelFacts): { layers: number; width: number } | null {
  const dimension = headDim ?? (hiddenSize !== null && heads !== null ? hiddenSize / heads : null);
  const count = kvHeads ?? heads;
  return layers === null || dimension === null || count === null ? null : { layers, width: count * dimension };
}

/** `1.5 GiB`, `820 MiB` */
export function formatBytes(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  return mebibytes >= 1024 ? `${(mebibytes / 1024).toFixed(1)} GiB` : `${Math.ceil(mebibytes)} MiB`;
}
