import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '#platform/db';
import type { Logger } from '#platform/log';
import type { Charge } from '../spending.ts';
import { costOfEvent, type UsageEvent } from '../usage.ts';
import { createEntries } from './entries.ts';
import { gatewayOf } from './gateway.ts';
import { createJournal, type Entry, type Segment } from './journal.ts';
import { endLine, progressLine, type Change } from './lines.ts';
import { createParking } from './parking.ts';
import { createPartitions } from './partitions.ts';
import { readSegment } from './replay.ts';
import { createSettler } from './settle.ts';
import { newestArchived } from './store.ts';
import type { Begun, Ledger, UsagePatch } from './types.ts';

export interface LedgerDeps {
  /** of this process alone */
  directory: string;
  db: Db;
  charge: Charge;
  log: Logger;
  now(): Date;
  /** ms between settlements; 500 when not given */
  settleMs?: number;
  /** ms that a power cut may cost; 50 when not given */
  flushMs?: number;
  /** of a file of the journal; 4 MiB when not given */
  segmentBytes?: number;
  /** events of one transaction; 2,000 when not given */
  batch?: number;
  /** ended events kept in memory as well as in the journal, while the database is away; 20,000 when not given */
  maxInMemory?: number;
  /** events kept in memory while the journal cannot be written; 200,000 when not given */
  maxUnwritten?: number;
}

export interface RunningLedger extends Ledger {
  /** What an earlier process left has settled. Waits for the database; stays pending when the ledger is closed before. */
  readonly replayed: Promise<void>;
  /** `dropped`: events lost because neither disk nor database took them; `unnoted`: refusals left out. */
  state(): { unsettled: number; open: number; writable: boolean; dropped: number; unnoted: number };
}

const maxNotes = 5_000;
/** entries of settled events that are kept to be used again: a busy gateway's of half a second, 4 MB */
const maxKept = 10_000;
const parkAtATime = 2_000;
const dropAtATime = 1_000;
/** What an event settles as that had begun when its gateway died. */
const aborted: UsagePatch = { status: 598, estimated: true, error_code: 'gateway_aborted' };

export function createLedger(deps: LedgerDeps): RunningLedger {
  const { directory, db, log } = deps;
  const settleMs = deps.settleMs ?? 500;
  const batchSize = deps.batch ?? 2_000;
  const maxInMemory = deps.maxInMemory ?? 20_000;
  const maxUnwritten = deps.maxUnwritten ?? 200_000;
  const gateway = gatewayOf(directory, log);
  const journal = createJournal({
    directory,
    log,
    now: () => deps.now().getTime(),
    flushMs: deps.flushMs ?? 50,
    segmentBytes: deps.segmentBytes ?? 4 * 1024 * 1024,
  });
  const parking = createParking({ directory, log });
  const partitions = createPartitions({
    db,
    table: 'usage_event',
    closedUntil: () => newestArchived(db.kysely),
    now: deps.now,
  });
  const settler = createSettler({ db, partitions, charge: deps.charge, log });

  /** What has not ended. No map: one that is filled and emptied makes itself anew all the time, and V8 keeps what the tables of before led to. */
  const open: Entry[] = [];
  /** what an earlier process left, until it has settled; null: all of it has been read */
  let leftBehind: Map<string, Entry> | null = new Map();
  /** in the order of their ends */
  const ended: Entry[] = [];
  const entries = createEntries(maxKept);
  /** what is being settled, and is given again until it has */
  let batch: Entry[] = [];
  let notes: UsageEvent[] = [];
  let dropped = 0;
  let unnoted = 0;
  let settling: Promise<void> | null = null;
  let closed = false;

  function opened(entry: Entry): void {
    entry.place = open.length;
    open.push(entry);
  }

  function finish(entry: Entry, patch: UsagePatch): void {
    Object.assign(entry.event, patch);
    entry.ended = true;
    const last = open.pop()!;
    if (last !== entry) {
      open[entry.place] = last;
      last.place = entry.place;
    }
    entry.place = -1;
    ended.push(entry);
  }

  const goesOn = ({ id, entry }: Begun): boolean => !entry.ended && entry.event.id === id;

  /** Neither disk nor database take them: what ended first is given up. */
  function makeRoom(): void {
    const lost = ended.splice(0, dropAtATime);
    if (lost.length === 0) return;
    for (const entry of lost) forget(entry);
    dropped += lost.length;
    log.error(
      { lost: lost.length, dropped },
      'usage events were dropped: neither the journal nor the database takes them',
    );
  }

  function forget(entry: Entry): void {
    journal.release(entry);
    leftBehind?.delete(entry.event.id);
  }

  function* unsettled(): Generator<Entry> {
    yield* open;
    yield* ended;
    yield* batch;
  }

  async function settleEnded(): Promise<boolean> {
    // What ends meanwhile waits for the next time: a busy gateway would settle without a pause, a few events at once.
    for (let left = batch.length + ended.length; left > 0;) {
      if (batch.length === 0) batch = ended.splice(0, Math.min(batchSize, left));
      if (batch.length === 0) break;
      left -= batch.length;
      const events = batch.map(({ event }) => event);
      if (!(await settler.settle(events))) return false;
      const settled = batch;
      batch = [];
      for (const entry of settled) {
        forget(entry);
        entries.giveBack(entry);
      }
    }
    return true;
  }

  async function settleParked(): Promise<boolean> {
    while (parking.size > 0) {
      const events = await parking.peek(batchSize);
      if (!(await settler.settle(events))) return false;
      await parking.taken(events.length);
    }
    return true;
  }

  /** Refusals cost nothing and are many: they are tried once. */
  async function settleNotes(): Promise<void> {
    while (notes.length > 0) {
      const some = notes.splice(0, batchSize);
      if (await settler.settle(some, { charged: false })) continue;
      unnoted += some.length + notes.length;
      notes = [];
    }
  }

  /** While the database is away, memory holds no more than it should: the journal has it all. */
  async function park(): Promise<void> {
    while (journal.writable && ended.length > maxInMemory) {
      const some = ended.slice(0, parkAtATime);
      if (!(await parking.add(some))) return;
      for (const entry of ended.splice(0, some.length)) forget(entry);
    }
  }

  async function run(): Promise<void> {
    try {
      journal.flush();
      const settled = (await settleEnded()) && (await settleParked());
      if (settled) await settleNotes();
      else {
        unnoted += notes.length;
        notes = [];
        await park();
      }
      await journal.tidy(unsettled);
    } catch (error) {
      log.error({ err: error }, 'the ledger could not do its work; it is tried again');
    }
  }

  async function settle(): Promise<void> {
    // one that runs may have passed by what ended just now
    if (settling !== null) await settling;
    settling ??= run().finally(() => {
      settling = null;
    });
    return settling;
  }

  const left = segmentsIn(directory, log).map((file) => journal.adopt(file));
  const replayed = replay(left);
  replayed.catch((error: unknown) => log.error({ err: error }, 'the usage journal of before could not be replayed'));
  const timer = setInterval(() => {
    if (settling === null) void settle();
  }, settleMs).unref();

  async function replay(segments: readonly Segment[]): Promise<void> {
    const begun = new Set<Entry>();
    for (const segment of segments) {
      try {
        for await (const changes of readSegment(segment.file, log))
          for (const change of changes) apply(change, segment, begun);
      } catch (error) {
        log.error(
          { err: error, file: segment.file },
          'a segment of the usage journal cannot be read and is left where it is',
        );
        journal.abandon(segment);
      }
      segment.unread = false;
      while (ended.length > maxInMemory) await pass();
    }
    leftBehind = null;
    // by what was known last of them
    for (const entry of begun) finish(entry, { ...aborted, cost: costOfEvent(entry.event) });
    if (begun.size > 0) log.warn({ requests: begun.size }, 'requests that a gateway died with were settled as aborted');
    while (segments.some((segment) => segment.live > 0) || parking.size > 0) await pass();
    await settle();
  }

  /** Settles, or waits until that can be tried again; forever once the ledger is closed. */
  async function pass(): Promise<void> {
    if (closed) await new Promise(() => {});
    const before = ended.length + batch.length;
    await settle();
    if (ended.length + batch.length >= before) await sleep(settleMs, undefined, { ref: false });
  }

  function apply(line: Change, segment: Segment, begun: Set<Entry>): void {
    if (line.kind === 'begin') {
      const { event } = line;
      const known = leftBehind?.get(event.id);
      if (known?.ended === true) return;
      const entry = known ?? { event, ended: false, segment: null, dirty: false, reusable: false, place: -1 };
      entry.event = event;
      leftBehind?.set(event.id, entry);
      if (known === undefined) opened(entry);
      begun.add(entry);
      journal.hold(entry, segment);
      return;
    }
    // an end without its begin: the event has settled, and its segment has gone
    const entry = leftBehind?.get(line.id);
    if (entry === undefined || entry.ended) return;
    if (line.kind === 'progress') Object.assign(entry.event, line.patch);
    else {
      begun.delete(entry);
      finish(entry, line.patch);
    }
  }

  return {
    gateway,
    replayed,
    begin(event, go) {
      if (!journal.writable && open.length + ended.length + batch.length >= maxUnwritten) makeRoom();
      const entry = entries.of(event);
      opened(entry);
      journal.begin(entry, go);
      return { id: event.id, entry };
    },
    progress(begun, patch) {
      if (!goesOn(begun)) return;
      Object.assign(begun.entry.event, patch);
      journal.append(begun.entry, progressLine(begun.id, patch));
    },
    end(begun, patch, go) {
      if (!goesOn(begun)) return go?.();
      finish(begun.entry, patch);
      journal.append(begun.entry, endLine(begun.id, patch), go);
    },
    note(event) {
      if (notes.length >= maxNotes) unnoted += 1;
      else notes.push(event);
    },
    settle,
    state: () => ({
      unsettled: ended.length + batch.length + parking.size,
      open: open.length,
      writable: journal.writable,
      dropped,
      unnoted,
    }),
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      await settle();
      await journal.close();
    },
  };
}

/** Files that an earlier process left, in the order they were written. */
function segmentsIn(directory: string, log: Logger): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.ndjson'));
    return names.sort().map((name) => path.join(directory, name));
  } catch (error) {
    log.error(
      { err: error },
      'the usage journal cannot be read; what an earlier process left is settled after the next start',
    );
    return [];
  }
}
