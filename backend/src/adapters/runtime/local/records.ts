import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A running engine as its file says; with it a restarted platform finds and enters it. */
export interface EngineRecord {
  /** host name */
  node: string;
  pid: number;
  /** from /proc/<pid>/stat, in clock ticks: tells this process from a later one of the same pid */
  startTime: string;
  port: number;
  key: string;
  revisionId: string;
  /** of the model files, see `digestOf` */
  digest: string;
  /** what the engine calls its model */
  model: string;
}

/** `${folder}/<revisionId>/<instance>.json`, readable by the platform's user alone. */
export function createRecords(folder: string) {
  const pathOf = (revisionId: string, instance: string): string => join(folder, revisionId, `${instance}.json`);
  return {
    folderOf: (revisionId: string): string => join(folder, revisionId),

    async write(instance: string, record: EngineRecord): Promise<void> {
      const path = pathOf(record.revisionId, instance);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(`${path}.tmp`, JSON.stringify(record), { mode: 0o600 });
      await rename(`${path}.tmp`, path);
    },

    remove: (revisionId: string, instance: string): Promise<void> => rm(pathOf(revisionId, instance), { force: true }),

    /** Everything of a revision: records and logs. */
    forget: (revisionId: string): Promise<void> => rm(join(folder, revisionId), { recursive: true, force: true }),

    /** Revisions that left something here. */
    revisions: (): Promise<string[]> => names(folder),

    async all(): Promise<{ instance: string; record: EngineRecord }[]> {
      const found: { instance: string; record: EngineRecord }[] = [];
      for (const revisionId of await names(folder)) {
        for (const name of await names(join(folder, revisionId))) {
          if (!name.endsWith('.json')) continue;
          const instance = name.slice(0, -'.json'.length);
          const record = await parse(pathOf(revisionId, instance));
          if (record !== null) found.push({ instance, record });
        }
      }
      return found;
    },
  };
}

/** Field 22 of /proc/<pid>/stat; null when no such process runs. */
export async function startTimeOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in brackets and may hold anything, so count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not asked.
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

async function parse(path: string): Promise<EngineRecord | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as EngineRecord;
  } catch {
    return null;
  }
}
