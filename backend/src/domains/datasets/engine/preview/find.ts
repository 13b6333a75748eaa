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

interface Condition {
  sql: string;
  params: Param[];
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

/** Rows of a page among those that match, and how many match. */
export async function findPage(db: DuckDb, input: PreviewInput, columns: readonly FileColumn[][]): Promise<Found> {
  const { files, sort, limit, offset } = input;
  const filtered = input.search !== null || input.filters.length > 0;
  const conditions = files.map((_, file) => conditionOf(input, columns[file]!));
  const params = conditions[0]?.params ?? [];
  const key = sort === null ? null : sortKey(sort.column, columns);
  const selects = files.map(({ local }, file) => {
    const keyed = key === null ? '' : `, ${key[file]} as key`;
    return `select ${file} as file, ${rowColumn} as row${keyed} from ${parquet(local)} where ${conditions[file]!.sql}`;
  });
  const union = selects.join(' union all ');
  if (sort !== null) {
    const positions = await db.all<{ file: number; row: number }>(
      `select file, row from (${union}) order by key ${sort.descending ? 'desc' : 'asc'} nulls last, file, row limit ${limit} offset ${offset}`,
      params,
    );
    return { positions, matching: filtered ? await countMatches(db, union, params) : totalOf(input) };
  }
  // One look at the rows for both the page and the count.
  await db.run(`create temp table matches as select file, row from (${union})`, params);
  const positions = await db.all<{ file: number; row: number }>(
    `select file, row from matches order by file, row limit ${limit} offset ${offset}`,
  );
  return { positions, matching: await countMatches(db, 'from matches', []) };
}

async function countMatches(db: DuckDb, rows: string, params: Param[]): Promise<number> {
  const { matching } = await db.one<{ matching: number }>(`select count(*) as matching from (${rows})`, params);
  return matching;
}

const totalOf = ({ files }: PreviewInput): number => files.reduce((sum, { rows }) => sum + rows, 0);

/** The same parameters for every file, so that one statement may read all; each is mentioned in each, for DuckDB wants that. */
function conditionOf({ search, filters }: PreviewInput, columns: readonly FileColumn[]): Condition {
  const params = filters.map(filterParam);
  const parts = filters.map((filter, at) => filterCondition(filter, columns, at + 1));
  if (search !== null) {
    parts.push(searchCondition(columns, params.length + 1));
    params.push(containing(search));
  }
  const mentioned = params.map((_, at) => `$${at + 1}::varchar is not null`);
  return { sql: [...mentioned, ...parts].join(' and ') || 'true', params };
}

/** What rows are sorted by, for each file in the same type: numbers by size, anything else as text where files differ. */
function sortKey(name: string, columns: readonly FileColumn[][]): string[] {
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
