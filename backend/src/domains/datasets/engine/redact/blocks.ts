import type { DuckDb } from '../duckdb.ts';
import { ident, parquet, rowColumn } from '../sql.ts';
import type { RowsFile } from '../tasks.ts';
import type { RedactColumn } from './columns.ts';

/** Rows in their order, column by column. */
export interface Block {
  rows: number;
  cells: (string | null)[][];
}

/** A chunk of so many columns is in memory at once; of wider tables as many rows as make about so many cells. */
const COLUMNS = 400;
const CELLS = 400_000;

/** Reads a file of rows in blocks of at most 2,048 rows. */
export async function* readBlocks(
  db: DuckDb,
  file: RowsFile,
  columns: readonly RedactColumn[],
): AsyncGenerator<Block, void> {
  if (columns.length <= COLUMNS) {
    for await (const { rows, strings } of db.stream(select(file, columns, '')))
      yield { rows, cells: columns.map((_, at) => strings(at)) };
    return;
  }
  const most = Math.max(64, Math.min(2048, Math.floor(CELLS / columns.length)));
  for (let first = 0; first < file.rows; first += most) {
    const rows = Math.min(most, file.rows - first);
    const where = ` where ${rowColumn} between ${first} and ${first + rows - 1}`;
    const cells: (string | null)[][] = [];
    for (let from = 0; from < columns.length; from += COLUMNS) {
      const group = columns.slice(from, from + COLUMNS);
      const read: (string | null)[][] = group.map(() => []);
      for await (const chunk of db.stream(select(file, group, where)))
        group.forEach((_, at) => read[at]!.push(...chunk.strings(at)));
      cells.push(...read);
    }
    yield { rows, cells };
  }
}

const select = (file: RowsFile, columns: readonly RedactColumn[], where: string): string =>
  `select ${columns.map(({ sql, name }) => `${sql} as ${ident(name)}`).join(', ')} from ${parquet(file.local)}${where}`;
