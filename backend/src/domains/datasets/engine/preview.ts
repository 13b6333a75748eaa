import { failure } from '#platform/errors';
import type { TaskContext } from '#platform/workers';
import { isJson, jsonValue, parseJson, textOf } from './cells.ts';
import { storedColumns } from './columns.ts';
import { openDuckDb, type Cell, type DuckDb } from './duckdb.ts';
import type { FileColumn } from './preview/conditions.ts';
import { countPage, findPage, type Position } from './preview/find.ts';
import { ident, parquet, rowColumn } from './sql.ts';
import type { PreviewInput, PreviewOutput, RowsFile } from './tasks.ts';
import { refusalWords } from '../refusals.ts';

/** A page of rows, over several files in their order. Throws `validation_failed` for a column that no file has. */
export async function preview(input: PreviewInput, { memoryMb }: TaskContext): Promise<PreviewOutput> {
  const { files } = input;
  checkColumns(input);
  const db = await openDuckDb({ memoryMb, read: files.map(({ local }) => local), write: [], scratch: null });
  try {
    const searched = input.search !== null || input.filters.length > 0 || input.sort !== null;
    const columns = searched
      ? await Promise.all(files.map(async (file) => describe(db, file)))
      : files.map((): FileColumn[] => []);
    const { positions, ...counted } = searched ? await findPage(db, input, columns) : countPage(input);
    const cells = await readCells(db, input, positions);
    return { ...cells, positions: positions.map(({ file, row }) => ({ file: files[file]!.path, row })), ...counted };
  } finally {
    db.close();
  }
}

function checkColumns({ files, filters, sort }: PreviewInput): void {
  const known = new Set(files.flatMap(({ columns }) => columns.map(({ name }) => name)));
  const unknown = [...filters.map(({ column }) => column), ...(sort === null ? [] : [sort.column])].find(
    (column) => !known.has(column),
  );
  if (unknown !== undefined)
    throw failure('validation_failed', refusalWords.tell('no_column', { column: JSON.stringify(unknown) }));
}

async function describe(db: DuckDb, file: RowsFile): Promise<FileColumn[]> {
  const types = new Map(file.columns.map(({ name, type }) => [name, type]));
  const stored = await storedColumns(db, file.local);
  return stored.map(({ name, type }) => ({ name, stored: type, type: types.get(name) ?? 'string' }));
}

export async function readCells(
  db: DuckDb,
  { files, cellLimit, columns: asked }: PreviewInput,
  positions: readonly Position[],
): Promise<Pick<PreviewOutput, 'rows' | 'truncated'>> {
  const rows: Record<string, unknown>[] = [];
  const truncated: PreviewOutput['truncated'] = [];
  const wantedColumns = new Set(asked);
  for (const [number, { local }] of files.entries()) {
    const wanted = positions.flatMap(({ file, row }, index) => (file === number ? [{ index, row }] : []));
    if (wanted.length === 0) continue;
    const columns = (await storedColumns(db, local)).filter(({ name }) => wantedColumns.has(name));
    const found = await readRows(db, { local, columns, rows: wanted.map(({ row }) => row), cellLimit });
    for (const { index, row } of wanted) {
      const cells = found.get(row);
      if (cells?.length !== columns.length) throw new Error('A row of the page is not in its file.');
      const long = cells.flatMap((cell, at) => (isLonger(cell, cellLimit) ? [at] : []));
      const lengths = long.length === 0 ? [] : await readLengths(db, { local, columns, row, long });
      for (const [at, column] of long.entries())
        truncated.push({ index, column: columns[column]!.name, length: lengths[at]! });
      rows[index] = Object.fromEntries(columns.map(({ name, type }, at) => [name, shown(cells[at]!, type, cellLimit)]));
    }
  }
  return { rows, truncated: truncated.toSorted((one, other) => one.index - other.index) };
}

/** Characters, not UTF-16 units. */
const isLonger = (cell: Cell, limit: number): boolean =>
  typeof cell === 'string' && cell.length > limit && [...cell].length > limit;

/** DuckDB holds 32 KB for each column of a result. */
const COLUMNS = 1000;

interface StoredColumn {
  name: string;
  type: string;
}

/** Long cells are cut, one character behind the limit, before they leave DuckDB: a row may hold a hundred megabytes. */
async function readRows(
  db: DuckDb,
  options: { local: string; columns: readonly StoredColumn[]; rows: readonly number[]; cellLimit: number },
): Promise<Map<number, Cell[]>> {
  const { local, columns, rows, cellLimit } = options;
  const first = Math.min(...rows);
  const last = Math.max(...rows);
  // By the bounds DuckDB passes over groups of rows; the list is needed where rows between them are not wanted.
  const list = last - first + 1 === rows.length ? '' : ` and ${rowColumn} in (${rows.join(', ')})`;
  const found = new Map(rows.map((row): [number, Cell[]] => [row, []]));
  for (let from = 0; from < columns.length; from += COLUMNS) {
    const selected = columns.slice(from, from + COLUMNS).map(({ name, type }, at) => {
      const sql = isCut(type) ? `left(${textOf(ident(name), type)}, ${cellLimit + 1})` : ident(name);
      return `${sql} as c${at}`;
    });
    const part = await db.all<Record<string, Cell>>(
      `select ${rowColumn} as at, ${selected.join(', ')} from ${parquet(local)}
       where ${rowColumn} between ${first} and ${last}${list}`,
    );
    for (const row of part) found.get(row.at as number)?.push(...selected.map((_, at) => row[`c${at}`]!));
  }
  return found;
}

/** In characters, of the cells in the columns `long` of one row. */
async function readLengths(
  db: DuckDb,
  options: { local: string; columns: readonly StoredColumn[]; row: number; long: readonly number[] },
): Promise<number[]> {
  const { local, columns, row, long } = options;
  const lengths: number[] = [];
  for (let from = 0; from < long.length; from += COLUMNS) {
    const selected = long.slice(from, from + COLUMNS).map((column, at) => {
      const { name, type } = columns[column]!;
      return `length(${textOf(ident(name), type)}) as l${at}`;
    });
    const part = await db.one<Record<string, number>>(
      `select ${selected.join(', ')} from ${parquet(local)} where ${rowColumn} = ${row}`,
    );
    lengths.push(...selected.map((_, at) => part[`l${at}`]!));
  }
  return lengths;
}

const isCut = (type: string): boolean =>
  type === 'VARCHAR' || type === 'BLOB' || isJson(type) || type.startsWith('ENUM');

function shown(cell: Cell, type: string, limit: number): unknown {
  if (typeof cell !== 'string') return jsonValue(cell);
  if (isLonger(cell, limit)) return [...cell].slice(0, limit).join('');
  return isJson(type) ? parseJson(cell) : cell;
}
