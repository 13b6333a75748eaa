import { fileColumn, type RelationColumn } from '../relation.ts';
import { ident, rowColumn, type Cell, type DuckDb } from '../duckdb.ts';
import { binSql, quantileShares, type Binning } from './distribution.ts';

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

/** Columns with their measure, as `c0` and `v_c0`. Numbers beyond 1e150 would overflow a deviation: they, NaN and infinities are left out. */
export function measuredFrom(from: string, columns: readonly RelationColumn[]): string {
  const raw = columns.map((column) => `${column.sql}, ${measureSql(column)} as r_${column.sql}`);
  const clean = columns.map((column) => {
    const value = `r_${column.sql}`;
    const kept = kindOf(column) === 'number' ? `case when abs(${value}) < 1e150 then ${value} end` : value;
    return `${column.sql}, ${kept} as v_${column.sql}`;
  });
  return `(select ${clean.join(', ')} from (select ${raw.join(', ')} from ${from}))`;
}

export interface Measured {
  /** rows that are not null */
  present: number;
  /** estimated, by about 13 % */
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
  quantiles: number[];
  /** how often each length occurs */
  lengths: Map<number, number>;
}

/** Beyond it quantiles are approximated: exact ones hold all numbers in memory. */
const exactNumbers = 20_000_000;

/**
 * First pass over some columns: everything that one scan tells. `distinctRows` is exact but for collisions of 64-bit hashes (at ten million rows
 * one chance in 370,000 of one too few); null where the columns are not all that a row has.
 */
export async function measure(
  db: DuckDb,
  options: { from: string; columns: readonly RelationColumn[]; rows: number; whole: boolean },
): Promise<{ distinctRows: number | null; measured: Measured[] }> {
  const { from, columns, rows, whole } = options;
  const inner = columns.map(({ sql }, at) => `${sql}, v_${sql} as v${at}, hash(${sql}) as h${at}`);
  const exact = rows * columns.length < exactNumbers;
  const outer = columns.flatMap((column, at) => aggregates(column, at, exact));
  if (whole) outer.push(`count(distinct hash(${columns.map((_, at) => `h${at}`).join(', ')})) as distinct_rows`);
  const row = await db.one(
    `select ${outer.join(', ')} from (select ${inner.join(', ')} from ${measuredFrom(from, columns)})`,
  );
  return {
    distinctRows: whole ? numberOf(row['distinct_rows']) : null,
    measured: columns.map((_, at) => ({
      present: numberOf(row[`p${at}`]),
      distinct: numberOf(row[`d${at}`]),
      maybeBlank: row[`b${at}`] === true,
      empty: numberOf(row[`e${at}`]),
      minimum: numberOrNull(row[`min${at}`]),
      maximum: numberOrNull(row[`max${at}`]),
      mean: numberOrNull(row[`mean${at}`]),
      deviation: numberOrNull(row[`dev${at}`]),
      quantiles: ((row[`q${at}`] ?? []) as Cell[]).map(numberOf),
      lengths: countsOf(row[`l${at}`]),
    })),
  };
}

function aggregates(column: RelationColumn, at: number, exact: boolean): string[] {
  const { sql, physical } = column;
  const kind = kindOf(column);
  const quantile = exact ? 'quantile_cont' : 'approx_quantile';
  return [
    `count(${sql}) as p${at}`,
    `approx_count_distinct(h${at}) as d${at}`,
    // Blanks sort before "!", and the least value costs next to nothing.
    ...(isText(physical) ? [`min(${sql}::varchar) < '!' as b${at}`] : []),
    ...emptySql(column).map((condition) => `count(*) filter (where ${condition}) as e${at}`),
    ...(kind === 'value' ? [] : [`min(v${at}) as min${at}`, `max(v${at}) as max${at}`]),
    ...(kind === 'text' || kind === 'bytes' ? [`histogram(${roundedLength(`v${at}`)}) as l${at}`] : []),
    ...(kind === 'number' || kind === 'moment'
      ? [
          `avg(v${at}) as mean${at}`,
          `stddev_samp(v${at}) as dev${at}`,
          `${quantile}(v${at}, [${quantileShares.join(', ')}]) as q${at}`,
        ]
      : []),
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

/** What the second pass counts of a column. */
export interface Wanted {
  column: RelationColumn;
  /** how often each value occurs; where there are few */
  values: boolean;
  /** how many different values there are; each takes memory */
  distinct: boolean;
  blank: boolean;
  bins: { binning: Binning; ends: { minimum: number; maximum: number } } | null;
}

export interface Counted {
  values: Map<string, number> | null;
  distinct: number | null;
  blank: number;
  /** by `binAt` */
  bins: Map<number, number>;
}

/** Second pass over some columns: what could only be asked for once the first was known. Missing values are not counted. */
export async function count(db: DuckDb, from: string, wanted: readonly Wanted[]): Promise<Counted[]> {
  const asked = wanted.flatMap(({ column, values, distinct, blank, bins }, at) => {
    const text = asText(column);
    return [
      ...(values ? [`histogram(${text}) as values${at}`] : []),
      // A set of 64-bit hashes, in a map: COUNT DISTINCT of many columns takes ten times the memory.
      ...(distinct
        ? [`cardinality(histogram(hash(${column.sql})) filter (where ${column.sql} is not null)) as distinct${at}`]
        : []),
      ...(blank ? [`count(*) filter (where trim(${text}, E' \\t\\r\\n\\f\\v') = '') as blank${at}`] : []),
      ...(bins === null
        ? []
        : [`histogram((${binSql(bins.binning, `v_${column.sql}`, bins.ends)})::tinyint) as bins${at}`]),
    ];
  });
  const columns = wanted.map(({ column }) => column);
  const row = asked.length === 0 ? {} : await db.one(`select ${asked.join(', ')} from ${measuredFrom(from, columns)}`);
  return wanted.map(({ values, distinct }, at) => ({
    values: values ? textCountsOf(row[`values${at}`]) : null,
    distinct: distinct ? numberOf(row[`distinct${at}`]) : null,
    blank: numberOf(row[`blank${at}`]),
    bins: countsOf(row[`bins${at}`]),
  }));
}

/** Rows that differ, where they are too wide to be looked at in one go: each part adds its hash, salted by its number, to the row's. */
export function createRowHashes(db: DuckDb) {
  let parts = 0;
  return {
    async add(from: string, columns: readonly RelationColumn[]): Promise<void> {
      const selected = `select ${ident(fileColumn)} as f, ${ident(rowColumn)} as r, hash(${columns.map(({ sql }) => sql).join(', ')}, ${parts}) as h from ${from}`;
      await db.run(
        parts === 0 ? `create or replace temp table row_hashes as ${selected}` : `insert into row_hashes ${selected}`,
      );
      parts++;
    },
    async distinct(): Promise<number> {
      const { n } = await db.one<{ n: number }>(
        'select count(distinct h) as n from (select sum(h::hugeint) as h from row_hashes group by f, r)',
      );
      await db.run('drop table row_hashes');
      return n;
    },
  };
}

const numberOf = (cell: Cell | undefined): number => Number(cell ?? 0);
const textCountsOf = (cell: Cell | undefined): Map<string, number> =>
  new Map(Object.entries((cell ?? {}) as Record<string, number>));
/** A map whose keys are numbers comes as pairs. */
const countsOf = (cell: Cell | undefined): Map<number, number> =>
  new Map(Array.isArray(cell) ? (cell as { key: number; value: number }[]).map(({ key, value }) => [key, value]) : []);
const numberOrNull = (cell: Cell | undefined): number | null => {
  const value = cell === null || cell === undefined ? NaN : Number(cell);
  return Number.isFinite(value) ? value : null;
};
