import type { ColumnType } from '@llm-ops/contracts';
import { storedColumns } from './columns.ts';
import { ident, literal, parquet, rowColumn, type DuckDb } from './duckdb.ts';
import { fileColumn } from './sql.ts';
import type { RowsFile } from './tasks.ts';

export { fileColumn } from './sql.ts';

export interface RelationColumn {
  name: string;
  /** as the facts of the files say; `mixed` where they differ */
  type: ColumnType;
  /** its name in SQL: the names of the data may differ by case alone, which SQL does not tell apart */
  sql: string;
  /** DuckDB's type */
  physical: string;
}

/** The rows of several files as one thing to select from, with the columns of all, each once, by name. */
export interface Relation {
  columns: RelationColumn[];
  /**
   * To select from: some columns as `c0`, `c1` …, `fileColumn` (the path of the file of rows) and `rowColumn` (the row in it). Of twenty
   * thousand columns only those that are named cost something.
   */
  from(columns: readonly RelationColumn[]): string;
  /** To select: a row's number among all rows, of which those of the files before it come first. BIGINT. */
  position: string;
  rows: number;
}

/** Where a column has other types in other files, its numbers are DOUBLE and anything else is text. A column that a file lacks is null there. */
export async function openRelation(db: DuckDb, files: readonly RowsFile[]): Promise<Relation> {
  const described = await Promise.all(files.map(({ local }) => describe(db, local)));
  const types = new Map<string, ColumnType[]>();
  for (const { name, type } of files.flatMap((file) => file.columns)) {
    const known = types.get(name);
    if (known === undefined) types.set(name, [type]);
    else known.push(type);
  }
  const columns = [...types].map(([name, own], at) => ({
    name,
    type: commonType(own),
    sql: `c${at}`,
    physical: commonPhysical(described.flatMap((stored) => stored.get(name) ?? [])),
  }));
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const alike = described.every((stored) => [...stored].join() === [...(described[0] ?? [])].join());
  const locals = files.map(({ local }) => local);
  return {
    columns,
    rows,
    position: positionSql(files),
    from: (wanted) => (alike ? readAlike(locals, wanted) : readEach(locals, described, wanted)),
  };
}

/** Column → DuckDB's type. */
const describe = async (db: DuckDb, local: string): Promise<Map<string, string>> =>
  new Map((await storedColumns(db, local)).map(({ name, type }) => [name, type]));

function positionSql(files: readonly RowsFile[]): string {
  let before = 0;
  const cases = files.map(({ local, rows }) => {
    const line = `when ${literal(local)} then ${before}`;
    before += rows;
    return line;
  });
  const offset = files.length === 1 ? '0' : `case ${ident(fileColumn)} ${cases.join(' ')} end`;
  return `(${offset} + ${ident(rowColumn)})::bigint`;
}

function commonType(types: readonly ColumnType[]): ColumnType {
  const [first = 'string', ...others] = new Set(types);
  if (others.length === 0) return first;
  return [first, ...others].every((type) => type === 'integer' || type === 'number') ? 'number' : 'mixed';
}

const numeric = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL.*)$/;

function commonPhysical(types: readonly string[]): string {
  const [first = 'VARCHAR', ...others] = new Set(types);
  if (others.length === 0) return first;
  return [first, ...others].every((type) => numeric.test(type)) ? 'DOUBLE' : 'VARCHAR';
}

/** One scan of all files. */
function readAlike(locals: readonly string[], columns: readonly RelationColumn[]): string {
  const list = columns.map(({ name, sql }) => `${ident(name)} as ${sql}`);
  const selected = [...list, ident(fileColumn), ident(rowColumn)].join(', ');
  locals.forEach(parquet);
  const paths = `[${locals.map(literal).join(', ')}]`;
  return `(select ${selected} from read_parquet(${paths}, hive_partitioning = false, filename = ${literal(fileColumn)}))`;
}

function readEach(
  locals: readonly string[],
  described: readonly Map<string, string>[],
  columns: readonly RelationColumn[],
): string {
  const parts = locals.map((local, at) => {
    const list = columns.map(({ name, sql, physical }) => {
      const own = described[at]!.get(name);
      if (own === undefined) return `null::${physical} as ${sql}`;
      return own === physical ? `${ident(name)} as ${sql}` : `${ident(name)}::${physical} as ${sql}`;
    });
    const selected = [...list, `${literal(local)} as ${ident(fileColumn)}`, ident(rowColumn)].join(', ');
    return `select ${selected} from ${parquet(local)}`;
  });
  return `(${parts.join(' union all ')})`;
}
