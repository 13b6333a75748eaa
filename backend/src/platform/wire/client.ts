import type { Socket } from 'node:net';
import { createParser, ProtocolError, type Parser } from './parser.ts';
import { createWriter, type Writer } from './writing.ts';

/** Why there is no (whole) answer. `connect`: nothing was sent. `reset`: the connection broke. `protocol`: what came is no HTTP. */
export type WireKind = 'connect' | 'timeout' | 'reset' | 'protocol';

export class WireError extends Error {
  readonly kind: WireKind;
  /** what did not come in time, of a `timeout` */
  readonly waitedFor: 'connection' | 'first byte' | 'next byte' | null;

  constructor(kind: WireKind, message: string, detail: { waitedFor?: WireError['waitedFor']; cause?: unknown } = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'WireError';
    this.kind = kind;
    this.waitedFor = detail.waitedFor ?? null;
  }
}

export interface WireRequest {
  /** request line and headers, each with its CRLF, but for content-length and the blank line; Latin-1 */
  head: string;
  /** the body in pieces; they must not change until the answer came */
  body: readonly Buffer[];
  /** ms until connected, until the first byte of the answer, between two pieces of it */
  timeouts: { connectMs: number; firstByteMs: number; idleMs: number };
}

/** What happens to one request: `onHead`, then bytes, with `onRest` after those of one read, then `onEnd`; or `onError`, once and last. Buffers are only valid during the call. */
export interface WireHandler {
  onHead(status: number, head: string): void;
  onBody(payload: Buffer): void;
  onFrames(frames: Buffer, count: number): void;
  /** All that came at once has been told, and there will be more. */
  onRest?(): void;
  onEnd(): void;
  onError(error: WireError): void;
}

export interface WireCall {
  /** Ends it and its connection at once; no more events. */
  abort(): void;
  /** No more bytes until `resume`: the other side is held back by TCP. */
  pause(): void;
  resume(): void;
}

export interface WireClient {
  send(request: WireRequest, handler: WireHandler): WireCall;
  /** connections in use and idle */
  stats(): { active: number; idle: number };
  close(): void;
}

/** Opens a connection; calls back once. `onRead` gets bytes that are only valid during the call. */
export type Dial = (hooks: {
  onConnect(): void;
  onRead(bytes: Buffer): void;
  /** the connection ended; `error` null: the other side closed it in order */
  onClose(error: Error | null): void;
}) => Socket;

const idleMs = 4_000;
const tickMs = 25;
const maximumIdle = 256;
/** up to here one write of one piece is cheaper than a vector of pieces */
const joinBytes = 16 * 1024;

/** A request under way. A class, so that no closures are made for each. */
class Exchange implements WireCall {
  readonly request: WireRequest;
  readonly handler: WireHandler;
  /** sent again on a fresh connection once, when the idle one that it was sent on turns out to be closed */
  again: boolean;
  connection: Connection | null;
  ended: boolean;

  constructor(request: WireRequest, handler: WireHandler) {
    this.request = request;
    this.handler = handler;
    this.again = true;
    this.connection = null;
    this.ended = false;
  }

  abort(): void {
    if (this.ended) return;
    this.ended = true;
    const { connection } = this;
    if (connection === null) return;
    connection.exchange = null;
    connection.discard();
  }

  pause(): void {
    const { connection } = this;
    if (this.ended || connection === null || connection.paused) return;
    connection.paused = true;
    // whoever is slow is the client: the upstream is not late
    connection.deadline = Infinity;
    connection.socket.pause();
  }

  resume(): void {
    const { connection } = this;
    if (this.ended || connection === null || !connection.paused) return;
    connection.deadline = performance.now() + this.request.timeouts.idleMs;
    resume(connection);
  }
}

interface Connection {
  socket: Socket;
  writer: Writer;
  parser: Parser;
  exchange: Exchange | null;
  connected: boolean;
  closed: boolean;
  used: boolean;
  /** on the clock of `performance.now()`; Infinity: none */
  deadline: number;
  waitingFor: 'connection' | 'first byte' | 'next byte';
  paused: boolean;
  /** idle: until when it may be used again */
  until: number;
  /** among the active; -1: it is not */
  place: number;
  /** Ends it, and tells nobody. */
  discard(): void;
}

function resume(connection: Connection): void {
  connection.paused = false;
  connection.socket.resume();
}

/**
 * Keep-alive HTTP/1.1 client of one origin, without pipelining: a request has a connection for itself. Made for the path of inference
 * requests: no streams or promises in between, one timer for all, bytes handed on as they were read. The connection used last is
 * used next. A request on an idle connection that the other side had closed meanwhile is sent once more on a fresh one.
 */
export function createWireClient(dial: Dial): WireClient {
  const idle: Connection[] = [];
  /** No set: one that is filled and emptied makes itself anew all the time, and V8 keeps what the tables of before led to. */
  const active: Connection[] = [];
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  function open(): Connection {
    const connection: Connection = {
      socket: null as never,
      writer: null as never,
      parser: null as never,
      exchange: null,
      connected: false,
      closed: false,
      used: false,
      deadline: Infinity,
      waitingFor: 'connection',
      paused: false,
      until: 0,
      place: -1,
      discard: () => discard(connection),
    };
    connection.parser = createParser({
      onHead(status, head) {
        connection.exchange?.handler.onHead(status, head);
      },
      onBody(payload) {
        connection.exchange?.handler.onBody(payload);
      },
      onFrames(frames, count) {
        connection.exchange?.handler.onFrames(frames, count);
      },
      onEnd: () => done(connection),
    });
    connection.socket = dial({
      onConnect() {
        connection.connected = true;
        if (connection.exchange !== null) transmit(connection, connection.exchange);
      },
      onRead: (bytes) => read(connection, bytes),
      onClose: (error) => lost(connection, error),
    });
    connection.writer = createWriter(connection.socket);
    return connection;
  }

  function read(connection: Connection, bytes: Buffer): void {
    const { exchange, parser } = connection;
    if (exchange === null) return discard(connection);
    connection.waitingFor = 'next byte';
    connection.deadline = connection.paused ? Infinity : performance.now() + exchange.request.timeouts.idleMs;
    try {
      parser.push(bytes);
      if (!exchange.ended) exchange.handler.onRest?.();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      fail(connection, new WireError('protocol', error.message, { cause: error }));
    }
  }

  function done(connection: Connection): void {
    const { exchange } = connection;
    connection.exchange = null;
    connection.deadline = Infinity;
    deactivate(connection);
    if (exchange === null) return;
    exchange.ended = true;
    // decided after this turn of reading, when it is known whether more came than was asked for
    queueMicrotask(() => release(connection));
    exchange.handler.onEnd();
  }

  function deactivate(connection: Connection): void {
    const { place } = connection;
    if (place === -1) return;
    const last = active.pop()!;
    if (last !== connection) {
      active[place] = last;
      last.place = place;
    }
    connection.place = -1;
  }

  function release(connection: Connection): void {
    if (connection.closed || connection.exchange !== null) return;
    if (closed || connection.writer.waiting() || !connection.parser.reusable() || idle.length >= maximumIdle)
      return discard(connection);
    const said = connection.parser.keepAliveSeconds();
    connection.parser.reset();
    connection.used = true;
    // a second before the other side closes it
    connection.until = performance.now() + (said === null ? idleMs : Math.max(said * 1000 - 1000, 0));
    if (connection.paused) resume(connection);
    idle.push(connection);
    watch();
  }

  function discard(connection: Connection): void {
    connection.closed = true;
    deactivate(connection);
    const at = idle.indexOf(connection);
    if (at !== -1) idle.splice(at, 1);
    connection.socket.destroy();
  }

  function fail(connection: Connection, error: WireError): void {
    const { exchange } = connection;
    connection.exchange = null;
    discard(connection);
    if (exchange === null || exchange.ended) return;
    exchange.ended = true;
    exchange.handler.onError(error);
  }

  function lost(connection: Connection, error: Error | null): void {
    if (connection.closed) return;
    const { exchange, parser } = connection;
    if (exchange === null) return discard(connection);
    if (!connection.connected) {
      return fail(
        connection,
        new WireError('connect', `No connection: ${error?.message ?? 'closed'}`, { cause: error }),
      );
    }
    if (!parser.begun() && connection.used && exchange.again) {
      connection.exchange = null;
      discard(connection);
      exchange.again = false;
      return begin(exchange, open());
    }
    if (error === null) {
      try {
        parser.close();
        return discard(connection);
      } catch (failure) {
        return fail(connection, new WireError('reset', (failure as Error).message));
      }
    }
    fail(connection, new WireError('reset', `The connection broke: ${error.message}`, { cause: error }));
  }

  function begin(exchange: Exchange, connection: Connection): void {
    exchange.connection = connection;
    connection.exchange = exchange;
    connection.place = active.push(connection) - 1;
    watch();
    if (connection.connected) return transmit(connection, exchange);
    connection.waitingFor = 'connection';
    connection.deadline = performance.now() + exchange.request.timeouts.connectMs;
  }

  function transmit(connection: Connection, { request }: Exchange): void {
    const { socket, writer } = connection;
    connection.waitingFor = 'first byte';
    connection.deadline = performance.now() + request.timeouts.firstByteMs;
    let length = 0;
    for (const piece of request.body) length += piece.length;
    const head = `${request.head}content-length: ${length}\r\n\r\n`;
    if (length <= joinBytes) return void writer.writeTogether(head, request.body, length);
    socket.cork();
    socket.write(head, 'latin1');
    for (const piece of request.body) socket.write(piece);
    socket.uncork();
  }

  /** An idle connection that is still good; those used last are the likeliest. */
  function take(): Connection | null {
    const now = performance.now();
    for (let connection = idle.pop(); connection !== undefined; connection = idle.pop()) {
      if (connection.until > now && !connection.socket.destroyed) return connection;
      discard(connection);
    }
    return null;
  }

  function tick(): void {
    const now = performance.now();
    for (const connection of active.slice()) {
      if (connection.deadline > now) continue;
      const { waitingFor } = connection;
      fail(connection, new WireError('timeout', `No ${waitingFor} in time.`, { waitedFor: waitingFor }));
    }
    while (idle.length > 0 && idle[0]!.until <= now) discard(idle[0]!);
    if (active.length === 0 && idle.length === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  }

  function watch(): void {
    timer ??= setInterval(tick, tickMs).unref();
  }

  return {
    send(request, handler) {
      const exchange = new Exchange(request, handler);
      begin(exchange, take() ?? open());
      return exchange;
    },
    stats: () => ({ active: active.length, idle: idle.length }),
    close() {
      closed = true;
      if (timer !== null) clearInterval(timer);
      timer = null;
      while (idle.length > 0) discard(idle[0]!);
      for (const connection of active.slice()) {
        fail(connection, new WireError('reset', 'The gateway is being closed.'));
      }
    },
  };
}
