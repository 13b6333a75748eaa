import type { DistributionChange } from '@llm-ops/contracts';
import { rowColumn, ident, type Cell, type DuckDb } from './duckdb.ts';
import { effectOf } from './effect.ts';
import { binAt, binningOf, quantileShares } from './profile/distribution.ts';
import { asText, kindOf, measuredFrom, type Kind } from './profile/queries.ts';
import { openRelation, type Relation, type RelationColumn } from './relation.ts';
import { chiSquared, kolmogorovSmirnov } from './statistics.ts';
import type { RowsFile } from './tasks.ts';

export { isDrift } from './effect.ts';

export interface DriftOptions {
  /** labels may be personal: what is reported of them goes through this */
  mask(value: string): string;
}

/** Rows of a version that numbers and lengths are taken from; with many columns fewer. */
const sampleRows = { least: 5000, most: 100_000, values: 4_000_000 };
const columnsAtOnce = 200;
/** Changes that are told, the largest first. */
const told = 200;
const labels = 50;
const labelLength = 64;
const missing = '(missing)';

/** A column that both versions have, looked at in the same way on both sides. */
interface Pair {
  name: string;
  kind: Kind;
  before: RelationColumn;
  after: RelationColumn;
}

/**
 * How the columns that both versions have are distributed in each, the most changed first (of more than 200 columns those 200). Labels (at most 50
 * different short texts) are counted in all rows and tested by chi-squared, missing ones as a label of their own. Numbers, dates and the
 * lengths of texts are tested by Kolmogorov-Smirnov on at most 100,000 rows of each, the same ones each time; the counts told are scaled up.
 */
export async function drift(
  db: DuckDb,
  before: readonly RowsFile[],
  after: readonly RowsFile[],
  { mask }: DriftOptions,
): Promise<DistributionChange[]> {
  const versions = { before: await openRelation(db, before), after: await openRelation(db, after) };
  if (versions.before.rows === 0 || versions.after.rows === 0) return [];
  const pairs = pairsOf(versions.before, versions.after);
  const changes: DistributionChange[] = [];
  for (let first = 0; first < pairs.length; first += columnsAtOnce) {
    const batch = pairs.slice(first, first + columnsAtOnce);
    const labelled = await compareLabels(db, versions, batch, mask);
    const others = batch.filter(({ name, kind }) => kind !== 'value' && !labelled.has(name));
    changes.push(...labelled.values(), ...(await compareMeasures(db, versions, others)));
  }
  return changes.toSorted((a, b) => effectOf(b) - effectOf(a)).slice(0, told);
}

interface Versions {
  before: Relation;
  after: Relation;
}
const sides = ['before', 'after'] as const;

function pairsOf(before: Relation, after: Relation): Pair[] {
  const own = new Map(after.columns.map((column) => [column.name, column]));
  return before.columns.flatMap((column): Pair[] => {
    const other = own.get(column.name);
    if (other === undefined) return [];
    const kind = kindOf(column);
    if (kind === kindOf(other)) return [{ name: column.name, kind, before: column, after: other }];
    // What is a number here and a text there is compared as text.
    const text = (side: RelationColumn): RelationColumn => ({ ...side, type: 'string' });
    return [{ name: column.name, kind: 'text', before: text(column), after: text(other) }];
  });
}

/** Rows whose number has a hash that the step divides: always the same ones, and spread over the files. */
function sampleOf(relation: Relation, columns: readonly RelationColumn[]): { from: string; step: number } {
  const rows = Math.max(sampleRows.least, Math.min(sampleRows.most, sampleRows.values / columns.length));
  const step = Math.ceil(relation.rows / rows);
  const from = relation.from(columns);
  return { from: step === 1 ? from : `(select * from ${from} where hash(${ident(rowColumn)}) % ${step} = 0)`, step };
}

async function compareLabels(
  db: DuckDb,
  versions: Versions,
  batch: readonly Pair[],
  mask: (value: string) => string,
): Promise<Map<string, DistributionChange>> {
  let candidates = batch.filter(({ kind, before }) => kind === 'value' || (kind === 'text' && !isNested(before)));
  for (const side of sides) candidates = await withFewValues(db, versions[side], candidates, side);
  if (candidates.length === 0) return new Map();
  const [before, after] = [
    await countLabels(db, versions.before, candidates, 'before'),
    await countLabels(db, versions.after, candidates, 'after'),
  ];
  const changes = candidates.flatMap(({ name }, at): [string, DistributionChange][] => {
    const [own, other] = [before[at]!, after[at]!];
    const all = [...new Set([...own.keys(), ...other.keys()])].sort();
    // The sample had few values; all rows may have more.
    if (all.length > labels + 1) return [];
    const counts = (side: ReadonlyMap<string, number>): number[] => all.map((label) => side.get(label) ?? 0);
    const { statistic, pValue } = chiSquared(counts(own), counts(other));
    const shown = (side: ReadonlyMap<string, number>) =>
      all.map((label) => ({ label: label === missing ? label : mask(label), count: side.get(label) ?? 0 }));
    return [
      [name, { column: name, test: 'chi2', statistic, p_value: pValue, before: shown(own), after: shown(other) }],
    ];
  });
  return new Map(changes);
}

const isNested = ({ type }: RelationColumn): boolean => type === 'list' || type === 'object';

async function withFewValues(
  db: DuckDb,
  relation: Relation,
  pairs: readonly Pair[],
  side: keyof Versions,
): Promise<Pair[]> {
  if (pairs.length === 0) return [];
  const columns = pairs.map((pair) => pair[side]);
  const asked = columns.map(
    (column, at) =>
      `approx_count_distinct(${column.sql}) as d${at}, coalesce(max(length(${asText(column)})), 0) as l${at}`,
  );
  const row = await db.one<Record<string, number>>(
    `select ${asked.join(', ')} from ${sampleOf(relation, columns).from}`,
  );
  return pairs.filter((_, at) => row[`d${at}`]! <= labels && row[`l${at}`]! <= labelLength);
}

async function countLabels(
  db: DuckDb,
  relation: Relation,
  pairs: readonly Pair[],
  side: keyof Versions,
): Promise<Map<string, number>[]> {
  const columns = pairs.map((pair) => pair[side]);
  const asked = columns.map(
    (column, at) => `histogram(${asText(column)}) as v${at}, count(*) - count(${column.sql}) as m${at}`,
  );
  const row = await db.one(`select ${asked.join(', ')} from ${relation.from(columns)}`);
  return columns.map((_, at) => {
    const counts = new Map(Object.entries((row[`v${at}`] ?? {}) as Record<string, number>));
    const absent = Number(row[`m${at}`]);
    if (absent > 0) counts.set(missing, absent);
    return counts;
  });
}

async function compareMeasures(db: DuckDb, versions: Versions, pairs: readonly Pair[]): Promise<DistributionChange[]> {
  if (pairs.length === 0) return [];
  const [before, after] = [
    await readMeasures(
      db,
      versions.before,
      pairs.map((pair) => pair.before),
    ),
    await readMeasures(
      db,
      versions.after,
      pairs.map((pair) => pair.after),
    ),
  ];
  return pairs.map(({ name, kind, before: { type } }, at) => {
    const [own, other] = [before.values[at]!, after.values[at]!];
    const { statistic, pValue } = kolmogorovSmirnov(own, other);
    const write = kind === 'moment' ? (value: number) => dayOf(value, type === 'date') : written;
    const whole = kind !== 'number' && kind !== 'moment';
    const bins = binsOfBoth(own, other, { whole, write });
    const scaled = (counts: readonly number[], step: number) =>
      counts.map((count, bin) => ({ label: bins.labels[bin]!, count: count * step }));
    return {
      column: name,
      test: 'ks' as const,
      statistic,
      p_value: pValue,
      before: scaled(bins.before, before.step),
      after: scaled(bins.after, after.step),
    };
  });
}

/** Numbers of each column, missing ones left out. */
async function readMeasures(
  db: DuckDb,
  relation: Relation,
  columns: readonly RelationColumn[],
): Promise<{ values: Float64Array[]; step: number }> {
  const { from, step } = sampleOf(relation, columns);
  const asked = columns.map(({ sql }) => `v_${sql}::double as v_${sql}`);
  const read: number[][] = columns.map(() => []);
  for await (const chunk of db.stream(`select ${asked.join(', ')} from ${measuredFrom(from, columns)}`)) {
    for (const [at, numbers] of read.entries()) {
      for (const value of chunk.column(at) as Extract<Cell, number | null>[]) if (value !== null) numbers.push(value);
    }
  }
  return { values: read.map((numbers) => Float64Array.from(numbers).sort()), step };
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
