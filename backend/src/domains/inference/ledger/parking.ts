import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';
import type { UsageEvent } from '../usage.ts';
import { linesOf, type Entry } from './journal.ts';
import { createLines, fieldsLine } from './lines.ts';
import { readSegment } from './replay.ts';

/** Ended events that wait on disk alone, while the database is away for long. The files are segments like any other to a replay. */
export interface Parking {
  /** events */
  readonly size: number;
  /** True when they are all on disk. */
  add(entries: readonly Entry[]): Promise<boolean>;
  /** Of the oldest file, at most `limit`; the same again until they are taken. */
  peek(limit: number): Promise<readonly UsageEvent[]>;
  /** What was peeked at has settled. */
  taken(count: number): Promise<void>;
}

export function createParking(deps: { directory: string; log: Logger }): Parking {
  const { directory, log } = deps;
  const files: { file: string; size: number }[] = [];
  let loaded: UsageEvent[] = [];

  return {
    get size() {
      return files.reduce((sum, { size }) => sum + size, 0);
    },
    async add(entries) {
      const file = path.join(directory, `${uuidv7()}.ndjson`);
      try {
        const handle = await open(file, 'wx', 0o600);
        try {
          const lines = createLines();
          await handle.writeFile(fieldsLine + entries.map((entry) => linesOf(lines, entry)).join(''));
          await handle.datasync();
        } finally {
          await handle.close();
        }
        const folder = await open(directory, 'r');
        await folder.sync().finally(() => folder.close());
      } catch (error) {
        log.warn({ err: error }, 'usage could not be moved from memory to the journal alone');
        await rm(file, { force: true }).catch(() => {});
        return false;
      }
      files.push({ file, size: entries.length });
      return true;
    },
    async peek(limit) {
      const [first] = files;
      if (first === undefined) return [];
      if (loaded.length === 0) {
        for await (const changes of readSegment(first.file, log))
          loaded.push(...changes.flatMap((change) => (change.kind === 'begin' ? [change.event] : [])));
        first.size = loaded.length;
      }
      return loaded.slice(0, limit);
    },
    async taken(count) {
      const [first] = files;
      if (first === undefined) return;
      loaded = loaded.slice(count);
      first.size = loaded.length;
      if (loaded.length > 0) return;
      files.shift();
      await rm(first.file, { force: true });
    },
  };
}
