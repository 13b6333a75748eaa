import { Readable, Writable } from 'node:stream';
import type pg from 'pg';

/** The part of pg's connection that COPY needs; the driver calls these handlers but has no COPY of its own. */
interface Wire {
  query(sql: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
  stream: {
    pause(): void;
    resume(): void;
    writableNeedDrain: boolean;
    once(event: 'drain', then: () => void): void;
  };
}

const pieceBytes = 64 * 1024;

const rowsOf = (message: { text?: string }) => Number(/(\d+)$/.exec(message.text ?? '')?.[1] ?? 0);

/** `COPY … TO STDOUT` as a stream. When it is left unread or destroyed, end the client: its connection is stuck in the middle. */
export function copyOut(client: pg.Client, sql: string): Readable & { rows(): number } {
  let wire: Wire | null = null;
  let rows = 0;
  // the server sends a message a row; they are handed on in larger pieces
  let waiting: Buffer[] = [];
  let size = 0;
  const stream = new Readable({ highWaterMark: 4 * pieceBytes, read: () => wire?.stream.resume() });
  const flush = () => {
    const room = size === 0 || stream.push(Buffer.concat(waiting, size));
    waiting = [];
    size = 0;
    return room;
  };
  client.query({
    submit(connection: Wire) {
      wire = connection;
      connection.query(sql);
    },
    handleCopyData({ chunk }: { chunk: Buffer }) {
      // a copy: the driver writes the next message over this one
      waiting.push(Buffer.from(chunk));
      size += chunk.length;
      if (size >= pieceBytes && !flush()) wire?.stream.pause();
    },
    handleCommandComplete: (message: { text?: string }) => (rows = rowsOf(message)),
    handleReadyForQuery() {
      flush();
      stream.push(null);
      // nobody reads any more, so nothing else would let the connection go on
      wire?.stream.resume();
    },
    handleError: (error: Error) => stream.destroy(error),
  } as unknown as pg.Submittable);
  return Object.assign(stream, { rows: () => rows });
}

/** `COPY … FROM STDIN` as a stream; `rows()` is known once it has finished. Destroyed, it makes the server discard the COPY. */
export function copyIn(client: pg.Client, sql: string): Writable & { rows(): number } {
  let wire: Wire | null = null;
  let rows = 0;
  let failed: Error | null = null;
  let opened: ((error?: Error | null) => void) | null = null;
  let settled: ((error?: Error | null) => void) | null = null;
  const query = {
    submit(connection: Wire) {
      connection.query(sql);
    },
    handleCopyInResponse(connection: Wire) {
      wire = connection;
      opened?.();
    },
    handleCommandComplete: (message: { text?: string }) => (rows = rowsOf(message)),
    handleReadyForQuery: () => settled?.(failed),
    // also called when the connection is lost
    handleError(error: Error) {
      failed = error;
      if (!wire) opened?.(error);
      else if (settled) settled(error);
      else stream.destroy(error);
    },
  };
  const stream: Writable = new Writable({
    construct(done) {
      opened = done;
      client.query(query as unknown as pg.Submittable);
    },
    write(chunk: Buffer, _encoding, done) {
      wire!.sendCopyFromChunk(chunk);
      if (wire!.stream.writableNeedDrain) wire!.stream.once('drain', done);
      else done();
    },
    final(done) {
      settled = done;
      wire!.endCopyFrom();
    },
    destroy(error, done) {
      if (error && wire && !failed) wire.sendCopyFail('the source failed');
      done(error);
    },
  });
  return Object.assign(stream, { rows: () => rows });
}
