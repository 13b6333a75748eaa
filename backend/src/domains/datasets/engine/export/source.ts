import { nameKey } from '../accept/columnNames.ts';
import { finiteJson, isNested, jsonOf, textOf } from '../cells.ts';
import { storedColumns } from '../columns.ts';
import type { DuckDb } from '../duckdb.ts';
import { ident, literal, parquet, rowColumn } from '../sql.ts';
import type { RowsFile } from '../tasks.ts';

/** Several files of rows as one table: all columns, each once, whatever the case of its name. */
export interface Source {
  files: { local: string; rows: number; types: ReadonlyMap<string, string> }[];
  columns: { name: string; key: string }[];
}

export async function openSource(db: DuckDb, files: readonly RowsFile[]): Promise<Source> {
  const columns = new Map<string, string>();
  const described: Source['files'] = [];
  for (const { local, rows } of files) {
    const stored = await storedColumns(db, local);
    for (const { name } of stored) if (!columns.has(nameKey(name))) columns.set(nameKey(name), name);
    described.push({ local, rows, types: new Map(stored.map(({ name, type }) => [nameKey(name), type])) });
  }
  return { files: described, columns: [...columns].map(([key, name]) => ({ key, name })) };
}

/** DuckDB holds 32 KB for each column of a result; beyond so many they are read in batches, some rows at a time. */
export const WIDE = 1000;
/** cells that are held at a time then */
const CELLS = 3_000_000;

type File = Source['files'][number];
type Columns = Source['columns'];

/** Rows of one file as text, part by part; null: no value. */
export async function* textRows(db: DuckDb, file: File, columns: Columns): AsyncGenerator<(string | null)[][]> {
  const texts = columns.map(({ name, key }) => {
    const type = file.types.get(key);
    return type === undefined ? 'null::varchar' : textOf(ident(name), type);
  });
  const fractions = columns.map(({ key }) => hasFractions(file.types.get(key)));
  const clean = (text: string | null, column: number): string | null =>
    text !== null && fractions[column] ? finiteJson(text) : text;
  if (columns.length > WIDE) {
    // One row at a time: as values of JavaScript all of them would take ten times the room.
    for await (const part of batches(db, file, texts, (batch) => `to_json([${batch.join(', ')}])::varchar`))
      for (const pieces of part) yield [pieces.flatMap((piece) => JSON.parse(piece) as (string | null)[]).map(clean)];
    return;
  }
  for await (const chunk of db.stream(`select ${texts.join(', ')} from ${parquet(file.local)}`)) {
    const cells = texts.map((_, column) => chunk.strings(column));
    yield Array.from({ length: chunk.rows }, (_, row) =>
      cells.map((column, at) => (fractions[at] ? clean(column[row]!, at) : column[row]!)),
    );
  }
}

/** Rows of one file as JSON objects, part by part. */
export async function* jsonRows(db: DuckDb, file: File, columns: Columns): AsyncGenerator<string[]> {
  const clean = [...file.types.values()].some(hasFractions) ? finiteJson : (json: string) => json;
  if (columns.length > WIDE) {
    const members = columns.map(({ name, key }) => {
      const type = file.types.get(key);
      return `${literal(name)}: ${type === undefined ? 'null' : jsonOf(ident(name), type)}`;
    });
    const object = (batch: readonly string[]): string => `to_json({${batch.join(', ')}})::varchar`;
    for await (const part of batches(db, file, members, object))
      for (const pieces of part) yield [clean(`{${pieces.map((piece) => piece.slice(1, -1)).join(',')}}`)];
    return;
  }
  // texts are quoted here: DuckDB takes ten times the room of a long one
  const quoted = columns.map(({ key }) => file.types.get(key) === 'VARCHAR');
  const values = columns.map(({ name, key }, at) => {
    const type = file.types.get(key);
    if (type === undefined) return 'null::varchar';
    return quoted[at] || type === 'JSON' ? `${ident(name)}::varchar` : `to_json(${jsonOf(ident(name), type)})::varchar`;
  });
  const names = columns.map(({ name }, at) => `${at === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  for await (const chunk of db.stream(`select ${values.join(', ')} from ${parquet(file.local)}`)) {
    const cells = values.map((_, column) => chunk.strings(column));
    yield Array.from({ length: chunk.rows }, (_, row) => {
      let line = '';
      for (const [at, column] of cells.entries()) {
        const cell = column[row]!;
        line += names[at]! + (cell === null ? 'null' : quoted[at] ? JSON.stringify(cell) : clean(cell));
      }
      return `${line}}`;
    });
  }
}

/** Of each row the JSON of each batch of columns. */
async function* batches(
  db: DuckDb,
  { local, rows }: File,
  cells: readonly string[],
  jsonOfBatch: (batch: readonly string[]) => string,
): AsyncGenerator<string[][]> {
  const window = Math.max(1, Math.floor(CELLS / cells.length));
  for (let first = 0; first < rows; first += window) {
    const found: string[][] = Array.from({ length: Math.min(window, rows - first) }, () => []);
    for (let from = 0; from < cells.length; from += WIDE) {
      const json = jsonOfBatch(cells.slice(from, from + WIDE));
      const sql = `select ${json} from ${parquet(local)} where ${rowColumn} between ${first} and ${first + window - 1}`;
      let row = 0;
      for await (const chunk of db.stream(sql)) for (const piece of chunk.strings(0)) found[row++]!.push(piece!);
    }
    yield found;
  }
}

/** Among these may be NaN and Infinity. */
const hasFractions = (type: string | undefined): boolean =>
  type !== undefined && isNested(type) && /FLOAT|DOUBLE/.test(type);
