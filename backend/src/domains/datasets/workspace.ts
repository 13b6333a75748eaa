import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';
import type { Objects } from '#ports/objects';
import type { RowsFile } from './engine/tasks.ts';
import type { DatasetRow, FileRow } from './store/index.ts';
import { refusalWords } from './refusals.ts';

export type Workspace = ReturnType<typeof createWorkspace>;

/** A file of this machine; whoever has it must release it. */
export interface Local {
  path: string;
  release(): void;
}

interface Copy {
  path: string;
  size: number;
  users: number;
  ready: Promise<void>;
}

/** bytes of copies that nobody uses at the moment */
const keptBytes = 20 * 1024 ** 3;

/**
 * Objects as files of this machine, and room for work under way. All of it lies in a folder of this start: what a killed process left
 * is removed by the next one.
 */
export function createWorkspace(deps: {
  objects: Pick<Objects, 'get' | 'stat' | 'local'>;
  /** this process alone uses it */
  workDir: string;
  log: Logger;
  maxBytes?: number;
}) {
  const { objects, workDir, log, maxBytes = keptBytes } = deps;
  const root = path.join(workDir, randomUUID());
  /** the longest unused first */
  const copies = new Map<string, Copy>();
  let started: Promise<void> | null = null;

  /** Clears away what was left, once; when that fails the next use tries again. */
  function start(): Promise<void> {
    started ??= prepare().catch((error: unknown) => {
      started = null;
      throw full(error);
    });
    return started;
  }

  start().catch((error: unknown) => log.warn({ err: error, workDir }, 'the folder for work under way is not ready'));

  async function prepare(): Promise<void> {
    await mkdir(root, { recursive: true });
    for (const name of await readdir(workDir)) {
      if (name === path.basename(root)) continue;
      await rm(path.join(workDir, name), { recursive: true, force: true }).catch((error: unknown) => {
        log.warn({ err: error, name }, 'what an earlier process left could not be removed');
      });
    }
  }

  async function download(key: string, target: string): Promise<number> {
    const there = await objects.stat(key);
    if (there === null) throw failure('object_not_found', refusalWords.tell('not_stored', { key }));
    const file = createWriteStream(target, { flags: 'wx' });
    try {
      await pipeline(await objects.get(key), file);
      if (file.bytesWritten !== there.size) throw new Error(`${key}: ${file.bytesWritten} of ${there.size} bytes came`);
    } catch (error) {
      await rm(target, { force: true });
      throw full(error);
    }
    return there.size;
  }

  function evict(): void {
    let total = [...copies.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [key, copy] of copies) {
      if (total <= maxBytes) return;
      if (copy.users > 0) continue;
      copies.delete(key);
      total -= copy.size;
      rm(copy.path, { force: true }).catch((error: unknown) =>
        log.warn({ err: error, key }, 'a copy stays on the disk'),
      );
    }
  }

  function release(key: string, copy: Copy): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      copy.users--;
      evict();
    };
  }

  async function copyOf(key: string): Promise<Local> {
    let copy = copies.get(key);
    if (copy === undefined) {
      const target = path.join(root, `${createHash('sha256').update(key).digest('hex')}-${randomUUID()}`);
      const made: Copy = { path: target, size: 0, users: 0, ready: Promise.resolve() };
      made.ready = download(key, target).then(
        (size) => void (made.size = size),
        (error: unknown) => {
          if (copies.get(key) === made) copies.delete(key);
          throw error;
        },
      );
      copy = made;
    }
    // the last one used is the last to go
    copies.delete(key);
    copies.set(key, copy);
    copy.users++;
    const end = release(key, copy);
    try {
      await copy.ready;
    } catch (error) {
      end();
      throw error;
    }
    evict();
    return { path: copy.path, release: end };
  }

  /** An object that never changes once it is there, as a file that must not be written. Throws `object_not_found`, `disk_full`. */
  async function local(key: string): Promise<Local> {
    await start();
    const own = await objects.local?.(key);
    if (own) return { path: own, release: () => undefined };
    return copyOf(key);
  }

  return {
    local,

    /** An object as it is now: in its place where the store is a folder here, else copied to `target`. Throws `object_not_found`, `disk_full`. */
    async fetch(key: string, target: string): Promise<string> {
      await start();
      const own = await objects.local?.(key);
      if (own) return own;
      await download(key, target);
      return target;
    },

    /** An empty folder. */
    async folder(): Promise<{ path: string; remove(): Promise<void> }> {
      await start();
      const place = path.join(root, randomUUID());
      await mkdir(place).catch((error: unknown) => {
        throw full(error);
      });
      return {
        path: place,
        async remove() {
          await rm(place, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
            log.warn(
              { err: error, folder: place },
              'a folder of finished work could not be removed; the next start does it',
            );
          });
        },
      };
    },

    /** The rows of a version as the engine reads them. Throws `dataset_not_ready`, `object_not_found`, `disk_full`. */
    async rowsOf(row: DatasetRow, files: readonly FileRow[]): Promise<{ files: RowsFile[]; release(): void }> {
      const waiting = files.find(
        ({ status, rows_key, facts }) => status !== 'ready' || rows_key === null || facts === null,
      );
      if (files.length === 0 || waiting !== undefined) {
        throw failure(
          'dataset_not_ready',
          waiting === undefined
            ? refusalWords.tell('files_none', { version: row.version, name: row.name })
            : refusalWords.tell('file_not_ready', { path: waiting.path, version: row.version }),
        );
      }
      const held: Local[] = [];
      const end = () => held.forEach((one) => one.release());
      try {
        const rows: RowsFile[] = [];
        for (const { path: name, rows_key: key, facts } of files) {
          const one = await local(key!);
          held.push(one);
          rows.push({ path: name, local: one.path, rows: facts!.rows, columns: facts!.columns });
        }
        return { files: rows, release: end };
      } catch (error) {
        end();
        throw error;
      }
    },

    /** Removes everything; for the end of the process. */
    async close(): Promise<void> {
      await started?.catch(() => undefined);
      await rm(root, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    },
  };
}

function full(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' ? failure('disk_full', { cause: error }) : error;
}
