import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { drift, type Drift } from '../drift.ts';
import type { DuckDb } from '../duckdb.ts';
import { parquet, parquetOptions, fileName } from '../sql.ts';
import type { CompareInput } from '../tasks.ts';
import { findDifferences, type Differences } from './differences.ts';

type Input = Pick<CompareInput, 'before' | 'after' | 'keyColumns' | 'columns' | 'kept'>;

/** The file in `kept` that the rows that differ go to: DuckDB has to be opened with it. */
export const differencesFile = (kept: string): string => path.join(kept, 'differences.parquet');

/** `findDifferences`, or what it found when the same versions were compared before. */
export async function differencesOnce(db: DuckDb, { before, after, keyColumns, kept }: Input): Promise<Differences> {
  const rows = differencesFile(kept);
  return once(path.join(kept, 'differences.json'), {
    find: async () => {
      const found = await findDifferences(db, { before, after }, keyColumns);
      await db.run(`copy differences to ${fileName(rows)} ${parquetOptions(100_000)}`);
      return found;
    },
    found: () => db.run(`create view differences as select * from ${parquet(rows)}`),
  });
}

/** `drift` of a page of columns, or what it found before; of a single one it is found again. */
export function driftOnce(db: DuckDb, { before, after, columns, kept }: Input): Promise<Drift> {
  if (columns.name !== undefined) return drift(db, before, after, { mask: shown, only: columns.name });
  return once(path.join(kept, `drift-${columns.offset}-${columns.limit}.json`), {
    find: () => drift(db, before, after, { mask: shown, page: columns }),
  });
}

/** Whoever compares sees the rows themselves: there is nothing to hide in their labels. */
const shown = (value: string): string => value;

/** A file is there as a whole or not at all. */
async function once<T>(file: string, work: { find(): Promise<T>; found?(): Promise<void> }): Promise<T> {
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (known !== null) {
    await work.found?.();
    return JSON.parse(known) as T;
  }
  const found = await work.find();
  await writeFile(`${file}.part`, JSON.stringify(found));
  await rename(`${file}.part`, file);
  return found;
}
