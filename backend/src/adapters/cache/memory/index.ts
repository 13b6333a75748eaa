import type { Bucket, Cache, Taken } from '#ports/cache';
import { createAnswers } from './answers.ts';
import { createBuckets } from './buckets.ts';

/** The cache of one process: nothing is asked over a network, `take`, `get` and `check` answer at once. */
export interface MemoryCache extends Cache {
  readonly kind: 'memory';
  take(buckets: readonly Bucket[]): Taken;
  get(key: string): Buffer | null;
  /** buckets kept, and bytes of answers */
  size(): { buckets: number; bytes: number };
}

/** Rate counters and answers in this process, gone with it. */
export function createMemoryCache({
  now = () => performance.now(),
  maxBuckets = 100_000,
  maxBytes = 64 * 1024 * 1024,
}: {
  /** ms of a clock that never goes back */
  now?(): number;
  maxBuckets?: number;
  /** of all answers kept */
  maxBytes?: number;
} = {}): MemoryCache {
  const buckets = createBuckets({ now, max: maxBuckets });
  const answers = createAnswers({ now, maxBytes });
  return {
    kind: 'memory',
    take: buckets.take,
    get: answers.get,
    set: answers.set,
    size: () => ({ buckets: buckets.size(), bytes: answers.bytes() }),
    check: async () => {},
    async close() {
      buckets.clear();
      answers.clear();
    },
  };
}
