import { closeSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';
import type { UsageEvent } from '../usage.ts';
import { createLines, endLine, fieldsLine, type Lines } from './lines.ts';
import { createSyncs, syncFolder } from './sync.ts';

/** A file of the journal. It goes when every event that was begun in it has settled and those before it have gone. */
export interface Segment {
  readonly file: string;
  /** null: nothing more is written to it */
  descriptor: number | null;
  readonly lines: Lines;
  bytes: number;
  /** ms */
  openedAt: number;
  /** events begun in it */
  begun: number;
  /** of those, how many have not settled */
  live: number;
  /** left by an earlier process and not read to its end yet */
  unread: boolean;
}

/** An event in memory, open or ended, until it has settled. */
export interface Entry {
  /** as it stands */
  event: UsageEvent;
  ended: boolean;
  /** where its begin is; null: in no file */
  segment: Segment | null;
  /** something of it could not be written */
  dirty: boolean;
  /** of `createEntries`: it may be used again once nothing refers to it */
  reusable: boolean;
  /** in the list of what has not ended; -1: it has */
  place: number;
}

export interface Journal {
  readonly writable: boolean;
  /** A begin: written with what else comes in this turn of the loop, after which `go` is called; without `go`, at once. */
  begin(entry: Entry, go?: () => void): void;
  /** Written with what else comes in this turn, after which `go` is called. */
  append(entry: Entry, line: string, go?: () => void): void;
  /** Writes what waits. */
  flush(): void;
  /** A file of an earlier process; called before anything is written. */
  adopt(file: string): Segment;
  /** It cannot be read: it stays for the next start. */
  abandon(segment: Segment): void;
  /** The event's begin is in that segment. */
  hold(entry: Entry, segment: Segment): void;
  /** The event has settled, or is on disk elsewhere. */
  release(entry: Entry): void;
  /** Writes to a new segment what could not be written, and what keeps old segments from going; then removes what may go. */
  tidy(entries: () => Iterable<Entry>): Promise<void>;
  close(): Promise<void>;
}

/** A few long streams do not keep many files: what is left of the oldest is written anew. */
const maxSegments = 8;
const fewLeft = 0.1;
const maxAgeMs = 60_000;
/** An idle gateway leaves no file. */
const idleMs = 10_000;
const chunkBytes = 256 * 1024;

/** The lines of an event as it stands. */
export const linesOf = (lines: Lines, { event, ended }: Entry): string =>
  lines.begin(event) + (ended ? endLine(event.id, {}) : '');

/**
 * Append-only files in `directory`. What is begun is in the operating system's hands before anything follows from it, so that a killed
 * process loses nothing, and on disk within `flushMs`, so that a power cut loses no more. A file that fails is left, and what it lacks
 * is written to a new one as soon as that can be; until then it is in memory only.
 */
export function createJournal(deps: {
  directory: string;
  log: Logger;
  now(): number;
  flushMs: number;
  segmentBytes: number;
}): Journal {
  const { directory, log } = deps;
  const segments: Segment[] = [];
  let current: Segment | null = null;
  let broken = false;
  /** what is on disk of the events in memory is not to be relied on */
  let suspect = false;
  /** what waits to be written: a begin is put into words when its file is known */
  let pending: (Entry | string)[] = [];
  let changed: Entry[] = [];
  let waiting: (() => void)[] = [];
  let scheduled = false;
  const removals = new Set<Promise<void>>();
  const syncs = createSyncs({
    everyMs: deps.flushMs,
    current: () => current?.descriptor ?? null,
    failed(error) {
      suspect = true;
      fail(error);
    },
  });

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    if (pending.length > 0) writeWaiting();
    if (waiting.length === 0) return;
    const calls = waiting;
    waiting = [];
    for (const go of calls) {
      try {
        go();
      } catch (error) {
        log.error({ err: error }, 'what followed a line of the journal failed');
      }
    }
  }

  function writeWaiting(): void {
    const [some, touched] = [pending, changed];
    pending = [];
    changed = [];
    const segment = broken ? null : write((lines) => textOf(lines, some));
    for (const one of some) {
      if (typeof one === 'string') continue;
      if (segment === null) one.dirty = true;
      else hold(one, segment);
    }
    if (segment === null) for (const entry of touched) entry.dirty = true;
  }

  function hold(entry: Entry, segment: Segment): void {
    if (entry.segment !== null) entry.segment.live -= 1;
    entry.segment = segment;
    segment.begun += 1;
    segment.live += 1;
  }

  /** Null when it could not be written. */
  function write(words: (lines: Lines) => string): Segment | null {
    let text = '';
    try {
      const { descriptor, lines } = current ?? start();
      text = words(lines);
      const written = writeSync(descriptor!, text);
      if (written < text.length || written < Buffer.byteLength(text)) throw new Error('the disk took a part only');
    } catch (error) {
      fail(error);
      return null;
    }
    const segment = current!;
    segment.bytes += text.length;
    if (segment.bytes >= deps.segmentBytes) seal();
    else syncs.soon();
    return segment;
  }

  function start(): Segment {
    mkdirSync(directory, { recursive: true });
    const file = path.join(directory, `${uuidv7()}.ndjson`);
    const descriptor = openSync(file, 'wx', 0o600);
    try {
      if (writeSync(descriptor, fieldsLine) < fieldsLine.length) throw new Error('the disk took a part only');
    } catch (error) {
      closeSync(descriptor);
      unlinkSync(file);
      throw error;
    }
    syncFolder(directory);
    current = {
      file,
      descriptor,
      lines: createLines(),
      bytes: 0,
      openedAt: deps.now(),
      begun: 0,
      live: 0,
      unread: false,
    };
    segments.push(current);
    return current;
  }

  function fail(error: unknown): void {
    if (!broken) log.error({ err: error }, 'the usage journal cannot be written; events are kept in memory');
    broken = true;
    seal();
  }

  function seal(): void {
    const segment = current;
    current = null;
    if (segment === null || segment.descriptor === null) return;
    syncs.finish(segment.descriptor);
    segment.descriptor = null;
  }

  /** Writes events as they stand, some at a time; false when the disk does not take them. */
  async function rewrite(entries: readonly Entry[]): Promise<boolean> {
    for (let at = 0; at < entries.length;) {
      const from = at;
      const segment = write((lines) => {
        let text = '';
        while (at < entries.length && text.length < chunkBytes) text += linesOf(lines, entries[at++]!);
        return text;
      });
      if (segment === null) return false;
      for (const entry of entries.slice(from, at)) {
        hold(entry, segment);
        entry.dirty = false;
      }
      await new Promise(setImmediate);
    }
    await syncs.all();
    return !broken;
  }

  /** After a failure: a new segment takes what the old ones lack. */
  async function recover(entries: Iterable<Entry>): Promise<void> {
    const lacking = [...entries].filter((entry) => entry.dirty || suspect);
    for (const entry of lacking) entry.dirty = true;
    try {
      start();
    } catch {
      return;
    }
    broken = false;
    suspect = false;
    if (await rewrite(lacking)) log.info({ events: lacking.length }, 'the usage journal can be written again');
  }

  /** From the oldest, as long as nothing in them is needed: an event's begin is never gone before its end has settled. */
  function collect(): void {
    for (
      let first = segments[0];
      first !== undefined && first !== current && first.live === 0 && !first.unread;
      first = segments[0]
    ) {
      segments.shift();
      const { file } = first;
      const removal = rm(file, { force: true })
        .catch((error: unknown) =>
          log.warn({ err: error, file }, 'a settled segment of the usage journal could not be removed'),
        )
        .finally(() => removals.delete(removal));
      removals.add(removal);
    }
  }

  /** What little is left of the oldest segment, when it is only kept for that. */
  function leftovers(entries: () => Iterable<Entry>): Entry[] {
    const oldest = segments[0];
    if (segments.length <= maxSegments || oldest === undefined || oldest === current || oldest.unread) return [];
    if (oldest.live > Math.max(32, oldest.begun * fewLeft)) return [];
    return [...entries()].filter((entry) => entry.segment === oldest);
  }

  return {
    get writable() {
      return !broken;
    },
    begin(entry, go) {
      pending.push(entry);
      if (go === undefined) return flush();
      waiting.push(go);
      schedule();
    },
    append(entry, line, go) {
      pending.push(line);
      changed.push(entry);
      if (go !== undefined) waiting.push(go);
      schedule();
    },
    flush,
    adopt(file) {
      const segment = {
        file,
        descriptor: null,
        lines: createLines(),
        bytes: 0,
        openedAt: 0,
        begun: 0,
        live: 0,
        unread: true,
      };
      segments.push(segment);
      return segment;
    },
    abandon: (segment) => void segments.splice(segments.indexOf(segment), 1),
    hold,
    release(entry) {
      if (entry.segment !== null) entry.segment.live -= 1;
      entry.segment = null;
    },
    async tidy(entries) {
      flush();
      if (broken) await recover(entries());
      const age = current === null ? 0 : deps.now() - current.openedAt;
      if (current !== null && (age > maxAgeMs || (age > idleMs && current.live === 0))) seal();
      const left = broken ? [] : leftovers(entries);
      if (left.length > 0) await rewrite(left);
      if (!broken) collect();
      await Promise.all(removals);
    },
    async close() {
      flush();
      await syncs.all();
      seal();
      if (!broken) collect();
      await Promise.all(removals);
    },
  };
}

function textOf(lines: Lines, pending: readonly (Entry | string)[]): string {
  let text = '';
  for (const one of pending) text += typeof one === 'string' ? one : lines.begin(one.event);
  return text;
}
