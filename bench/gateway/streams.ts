import { Agent, request as httpRequest, type ClientRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { RecordableHistogram } from 'node:perf_hooks';
import type { Peer } from './peers/peer.ts';

export interface StreamCounts {
  begun: number;
  open: number;
  pieces: number;
  /** Ended otherwise than asked, with what was said last. */
  broken: number;
  reason: string;
}

export interface Streams {
  counts: StreamCounts;
  /** Where the time between two pieces of a stream goes, in microseconds. */
  recordInto(histogram: RecordableHistogram): void;
  close(): void;
}

const bodyOf = (peer: Peer, marks: string): string =>
  JSON.stringify({
    model: peer.model,
    max_tokens: 256,
    stream: true,
    messages: [{ role: 'user', content: `Tell me a long story. ${marks}` }],
  });

/** Keeps so many streams open, each with a piece every 50 ms; every second one ends after a minute and begins anew. */
export function openStreams(peer: Peer, count: number): Streams {
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  const counts: StreamCounts = { begun: 0, open: 0, pieces: 0, broken: 0, reason: '' };
  const requests = new Set<ClientRequest>();
  let histogram: RecordableHistogram | null = null;
  let closed = false;

  function open(pieces: number): void {
    if (closed) return;
    counts.begun++;
    counts.open++;
    const asking = httpRequest(`${peer.url}/v1/chat/completions`, {
      agent,
      method: 'POST',
      headers: { ...peer.headers, 'content-type': 'application/json' },
    });
    requests.add(asking);
    let tail = '';
    let status = 0;
    asking.on('response', (response) => {
      status = response.statusCode ?? 0;
      let last = 0;
      response.on('data', (piece: Buffer) => {
        counts.pieces++;
        const now = performance.now();
        if (last > 0) histogram?.record(Math.max(1, Math.round((now - last) * 1000)));
        last = now;
        tail = piece.toString('latin1').slice(-300);
      });
      // an error shows as an answer without its end
      response.on('error', () => {});
    });
    asking.on('error', (error) => (tail = error.message));
    asking.on('close', () => {
      requests.delete(asking);
      counts.open--;
      if (closed) return;
      if (status !== 200 || !tail.endsWith('data: [DONE]\n\n')) {
        counts.broken++;
        counts.reason = `${status}: ${tail}`;
      }
      // what is refused at once is not asked for without end
      setTimeout(() => open(pieces), status === 200 ? 0 : 1000).unref();
    });
    asking.end(bodyOf(peer, `@@delay=50@@ @@chunks=${pieces}@@`));
  }

  for (let number = 0; number < count; number++) open(number % 2 === 0 ? endless : 1200);
  return {
    counts,
    recordInto: (next) => (histogram = next),
    close() {
      closed = true;
      for (const asking of requests) asking.destroy();
      agent.destroy();
    },
  };
}

const endless = 1_000_000_000;

/** A client that reads 1 KB/s of a stream whose upstream sends as fast as it is let. */
export function openSlowClient(peer: Peer): { received(): number; isOpen(): boolean; close(): void } {
  const { hostname, port, host } = new URL(peer.url);
  const body = bodyOf(peer, `@@chunks=${endless}@@`);
  const headers = Object.entries(peer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket: Socket = connect(Number(port), hostname);
  let received = 0;
  socket.on('error', () => {});
  // listening for it keeps the socket from flowing
  socket.on('readable', () => {});
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\n${headers.join('')}content-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const timer = setInterval(() => {
    const piece = socket.read(1024) as Buffer | null;
    received += piece?.length ?? 0;
  }, 1000);
  return {
    received: () => received,
    isOpen: () => !socket.destroyed,
    close() {
      clearInterval(timer);
      socket.destroy();
    },
  };
}
