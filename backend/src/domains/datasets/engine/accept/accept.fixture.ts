import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { literal, openDuckDb, parquet, type DuckDb } from '../duckdb.ts';
import type { AcceptInput, AcceptOutput, RowsFile } from '../tasks.ts';
import { accept } from './index.ts';

/** For tests: files are accepted in a folder of their own, and read back. */
export interface Bench {
  folder: string;
  accept(name: string, content: string | Uint8Array, options?: Partial<AcceptInput>): Promise<AcceptOutput>;
  /** accepts a file, or fails, and keeps its rows */
  keep(name: string, content: string | Uint8Array): Promise<RowsFile>;
  /** rows of the file that was accepted last; what is JSON is text */
  rows(): Promise<Record<string, unknown>[]>;
  /** what stays at the target */
  left(): Promise<string[]>;
  /** a database that may write `file` in the folder */
  open(file: string): Promise<DuckDb>;
  /** writes a Parquet file and answers its path */
  parquet(name: string, select: string, options?: string): Promise<string>;
  close(): Promise<void>;
}

export const limits = { columns: 20_000, line: 1 << 20, expanded: 1 << 28 };

export async function createBench(): Promise<Bench> {
  const folder = await mkdtemp(path.join(tmpdir(), 'llm-ops-accept-'));
  const target = path.join(folder, 'rows.parquet');
  const scratch = path.join(folder, 'scratch');
  const open = (file: string): Promise<DuckDb> =>
    openDuckDb({ memoryMb: 512, read: [], write: [path.join(folder, file)], scratch: null });
  const acceptFile: Bench['accept'] = async (name, content, options = {}) => {
    const local = path.join(folder, 'upload');
    await rm(target, { force: true });
    await writeFile(local, content);
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch);
    const input: AcceptInput = {
      file: { path: name, local },
      target,
      scratch,
      type: null,
      badRows: 'refuse',
      limits,
      ...options,
    };
    return accept(input, { memoryMb: 512, progress() {}, ask: () => Promise.reject(new Error('nobody is asked')) });
  };
  let kept = 0;
  return {
    folder,
    open,
    accept: acceptFile,
    async keep(name, content) {
      const { facts, issues } = await acceptFile(name, content);
      if (facts === null) throw new Error(JSON.stringify(issues));
      const local = path.join(folder, `kept-${kept++}.parquet`);
      await rename(target, local);
      return { path: name, local, rows: facts.rows, columns: facts.columns };
    },
    async rows() {
      const db = await openDuckDb({ memoryMb: 2048, read: [target], write: [], scratch: null });
      try {
        return await db.all(`select * from ${parquet(target)} order by __row`);
      } finally {
        db.close();
      }
    },
    async left() {
      return (await readdir(folder)).filter((name) => name === 'rows.parquet');
    },
    async parquet(name, select, options = 'format parquet') {
      const local = path.join(folder, name);
      await rm(local, { force: true });
      const db = await open(name);
      await db.run(`copy (${select}) to ${literal(local)} (${options})`);
      db.close();
      return local;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
