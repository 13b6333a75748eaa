import type { LlamaContext, LlamaContextSequence, Token } from 'node-llama-cpp';
import { ApiError } from './errors.ts';

interface Slot {
  sequence: LlamaContextSequence;
  usedAt: number;
}

interface Deps {
  context: LlamaContext;
  /** requests that may wait; one more is refused */
  maxQueued: number;
}

/** The context's sequences, lent to one request each; requests beyond wait in order. Sequences in use are decoded in one batch. */
export function createSequencePool({ context, maxQueued }: Deps) {
  const free: Slot[] = Array.from({ length: context.totalSequences }, () => ({
    sequence: context.getSequence(),
    usedAt: 0,
  }));
  const waiting: { give(slot: Slot): void }[] = [];
  const take = (slot: Slot): Slot => {
    free.splice(free.indexOf(slot), 1);
    return slot;
  };

  return {
    queued: () => waiting.length,

    /** The free sequence that already holds most of the prompt, else the one unused for longest. Rejects with the signal's reason. */
    acquire(tokens: Token[], signal: AbortSignal): Promise<Slot> {
      signal.throwIfAborted();
      const best = free.toSorted((a, b) => shared(b, tokens) - shared(a, tokens) || a.usedAt - b.usedAt)[0];
      if (best !== undefined) return Promise.resolve(take(best));
      if (waiting.length >= maxQueued)
        throw new ApiError(503, 'overloaded', 'Too many requests are waiting; try again shortly.');
      return new Promise<Slot>((resolve, reject) => {
        const entry = {
          give(slot: Slot): void {
            signal.removeEventListener('abort', leave);
            resolve(take(slot));
          },
        };
        const leave = (): void => {
          waiting.splice(waiting.indexOf(entry), 1);
          reject(signal.reason);
        };
        waiting.push(entry);
        signal.addEventListener('abort', leave, { once: true });
      });
    },

    release(slot: Slot): void {
      slot.usedAt = performance.now();
      free.push(slot);
      waiting.shift()?.give(slot);
    },
  };
}

function shared(slot: Slot, tokens: Token[]): number {
  return slot.sequence.compareContextTokens(tokens).firstDifferentIndex;
}
