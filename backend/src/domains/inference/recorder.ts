import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';
import type { UsageEvent } from './usage.ts';

export interface Recorder {
  /** Never waits and never fails a request: journalled within 50 ms, in the database as soon as it answers. */
  record(event: UsageEvent): void;
  /** Settles what is journalled, also what an earlier process left; resolves when nothing is left or the database is away. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

interface Segment {
  file: string;
  events: UsageEvent[];
}

const flushMs = 50;
const settleMs = 500;
const batch = 500;

/**
 * Append-only journal in `directory`, one segment a settle: a segment is deleted once its events are in the database. Inserting is
 * idempotent by id, so a crash between the two only inserts again what is there.
 */
export function createRecorder(deps: {
  directory: string;
  insert(events: readonly UsageEvent[]): Promise<void>;
  log: Logger;
}): Recorder {
  const { directory, log } = deps;
  mkdirSync(directory, { recursive: true });
  const sealed: Segment[] = leftOver(directory, log);
  let open: (Segment & { descriptor: number }) | null = null;
  let waiting: UsageEvent[] = [];
  let settling: Promise<void> | null = null;
  let warned = false;

  const flush = (): void => {
    if (waiting.length === 0) return;
    try {
      if (open === null) {
        const file = path.join(directory, `${uuidv7()}.ndjson`);
        open = { file, events: [], descriptor: openSync(file, 'a', 0o600) };
      }
      writeSync(open.descriptor, waiting.map((event) => `${JSON.stringify(event)}\n`).join(''));
      fsyncSync(open.descriptor);
      open.events.push(...waiting);
      waiting = [];
    } catch (error) {
      // Disk full: the events stay in memory and are tried again with the next flush.
      if (!warned) log.error({ err: error }, 'usage journal cannot be written; events are kept in memory');
      warned = true;
    }
  };

  const run = async (): Promise<void> => {
    flush();
    if (open !== null) {
      closeSync(open.descriptor);
      sealed.push({ file: open.file, events: open.events });
      open = null;
    }
    for (let segment = sealed[0]; segment !== undefined; segment = sealed[0]) {
      try {
        for (let from = 0; from < segment.events.length; from += batch)
          await deps.insert(segment.events.slice(from, from + batch));
      } catch (error) {
        if (!warned) log.warn({ err: error }, 'usage is kept in the journal until the database answers');
        warned = true;
        return;
      }
      rmSync(segment.file, { force: true });
      sealed.shift();
      warned = false;
    }
  };

  const settle = (): Promise<void> => {
    settling ??= run().finally(() => {
      settling = null;
    });
    return settling;
  };
  const timers = [setInterval(flush, flushMs), setInterval(() => void settle(), settleMs)];
  for (const timer of timers) timer.unref();

  return {
    record: (event) => void waiting.push(event),
    settle,
    async close() {
      for (const timer of timers) clearInterval(timer);
      await settle();
      await settle();
    },
  };
}

/** Segments of a process that ended before it settled; a torn last line is what was not yet acknowledged. */
function leftOver(directory: string, log: Logger): Segment[] {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.ndjson'))
    .toSorted();
  return files.map((name) => {
    const file = path.join(directory, name);
    const events: UsageEvent[] = [];
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line === '') continue;
      try {
        events.push(JSON.parse(line) as UsageEvent);
      } catch {
        log.warn({ file: name }, 'a torn line at the end of the usage journal was dropped');
      }
    }
    return { file, events };
  });
}
