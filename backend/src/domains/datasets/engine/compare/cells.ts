import { isJson, jsonValue, parseJson, textOf } from '../cells.ts';
import { storedColumns } from '../columns.ts';
import { ident, parquet, rowColumn, type Cell, type DuckDb } from '../duckdb.ts';
import type { RowsFile } from '../tasks.ts';

/** A row as it is shown, and what its cells are compared by. */
export interface ReadRow {
  cells: Record<string, unknown>;
  /** hash of the whole text, also where what is shown was cut; null where the cell is */
  hashes: Map<string, Cell>;
}

const columnsAtOnce = 1000;

/** Rows by their number among all rows of a version. Long cells are cut before they leave DuckDB. */
export async function readRows(
  db: DuckDb,
  files: readonly RowsFile[],
  positions: readonly number[],
  cellLimit: number,
): Promise<Map<number, ReadRow>> {
  const found = new Map<number, ReadRow>();
  let first = 0;
  for (const { local, rows } of files) {
    const own = positions.filter((position) => position >= first && position < first + rows);
    if (own.length > 0) await readFile({ db, local, first, rows: own.map((at) => at - first), cellLimit, found });
    first += rows;
  }
  return found;
}

async function readFile(options: {
  db: DuckDb;
  local: string;
  /** number of the file's first row */
  first: number;
  rows: readonly number[];
  cellLimit: number;
  found: Map<number, ReadRow>;
}): Promise<void> {
  const { db, local, first, rows, cellLimit, found } = options;
  const columns = await storedColumns(db, local);
  for (let from = 0; from < columns.length; from += columnsAtOnce) {
    const some = columns.slice(from, from + columnsAtOnce);
    const selected = some.flatMap(({ name, type }, at) => {
      const text = textOf(ident(name), type);
      const plain = isPlain(type) ? ident(name) : `left(${text}, ${cellLimit + 1})`;
      return [`${plain} as c${at}`, `case when ${ident(name)} is not null then hash(${text}) end as h${at}`];
    });
    // By the bounds DuckDB passes over groups of rows.
    const between = `${rowColumn} between ${Math.min(...rows)} and ${Math.max(...rows)}`;
    const read = await db.all(
      `select ${rowColumn} as at, ${selected.join(', ')} from ${parquet(local)}
       where ${between} and ${rowColumn} in (${rows.join(', ')})`,
    );
    for (const row of read) {
      const position = first + Number(row['at']);
      const held = found.get(position) ?? { cells: {}, hashes: new Map<string, Cell>() };
      for (const [at, { name, type }] of some.entries()) {
        held.cells[name] = shown(row[`c${at}`]!, type, cellLimit);
        held.hashes.set(name, row[`h${at}`]!);
      }
      found.set(position, held);
    }
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
