import type { Socket } from 'node:net';
import { STATUS_CODES } from '#platform/node';
import { frame, type Writer } from '#platform/wire';
import type { Reply, ReplyWatcher } from '../reply.ts';

export const keepAliveSeconds = 65;
/** up to here one write of a text is cheaper than one of its parts */
const oneWrite = 16 * 1024;
const lastChunk = Buffer.from('0\r\n\r\n', 'latin1');

/** The connection that an answer goes to. */
export interface ReplyHost {
  readonly socket: Socket;
  readonly writer: Writer;
  /** whether another request may come */
  staysOpen(): boolean;
  /** Called once, when the next request may be answered. */
  ended(): void;
}

/**
 * The answer to one request of a connection, written to it as it is. A class, for all its methods together take what each closure would, of which
 * a request makes one of everything (decision 30); without accessors, as an object with those has a hidden class of its own, which only
 * a full collection removes.
 */
export class LaneReply implements Reply {
  opened: boolean;
  closed: boolean;
  private readonly host: ReplyHost;
  private watcher: ReplyWatcher | null;
  private head: string;
  private parts: Buffer[];
  private size: number;

  constructor(host: ReplyHost) {
    this.opened = false;
    this.closed = false;
    this.host = host;
    this.watcher = null;
    this.head = '';
    this.parts = none;
    this.size = 0;
  }

  watch(watcher: ReplyWatcher): void {
    this.watcher = watcher;
  }

  whole(status: number, lines: string, body: Buffer): void {
    if (this.closed || this.opened) return;
    this.opened = true;
    const { socket, writer } = this.host;
    const text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}content-length: ${body.length}\r\n${tail(this.host.staysOpen())}`;
    if (body.length <= oneWrite) writer.writeTogether(text, [body], body.length);
    else {
      socket.cork();
      socket.write(text, 'latin1');
      socket.write(body);
      socket.uncork();
    }
    this.finish();
  }

  open(lines: string): void {
    if (this.closed || this.opened) return;
    this.opened = true;
    this.head = `HTTP/1.1 200 OK\r\n${lines}transfer-encoding: chunked\r\n${tail(this.host.staysOpen())}`;
  }

  frames(bytes: Buffer): void {
    if (this.parts === none) this.parts = [bytes];
    else this.parts.push(bytes);
    this.size += bytes.length;
  }

  body(bytes: Buffer): void {
    if (bytes.length > 0) this.frames(frame(bytes));
  }

  flush(): boolean {
    if (this.size === 0 || this.closed) return true;
    const { head, parts, size } = this;
    this.head = '';
    this.parts = none;
    this.size = 0;
    return this.host.writer.writeTogether(head, parts, size);
  }

  end(): void {
    this.ending()();
  }

  ending(): () => void {
    if (this.closed) return () => {};
    this.frames(lastChunk);
    const rest = this.gather();
    return () => {
      if (this.closed) return;
      this.host.writer.write(rest);
      this.finish();
    };
  }

  /** The client is gone. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.watcher?.gone();
  }

  drained(): void {
    this.watcher?.drained();
  }

  private finish(): void {
    this.closed = true;
    if (this.host.staysOpen()) this.host.ended();
    else this.host.socket.end();
  }

  /** Everything that waits, as one. */
  private gather(): Buffer {
    const { head, parts } = this;
    const whole = Buffer.allocUnsafe(head.length + this.size);
    let at = head === '' ? 0 : whole.write(head, 0, 'latin1');
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.head = '';
    this.parts = none;
    this.size = 0;
    return whole;
  }
}

/** Never added to. */
const none: Buffer[] = [];

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
