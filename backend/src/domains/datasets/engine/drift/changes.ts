import type { DistributionChange } from '@llm-ops/contracts';
import { binAt, binningOf, quantileShares } from '../profile/distribution.ts';
import type { Kind } from '../profile/queries.ts';
import type { RelationColumn } from '../relation.ts';
import { chiSquared, kolmogorovSmirnov } from '../statistics.ts';

/** A column that both versions have, looked at in the same way on both sides. */
export interface Pair {
  name: string;
  kind: Kind;
  before: RelationColumn;
  after: RelationColumn;
}

/** Columns of at most so many different texts, none longer, have labels. */
export const labels = 50;
export const labelLength = 64;
const missing = '(missing)';

const isNested = ({ type }: RelationColumn): boolean => type === 'list' || type === 'object';
export const mayHaveLabels = ({ kind, before }: Pair): boolean =>
  kind === 'value' || (kind === 'text' && !isNested(before));
export const hasMeasure = ({ kind }: Pair): boolean => kind !== 'value';

/** How often each label occurs, those that are missing too. */
export function labelsOf(counts: Record<string, number>, absent: number): Map<string, number> {
  const found = new Map(Object.entries(counts));
  if (absent > 0) found.set(missing, absent);
  return found;
}

/** Null: there are too many. */
export function labelChange(
  { name }: Pair,
  own: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
  mask: (value: string) => string,
): DistributionChange | null {
  const all = [...new Set([...own.keys(), ...other.keys()])].sort();
  if (all.length > labels + 1) return null;
  const counts = (side: ReadonlyMap<string, number>): number[] => all.map((label) => side.get(label) ?? 0);
  const { statistic, pValue } = chiSquared(counts(own), counts(other));
  const shown = (side: ReadonlyMap<string, number>) =>
    all.map((label) => ({ label: label === missing ? label : mask(label), count: side.get(label) ?? 0 }));
  return { column: name, test: 'chi2', statistic, p_value: pValue, before: shown(own), after: shown(other) };
}

/** Numbers of a column, missing ones left out, ascending; they are those of one row in `step`. */
export interface Measures {
  values: Float64Array;
  step: number;
}

export function measureChange(
  { name, kind, before: { type } }: Pair,
  own: Measures,
  other: Measures,
): DistributionChange {
  const { statistic, pValue } = kolmogorovSmirnov(own.values, other.values);
  const write = kind === 'moment' ? (value: number) => dayOf(value, type === 'date') : written;
  const whole = kind !== 'number' && kind !== 'moment';
  const bins = binsOfBoth(own.values, other.values, { whole, write });
  const scaled = (counts: readonly number[], step: number) =>
    counts.map((count, bin) => ({ label: bins.labels[bin]!, count: count * step }));
  return {
    column: name,
    test: 'ks',
    statistic,
    p_value: pValue,
    before: scaled(bins.before, own.step),
    after: scaled(bins.after, other.step),
  };
}

function binsOfBoth(
  before: Float64Array,
  after: Float64Array,
  { whole, write }: { whole: boolean; write(value: number): string },
): { labels: string[]; before: number[]; after: number[] } {
  if (before.length + after.length === 0) return { labels: [], before: [], after: [] };
  const pooled = pool(before, after);
  const [minimum, maximum] = [pooled[0]!, pooled.at(-1)!];
  const quantiles = quantileShares.map((share) => pooled[Math.round(share * (pooled.length - 1))]!);
  const binning = binningOf({ minimum, maximum, quantiles, whole });
  const count = (values: Float64Array): number[] => {
    const counts = Array.from({ length: binning.count }, () => 0);
    for (const value of values) counts[Math.max(0, Math.min(binning.count - 1, binAt(binning, value)))]!++;
    return counts;
  };
  const edge = (bin: number): number =>
    bin === 0 ? minimum : bin === binning.count ? maximum : binning.from + bin * binning.width;
  const labelOf = (bin: number): string =>
    whole && binning.width === 1 && bin > 0 && bin < binning.count - 1
      ? write(edge(bin))
      : `${write(edge(bin))} – ${write(edge(bin + 1))}`;
  return {
    labels: Array.from({ length: binning.count }, (_, bin) => labelOf(bin)),
    before: count(before),
    after: count(after),
  };
}

function pool(before: Float64Array, after: Float64Array): Float64Array {
  const pooled = new Float64Array(before.length + after.length);
  pooled.set(before);
  pooled.set(after, before.length);
  return pooled.sort();
}

const written = (value: number): string => String(Number(value.toPrecision(4)));
function dayOf(moment: number, day: boolean): string {
  if (Math.abs(moment) > 8.64e15) return written(moment);
  return new Date(moment).toISOString().slice(0, day ? 10 : 16);
}
