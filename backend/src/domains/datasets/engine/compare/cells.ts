import { isJson, jsonValue, parseJson, textOf } from '../cells.ts';
import { storedColumns } from '../columns.ts';
import { ident, parquet, rowColumn, type Cell, type DuckDb } from '../duckdb.ts';
import type { RowsFile } from '../tasks.ts';

type Cells = Record<string, unknown>;

const columnsAtOnce = 1000;

/** Cells of some columns of rows, by the rows' numbers among all rows of a version. Long ones are cut before they leave DuckDB. */
export async function readCells(
  db: DuckDb,
  files: readonly RowsFile[],
  asked: { positions: readonly number[]; names: ReadonlySet<string>; cellLimit: number },
): Promise<Map<number, Cells>> {
  const { positions, names, cellLimit } = asked;
  const found = new Map(positions.map((position): [number, Cells] => [position, {}]));
  for await (const { file, columns, where, first } of partsOf(db, files, positions, names)) {
    const selected = columns.map(({ name, type }, at) => {
      const sql = isPlain(type) ? ident(name) : `left(${textOf(ident(name), type)}, ${cellLimit + 1})`;
      return `${sql} as c${at}`;
    });
    const list = [`${rowColumn} as at`, ...selected].join(', ');
    for (const row of await db.all(`select ${list} from ${parquet(file.local)} where ${where}`)) {
      const cells = found.get(first + Number(row['at']))!;
      for (const [at, { name, type }] of columns.entries()) cells[name] = shown(row[`c${at}`]!, type, cellLimit);
    }
  }
  return found;
}

/** Hashes of whole cells, as text, by the rows' numbers and the names of their columns. */
export async function readHashes(
  db: DuckDb,
  files: readonly RowsFile[],
  positions: readonly number[],
): Promise<Map<number, Map<string, Cell>>> {
  const found = new Map(positions.map((position): [number, Map<string, Cell>] => [position, new Map()]));
  for await (const { file, columns, where, first } of partsOf(db, files, positions, null)) {
    const hashed = columns.map(({ name, type }) => `hash(${textOf(ident(name), type)})`);
    const rows = await db.all<{ at: number; hashes: Cell[] }>(
      `select ${rowColumn} as at, [${hashed.join(', ')}] as hashes from ${parquet(file.local)} where ${where}`,
    );
    for (const { at, hashes } of rows) {
      const row = found.get(first + at)!;
      for (const [column, { name }] of columns.entries()) row.set(name, hashes[column]!);
    }
  }
  return found;
}

/** Some columns of the wanted rows of each file at a time. `names` null: all columns. */
async function* partsOf(
  db: DuckDb,
  files: readonly RowsFile[],
  positions: readonly number[],
  names: ReadonlySet<string> | null,
) {
  let first = 0;
  for (const file of files) {
    const own = positions.filter((at) => at >= first && at < first + file.rows).map((at) => at - first);
    if (own.length > 0) {
      const wanted = (await storedColumns(db, file.local)).filter(({ name }) => names === null || names.has(name));
      // By the bounds DuckDB passes over groups of rows.
      const where = `${rowColumn} between ${Math.min(...own)} and ${Math.max(...own)} and ${rowColumn} in (${own.join(', ')})`;
      for (let from = 0; from < wanted.length; from += columnsAtOnce)
        yield { file, columns: wanted.slice(from, from + columnsAtOnce), where, first };
    }
    first += file.rows;
  }
}

const isPlain = (type: string): boolean =>
  /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|BOOLEAN)$/.test(type);

/** Lists and objects as JSON values where they were not cut. */
function shown(cell: Cell, type: string, cellLimit: number): unknown {
  if (typeof cell !== 'string') return jsonValue(cell);
  const characters = cell.length > cellLimit ? Array.from(cell) : [];
  if (characters.length > cellLimit) return `${characters.slice(0, cellLimit).join('')}…`;
  return isJson(type) ? parseJson(cell) : cell;
}
