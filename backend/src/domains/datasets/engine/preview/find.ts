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
  return { positions, matching: before };
}

/** DuckDB holds 32 KB for each column that it looks into. */
const COLUMNS = 1000;

/** Rows of a page among those that match, and how many match. */
export async function findPage(db: DuckDb, input: PreviewInput, columns: readonly FileColumn[][]): Promise<Found> {
  const { files, sort, limit, offset } = input;
  const filtered = input.search !== null || input.filters.length > 0;
  if (filtered) await keepMatches(db, input, columns);
  const matching = filtered
    ? (await db.one<{ matching: number }>('select count(*) as matching from matches')).matching
    : files.reduce((sum, { rows }) => sum + rows, 0);
  const page = `limit ${limit} offset ${offset}`;
  if (sort === null)
    return { positions: await db.all(`select file, row from matches order by file, row ${page}`), matching };
  const keys = sortKeys(sort.column, columns);
  const all = files.map(
    ({ local }, file) => `select ${file} as file, ${rowColumn} as row, ${keys[file]} as key from ${parquet(local)}`,
  );
  const positions = await db.all<{ file: number; row: number }>(
    `select file, row from (${all.join(' union all ')}) ${filtered ? 'semi join matches using (file, row)' : ''}
     order by key ${sort.descending ? 'desc' : 'asc'} nulls last, file, row ${page}`,
  );
  return { positions, matching };
}

/** Fills the table `matches`: one look at the rows serves both the page and the count. */
async function keepMatches(db: DuckDb, input: PreviewInput, columns: readonly FileColumn[][]): Promise<void> {
  const { files, filters, search } = input;
  await db.run('create temp table matches (file integer, row bigint)');
  for (const [file, { local }] of files.entries()) {
    const own = columns[file]!;
    for (let from = 0; from === 0 || (search !== null && from < own.length); from += COLUMNS) {
      const params: Param[] = filters.map(filterParam);
      const parts = filters.map((filter, at) => filterCondition(filter, own, at + 1));
      if (search !== null) {
        parts.push(searchCondition(own.slice(from, from + COLUMNS), params.length + 1));
        // In rows that were found by columns before, nothing has to be looked for.
        if (from > 0) parts.push(`${rowColumn} not in (select row from matches where file = ${file})`);
        params.push(containing(search));
      }
      // DuckDB wants every parameter to be mentioned, also where a file lacks the column.
      parts.push(...params.map((_, at) => `$${at + 1}::varchar is not null`));
      await db.run(
        `insert into matches select ${file}, ${rowColumn} from ${parquet(local)} where ${parts.join(' and ')}`,
        params,
      );
    }
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
