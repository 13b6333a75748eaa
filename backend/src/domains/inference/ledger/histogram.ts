/** Renard's series R20: each about an eighth above the one before. */
const renard = [1, 1.12, 1.25, 1.4, 1.6, 1.8, 2, 2.24, 2.5, 2.8, 3.15, 3.55, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9];

/**
 * Lower bounds of the buckets, in milliseconds: each millisecond to 10, then twenty a decade to fifteen minutes. Rows of `usage_minute`
 * hold counts by them: never change them.
 */
export const bounds: readonly number[] = [
  ...Array(10).keys(),
  ...[10, 100, 1000, 10_000, 100_000].flatMap((decade) => renard.map((step) => Math.round(decade * step))),
];

export const emptyHistogram = (): number[] => bounds.map(() => 0);

/** The bucket of a whole number of milliseconds. */
export function bucketOf(ms: number): number {
  let low = 0;
  let high = bounds.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= ms) low = middle;
    else high = middle;
  }
  return low;
}

/** The value below which that share (0 to 1) of what was counted lies, in milliseconds; null when nothing was. */
export function percentile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = share * total;
  let before = 0;
  let last = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count === 0) continue;
    const low = bounds[bucket]!;
    // values are whole: the highest one of a bucket is one below the next bound; the last bucket has no end
    const high = (bounds[bucket + 1] ?? low + 1) - 1;
    last = high;
    if (before + count >= rank) return Math.round(low + (high - low) * Math.max(0, (rank - before) / count));
    before += count;
  }
  return last;
}
