import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Workspace } from './workspace.ts';

export type Comparisons = ReturnType<typeof createComparisons>;

/** What two versions are compared by; the same files of rows never hold anything else. */
export interface Compared {
  /** of each version the objects of its rows, in their order */
  of: unknown[];
  keyColumns: readonly string[];
  /** the page of columns whose distributions are told */
  columns: { offset: number; limit: number; name?: string | undefined };
}

interface Kept {
  folder: ReturnType<Workspace['folder']>;
  users: number;
  /** the pages of columns of which everything is there */
  found: Set<string>;
  finding: Promise<void> | null;
  bytes: number;
  /** ms */
  usedAt: number;
}

/** of what nobody looks at at the moment */
const keptBytes = 4 * 1024 ** 3;
const keptMs = 60 * 60_000;
const tidyMs = 5 * 60_000;

/** What was found when versions were compared, on the disk of this machine for a while, so that the next page need not find it again. */
export function createComparisons(deps: {
  workspace: Pick<Workspace, 'folder'>;
  maxBytes?: number;
  maxIdleMs?: number;
  now(): Date;
}) {
  const { workspace, maxBytes = keptBytes, maxIdleMs = keptMs } = deps;
  const now = (): number => deps.now().getTime();
  /** the longest unused first */
  const kept = new Map<string, Kept>();
  const timer = setInterval(tidy, tidyMs).unref();

  function enter(key: string): Kept {
    const one = kept.get(key) ?? {
      folder: workspace.folder(),
      users: 0,
      found: new Set(),
      finding: null,
      bytes: 0,
      usedAt: 0,
    };
    kept.delete(key);
    kept.set(key, one);
    one.users++;
    return one;
  }

  function leave(one: Kept): void {
    one.users--;
    one.usedAt = now();
    tidy();
  }

  function tidy(): void {
    let total = [...kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [key, one] of kept) {
      const stays = one.found.size > 0 && total <= maxBytes && now() - one.usedAt < maxIdleMs;
      if (one.users > 0 || stays) continue;
      kept.delete(key);
      total -= one.bytes;
      one.folder.then(
        (folder) => folder.remove(),
        () => undefined,
      );
    }
  }

  return {
    /**
     * Calls `find` with the folder for what it finds, and whether all of it is there. One at a time finds; others of the same comparison wait for that.
     */
    async of<T>(what: Compared, find: (folder: string, known: boolean) => Promise<T>): Promise<T> {
      const key = createHash('sha256')
        .update(JSON.stringify([what.of, what.keyColumns]))
        .digest('hex');
      const part = JSON.stringify(what.columns);
      const one = enter(key);
      try {
        const { path: folder } = await one.folder;
        while (!one.found.has(part)) {
          if (one.finding !== null) {
            await one.finding;
            continue;
          }
          const work = find(folder, false);
          one.finding = work
            .then(async () => {
              one.bytes = await sizeOf(folder);
              one.found.add(part);
            })
            .catch(() => undefined)
            .finally(() => (one.finding = null));
          const found = await work;
          await one.finding;
          return found;
        }
        return await find(folder, true);
      } finally {
        leave(one);
      }
    },
    close(): void {
      clearInterval(timer);
    },
  };
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(path.join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
