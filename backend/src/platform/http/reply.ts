import type { IncomingMessage, ServerResponse } from 'node:http';
import { unframe } from '#platform/wire';

/** What of a request is known before its body. */
export type RequestHead = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders' | 'socket'>;

/** Who answers. */
export interface ReplyWatcher {
  /** The client went away before the end. */
  gone(): void;
  /** It takes more again. */
  drained(): void;
}

/** Where the answer to a request goes: whole, or piece by piece. Nothing is sent once it is closed. */
export interface Reply {
  /** its status is decided */
  readonly opened: boolean;
  /** it has ended, or the client is gone */
  readonly closed: boolean;
  watch(watcher: ReplyWatcher): void;
  /** An answer with its length, and the end. `lines`: header lines, each with its CRLF; their values are sent as they are. */
  whole(status: number, lines: string, body: Buffer): void;
  /** Begins an answer of unknown length; status 200 and header lines leave with the first bytes. */
  open(lines: string): void;
  /** Bytes with their chunked framing; they must not change before `flush`. */
  frames(bytes: Buffer): void;
  /** Bytes without. */
  body(bytes: Buffer): void;
  /** Sends what was given; at the end of each turn in which something was. False: the client is slow, wait for `drained`. */
  flush(): boolean;
  end(): void;
  /** The end of a stream with what waits before it, whose bytes may not outlive this turn: sent when the answer is called. */
  ending(): () => void;
}

/** A reply by way of Node's own response object. */
export function replyThrough(response: ServerResponse): Reply {
  let free = true;
  response.once('close', () => (reply.closed = true));
  const reply = {
    opened: false,
    closed: response.destroyed,
    watch(watcher: ReplyWatcher) {
      response.once('close', () => {
        if (!response.writableEnded) watcher.gone();
      });
      response.on('drain', () => {
        free = true;
        watcher.drained();
      });
    },
    whole(status: number, lines: string, body: Buffer) {
      if (reply.opened) return;
      reply.opened = reply.closed = true;
      response.writeHead(status, [...pairsOf(lines), 'content-length', String(body.length)]);
      response.end(response.req.method === 'HEAD' ? undefined : body);
    },
    open(lines: string) {
      if (reply.opened) return;
      reply.opened = true;
      response.writeHead(200, pairsOf(lines));
    },
    // the bytes may be read over as soon as this turn has ended
    frames: (bytes: Buffer) => void (free = response.write(Buffer.from(unframe(bytes)))),
    body(bytes: Buffer) {
      if (bytes.length > 0) free = response.write(bytes);
    },
    flush: () => free,
    end() {
      if (reply.closed) return;
      reply.closed = true;
      response.end();
    },
    ending: () => reply.end,
  };
  return reply;
}

const pairsOf = (lines: string): string[] =>
  lines.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon === -1 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
