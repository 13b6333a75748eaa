/** How the body of an answer is delimited. */
type Framing = 'none' | 'length' | 'chunked' | 'close';

/** What a parser tells; each buffer is only valid during the call. */
export interface ParserEvents {
  /** `head`: status line and headers as they came, each line with its CRLF, without the blank one */
  onHead(status: number, head: string): void;
  /** Bytes of the body. */
  onBody(payload: Buffer): void;
  /**
   * Bytes of the body with their chunked framing: `count` whole chunks, each of which ends an event of a stream (`\n\n`), so that they
   * can be passed on as they are. `unframe` gives the body alone.
   */
  onFrames(frames: Buffer, count: number): void;
  onEnd(): void;
}

export interface Parser {
  /** Throws `ProtocolError` for bytes that are no answer. */
  push(bytes: Buffer): void;
  /** The connection was closed by the other side: ends a body that is delimited by that, else throws `ProtocolError`. */
  close(): void;
  /** whether the connection may carry another request */
  reusable(): boolean;
  /** whether any byte of an answer came */
  begun(): boolean;
  /** seconds that the other side keeps an idle connection; null: it does not say */
  keepAliveSeconds(): number | null;
  reset(): void;
}

export class ProtocolError extends Error {
  readonly code = 'WIRE_PROTOCOL';
}

const maximumHead = 64 * 1024;
const maximumChunkLine = 1024;
const empty = Buffer.alloc(0);
const blankLine = Buffer.from('\r\n\r\n');
const CR = 13;
const LF = 10;

/** A header of `head` (as `ParserEvents.onHead` gives it), trimmed; null when it is not there. `name` in lower case. */
export function headerOf(head: string, name: string): string | null {
  return valueIn(head, head.toLowerCase(), name);
}

function valueIn(head: string, lower: string, name: string): string | null {
  const at = lower.indexOf(`\r\n${name}:`);
  if (at === -1) return null;
  const from = at + name.length + 3;
  return head.slice(from, head.indexOf('\r\n', from)).trim();
}

/**
 * Reads HTTP/1.1 answers from bytes in any pieces (RFC 9112). Interim answers (1xx) are passed over, trailers dropped. Strict where two
 * readers could disagree about where an answer ends: such a connection is not used again.
 */
export function createParser(events: ParserEvents): Parser {
  let held: Buffer = empty;
  let state: 'head' | 'body' | 'trailers' | 'done' = 'head';
  let framing: Framing = 'none';
  /** bytes still to come: of the body, or of the present chunk; −1: a chunk's size line comes next, −2: its final CRLF */
  let left = 0;
  let keep = true;
  let begun = false;
  let keepAlive: number | null = null;

  function readHead(bytes: Buffer): number {
    const end = bytes.indexOf(blankLine);
    if (end === -1) {
      if (bytes.length > maximumHead) throw new ProtocolError('The head of the answer is larger than 64 KiB.');
      return -1;
    }
    if (end > maximumHead) throw new ProtocolError('The head of the answer is larger than 64 KiB.');
    const head = bytes.toString('latin1', 0, end + 2);
    const status = statusOf(head);
    if (status === 101) throw new ProtocolError('The other side changed the protocol.');
    if (status < 200) return end + 4;
    const lower = head.toLowerCase();
    frame(status, head, lower);
    events.onHead(status, head);
    state = 'body';
    if (framing === 'none' || (framing === 'length' && left === 0)) finish();
    return end + 4;
  }

  function frame(status: number, head: string, lower: string): void {
    const length = valueIn(head, lower, 'content-length');
    const coding = valueIn(head, lower, 'transfer-encoding');
    const connection = valueIn(lower, lower, 'connection');
    keep = lower.startsWith('http/1.1') ? connection === null || !connection.includes('close') : false;
    const said = /timeout=(\d+)/.exec(valueIn(lower, lower, 'keep-alive') ?? '')?.[1];
    keepAlive = said === undefined ? null : Number(said);
    if (status === 204 || status === 304) {
      framing = 'none';
      // a body that must not be there would be taken for the next answer
      if (coding !== null || (length !== null && length !== '0')) keep = false;
      return;
    }
    if (coding !== null) {
      if (coding.toLowerCase() !== 'chunked') throw new ProtocolError(`The transfer coding "${coding}" is not known.`);
      if (length !== null) keep = false;
      framing = 'chunked';
      left = -1;
      return;
    }
    if (length !== null) {
      if (!/^\d{1,15}$/.test(length)) throw new ProtocolError('The content-length of the answer is no number.');
      // a second one that differs is an attack or a fault
      if (lower.indexOf('\r\ncontent-length:') !== lower.lastIndexOf('\r\ncontent-length:')) {
        throw new ProtocolError('The answer has two content-lengths.');
      }
      framing = 'length';
      left = Number(length);
      return;
    }
    framing = 'close';
    keep = false;
  }

  function finish(): void {
    state = 'done';
    events.onEnd();
  }

  /** Whole frames from `from` on that each end an event, passed on in one piece: how engines send. Answers where it stopped. */
  function wholeFrames(bytes: Buffer, from: number): number {
    let at = from;
    let count = 0;
    for (;;) {
      const size = sizeAt(bytes, at);
      if (size <= 0) break;
      const end = sizeEnd + size;
      if (end + 2 > bytes.length || bytes[end] !== CR || bytes[end + 1] !== LF) break;
      if (bytes[end - 1] !== LF || bytes[end - 2] !== LF) break;
      count += 1;
      at = end + 2;
    }
    if (count > 0) events.onFrames(bytes.subarray(from, at), count);
    return at;
  }

  function readChunked(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (left === -1) {
        const passed = wholeFrames(bytes, at);
        if (passed > at) {
          at = passed;
          continue;
        }
        const line = bytes.indexOf(LF, at);
        if (line === -1 || line - at > maximumChunkLine) {
          if (bytes.length - at > maximumChunkLine) throw new ProtocolError('A chunk has no size.');
          return at;
        }
        left = chunkSize(bytes.toString('latin1', at, line));
        at = line + 1;
        if (left === 0) {
          state = 'trailers';
          return at;
        }
      } else if (left === -2) {
        if (at + 2 > bytes.length) return at;
        if (bytes[at] !== CR || bytes[at + 1] !== LF) throw new ProtocolError('A chunk is longer than it says.');
        at += 2;
        left = -1;
      } else {
        const end = Math.min(at + left, bytes.length);
        events.onBody(bytes.subarray(at, end));
        left -= end - at;
        at = end;
        if (left === 0) left = -2;
      }
    }
    return at;
  }

  function readTrailers(bytes: Buffer, from: number): number {
    for (let at = from; ;) {
      const line = bytes.indexOf(LF, at);
      if (line === -1) {
        if (bytes.length - from > maximumHead) throw new ProtocolError('The trailers are larger than 64 KiB.');
        return at;
      }
      const empty = line === at || (line === at + 1 && bytes[at] === CR);
      at = line + 1;
      if (empty) {
        finish();
        return at;
      }
    }
  }

  function step(bytes: Buffer, from: number): number {
    if (state === 'head') {
      const end = readHead(from === 0 ? bytes : bytes.subarray(from));
      return end === -1 ? from : from + end;
    }
    if (state === 'trailers') return readTrailers(bytes, from);
    if (framing === 'chunked') return readChunked(bytes, from);
    const end = framing === 'length' ? Math.min(from + left, bytes.length) : bytes.length;
    events.onBody(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end));
    left -= end - from;
    if (framing === 'length' && left === 0) finish();
    return end;
  }

  return {
    push(fresh) {
      if (fresh.length === 0) return;
      begun = true;
      let bytes = fresh;
      if (held.length > 0) {
        bytes = Buffer.concat([held, fresh]);
        held = empty;
      }
      let at = 0;
      while (at < bytes.length) {
        if (state === 'done') {
          // nobody asked for more: whatever it is, it must not be taken for the next answer
          keep = false;
          return;
        }
        const before = state;
        const next = step(bytes, at);
        if (next === at && state === before) break;
        at = next;
      }
      // what was given is only valid now
      if (at < bytes.length) held = Buffer.from(bytes.subarray(at));
    },
    close() {
      if (state === 'body' && framing === 'close') return finish();
      if (state !== 'done') throw new ProtocolError('The connection was closed before the answer was complete.');
    },
    reusable: () => state === 'done' && keep,
    begun: () => begun,
    keepAliveSeconds: () => keepAlive,
    reset() {
      held = empty;
      state = 'head';
      framing = 'none';
      left = 0;
      keep = true;
      begun = false;
    },
  };
}

/** The body in `frames`, as `onFrames` gives them. */
export function unframe(frames: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < frames.length; at = frameEnd(frames, at)) {
    const size = sizeAt(frames, at);
    parts.push(frames.subarray(sizeEnd, sizeEnd + size));
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Where the frame that begins at `from` ends, in `frames` as `onFrames` gives them. */
export function frameEnd(frames: Buffer, from: number): number {
  const size = sizeAt(frames, from);
  return sizeEnd + size + 2;
}

/** A chunk as it goes over the wire. */
export function frame(body: Buffer): Buffer {
  const size = body.length.toString(16);
  const whole = Buffer.allocUnsafe(size.length + body.length + 4);
  let at = whole.write(`${size}\r\n`, 'latin1');
  at += body.copy(whole, at);
  whole.write('\r\n', at, 'latin1');
  return whole;
}

function statusOf(head: string): number {
  const status = (head.charCodeAt(9) - 48) * 100 + (head.charCodeAt(10) - 48) * 10 + (head.charCodeAt(11) - 48);
  const separator = head.charCodeAt(12);
  const known = head.startsWith('HTTP/1.1 ') || head.startsWith('HTTP/1.0 ');
  if (!known || !(status >= 100 && status <= 599) || (separator !== 32 && separator !== 13)) {
    throw new ProtocolError('The answer is not HTTP/1.1.');
  }
  return status;
}

/** where the size line read last by `sizeAt` ended */
let sizeEnd = 0;

/** A plain chunk-size line (`1a2\r\n`) at `from`; −1: none that is whole and plain, for the careful path. */
function sizeAt(bytes: Buffer, from: number): number {
  let value = 0;
  for (let at = from; at < bytes.length && at < from + 8; at += 1) {
    const code = bytes[at]!;
    if (code >= 48 && code <= 57) value = value * 16 + code - 48;
    else if (code >= 97 && code <= 102) value = value * 16 + code - 87;
    else if (code >= 65 && code <= 70) value = value * 16 + code - 55;
    else {
      if (code !== CR || at === from || bytes[at + 1] !== LF) return -1;
      sizeEnd = at + 2;
      return value;
    }
  }
  return -1;
}

function chunkSize(line: string): number {
  const size = /^([0-9a-f]{1,12})[ \t]*(?:;[^\r]*)?\r?$/i.exec(line)?.[1];
  if (size === undefined) throw new ProtocolError('A chunk has no size.');
  return Number.parseInt(size, 16);
}
