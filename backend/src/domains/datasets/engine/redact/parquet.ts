import { createSink } from '../accept/sink.ts';
import { textOf, isJson } from '../cells.ts';
import type { DuckDb } from '../duckdb.ts';
import { fileName, ident, parquet, parquetOptions, rowColumn } from '../sql.ts';
import type { RowsFile } from '../tasks.ts';
import type { Block } from './blocks.ts';
import type { RedactColumn } from './columns.ts';

const VECTOR = 2048;

/** What became of the cells of a Parquet file, row by row in a file of its own: only cells that changed. */
export interface Patch {
  write(before: Block, redacted: readonly (readonly (string | null)[])[]): void;
  close(): void;
  abandon(): void;
  /** of columns in which a cell changed: their places */
  readonly changed: ReadonlySet<number>;
  /** bytes of the longest line */
  readonly longest: number;
}

export function createPatch(path: string, columns: readonly RedactColumn[]): Patch {
  const sink = createSink(path);
  const changed = new Set<number>();
  const looked = columns.flatMap(({ look }, at) => (look === null ? [] : [at]));
  let longest = 0;
  return {
    changed,
    get longest() {
      return longest;
    },
    write({ rows, cells }, redacted) {
      for (let row = 0; row < rows; row++) {
        const cellsOfRow: Record<string, string> = {};
        for (const at of looked) {
          const cell = redacted[at]![row]!;
          if (cell === null || cell === cells[at]![row]) continue;
          cellsOfRow[`c${at}`] = cell;
          changed.add(at);
        }
        const line = Buffer.from(`${JSON.stringify(cellsOfRow)}\n`);
        longest = Math.max(longest, line.length);
        sink.put(line);
      }
    },
    close: sink.close,
    abandon: sink.abandon,
  };
}

/**
 * Writes a Parquet file again with the cells of a patch. Columns keep their types where what came into them still fits: a number or a date
 * with a replacement in it becomes text, a list or an object that no longer has its type becomes JSON.
 */
export async function writePatched(
  db: DuckDb,
  {
    file,
    columns,
    target,
    patch,
    path,
  }: { file: RowsFile; columns: readonly RedactColumn[]; target: string; patch: Patch; path: string },
): Promise<void> {
  const places = [...patch.changed].sort((a, b) => a - b);
  const options = parquetOptions(VECTOR * 10);
  if (places.length === 0) {
    await db.run(
      `copy (select * exclude (${rowColumn}) from ${parquet(file.local)}) to ${fileName(target)} ${options}`,
    );
    return;
  }
  const types = places.map((at) => `c${at}: 'VARCHAR'`).join(', ');
  const patched = `read_json(${fileName(path)}, format = 'newline_delimited', columns = {${types}}, maximum_object_size = ${patch.longest + 64})`;
  const outgrown = await outgrownIn(
    db,
    patched,
    places.filter((at) => isNestedType(columns[at]!)),
    columns,
  );
  const selected = columns.map(
    (column, at) =>
      `${patch.changed.has(at) ? cellOf(column, at, outgrown.has(at)) : `r.${ident(column.name)}`} as ${ident(column.name)}`,
  );
  await db.run(
    `copy (select ${selected.join(', ')} from ${parquet(file.local)} as r positional join ${patched} as p) to ${fileName(target)} ${options}`,
  );
}

const isNestedType = ({ physical }: RedactColumn): boolean => isJson(physical) && physical !== 'JSON';

/** Columns of lists and objects with a replacement that their type does not take. */
async function outgrownIn(
  db: DuckDb,
  patched: string,
  places: readonly number[],
  columns: readonly RedactColumn[],
): Promise<Set<number>> {
  if (places.length === 0) return new Set();
  const counts = places.map(
    (at) =>
      `count(*) filter (c${at} is not null and try_cast(c${at}::json as ${columns[at]!.physical}) is null) as c${at}`,
  );
  const row = await db.one<Record<string, number>>(`select ${counts.join(', ')} from ${patched}`);
  return new Set(places.filter((at) => row[`c${at}`]! > 0));
}

function cellOf({ name, physical }: RedactColumn, at: number, isOutgrown: boolean): string {
  const before = `r.${ident(name)}`;
  const after = `p.c${at}`;
  if (physical === 'VARCHAR') return `coalesce(${after}, ${before})`;
  if (physical === 'JSON') return `coalesce(${after}, ${before}::varchar)::json`;
  if (!isJson(physical)) return `coalesce(${after}, ${textOf(before, physical)})`;
  if (isOutgrown) return `coalesce(${after}, to_json(${before})::varchar)::json`;
  return `case when ${after} is null then ${before} else try_cast(${after}::json as ${physical}) end`;
}
