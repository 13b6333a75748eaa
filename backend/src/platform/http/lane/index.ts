import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { createWriter } from '#platform/wire';
import type { Reply, RequestHead } from '../reply.ts';
import { maximumHead, readHead, type LaneHead } from './head.ts';
import { readFrom } from './reading.ts';
import { keepAliveSeconds, LaneReply, type ReplyHost } from './reply.ts';

export interface LaneDeps {
  /** whether requests to this path and query may be taken */
  takes(url: string): boolean;
  /** A request that came whole. Must answer it, and not throw. */
  handle(request: RequestHead, body: Buffer, reply: Reply): void;
}

/** A connection, from one request to the next. */
interface Lane extends ReplyHost {
  /** what came and is not used yet; within a turn of reading, not ours to keep */
  held: Buffer | null;
  /** the request that is being read, once its head is there */
  filling: { head: Known; body: Buffer; filled: number } | null;
  /** of the one before: clients mostly send the same head again */
  before: Known | null;
  /** the answer under way */
  reply: LaneReply | null;
  advancing: boolean;
  /** ms of `performance.now()`; Infinity: none */
  deadline: number;
  handOver(): void;
}

interface Known extends LaneHead {
  /** without its blank line */
  bytes: Buffer;
  request: RequestHead;
}

const mostBody = 128 * 1024;
/** of requests that wait for the answer to the one before */
const mostAhead = 64 * 1024;
const readMs = 30_000;
const tickMs = 1_000;
const blankLine = Buffer.from('\r\n\r\n', 'latin1');
const start = Buffer.from('POST /', 'latin1');

/**
 * Reads requests that are plain beyond doubt (`readHead`), to paths that are taken and with at most 128 KiB, past Node's HTTP server, which
 * costs more than all else that is done for an inference request. At the first request of another kind a connection is handed over to
 * Node's server, with all its bytes from that request on, for the rest of its life: what could be read in two ways has one reader.
 */
export function openLane(server: Server, deps: LaneDeps): void {
  const node = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  const lanes = new Set<Lane>();
  let timer: NodeJS.Timeout | null = null;

  function accept(socket: Socket): void {
    const onDrain = (): void => lane.reply?.drained();
    const gone = (): void => {
      socket.destroy();
      forget(lane);
      lane.reply?.close();
    };
    const lane: Lane = {
      socket,
      writer: createWriter(socket, onDrain),
      held: null,
      filling: null,
      before: null,
      reply: null,
      advancing: false,
      deadline: performance.now() + readMs,
      staysOpen: () => server.listening,
      ended: () => ended(lane),
      handOver() {
        forget(lane);
        release();
        socket.off('drain', onDrain).off('end', gone).off('error', gone).off('close', gone);
        const bytes = unread(lane);
        lane.held = lane.filling = null;
        if (bytes.length > 0) socket.unshift(bytes);
        for (const listener of node) listener.call(server, socket);
        socket.resume();
      },
    };
    lanes.add(lane);
    timer ??= setInterval(tick, tickMs).unref();
    const release = readFrom(socket, (bytes) => read(lane, bytes));
    socket.on('drain', onDrain).on('end', gone).on('error', gone).on('close', gone);
  }

  function forget(lane: Lane): void {
    lanes.delete(lane);
    if (lanes.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  function read(lane: Lane, bytes: Buffer): void {
    const rest = lane.filling === null ? bytes : bytes.subarray(fill(lane, bytes));
    if (rest.length === 0 && lane.filling === null) return;
    if (rest.length > 0) lane.held = lane.held === null ? rest : Buffer.concat([lane.held, rest]);
    advance(lane);
    if (lane.held === null) return;
    lane.held = Buffer.from(lane.held);
    if (lane.reply !== null && lane.held.length > mostAhead) lane.socket.pause();
  }

  /** Takes what is whole, one after the other. */
  function advance(lane: Lane): void {
    if (lane.advancing) return;
    lane.advancing = true;
    while (lane.reply === null && lane.filling === null && lane.held !== null) if (!take(lane, lane.held)) break;
    lane.advancing = false;
  }

  /** False: more has to come, or it is not ours to read. */
  function take(lane: Lane, held: Buffer): boolean {
    const end = held.indexOf(blankLine);
    if (end === -1) {
      const begun = Math.min(held.length, start.length);
      if (held.length > maximumHead || held.compare(start, 0, begun, 0, begun) !== 0) lane.handOver();
      else wait(lane);
      return false;
    }
    const head = end > maximumHead ? null : known(lane, held, end);
    if (head === null) {
      lane.handOver();
      return false;
    }
    const from = end + blankLine.length;
    lane.filling = { head, body: Buffer.allocUnsafe(head.length), filled: 0 };
    lane.held = null;
    const to = from + fill(lane, held.subarray(from));
    if (to < held.length) lane.held = held.subarray(to);
    return true;
  }

  /** Answers how many bytes of the body these were; with the last one, the request is handled. */
  function fill(lane: Lane, bytes: Buffer): number {
    const { head, body, filled } = lane.filling!;
    const count = bytes.copy(body, filled);
    lane.filling!.filled += count;
    if (filled + count < body.length) {
      wait(lane);
      return count;
    }
    lane.filling = null;
    lane.before = head;
    lane.deadline = Infinity;
    lane.reply = new LaneReply(lane);
    deps.handle(head.request, body, lane.reply);
    return count;
  }

  function known({ before, socket }: Lane, held: Buffer, end: number): Known | null {
    if (before !== null && before.bytes.length === end && before.bytes.compare(held, 0, end) === 0) return before;
    const head = readHead(held.toString('latin1', 0, end));
    if (head === null || head.length > mostBody || !deps.takes(head.url)) return null;
    const { url, headers, rawHeaders } = head;
    const request = { method: 'POST', url, headers, rawHeaders: rawHeaders as string[], socket };
    return { ...head, bytes: Buffer.from(held.subarray(0, end)), request };
  }

  /** It began now at the latest. */
  function wait(lane: Lane): void {
    lane.deadline = Math.min(lane.deadline, performance.now() + readMs);
  }

  function ended(lane: Lane): void {
    lane.reply = null;
    lane.deadline = performance.now() + keepAliveSeconds * 1000;
    if (lane.held === null || lane.advancing) return;
    lane.deadline = performance.now() + readMs;
    lane.socket.resume();
    advance(lane);
    if (lane.held !== null) lane.held = Buffer.from(lane.held);
  }

  function tick(): void {
    const now = performance.now();
    for (const lane of lanes) {
      if (lane.deadline > now) continue;
      // whoever is slow is told so by Node's server, in its own time
      if (isIdle(lane)) lane.socket.destroySoon();
      else lane.handOver();
    }
  }

  const { closeIdleConnections, closeAllConnections } = server;
  server.removeAllListeners('connection').on('connection', accept);
  server.closeIdleConnections = () => {
    for (const lane of lanes) if (isIdle(lane)) lane.socket.destroySoon();
    closeIdleConnections.call(server);
  };
  server.closeAllConnections = () => {
    for (const { socket } of lanes) socket.destroy();
    closeAllConnections.call(server);
  };
}

const isIdle = ({ held, filling, reply }: Lane): boolean => held === null && filling === null && reply === null;

/** What came of a request that is not complete, as it came. */
function unread({ held, filling }: Lane): Buffer {
  if (filling === null) return held === null ? Buffer.alloc(0) : Buffer.from(held);
  return Buffer.concat([filling.head.bytes, blankLine, filling.body.subarray(0, filling.filled)]);
}
