import { NONE } from '../accept/rows/pages.ts';
import { createRowsWriter, type Stored } from '../accept/rows/writer.ts';
import { textOf } from '../cells.ts';
import { columnType } from '../columns.ts';
import type { DuckDb } from '../duckdb.ts';
import { fileColumn, fileName, ident, parquet, rowColumn } from '../sql.ts';
import { textRows, WIDE, type Source } from './source.ts';

/** All files as one. A column of different types becomes a number where all are numbers, else text. */
export async function writeParquet(db: DuckDb, source: Source, target: string): Promise<void> {
  const { files, columns } = source;
  const common = columns.map(({ key }) => commonType(files.flatMap(({ types }) => types.get(key) ?? [])));
  const simple = common.map((type) => stored[type]);
  if (columns.length > WIDE && simple.every((type) => type !== undefined)) return writeWide(db, source, simple, target);
  const selects = files.map(({ local, types }, file) => {
    const list = columns.map(
      ({ name, key }, at) => `${converted(name, types.get(key), common[at]!)} as ${ident(name)}`,
    );
    return `select ${list.join(', ')}, ${file} as ${fileColumn}, ${rowColumn} from ${parquet(local)}`;
  });
  const ordered = files.length === 1 ? '' : ` order by ${fileColumn}, ${rowColumn}`;
  await db.run(
    `copy (select * exclude (${fileColumn}, ${rowColumn}) from (${selects.join(' union all ')})${ordered}) to ${fileName(target)}
     (format parquet, compression zstd, row_group_size 20480, use_tmp_file false)`,
  );
}

/** What the writer of rows, which needs little memory for a wide table, can store. */
const stored: Record<string, Stored | undefined> = {
  VARCHAR: 'text',
  JSON: 'json',
  BIGINT: 'bigint',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
};

async function writeWide(
  db: DuckDb,
  { files, columns }: Source,
  types: readonly (Stored | undefined)[],
  target: string,
): Promise<void> {
  const asItIs = (): never => {
    throw new Error('Nothing is escaped here.');
  };
  const writer = createRowsWriter({
    path: target,
    columns: columns.map(({ name }, at) => ({ name, stored: types[at]! })),
    unescape: { text: asItIs, json: asItIs },
    numbered: false,
  });
  const cells = new Int32Array(columns.length * 2);
  try {
    for (const file of files)
      for await (const part of textRows(db, file, columns))
        for (const row of part) {
          let at = 0;
          for (const [column, text] of row.entries()) {
            cells[column * 2] = at;
            at += text === null ? 0 : Buffer.byteLength(text);
            cells[column * 2 + 1] = text === null ? NONE : at;
          }
          const bytes = Buffer.from(row.join(''));
          writer.add(bytes, 0, bytes.length, cells);
        }
    writer.close();
  } finally {
    writer.abandon();
  }
}

function commonType(types: readonly string[]): string {
  const [first = 'VARCHAR', ...others] = new Set(types);
  if (others.length === 0) return first;
  const numeric = [first, ...others].every((type) => ['integer', 'number'].includes(columnType(type)));
  return numeric ? 'DOUBLE' : 'VARCHAR';
}

function converted(name: string, type: string | undefined, common: string): string {
  if (type === undefined) return `null::${common}`;
  if (type === common) return ident(name);
  return common === 'DOUBLE' ? `${ident(name)}::double` : textOf(ident(name), type);
}
