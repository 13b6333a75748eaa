import { InsufficientMemoryError, type LlamaEmbeddingContext, type LlamaModel, type Token } from 'node-llama-cpp';
import { ApiError, tooLong } from './errors.ts';
import { residentMemory } from './memory.ts';

const MAX_QUEUED = 256;
/** Poolings of llama.cpp that look at all tokens of an input (mean) or at its first (cls): they need it in one batch. */
const WHOLE_POOLINGS = [1, 2];

interface Deps {
  model: LlamaModel;
  /** tokens that a sequence holds */
  contextLength: number;
  threads: number;
  log(line: string): void;
}

/**
 * Turns inputs into vectors of length 1, as OpenAI's have it. llama.cpp needs a context of its own for that, which costs the cache of one
 * sequence and a batch's working memory: it is made at the first request and kept.
 */
export function createEmbedder({ model, contextLength, threads, log }: Deps) {
  const longest = contextLength - 1;
  const totals = { promptTokens: 0 };
  let making: Promise<LlamaEmbeddingContext> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let requests = 0;

  async function make(): Promise<LlamaEmbeddingContext> {
    const pooling = Number(model.fileInfo.architectureMetadata.pooling_type ?? 0);
    const before = residentMemory();
    try {
      const context = await model.createEmbeddingContext({
        contextSize: contextLength,
        threads,
        ...(WHOLE_POOLINGS.includes(pooling) && { batchSize: contextLength }),
      });
      const mebibytes = Math.max(0, Math.round((residentMemory() - before) / 1024 / 1024));
      log(`embeddings: made a context of ${contextLength} tokens, ${mebibytes} MiB more in memory`);
      return context;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log(`embeddings: no context of ${contextLength} tokens could be made: ${reason}`);
      if (error instanceof InsufficientMemoryError)
        throw new ApiError(503, 'memory_insufficient', 'There is not enough memory for embeddings at this moment.');
      throw new ApiError(400, 'embeddings_unsupported', `This model gives no embeddings: ${reason}`);
    }
  }

  /** One input at a time; requests of many inputs take turns with the others. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  }

  /** Vectors in the order of the inputs. Rejects with the signal's reason, at the latest after the input under way. */
  async function embed(
    inputs: Token[][],
    signal: AbortSignal,
  ): Promise<{ vectors: Float32Array<ArrayBuffer>[]; promptTokens: number }> {
    if (requests >= MAX_QUEUED)
      throw new ApiError(503, 'overloaded', 'Too many requests are waiting; try again shortly.');
    requests++;
    try {
      making ??= make();
      const context = await making.catch((error: unknown) => {
        making = undefined;
        throw error;
      });
      let promptTokens = 0;
      for (const [index, input] of inputs.entries()) {
        const length = context.calculateInputLength(input);
        if (length > longest)
          throw tooLong(longest, `${length} tokens`, inputs.length === 1 ? 'input' : `input.${index}`);
        promptTokens += length;
      }
      const vectors: Float32Array<ArrayBuffer>[] = [];
      for (const input of inputs) {
        const { vector } = await inTurn(async () => {
          signal.throwIfAborted();
          return context.getEmbeddingFor(input);
        });
        vectors.push(normalised(vector));
      }
      totals.promptTokens += promptTokens;
      return { vectors, promptTokens };
    } finally {
      requests--;
    }
  }

  return { embed, status: () => ({ ...totals }) };
}

function normalised(vector: readonly number[]): Float32Array<ArrayBuffer> {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(vector, (value) => (norm === 0 ? 0 : value / norm));
}
