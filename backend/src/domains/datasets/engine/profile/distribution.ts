/** Shapes of distributions, as pure functions. */

export interface Bin {
  from: number;
  to: number;
  count: number;
}

/** How values are put into bins: `count` of equal `width` from `from` on; what is beyond `[low, high]` is an outlier and goes to the outermost. */
export interface Binning {
  from: number;
  width: number;
  count: number;
  low: number;
  high: number;
}

export const quantileShares = [0.05, 0.25, 0.5, 0.75, 0.95] as const;
const bins = 20;
const fence = 3;

/**
 * Fences are 3 interquartile ranges beyond the quartiles; where half of the values are the same there are none, and no outliers. Twenty bins
 * over all values, or over most of them where some are outliers, so that one far value does not squeeze all others into one bin; fewer,
 * of width 1, for a few whole numbers.
 */
export function binningOf(facts: {
  minimum: number;
  maximum: number;
  quantiles: readonly number[];
  whole: boolean;
}): Binning {
  const { minimum, maximum, quantiles, whole } = facts;
  const [least = minimum, lower = minimum, , upper = maximum, most = maximum] = quantiles;
  const range = upper - lower;
  const low = range > 0 ? lower - fence * range : minimum;
  const high = range > 0 ? upper + fence * range : maximum;
  const margin = (most - least) / 4;
  const from = minimum < low ? Math.max(low, least - margin) : minimum;
  const to = maximum > high ? Math.min(high, most + margin) : maximum;
  if (whole && to - from < bins) {
    const first = Math.floor(from);
    return { from: first, width: 1, count: Math.floor(to) - first + 1, low, high };
  }
  return { from, width: (to - from) / bins || 1, count: to > from ? bins : 1, low, high };
}

/** The bin of a value; −1 and `count`: an outlier below and above. */
export function binAt({ from, width, count, low, high }: Binning, value: number): number {
  if (value < low) return -1;
  if (value > high) return count;
  return Math.max(0, Math.min(count - 1, Math.floor((value - from) / width)));
}

/** Upper edges of the bins, outliers below first, each with its bin: DuckDB counts up to and with an edge, and what is beyond the last. */
export function edgesOf(binning: Binning): { edge: number; bin: number }[] {
  const { from, width, count, low, high } = binning;
  const edges = [{ edge: below(low), bin: -1 }];
  for (let bin = 0; bin < count - 1; bin++) edges.push({ edge: below(from + (bin + 1) * width), bin });
  edges.push({ edge: high, bin: count - 1 });
  return edges.filter(({ edge }, at) => edges.slice(0, at).every((earlier) => earlier.edge < edge));
}

export const edgesSql = (binning: Binning): string =>
  `[${edgesOf(binning)
    .map(({ edge }) => edge.toExponential())
    .join(', ')}]`;

/** The greatest double that is less. */
function below(value: number): number {
  if (value === 0) return -Number.MIN_VALUE;
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0]! += value > 0 ? -1n : 1n;
  return new Float64Array(bits.buffer)[0]!;
}

/** The outermost bins reach to the least and the greatest value. */
export function binsOf(
  binning: Binning,
  counts: ReadonlyMap<number, number>,
  ends: { minimum: number; maximum: number },
): { bins: Bin[]; outliers: number } {
  const { from, width, count } = binning;
  const [below, above] = [counts.get(-1) ?? 0, counts.get(count) ?? 0];
  const filled = Array.from({ length: count }, (_, at) => {
    const [first, last] = [at === 0, at === count - 1];
    return {
      from: first ? ends.minimum : from + at * width,
      to: last ? ends.maximum : from + (at + 1) * width,
      count: (counts.get(at) ?? 0) + (first ? below : 0) + (last ? above : 0),
    };
  });
  return { bins: filled, outliers: below + above };
}

export interface Shape {
  mean: number | null;
  deviation: number | null;
  quantiles: number[];
  bins: Bin[];
  outliers: number;
}

/**
 * The shape of lengths, from how often each occurs. Lengths spread by factors, so their fences are those of `ln(1 + length)`: texts that are far
 * too short are found as well as those that are far too long.
 */
export function shapeOfLengths(counts: ReadonlyMap<number, number>): Shape {
  const sorted = [...counts].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return { mean: null, deviation: null, quantiles: [], bins: [], outliers: 0 };
  const mean = sorted.reduce((sum, [value, count]) => sum + value * count, 0) / total;
  const squares = sorted.reduce((sum, [value, count]) => sum + count * (value - mean) ** 2, 0);
  const quantiles = quantilesOf(sorted, total);
  const [lower, upper] = [Math.log1p(quantiles[1]!), Math.log1p(quantiles[3]!)];
  const minimum = sorted[0]![0];
  const maximum = sorted.at(-1)![0];
  const range = upper - lower;
  const plain = binningOf({ minimum, maximum, quantiles, whole: true });
  const fences =
    range > 0
      ? { low: Math.expm1(lower - fence * range), high: Math.expm1(upper + fence * range) }
      : { low: minimum, high: maximum };
  const binning = { ...plain, ...fences };
  const filled = new Map<number, number>();
  for (const [value, count] of sorted) {
    const at = binAt(binning, value);
    filled.set(at, (filled.get(at) ?? 0) + count);
  }
  return {
    mean,
    deviation: total > 1 ? Math.sqrt(squares / (total - 1)) : null,
    quantiles,
    ...binsOf(binning, filled, { minimum, maximum }),
  };
}

/** With linear interpolation between neighbours, as `quantile_cont` does. */
function quantilesOf(sorted: readonly (readonly [number, number])[], total: number): number[] {
  const at = (rank: number): number => {
    let passed = 0;
    for (const [value, count] of sorted) {
      passed += count;
      if (rank < passed) return value;
    }
    return sorted.at(-1)![0];
  };
  return quantileShares.map((share) => {
    const rank = share * (total - 1);
    const below = at(Math.floor(rank));
    return below + (rank - Math.floor(rank)) * (at(Math.ceil(rank)) - below);
  });
}
