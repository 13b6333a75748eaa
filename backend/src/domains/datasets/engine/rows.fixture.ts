import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ColumnType } from '@llm-ops/contracts';
import { literal, openDuckDb, parquetOptions, type DuckDb } from './duckdb.ts';
import type { RowsFile } from './tasks.ts';

/** Files of rows for tests, made of what SQL selects, and a database that may read them. */
export interface Rows {
  folder: string;
  /** `types` are those that the facts of a file would say, by column, in order */
  make(name: string, select: string, types: Record<string, ColumnType>): Promise<RowsFile>;
  open(files: readonly RowsFile[], memoryMb?: number): Promise<DuckDb>;
  close(): Promise<void>;
}

export async function createRows(): Promise<Rows> {
  const folder = await mkdtemp(path.join(tmpdir(), 'llm-ops-rows-'));
  const opened: DuckDb[] = [];
  return {
    folder,
    async make(name, select, types) {
      const local = path.join(folder, `${name}.parquet`);
      const db = await openDuckDb({ memoryMb: 1024, read: [], write: [local], scratch: folder, threads: 1 });
      await db.run(
        `copy (select *, row_number() over () - 1 as __row from (${select})) to ${literal(local)} ${parquetOptions(2048)}`,
      );
      const { n } = await db.one<{ n: number }>(`select count(*) as n from read_parquet(${literal(local)})`);
      db.close();
      const columns = Object.entries(types).map(([column, type]) => ({ name: column, type, nullable: true }));
      return { path: name, local, rows: n, columns };
    },
    async open(files, memoryMb = 512) {
      const db = await openDuckDb({ memoryMb, read: files.map(({ local }) => local), write: [], scratch: folder });
      opened.push(db);
      return db;
    },
    async close() {
      for (const db of opened) db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
