import { failure } from '#platform/errors';
import type { TaskContext } from '#platform/workers';
import { isJson, jsonValue, parseJson, textOf } from './cells.ts';
import { storedColumns } from './columns.ts';
import { openDuckDb, type Cell, type DuckDb } from './duckdb.ts';
import type { FileColumn } from './preview/conditions.ts';
import { countPage, findPage, type Position } from './preview/find.ts';
import { ident, parquet, rowColumn } from './sql.ts';
import type { PreviewInput, PreviewOutput, RowsFile } from './tasks.ts';

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
    const { positions, matching } = searched ? await findPage(db, input, columns) : countPage(input);
    const cells = await readCells(db, input, positions);
    return { ...cells, positions: positions.map(({ file, row }) => ({ file: files[file]!.path, row })), matching };
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
    throw failure('validation_failed', {
      message: `There is no column ${JSON.stringify(unknown)}.`,
      remedy: 'Use a column of the schema.',
    });
}

async function describe(db: DuckDb, file: RowsFile): Promise<FileColumn[]> {
  const types = new Map(file.columns.map(({ name, type }) => [name, type]));
  const stored = await storedColumns(db, file.local);
  return stored.map(({ name, type }) => ({ name, stored: type, type: types.get(name) ?? 'string' }));
}

export async function readCells(
  db: DuckDb,
  { files, cellLimit }: Pick<PreviewInput, 'files' | 'cellLimit'>,
  positions: readonly Position[],
): Promise<Pick<PreviewOutput, 'rows' | 'truncated'>> {
  const rows: Record<string, unknown>[] = [];
  const truncated: PreviewOutput['truncated'] = [];
  for (const [number, file] of files.entries()) {
    const wanted = positions.flatMap((position, index) =>
      position.file === number ? [{ index, row: position.row }] : [],
    );
    if (wanted.length === 0) continue;
    const columns = await storedColumns(db, file.local);
    const found = await readRows(
      db,
      file.local,
      columns,
      wanted.map(({ row }) => row),
      cellLimit,
    );
    for (const { index, row } of wanted) {
      const cells = found.get(row);
      if (cells === undefined) throw new Error('A row of the page is not in its file.');
      rows[index] = Object.fromEntries(
        columns.map(({ name, type }, at) => {
          const length = cells[`l${at}`] as number | null | undefined;
          if (length !== null && length !== undefined) truncated.push({ index, column: name, length });
          return [name, shown(cells[`c${at}`]!, type, (length ?? 0) > 0)];
        }),
      );
    }
  }
  return { rows, truncated: truncated.toSorted((one, other) => one.index - other.index) };
}

/** DuckDB holds 32 KB for each column of a result. */
const COLUMNS = 1000;

/** Long cells are cut before they leave DuckDB: a row may hold a hundred megabytes. */
async function readRows(
  db: DuckDb,
  local: string,
  columns: readonly { name: string; type: string }[],
  rows: readonly number[],
  cellLimit: number,
): Promise<Map<number, Record<string, Cell>>> {
  const first = Math.min(...rows);
  const last = Math.max(...rows);
  // By the bounds DuckDB passes over groups of rows; the list is needed where rows between them are not wanted.
  const dense = last - first + 1 === rows.length;
  const list = dense ? '' : ` and ${rowColumn} in (${rows.join(', ')})`;
  const found = new Map<number, Record<string, Cell>>();
  for (let from = 0; from < columns.length; from += COLUMNS) {
    const selected = columns.slice(from, from + COLUMNS).flatMap(({ name, type }, at) => {
      const sql = ident(name);
      if (!isCut(type)) return [`${sql} as c${from + at}`];
      const text = textOf(sql, type);
      return [
        `left(${text}, ${cellLimit}) as c${from + at}`,
        `case when length(${text}) > ${cellLimit} then length(${text}) end as l${from + at}`,
      ];
    });
    const part = await db.all<Record<string, Cell>>(
      `select ${rowColumn} as at, ${selected.join(', ')} from ${parquet(local)}
       where ${rowColumn} between ${first} and ${last}${list}`,
    );
    for (const row of part) found.set(row.at as number, { ...found.get(row.at as number), ...row });
  }
  return found;
}

const isCut = (type: string): boolean =>
  type === 'VARCHAR' || type === 'BLOB' || isJson(type) || type.startsWith('ENUM');

function shown(cell: Cell, type: string, cut: boolean): unknown {
  if (typeof cell === 'string' && isJson(type)) return cut ? cell : parseJson(cell);
  return jsonValue(cell);
}
