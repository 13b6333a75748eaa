import type { ModelFacts } from '#ports/runtime';
import type { Sentence } from '#platform/words';
import { fitWords } from './sentences.ts';

const GiB = 1024 ** 3;

/** bytes of one weight; quantised types with their scales */
const bytesOfType: Record<string, number> = {
  f64: 8,
  f32: 4,
  float32: 4,
  bf16: 2,
  bfloat16: 2,
  f16: 2,
  float16: 2,
  fp8: 1,
  f8_e4m3: 1,
  int8: 1,
  i8: 1,
  awq: 0.56,
  gptq: 0.56,
  int4: 0.56,
};

export interface MemoryEstimate {
  weightsBytes: number;
  kvCacheBytes: number;
  overheadBytes: number;
  requiredBytes: number;
  /** what the numbers are taken from, for a person */
  basis: Sentence;
}

/**
 * GPU memory that a model needs: weights as they are stored, a KV cache for `sequences` contexts at once (2 × layers × KV heads × head size
 * × 2 bytes a token: grouped-query attention by its KV heads; `latent` for multi-head latent attention, one compressed vector a token and
 * layer, DeepSeek-V2 §2.1), and activations and CUDA graphs as a tenth of the weights, at least 1 GiB. null: the headers do not tell enough.
 */
export function estimateMemory(
  facts: ModelFacts,
  asked: { context: number | null; sequences: number; latent?: number | null },
): MemoryEstimate | null {
  const weightsBytes = facts.weightBytes > 0 ? facts.weightBytes : byParameters(facts);
  if (weightsBytes === null) return null;
  const context = asked.context ?? facts.contextLength ?? 4_096;
  const perToken = cachePerToken(facts, asked.latent ?? null);
  const kvCacheBytes = perToken === null ? 0 : perToken * context * asked.sequences;
  const overheadBytes = Math.max(GiB, weightsBytes * 0.1);
  const known = { dtype: facts.dtype ?? '?', sequences: asked.sequences, context: String(context) };
  return {
    weightsBytes,
    kvCacheBytes,
    overheadBytes,
    requiredBytes: weightsBytes + kvCacheBytes + overheadBytes,
    basis: perToken === null ? fitWords.line('basis_weights', known) : fitWords.line('basis', known),
  };
}

function byParameters({ parameters, dtype }: ModelFacts): number | null {
  if (parameters === null) return null;
  return parameters * (bytesOfType[(dtype ?? 'bf16').toLowerCase()] ?? 2);
}

function cachePerToken(facts: ModelFacts, latent: number | null): number | null {
  const { layers, kvHeads, heads, headDim, hiddenSize } = facts;
  if (layers === null) return null;
  if (latent !== null) return layers * latent * 2;
  const keys = kvHeads ?? heads;
  const size = headDim ?? (heads !== null && hiddenSize !== null ? hiddenSize / heads : null);
  return keys === null || size === null ? null : 2 * layers * keys * size * 2;
}
