import { columnType, storedColumns } from '../columns.ts';
import { textOf } from '../cells.ts';
import type { DuckDb } from '../duckdb.ts';
import { fileColumn, fileName, ident, parquet, rowColumn } from '../sql.ts';
import type { RowsFile } from '../tasks.ts';

/** All files as one. A column of different types becomes a number where all are numbers, else text. */
export async function writeParquet(db: DuckDb, files: readonly RowsFile[], target: string): Promise<void> {
  const described = await Promise.all(
    files.map(async ({ local }) => new Map((await storedColumns(db, local)).map(({ name, type }) => [name, type]))),
  );
  const names = [...new Set(described.flatMap((columns) => [...columns.keys()]))];
  const common = names.map((name) => commonType(described.flatMap((columns) => columns.get(name) ?? [])));
  const selects = files.map(({ local }, file) => {
    const columns = names.map(
      (name, at) => `${converted(name, described[file]!.get(name), common[at]!)} as ${ident(name)}`,
    );
    return `select ${columns.join(', ')}, ${file} as ${fileColumn}, ${rowColumn} from ${parquet(local)}`;
  });
  const ordered = files.length === 1 ? '' : ` order by ${fileColumn}, ${rowColumn}`;
  await db.run(
    `copy (select * exclude (${fileColumn}, ${rowColumn}) from (${selects.join(' union all ')})${ordered}) to ${fileName(target)}
     (format parquet, compression zstd, row_group_size 20480, use_tmp_file false)`,
  );
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
