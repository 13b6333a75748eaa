import { isJson, textOf } from '../cells.ts';
import type { DuckDb, Param } from '../duckdb.ts';
import { ident, parquet, rowColumn } from '../sql.ts';
import type { PreviewInput } from '../tasks.ts';
import { containing, filterCondition, filterParam, searchCondition, type FileColumn } from './conditions.ts';

/** Where a row stands: number of its file, and row in it. */
export interface Position {
  file: number;
  row: number;
}

export interface Found {
  positions: Position[];
  matching: number;
  searched: number;
}

/** Rows of a page when nothing is searched and sorted: by counting alone. */
export function countPage(input: PreviewInput): Found {
  const positions: Position[] = [];
  let before = 0;
  for (const [file, { rows }] of input.files.entries()) {
    const from = Math.max(0, input.offset - before);
    for (let row = from; row < rows && positions.length < input.limit; row++) positions.push({ file, row });
    before += rows;
  }
  return { positions, matching: before, searched: before };
}

/** DuckDB holds 32 KB for each column that it looks into. */
const COLUMNS = 1000;

/** Rows of a page among those that match, and how many match. */
export async function findPage(db: DuckDb, input: PreviewInput, columns: readonly FileColumn[][]): Promise<Found> {
  const { files, sort, limit, offset } = input;
  const filtered = input.search !== null || input.filters.length > 0;
  const total = files.reduce((sum, { rows }) => sum + rows, 0);
  const counted = filtered ? await keepMatches(db, input, columns) : { matching: total, searched: total };
  const page = `limit ${limit} offset ${offset}`;
  if (sort === null)
    return { positions: await db.all(`select file, row from matches order by file, row ${page}`), ...counted };
  const keys = sortKeys(sort.column, columns);
  const all = files.map(
    ({ local }, file) => `select ${file} as file, ${rowColumn} as row, ${keys[file]} as key from ${parquet(local)}`,
  );
  const positions = await db.all<{ file: number; row: number }>(
    `select file, row from (${all.join(' union all ')}) ${filtered ? 'semi join matches using (file, row)' : ''}
     order by key ${sort.descending ? 'desc' : 'asc'} nulls last, file, row ${page}`,
  );
  return { positions, ...counted };
}

/** Cells that are looked through between two looks at the clock, in whole groups of rows of a file: a fraction of a second. */
const CELLS = 4_000_000;
const GROUP = 20_480;

/**
 * Fills the table `matches`: one look at the rows serves both the page and the count. When rows are too many for the patience of whoever waits,
 * only the first ones are looked through.
 */
async function keepMatches(
  db: DuckDb,
  input: PreviewInput,
  columns: readonly FileColumn[][],
): Promise<Omit<Found, 'positions'>> {
  const { files, limit, offset, patience } = input;
  const started = performance.now();
  const counted = { matching: 0, searched: 0 };
  const isEnough = (): boolean => {
    const taken = performance.now() - started;
    return taken > patience.searching || (taken > patience.counting && counted.matching >= offset + limit);
  };
  await db.run('create temp table matches (file integer, row bigint)');
  for (const [file, { local, rows }] of files.entries()) {
    const own = columns[file]!;
    const step = Math.max(1, Math.floor(CELLS / own.length / GROUP)) * GROUP;
    for (let first = 0; first < rows && !isEnough(); first += step) {
      const last = Math.min(rows, first + step) - 1;
      await keepMatchesIn(db, input, { file, local, columns: own, first, last });
      counted.matching = (await db.one<{ matching: number }>('select count(*) as matching from matches')).matching;
      counted.searched += last - first + 1;
    }
  }
  return counted;
}

async function keepMatchesIn(
  db: DuckDb,
  { filters, search }: PreviewInput,
  part: { file: number; local: string; columns: readonly FileColumn[]; first: number; last: number },
): Promise<void> {
  const { file, local, columns, first, last } = part;
  for (let from = 0; from === 0 || (search !== null && from < columns.length); from += COLUMNS) {
    const params: Param[] = filters.map(filterParam);
    const parts = filters.map((filter, at) => filterCondition(filter, columns, at + 1));
    if (search !== null) {
      parts.push(searchCondition(columns.slice(from, from + COLUMNS), params.length + 1));
      // In rows that were found by columns before, nothing has to be looked for.
      if (from > 0) parts.push(`${rowColumn} not in (select row from matches where file = ${file})`);
      params.push(containing(search));
    }
    // DuckDB wants every parameter to be mentioned, also where a file lacks the column.
    parts.push(...params.map((_, at) => `$${at + 1}::varchar is not null`));
    await db.run(
      `insert into matches select ${file}, ${rowColumn} from ${parquet(local)}
       where ${rowColumn} between ${first} and ${last} and ${parts.join(' and ')}`,
      params,
    );
  }
}

/** What rows are sorted by, for each file in the same type: numbers by size, anything else as text where files differ. */
function sortKeys(name: string, columns: readonly FileColumn[][]): string[] {
  const own = columns.map((file) => file.find((column) => column.name === name));
  const known = own.filter((column) => column !== undefined);
  const numeric = known.every(({ type }) => type === 'integer' || type === 'number');
  const [stored] = new Set(known.map((column) => column.stored));
  const alike = known.every((column) => column.stored === stored) && stored !== undefined;
  return own.map((column) => {
    if (column === undefined) return 'null';
    const sql = ident(column.name);
    const isText = column.stored === 'VARCHAR' || isJson(column.stored);
    if (numeric && !(alike && !isText)) return `try_cast(${isText ? textOf(sql, column.stored) : sql} as double)`;
    if (alike && !isText) return sql;
    // Long texts differ at their beginning, or nobody sees the order.
    return `left(${textOf(sql, column.stored)}, 200)`;
  });
}
