import type { Socket } from 'node:net';
import { STATUS_CODES } from '#platform/node';
import { frame, type Writer } from '#platform/wire';
import type { Reply } from '../reply.ts';

export const keepAliveSeconds = 65;
/** up to here one write of a text is cheaper than one of its parts */
const oneWrite = 16 * 1024;
const lastChunk = Buffer.from('0\r\n\r\n', 'latin1');

/** The answer to one request of a connection, written to it as it is. `ended` is called once, when the next request may be answered. */
export interface LaneReply extends Reply {
  /** The client is gone. */
  close(): void;
  drained(): void;
}

export function createReply(socket: Socket, writer: Writer, staysOpen: () => boolean, ended: () => void): LaneReply {
  let onClose: (() => void) | null = null;
  let onDrain: (() => void) | null = null;
  let head: string | null = null;
  let parts: Buffer[] = [];
  let size = 0;

  function finish(): void {
    reply.closed = true;
    if (staysOpen()) ended();
    else socket.end();
  }

  function add(part: Buffer): void {
    parts.push(part);
    size += part.length;
  }

  /** Everything that waits, as one. */
  function gather(): Buffer {
    const before = head ?? '';
    const whole = Buffer.allocUnsafe(before.length + size);
    let at = before === '' ? 0 : whole.write(before, 0, 'latin1');
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    head = null;
    parts = [];
    size = 0;
    return whole;
  }

  // with accessors it would have a hidden class of its own, which only a full collection removes, with all that it leads to
  const reply = {
    opened: false,
    closed: false,
    watch(close: () => void, drain: () => void) {
      onClose = close;
      onDrain = drain;
    },
    whole(status: number, lines: string, body: Buffer) {
      if (reply.closed || reply.opened) return;
      reply.opened = true;
      const text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}content-length: ${body.length}\r\n${tail(staysOpen())}`;
      // Latin-1 takes each byte as it is
      if (body.length <= oneWrite) writer.write(text + body.toString('latin1'));
      else {
        socket.cork();
        socket.write(text, 'latin1');
        socket.write(body);
        socket.uncork();
      }
      finish();
    },
    open(lines: string) {
      if (reply.closed || reply.opened) return;
      reply.opened = true;
      head = `HTTP/1.1 200 OK\r\n${lines}transfer-encoding: chunked\r\n${tail(staysOpen())}`;
    },
    frames: add,
    body(bytes: Buffer) {
      if (bytes.length > 0) add(frame(bytes));
    },
    flush: () => size === 0 || reply.closed || writer.write(gather()),
    end: () => reply.ending()(),
    ending() {
      if (reply.closed) return () => {};
      add(lastChunk);
      const rest = gather();
      return () => {
        if (reply.closed) return;
        writer.write(rest);
        finish();
      };
    },
    close() {
      if (reply.closed) return;
      reply.closed = true;
      onClose?.();
    },
    drained: () => onDrain?.(),
  };
  return reply;
}

let second = 0;
let kept = '';

/** The last header lines and the blank one. */
function tail(staysOpen: boolean): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    kept = `date: ${new Date(now * 1000).toUTCString()}\r\n`;
  }
  return staysOpen
    ? `${kept}connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSeconds}\r\n\r\n`
    : `${kept}connection: close\r\n\r\n`;
}
