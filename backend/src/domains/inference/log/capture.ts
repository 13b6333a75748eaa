import { unavailable } from '#platform/db';
import type { Logger } from '#platform/log';
import { timeOf } from '../ledger/days.ts';
import { redactBody } from './redact.ts';

/** A row of `request_content`. */
export interface ContentRow {
  id: string;
  /** RFC 3339 */
  at: string;
  request: string;
  response: string | null;
  redacted: number;
  truncated: boolean;
}

/** Keeps what was asked and answered, at best effort: never in a request's way, never more than some memory. */
export interface Capture {
  /** `id` is the usage event's. A text beyond 256 KiB is cut. */
  keep(id: string, request: Buffer | string, response: string | null, truncated: boolean): void;
  /** Writes what waits; resolves when it is in the database, or that is away. */
  flush(): Promise<void>;
  /** how many were given up */
  dropped(): number;
  close(): Promise<void>;
}

interface Waiting {
  id: string;
  request: Buffer | string;
  response: string | null;
  truncated: boolean;
  bytes: number;
}

const maxText = 256 * 1024;
const batchRows = 100;
const batchBytes = 4 * 1024 * 1024;

export function createCapture(deps: {
  insert(rows: readonly ContentRow[]): Promise<void>;
  /** make unreadable what tells of people and opens doors */
  redact: boolean;
  log: Logger;
  /** bytes that may wait; 32 MiB when not given */
  maxBytes?: number;
  flushMs?: number;
}): Capture {
  const { log } = deps;
  const maxBytes = deps.maxBytes ?? 32 * 1024 * 1024;
  const waiting: Waiting[] = [];
  /** taken from what waits, until they are in the database */
  let batch: { rows: ContentRow[]; bytes: number } | null = null;
  let bytes = 0;
  let dropped = 0;
  let told = false;
  let flushing: Promise<void> | null = null;

  function giveUp(count: number, reason: unknown): void {
    dropped += count;
    if (!told) log.warn({ err: reason, dropped }, 'captured content was dropped; requests go on');
    told = true;
  }

  async function next(): Promise<typeof batch> {
    if (waiting.length === 0) return null;
    const taken: NonNullable<typeof batch> = { rows: [], bytes: 0 };
    while (waiting.length > 0 && taken.rows.length < batchRows && taken.bytes < batchBytes) {
      const one = waiting.shift()!;
      taken.rows.push(rowOf(one, deps.redact));
      taken.bytes += one.bytes;
      // making it unreadable takes milliseconds: others have their turn in between
      await new Promise(setImmediate);
    }
    return taken;
  }

  async function run(): Promise<void> {
    for (;;) {
      batch ??= await next();
      if (batch === null) return;
      try {
        await deps.insert(batch.rows);
        told = false;
      } catch (error) {
        if (unavailable(error)) return;
        if (!(await singly(batch.rows))) return;
      }
      bytes -= batch.bytes;
      batch = null;
    }
  }

  /** One that the database refuses does not take the others with it. */
  async function singly(rows: readonly ContentRow[]): Promise<boolean> {
    for (const row of rows) {
      try {
        await deps.insert([row]);
      } catch (error) {
        if (unavailable(error)) return false;
        giveUp(1, error);
      }
    }
    return true;
  }

  const flush = (): Promise<void> => {
    flushing ??= run().finally(() => {
      flushing = null;
    });
    return flushing;
  };
  const timer = setInterval(() => void flush(), deps.flushMs ?? 1_000).unref();

  return {
    keep(id, request, response, truncated) {
      const size = Math.min(request.length, maxText) + Math.min(response?.length ?? 0, maxText);
      if (bytes + size > maxBytes) return giveUp(1, new Error('the database is away, or too slow for it'));
      bytes += size;
      waiting.push({
        id,
        request: kept(request),
        response,
        truncated: truncated || isLong(request, response),
        bytes: size,
      });
    },
    flush,
    dropped: () => dropped,
    async close() {
      clearInterval(timer);
      await flush();
      if (waiting.length > 0 || batch !== null) await flush();
      giveUpRest();
    },
  };

  function giveUpRest(): void {
    const rest = waiting.splice(0).length + (batch?.rows.length ?? 0);
    if (rest > 0) giveUp(rest, new Error('the database is away'));
  }
}

const isLong = (request: Buffer | string, response: string | null): boolean =>
  request.length > maxText || (response !== null && response.length > maxText);

/** A copy of the part that is kept, so that a large body does not wait for it. */
const kept = (request: Buffer | string): Buffer | string =>
  request.length <= maxText ? request : Buffer.isBuffer(request) ? Buffer.from(request.subarray(0, maxText)) : request;

function rowOf(one: Waiting, redact: boolean): ContentRow {
  const request = redactBody(textOf(one.request), redact);
  const response = one.response === null ? null : redactBody(one.response.slice(0, maxText), redact);
  return {
    id: one.id,
    at: new Date(timeOf(one.id) ?? Date.now()).toISOString(),
    request: request.text,
    response: response?.text ?? null,
    redacted: request.count + (response?.count ?? 0),
    truncated: one.truncated,
  };
}

/** A cut may have gone through a character of several bytes: it is left out. */
function textOf(request: Buffer | string): string {
  if (typeof request === 'string') return request.slice(0, maxText);
  const text = request.toString('utf8');
  return request.length === maxText ? text.replace(/\ufffd+$/, '') : text;
}
