import type { Relation, RelationColumn } from '../relation.ts';
import { ident, rowColumn, type Cell, type DuckDb } from '../duckdb.ts';
import { binningOf, edgesOf, edgesSql, quantileShares, type Binning } from './distribution.ts';

/** How a column is looked at: by its numbers, its moments (milliseconds since 1970), its lengths, or its values alone. */
export type Kind = 'number' | 'moment' | 'text' | 'bytes' | 'value';

export function kindOf({ type, physical }: RelationColumn): Kind {
  if (type === 'integer' || type === 'number') return 'number';
  if ((type === 'date' || type === 'datetime') && !physical.startsWith('TIME ') && physical !== 'TIME') return 'moment';
  if (type === 'binary') return 'bytes';
  return type === 'boolean' ? 'value' : 'text';
}

const isText = (physical: string): boolean => physical === 'VARCHAR' || physical === 'JSON';
export const asText = ({ sql, physical }: RelationColumn): string => (isText(physical) ? sql : `${sql}::varchar`);

/** What a column is measured by: DOUBLE, or a length. */
function measureSql(column: RelationColumn): string {
  const { sql } = column;
  switch (kindOf(column)) {
    case 'number':
      return `try_cast(${sql} as double)`;
    case 'moment':
      return `epoch_ms(try_cast(${sql} as timestamp))::double`;
    case 'bytes':
      return `octet_length(${sql})`;
    case 'text':
      return `length(${asText(column)})`;
    case 'value':
      return 'null';
  }
}

/** Columns with their measure, as `c0` and `v_c0`, and what is named in `also`. Numbers beyond 1e150 would overflow a deviation: they, NaN and infinities are left out. */
export function measuredFrom(from: string, columns: readonly RelationColumn[], also: readonly string[] = []): string {
  const raw = columns.map((column) => `${column.sql}, ${measureSql(column)} as r_${column.sql}`);
  const clean = columns.map((column) => {
    const value = `r_${column.sql}`;
    const kept = kindOf(column) === 'number' ? `case when abs(${value}) < 1e150 then ${value} end` : value;
    return `${column.sql}, ${kept} as v_${column.sql}`;
  });
  return `(select ${[...also, ...clean].join(', ')} from (select ${[...also, ...raw].join(', ')} from ${from}))`;
}

export interface Measured {
  /** rows that are not null */
  present: number;
  /** estimated, by about 13 %; 14 % of many rows */
  distinct: number;
  /** some value begins like a blank one: they have to be counted */
  maybeBlank: boolean;
  /** empty lists and objects */
  empty: number;
  /** of what the column is measured by */
  minimum: number | null;
  maximum: number | null;
  mean: number | null;
  deviation: number | null;
  /** by `binAt`; of what has a binning */
  bins: Map<number, number>;
  /** how often each length occurs */
  lengths: Map<number, number>;
}

/** Of more rows a share of the different values is enough, and takes about half the time that all of them take. */
const manyRows = 100_000;

/** Rows that a sketch is made from: all, or of more rows one in so many, by a hash of the row's number. */
const sketchRows = 20_000;

/** What a look at some rows tells of numbers and moments. */
export interface Sketch {
  quantiles: number[];
  /** null: no value was seen */
  binning: Binning | null;
}

/** Quantiles and bins, so that one scan of all rows can count what is in them. Null for what is no number and no moment. */
export async function sketch(
  db: DuckDb,
  options: { relation: Relation; columns: readonly RelationColumn[] },
): Promise<(Sketch | null)[]> {
  const { relation, columns } = options;
  const measured = columns.filter((column) => isNumeric(column));
  if (measured.length === 0) return columns.map(() => null);
  const step = Math.ceil(relation.rows / sketchRows);
  const from = relation.from(measured);
  const some = step > 1 ? `(select * from ${from} where hash(${ident(rowColumn)}) % ${step} = 0)` : from;
  const asked = measured.map((column, at) => sketchSql(column, at));
  const row = await db.one(`select ${asked.join(', ')} from ${measuredFrom(some, measured)}`);
  const found = measured.map((column, at) => sketchOf(column, row, at));
  return columns.map((column) => found[measured.indexOf(column)] ?? null);
}

export const sketchSql = ({ sql }: RelationColumn, at: number): string =>
  `min(v_${sql}) as min${at}, max(v_${sql}) as max${at}, quantile_cont(v_${sql}, [${quantileShares.join(', ')}]) as q${at}`;

export function sketchOf({ type }: RelationColumn, row: Record<string, Cell>, at: number): Sketch {
  const [minimum, maximum] = [numberOrNull(row[`min${at}`]), numberOrNull(row[`max${at}`])];
  const quantiles = ((row[`q${at}`] ?? []) as Cell[]).map(numberOf);
  if (minimum === null || maximum === null) return { quantiles, binning: null };
  return { quantiles, binning: binningOf({ minimum, maximum, quantiles, whole: type === 'integer' }) };
}

export const isNumeric = (column: RelationColumn): boolean => ['number', 'moment'].includes(kindOf(column));

/**
 * The pass over all rows of some columns: everything that one scan tells. `distinctRows` is exact but for collisions of 64-bit hashes (at ten million rows
 * one chance in 370,000 of one too few); null where the columns are not all that a row has.
 */
export async function measure(
  db: DuckDb,
  options: {
    from: string;
    rows: number;
    columns: readonly RelationColumn[];
    sketches: readonly (Sketch | null)[];
    whole: boolean;
  },
): Promise<{ distinctRows: number | null; measured: Measured[] }> {
  const { from, rows, columns, sketches, whole } = options;
  const oneIn = rows > manyRows ? 64 : 1;
  const inner = columns.map(({ sql }, at) => `${sql}, v_${sql} as v${at}, hash(${sql}) as h${at}`);
  const outer = columns.flatMap((column, at) => aggregates(column, at, sketches[at]?.binning ?? null, oneIn));
  if (whole) outer.push(`count(distinct hash(${columns.map((_, at) => `h${at}`).join(', ')})) as distinct_rows`);
  const row = await db.one(
    `select ${outer.join(', ')} from (select ${inner.join(', ')} from ${measuredFrom(from, columns)})`,
  );
  return {
    distinctRows: whole ? numberOf(row['distinct_rows']) : null,
    measured: columns.map((_, at) => ({
      ...measuredOf(row, at, oneIn),
      bins: binCountsOf(row[`bins${at}`], sketches[at]?.binning ?? null),
    })),
  };
}

/** What `measures` told, but for bins. */
export const measuredOf = (row: Record<string, Cell>, at: number, oneIn = 1): Omit<Measured, 'bins'> => ({
  present: numberOf(row[`p${at}`]),
  distinct: numberOf(row[`d${at}`]) * oneIn,
  maybeBlank: row[`b${at}`] === true,
  empty: numberOf(row[`e${at}`]),
  minimum: numberOrNull(row[`min${at}`]),
  maximum: numberOrNull(row[`max${at}`]),
  mean: numberOrNull(row[`mean${at}`]),
  deviation: numberOrNull(row[`dev${at}`]),
  lengths: countsOf(row[`l${at}`]),
});

function aggregates(column: RelationColumn, at: number, binning: Binning | null, oneIn: number): string[] {
  const bins = binning === null ? [] : [`histogram(v${at}, ${edgesSql(binning)}) as bins${at}`];
  return [...measures(column, at, oneIn), ...bins];
}

/**
 * What is asked of a column, its measure `v0`, `v1` … and the hash of its value `h0`, `h1` … `oneIn`, a power of two: how many different values there
 * are is estimated from those of so small a share of the hashes, which are the same values in whatever rows they stand.
 */
export function measures(column: RelationColumn, at: number, oneIn = 1): string[] {
  const { sql, physical } = column;
  const kind = kindOf(column);
  return [
    `count(${sql}) as p${at}`,
    `approx_count_distinct(${oneIn === 1 ? `h${at}` : `case when h${at} & ${oneIn - 1} = 0 then h${at} end`}) as d${at}`,
    // Blanks sort before "!", and the least value costs next to nothing. A text that is read as a number or a date is none.
    ...(kind === 'text' && isText(physical) ? [`min(${sql}::varchar) < '!' as b${at}`] : []),
    ...emptySql(column).map((condition) => `count(*) filter (where ${condition}) as e${at}`),
    ...(kind === 'value' ? [] : [`min(v${at}) as min${at}`, `max(v${at}) as max${at}`]),
    ...(kind === 'text' || kind === 'bytes' ? [`histogram(${roundedLength(`v${at}`)}) as l${at}`] : []),
    ...(isNumeric(column) ? [`avg(v${at}) as mean${at}`, `stddev_samp(v${at}) as dev${at}`] : []),
  ];
}

/** Long lengths are rounded down by at most 0.4 %, so that there are not too many different ones. */
const roundedLength = (length: string): string =>
  `case when ${length} < 4096 then ${length} when ${length} < 65536 then (${length} >> 4) << 4
    when ${length} < 1048576 then (${length} >> 8) << 8 else (${length} >> 12) << 12 end`;

function emptySql({ sql, physical, type }: RelationColumn): string[] {
  if (physical.endsWith('[]') || physical.startsWith('MAP(')) return [`len(${sql}) = 0`];
  const nested = type === 'list' || type === 'object' || type === 'mixed';
  return nested && isText(physical) ? [`${sql}::varchar in ('[]', '{}', '""')`] : [];
}

/** What is counted of a column when the first pass is known. */
export interface Wanted {
  column: RelationColumn;
  /** how often each value occurs; where there are few */
  values: boolean;
  /** how many different values there are; each takes memory */
  distinct: boolean;
  blank: boolean;
}

export interface Counted {
  values: Map<string, number> | null;
  distinct: number | null;
  blank: number;
}

export const blankSql = (text: string): string => `count(*) filter (where trim(${text}, E' \\t\\r\\n\\f\\v') = '')`;

/** COUNT DISTINCT of more columns takes too much memory: a map of their hashes takes a tenth, and three times as long. */
const setsAtOnce = 16;

/** Second pass over some columns: what could only be asked for once the first was known. Missing values are not counted. `from`: what to select some of them from. */
export async function count(
  db: DuckDb,
  from: (columns: readonly RelationColumn[]) => string,
  wanted: readonly Wanted[],
): Promise<Counted[]> {
  const valued = wanted.filter(({ values }) => values).length;
  const grouped = valued > 0 && valued <= groupsAtOnce ? await countValues(db, from, wanted) : null;
  const many = wanted.filter(({ distinct }) => distinct).length > setsAtOnce;
  const asked = wanted.flatMap(({ column, values, distinct, blank }, at) => {
    const { sql } = column;
    const text = asText(column);
    return [
      ...(values && grouped === null ? [`histogram(${text}) as values${at}`] : []),
      ...(distinct
        ? [
            `${many ? `cardinality(histogram(hash(${sql})) filter (where ${sql} is not null))` : `count(distinct ${sql})`} as distinct${at}`,
          ]
        : []),
      ...(blank ? [`${blankSql(text)} as blank${at}`] : []),
    ];
  });
  const columns = wanted.map(({ column }) => column);
  const row = asked.length === 0 ? {} : await db.one(`select ${asked.join(', ')} from ${from(columns)}`);
  return wanted.map(({ values, distinct }, at) => ({
    values: values ? (grouped?.get(at) ?? textCountsOf(row[`values${at}`])) : null,
    distinct: distinct ? numberOf(row[`distinct${at}`]) : null,
    blank: numberOf(row[`blank${at}`]),
  }));
}

/** Of so many columns values are counted by groups, a scan for each, in a third of the time that maps of one scan take. */
const groupsAtOnce = 16;

/** How often each value occurs, by the place of its column. */
async function countValues(
  db: DuckDb,
  from: (columns: readonly RelationColumn[]) => string,
  wanted: readonly Wanted[],
): Promise<Map<number, Map<string, number>>> {
  const groups = wanted.flatMap(({ column, values }, at) =>
    values
      ? `select ${at} as at, ${asText(column)} as value, count(*) as n from ${from([column])} where ${column.sql} is not null group by value`
      : [],
  );
  const found = new Map<number, Map<string, number>>();
  for (const { at, value, n } of await db.all<{ at: number; value: string; n: number }>(groups.join(' union all '))) {
    const values = found.get(at);
    if (values === undefined) found.set(at, new Map([[value, numberOf(n)]]));
    else values.set(value, numberOf(n));
  }
  return found;
}

export const numberOf = (cell: Cell | undefined): number => Number(cell ?? 0);
export const textCountsOf = (cell: Cell | undefined): Map<string, number> =>
  new Map(Object.entries((cell ?? {}) as Record<string, number>));
/** In the order of the edges; last what is beyond them. */
function binCountsOf(cell: Cell | undefined, binning: Binning | null): Map<number, number> {
  if (binning === null || !Array.isArray(cell)) return new Map();
  const bins = [...edgesOf(binning).map(({ bin }) => bin), binning.count];
  return new Map((cell as { value: number }[]).map(({ value }, at) => [bins[at]!, value]));
}
/** A map whose keys are numbers comes as pairs. */
export const countsOf = (cell: Cell | undefined): Map<number, number> =>
  new Map(Array.isArray(cell) ? (cell as { key: number; value: number }[]).map(({ key, value }) => [key, value]) : []);
const numberOrNull = (cell: Cell | undefined): number | null => {
  const value = cell === null || cell === undefined ? NaN : Number(cell);
  return Number.isFinite(value) ? value : null;
};
