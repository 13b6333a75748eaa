import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { failure } from '#platform/errors';
import { processStart } from './process.ts';

interface Holder {
  pid: number;
  /** tells this process from a later one of the same number */
  start: string;
  nonce: string;
}

export interface DataDirLock {
  release(): Promise<void>;
}

/**
 * Takes a data folder for this process alone, by `platform.pid` in it; the lock of a process that no longer runs is taken over.
 * Throws `platform_already_running` (with pid and folder) when another process holds it, or is just taking it.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const folder = resolve(dataDir);
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'platform.pid');
  const me: Holder = { pid: process.pid, start: processStart(process.pid) ?? 'running', nonce: randomUUID() };
  await claim(path, me, folder);
  return {
    async release() {
      if ((await holder(path))?.nonce === me.nonce) await rm(path, { force: true });
    },
  };
}

/**
 * Makes `path` ours: linking a complete file is atomic. A dead holder's file is replaced only by whoever first claims, in the same
 * way, the right to replace exactly that one (its nonce is in the name), so that of two starters one wins.
 */
async function claim(path: string, me: Holder, folder: string): Promise<void> {
  const mine = `${path}.${me.nonce}.new`;
  for (;;) {
    await writeFile(mine, JSON.stringify(me), { mode: 0o644, flush: true });
    try {
      await link(mine, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(mine, { force: true });
    }
    const other = await holder(path);
    if (other === null) continue;
    if (processStart(other.pid) === other.start) {
      throw failure('platform_already_running', {
        message: `Process ${other.pid} already uses the data folder ${folder}.`,
        data: { pid: other.pid, dataDir: folder },
      });
    }
    const right = `${path}.${other.nonce}`;
    await claim(right, me, folder);
    try {
      if ((await holder(path))?.nonce !== other.nonce) continue;
      await writeFile(mine, JSON.stringify(me), { mode: 0o644, flush: true });
      await rename(mine, path);
      return;
    } finally {
      await rm(right, { force: true });
    }
  }
}

async function holder(path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    // not ours, or damaged by a full disk: belongs to nobody who runs
    if (error instanceof SyntaxError) return { pid: 0, start: 'damaged', nonce: 'damaged' };
    throw error;
  }
}
