/** The limit in plain Node: check the key, parse, validate, forward, read the usage. No framework, no promise, no Web stream. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool, type Dispatcher } from 'undici';
import {
  account,
  errorBody,
  faultOf,
  keys,
  port,
  prepare,
  ready,
  upstream,
  upstreamKey,
  usageIn,
  type ChatBody,
  type KeyUse,
} from './job.ts';

const pool = new Pool(upstream.origin, {
  connections: 256,
  pipelining: 1,
  keepAliveTimeout: 60_000,
  headersTimeout: 0,
  bodyTimeout: 0,
});
const headers = ['authorization', upstreamKey, 'content-type', 'application/json'];

/** Writes what the upstream sends straight into the response, and keeps it where the usage is in the whole. */
function forwardTo(response: ServerResponse, use: KeyUse): Dispatcher.DispatchHandler {
  let whole: Buffer[] | null = null;
  let usage: { total_tokens?: number } | undefined;
  return {
    onRequestStart() {},
    onResponseStart(_, status, { 'content-type': type, 'content-length': length }) {
      const isStream = typeof type === 'string' && type.startsWith('text/event-stream');
      if (!isStream) whole = [];
      const head = ['content-type', String(type)];
      if (typeof length === 'string') head.push('content-length', length);
      response.writeHead(status, head);
    },
    onResponseData(controller, piece) {
      if (whole !== null) {
        whole.push(piece);
        return;
      }
      usage = usageIn(piece) ?? usage;
      if (response.write(piece)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd() {
      if (whole === null) response.end();
      else {
        const body = whole.length === 1 ? whole[0]! : Buffer.concat(whole);
        try {
          usage = (JSON.parse(body.toString()) as { usage?: { total_tokens?: number } }).usage;
        } catch {
          usage = undefined;
        }
        response.end(body);
      }
      account(use, usage);
    },
    onResponseError(_, error) {
      if (response.headersSent) response.destroy();
      else fail(response, 502, String(error));
    },
  };
}

function fail(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, ['content-type', 'application/json']);
  response.end(errorBody(message));
}

const server = createServer({ keepAliveTimeout: 60_000, noDelay: true }, (request, response) => {
  const use = keys.get(request.headers.authorization);
  if (use === undefined) return fail(response, 401, 'The key is wrong.');
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    let body: unknown;
    try {
      body = JSON.parse((pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)).toString());
    } catch {
      return fail(response, 400, 'The body is not JSON.');
    }
    const fault = faultOf(body);
    if (fault !== '') return fail(response, 400, fault);
    pool.dispatch(
      { path: '/v1/chat/completions', method: 'POST', headers, body: prepare(body as ChatBody) },
      forwardTo(response, use),
    );
  });
});
server.listen(port, '127.0.0.1', () => ready((server.address() as AddressInfo).port));
