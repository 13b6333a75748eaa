import type { Bucket, BucketState } from '#ports/cache';

/**
 * Token buckets, counted as debt: what was taken and has not flowed back yet, in 60,000ths of a unit. A bucket of n a minute gets back
 * exactly n of those each millisecond, so that every sum is one of whole numbers (up to 1.5 · 10¹¹ a minute): nothing drifts, however
 * many take. GCRA would keep one time instead of two numbers, but its step, 60,000 ms / n, is whole for few n only, and sums of
 * rounded steps refuse the last of n. `redis/script.ts` says the same in Lua.
 */
export interface Level {
  debt: number;
  /** whole ms of the store's clock */
  at: number;
  /** at least 1 */
  perMinute: number;
}

const PARTS = 60_000;

/**
 * What is owed now. A limit that was changed keeps the share that was used: by amount, a key cut down from a million to a thousand
 * a minute would be shut out for hours. A clock that was set back gives nothing, and takes nothing.
 */
export function debtAt(level: Level, perMinute: number, now: number): number {
  const flowed = Math.max(0, now - level.at) * level.perMinute;
  const debt = Math.max(0, level.debt - flowed);
  return level.perMinute === perMinute ? debt : Math.ceil((debt * perMinute) / level.perMinute);
}

/** How long until the bucket has what is wanted; 0: it has it now. More than it can ever hold waits until it is full, not for ever. */
export function waitMs(debt: number, { perMinute, take, used }: Bucket): number {
  if (take <= 0 || used === true) return 0;
  const over = debt - Math.max(0, perMinute - take) * PARTS;
  return over <= 0 ? 0 : Math.ceil(over / perMinute);
}

/** What is owed when so much was taken, or given back: never more than was owed. */
export function debtAfter(debt: number, take: number): number {
  return Math.max(0, debt + take * PARTS);
}

export function stateOf(debt: number, perMinute: number): BucketState {
  return { remaining: Math.floor((perMinute * PARTS - debt) / PARTS), resetMs: Math.ceil(debt / perMinute) };
}
