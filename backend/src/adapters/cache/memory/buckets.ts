import type { Bucket, Taken } from '#ports/cache';
import { debtAfter, debtAt, stateOf, waitMs, type Level } from '../rules.ts';

/** Buckets of this process. A full one is as good as none and goes; beyond `max` the oldest do, full or not. */
export function createBuckets({ now, max }: { now(): number; max: number }) {
  const levels = new Map<string, Level>();
  // iterators of a Map see what is added behind them
  let round = levels.entries();
  let oldest = levels.keys();

  function levelOf({ key, perMinute }: Bucket, at: number): Level {
    const known = levels.get(key);
    if (known === undefined) {
      const level = { debt: 0, at, perMinute };
      levels.set(key, level);
      return level;
    }
    known.debt = debtAt(known, perMinute, at);
    known.at = at;
    known.perMinute = perMinute;
    return known;
  }

  /** Looks at two for each that came, in a round without end: faster than the growth, and nobody pays for all at once. */
  function makeRoom(came: number, at: number): void {
    for (let looked = 0; looked < 2 * came && levels.size > 0; looked += 1) {
      let next = round.next();
      if (next.done === true) {
        round = levels.entries();
        next = round.next();
      }
      const [key, level] = next.value!;
      if (debtAt(level, level.perMinute, at) === 0) levels.delete(key);
    }
    while (levels.size > max) levels.delete(oldest.next().value!);
  }

  return {
    take(buckets: readonly Bucket[]): Taken {
      const at = Math.floor(now());
      const before = levels.size;
      const held = buckets.map((bucket) => levelOf(bucket, at));
      let refused = -1;
      let retryAfterMs = 0;
      for (let index = 0; index < buckets.length; index += 1) {
        const bucket = buckets[index]!;
        const level = held[index]!;
        const wait = waitMs(level.debt, bucket);
        if (wait > 0) {
          if (refused < 0) refused = index;
          retryAfterMs = Math.max(retryAfterMs, wait);
        } else if (refused < 0 || !isWish(bucket)) level.debt = debtAfter(level.debt, bucket.take);
      }
      for (let index = 0; index < refused; index += 1) {
        const bucket = buckets[index]!;
        if (isWish(bucket)) held[index]!.debt = debtAfter(held[index]!.debt, -bucket.take);
      }
      // not before: what this call holds must not go
      if (levels.size > before) makeRoom(levels.size - before, at);
      const states = held.map(({ debt, perMinute }) => stateOf(debt, perMinute));
      return { allowed: refused < 0, buckets: states, refused, retryAfterMs };
    },
    size: () => levels.size,
    clear(): void {
      levels.clear();
      round = levels.entries();
      oldest = levels.keys();
    },
  };
}

const isWish = ({ take, used }: Bucket): boolean => take > 0 && used !== true;
