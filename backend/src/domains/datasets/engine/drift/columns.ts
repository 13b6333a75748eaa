import type { DistributionChange } from '@llm-ops/contracts';
import { ident, rowColumn, type Cell, type DuckDb } from '../duckdb.ts';
import { asText, measuredFrom } from '../profile/queries.ts';
import type { Relation, RelationColumn } from '../relation.ts';
import {
  hasMeasure,
  labelChange,
  labelLength,
  labels,
  labelsOf,
  mayHaveLabels,
  measureChange,
  type Measures,
  type Pair,
} from './changes.ts';

/** Rows of a version that numbers and lengths are taken from; with many columns fewer. */
const sampleRows = { least: 5000, most: 100_000, values: 4_000_000 };

interface Versions {
  before: Relation;
  after: Relation;
}
const sides = ['before', 'after'] as const;

/** How some columns changed, by a look at labels and one at numbers. */
export async function compareColumns(
  db: DuckDb,
  versions: Versions,
  pairs: readonly Pair[],
  mask: (value: string) => string,
): Promise<DistributionChange[]> {
  const labelled = await compareLabels(db, versions, pairs, mask);
  const others = pairs.filter((pair) => hasMeasure(pair) && !labelled.has(pair.name));
  return [...labelled.values(), ...(await compareMeasures(db, versions, others))];
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
  pairs: readonly Pair[],
  mask: (value: string) => string,
): Promise<Map<string, DistributionChange>> {
  let candidates = pairs.filter(mayHaveLabels);
  for (const side of sides) candidates = await withFewValues(db, versions[side], candidates, side);
  if (candidates.length === 0) return new Map();
  const before = await countLabels(db, versions.before, candidates, 'before');
  const after = await countLabels(db, versions.after, candidates, 'after');
  // The sample had few values; all rows may have more.
  const changes = candidates.map((pair, at) => labelChange(pair, before[at]!, after[at]!, mask));
  return new Map(changes.flatMap((change) => (change === null ? [] : [[change.column, change]])));
}

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
    const counts = (row[`v${at}`] ?? {}) as Record<string, number>;
    return labelsOf(counts, Number(row[`m${at}`]));
  });
}

async function compareMeasures(db: DuckDb, versions: Versions, pairs: readonly Pair[]): Promise<DistributionChange[]> {
  if (pairs.length === 0) return [];
  const [own, other] = [pairs.map(({ before }) => before), pairs.map(({ after }) => after)];
  const before = await readMeasures(db, versions.before, own);
  const after = await readMeasures(db, versions.after, other);
  return pairs.map((pair, at) => measureChange(pair, before[at]!, after[at]!));
}

async function readMeasures(db: DuckDb, relation: Relation, columns: readonly RelationColumn[]): Promise<Measures[]> {
  const { from, step } = sampleOf(relation, columns);
  const asked = columns.map(({ sql }) => `v_${sql}::double as v_${sql}`);
  const read: number[][] = columns.map(() => []);
  for await (const chunk of db.stream(`select ${asked.join(', ')} from ${measuredFrom(from, columns)}`)) {
    for (const [at, numbers] of read.entries()) {
      for (const value of chunk.column(at) as Extract<Cell, number | null>[]) if (value !== null) numbers.push(value);
    }
  }
  return read.map((numbers) => ({ values: Float64Array.from(numbers).sort(), step }));
}
