/**
 * Counts of one histogram: one for each bucket (not cumulative), the last but one for what is above all bounds, then the sum. A
 * typed array of numbers, so that an observation allocates nothing.
 */
export type Tally = Float64Array;

/** `bounds`: upper bounds of the buckets, rising. */
export const createTally = (bounds: readonly number[]): Tally => new Float64Array(bounds.length + 2);

/** Counts `value` where it belongs; what is not a number, or below nothing, counts as 0: a sum must never go down or become NaN. */
export function tally(counts: Tally, bounds: readonly number[], value: number): void {
  const seen = value > 0 ? value : 0;
  let bucket = 0;
  while (bucket < bounds.length && seen > bounds[bucket]!) bucket += 1;
  counts[bucket] = counts[bucket]! + 1;
  counts[bounds.length + 1] = counts[bounds.length + 1]! + seen;
}

/** As Prometheus wants it: how many were at most as large as each bound, how many there were, and their sum. */
export function cumulate(counts: Tally, bounds: readonly number[]): { upTo: number[]; count: number; sum: number } {
  let count = 0;
  const upTo = bounds.map((_, bucket) => (count += counts[bucket]!));
  return { upTo, count: count + counts[bounds.length]!, sum: counts[bounds.length + 1]! };
}

const known = [200, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 499, 500, 501, 502, 503, 504, 598] as const;

/** What a request can end with as a label: the statuses that the gateway answers, the rest by class, so that there are never more. */
export const statusLabels: readonly string[] = ['other', '1xx', '2xx', '3xx', '4xx', '5xx', ...known.map(String)];

const slots = Uint8Array.from({ length: 600 }, (_, status) => {
  const exact = statusLabels.indexOf(String(status));
  return exact === -1 ? Math.floor(status / 100) : exact;
});

/** Index into `statusLabels`. */
export const statusSlot = (status: number): number => slots[status] ?? 0;
