import type { ColumnProfile, DatasetProfile } from '@llm-ops/contracts';
import { forgetCells, groupsOf, isWide, layOut, typeOf } from './laid.ts';
import { countCells, measureCells, sketchCells } from './profile/cells.ts';
import { binsOf, shapeOfLengths } from './profile/distribution.ts';
import {
  count,
  kindOf,
  measure,
  sketch,
  type Counted,
  type Measured,
  type Sketch,
  type Wanted,
} from './profile/queries.ts';
import { createRowHashes, type RowHashes } from './profile/rowHashes.ts';
import { during, onward } from './during.ts';
import type { DuckDb } from './duckdb.ts';
import { openRelation, type Relation, type RelationColumn } from './relation.ts';
import type { RowsFile } from './tasks.ts';

export interface ProfileOptions {
  /** values may be personal: what is reported of them goes through this */
  mask(value: string): string;
  /** filled where rows are wide or very many, for whoever needs them too */
  hashes?: RowHashes;
  /** of so many rows at most hashes are counted beside all else */
  rowsAtOnce?: number;
  /** 0 to 1 */
  onProgress?(done: number): void;
}

/** Columns that are looked at in one go: a plan of more takes more memory and, for each column, more time. */
const columnsAtOnce = { measured: 200, counted: 100 };
/** When each step over some columns ends, as a share of all of them; of large files. */
const shares = { measured: 0.5, hashed: 0.75 };
/** Cells of so many rows are looked at in a third of the time that their columns take (5,000), or in two thirds of it (20,000), with a third of the memory. */
const laidRows = 10_000;
/** Beyond so many columns opening the file costs more than the rows: those of a batch are copied once. */
const wide = 1000;
/** Hashes of more rows are kept in a table, which DuckDB puts aside: beside all else they would not fit into the memory of a validation. */
const rowsAtMost = 8_000_000;
/** An estimate has to be so far above 10,000 that the truth surely is above too. */
const exactBelow = 16_000;
/** An estimate from a share of the values may be this high where there are 100. */
const labelsPerhapsBelow = 512;
const labelsBelow = 100;
const labels = 50;
const labelLength = 64;

/**
 * Looks at all rows of all files once, after a look at the numbers of some of them, and again at labels and other columns of few values.
 * Numbers of a CSV are read from their text. Quantiles of numbers are those of about 20,000 rows, always the same ones; all else is of
 * all rows. An outlier lies more than 3 interquartile ranges beyond the quartiles (of `ln(1 + length)` where it is text); where the quartiles
 * are the same there is none. Different values are exact to 10,000 and estimated by about 14 % beyond; a deviation is that of a
 * sample. Extremes, mean, deviation, quantiles and bins are of numbers, of milliseconds since 1970 where it is dates (whose extremes
 * are ISO 8601, without mean and deviation), and of lengths in characters (bytes of binary) else.
 */
export async function profile(
  db: DuckDb,
  files: readonly RowsFile[],
  options: ProfileOptions,
): Promise<DatasetProfile> {
  return profileRelation(db, await openRelation(db, files), options);
}

export async function profileRelation(
  db: DuckDb,
  relation: Relation,
  { mask, hashes = createRowHashes(db), rowsAtOnce = rowsAtMost, onProgress }: ProfileOptions,
): Promise<DatasetProfile> {
  const { columns, rows } = relation;
  const few = columns.length <= columnsAtOnce.measured;
  const profiles = new Map<RelationColumn, ColumnProfile>();
  let distinctRows = rows === 0 ? 0 : null;
  const tell = onward(onProgress);
  const looks = isWide(laidRows, relation)
    ? lookAtCells(db, relation, hashes)
    : lookAtColumns(db, relation, { hashes, rowsAtOnce, tell });
  for await (const { columns: some, measured, counted, sketches, ...look } of looks) {
    if (few) distinctRows = look.distinctRows;
    for (const [at, column] of some.entries()) {
      const seen = { facts: measured[at]!, counted: counted[at]!, sketch: sketches[at]! };
      profiles.set(column, profileOf(column, { rows, ...seen, mask }));
    }
    tell(profiles.size / columns.length);
  }
  distinctRows ??= await hashes.distinct();
  return {
    rows,
    duplicate_rows: rows - distinctRows,
    columns: columns.map((column) => profiles.get(column) ?? ofNothing(column, 0)),
  };
}

/** What is seen of some columns. */
interface Look {
  columns: readonly RelationColumn[];
  sketches: readonly (Sketch | null)[];
  measured: readonly Measured[];
  counted: readonly Counted[];
  /** null: these are not all columns */
  distinctRows: number | null;
}

async function* lookAtColumns(
  db: DuckDb,
  relation: Relation,
  { hashes, rowsAtOnce, tell }: { hashes: RowHashes; rowsAtOnce: number; tell(done: number): void },
): AsyncGenerator<Look> {
  const { columns, rows } = relation;
  const whole = columns.length <= columnsAtOnce.measured;
  for (let first = 0; first < columns.length && rows > 0; first += columnsAtOnce.measured) {
    const batch = columns.slice(first, first + columnsAtOnce.measured);
    const source = columns.length > wide ? await copyOf(db, relation, batch) : relation;
    const span = (from: number, to: number) => {
      const of = (share: number): number => (first + batch.length * share) / columns.length;
      return { from: of(from), to: of(to), tell };
    };
    const sketches = await sketch(db, { relation: source, columns: batch });
    const all = source.from(batch);
    const beside = whole && rows <= rowsAtOnce;
    const { distinctRows, measured } = await during(db, span(0, shares.measured), () =>
      measure(db, { from: all, rows, columns: batch, sketches, whole: beside }),
    );
    if (!beside) await during(db, span(shares.measured, shares.hashed), () => hashes.add(source, batch));
    const wanted = batch.map((column, at) => wantedOf(column, measured[at]!));
    const counted: Counted[] = [];
    const end = (columns: number): number => shares.hashed + ((1 - shares.hashed) * columns) / wanted.length;
    for (let from = 0; from < wanted.length; from += columnsAtOnce.counted) {
      const some = wanted.slice(from, from + columnsAtOnce.counted);
      const work = () => count(db, source.from, some);
      counted.push(...(await during(db, span(end(from), end(from + some.length)), work)));
    }
    yield { columns: batch, sketches, measured, counted, distinctRows };
  }
  await db.run('drop table if exists batch');
}

async function copyOf(db: DuckDb, relation: Relation, batch: readonly RelationColumn[]): Promise<Relation> {
  await db.run(`create or replace temp table batch as select * from ${relation.from(batch)}`);
  return { ...relation, columns: [...batch], from: () => 'batch' };
}

async function* lookAtCells(db: DuckDb, relation: Relation, hashes: RowHashes): AsyncGenerator<Look> {
  const { columns: all, rows } = relation;
  for (const columns of rows === 0 ? [] : groupsOf(all, rows, typeOf)) {
    const laid = await layOut(db, relation, columns);
    const sketches = await sketchCells(laid);
    const measured = await measureCells(laid, sketches);
    const wanted = columns.map((column, at) => wantedOf(column, measured[at]!));
    const counted = await countCells(laid, wanted);
    await hashes.addCells();
    yield { columns, sketches, measured, counted, distinctRows: null };
  }
  await forgetCells(db);
}

function profileOf(
  column: RelationColumn,
  seen: { rows: number; facts: Measured; counted: Counted; sketch: Sketch | null; mask(value: string): string },
): ColumnProfile {
  const { rows, facts, counted, sketch: sketched, mask } = seen;
  const { values, distinct, blank } = counted;
  return {
    ...ofNothing(column, rows - facts.present),
    empty: facts.empty + blank,
    distinct: values?.size ?? distinct ?? Math.min(facts.distinct, facts.present),
    ...shapeOf({ column, label: values !== null && values.size <= labelsBelow, facts, sketch: sketched, mask }),
    values: values === null ? [] : mostFrequent(values, mask),
  };
}

/** What has to be counted once the first pass is known. */
function wantedOf(column: RelationColumn, facts: Measured): Wanted {
  const { maximum, present, distinct, maybeBlank } = facts;
  const kind = kindOf(column);
  const nested = column.type === 'list' || column.type === 'object';
  const short = kind !== 'text' || (maximum !== null && maximum <= labelLength);
  const values = distinct <= labelsPerhapsBelow && short && !nested && kind !== 'moment' && kind !== 'bytes';
  return {
    column,
    values: values && present > 0,
    distinct: !values && present > 0 && distinct <= exactBelow,
    blank: maybeBlank,
  };
}

type Shaped = Pick<ColumnProfile, 'minimum' | 'maximum' | 'mean' | 'deviation' | 'quantiles' | 'bins' | 'outliers'>;

function shapeOf(options: {
  column: RelationColumn;
  /** its values are told one by one */
  label: boolean;
  facts: Measured;
  sketch: Sketch | null;
  mask(value: string): string;
}): Partial<Shaped> {
  const { column, label, facts, sketch: sketched, mask } = options;
  const { minimum, maximum } = facts;
  if (minimum === null || maximum === null) return {};
  const kind = kindOf(column);
  if (kind === 'text' || kind === 'bytes') {
    // Of a label it means nothing that it is shorter than others.
    return { minimum, maximum, ...shapeOfLengths(facts.lengths), ...(label ? { outliers: 0 } : {}) };
  }
  const { quantiles = [], binning = null } = sketched ?? {};
  // A few values among very many rows may not have been seen.
  const placed = binning === null ? { bins: [], outliers: 0 } : binsOf(binning, facts.bins, { minimum, maximum });
  if (kind === 'moment') {
    const said = (moment: number): string => isoOf(moment, column.type === 'date');
    return { minimum: said(minimum), maximum: said(maximum), quantiles, ...placed };
  }
  // The least and greatest of numbers that identify people do as well.
  const shown = (value: number): number | null => (mask(String(value)) === String(value) ? value : null);
  return {
    minimum: shown(minimum),
    maximum: shown(maximum),
    mean: facts.mean,
    deviation: facts.deviation,
    quantiles,
    ...placed,
  };
}

function mostFrequent(values: ReadonlyMap<string, number>, mask: (value: string) => string): ColumnProfile['values'] {
  if (values.size > labels || [...values.keys()].some((value) => value.length > labelLength)) return [];
  return [...values]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([value, count]) => ({ value: mask(value), count }));
}

/** Dates beyond what JavaScript writes are told by their milliseconds. */
function isoOf(moment: number, day: boolean): string {
  if (Math.abs(moment) > 8.64e15) return String(moment);
  const text = new Date(moment).toISOString();
  return day ? text.slice(0, text.indexOf('T')) : text;
}

const ofNothing = ({ name, type }: RelationColumn, missing: number): ColumnProfile => ({
  name,
  type,
  missing,
  empty: 0,
  distinct: 0,
  minimum: null,
  maximum: null,
  mean: null,
  deviation: null,
  quantiles: [],
  bins: [],
  values: [],
  outliers: 0,
});
