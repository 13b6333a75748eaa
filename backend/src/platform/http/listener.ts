import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { failure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import { METHODS, createServer } from '#platform/node';
import { failureBody, failureReply } from './envelope.ts';
import { openLane } from './lane/index.ts';
import type { Reply, RequestHead } from './reply.ts';

/** Takes whole requests before the framework does: the inference path, sign-in, resumable uploads. */
export interface RawHandler {
  matches(path: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse, requestId: string): void;
  /** Plain requests to these paths come whole, past Node's HTTP server where they can: see `openLane`. */
  readonly whole?: {
    matches(path: string): boolean;
    handle(request: RequestHead, body: Buffer, reply: Reply, requestId: string): void;
  };
}

interface ListenerDeps {
  raw: readonly RawHandler[];
  checkHost(request: RequestHead): void;
}

/** What listens: raw handlers take theirs, the framework has the rest. Refusals are told in the envelope. */
export function createListener(deps: ListenerDeps, framework: RequestListener): Server {
  const server = createServer(
    { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 65_000, noDelay: true },
    (request, response) => {
      const path = pathOf(request);
      try {
        deps.checkHost(request);
        if (!commonMethods.has(request.method ?? ''))
          throw failure('method_not_allowed', { headers: { allow: 'DELETE, GET, PATCH, POST, PUT' } });
        const raw = deps.raw.find((candidate) => candidate.matches(path));
        if (raw === undefined) framework(request, response);
        else raw.handle(request, response, newRequestId(request));
      } catch (error) {
        const reply = failureReply(error);
        const body = Buffer.from(JSON.stringify(failureBody(path, reply)));
        response.writeHead(reply.status, {
          ...securityHeaders,
          ...reply.headers,
          'x-request-id': requestIdOf(request),
          'content-type': jsonType,
          'content-length': body.length,
        });
        response.end(request.method === 'HEAD' ? undefined : body);
      }
    },
  );
  const whole = deps.raw.flatMap((handler) => handler.whole ?? []);
  if (whole.length > 0) {
    openLane(server, {
      takes: (url) => whole.some(({ matches }) => matches(pathOf({ url }))),
      handle(request, body, reply) {
        const id = newRequestId(request);
        try {
          deps.checkHost(request);
          const path = pathOf(request);
          whole.find(({ matches }) => matches(path))!.handle(request, body, reply, id);
        } catch (error) {
          const failed = failureReply(error);
          const all = { ...securityHeaders, ...failed.headers, 'x-request-id': id, 'content-type': jsonType };
          const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
          reply.whole(failed.status, lines.join(''), Buffer.from(JSON.stringify(failureBody(pathOf(request), failed))));
        }
      },
    });
  }
  return server;
}

const jsonType = 'application/json; charset=utf-8';

const commonMethods = new Set(
  METHODS.filter((method) => ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'].includes(method)),
);

/** Bytes that are no HTTP request: told in the envelope, and the connection ends. */
export function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const known =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? failure('headers_too_large')
      : failure('body_malformed', { message: 'This is not a well-formed HTTP request.' });
  const body = JSON.stringify(failureReply(known).envelope);
  socket.end(
    `HTTP/1.1 ${known.status} Refused\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

export const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
};

const requestIdForm = /^[A-Za-z0-9._:-]{1,128}$/;
const requestIds = new WeakMap<IncomingMessage, string>();

/** `x-request-id` as it came when it is a plain token, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const known = requestIds.get(request);
  if (known !== undefined) return known;
  const id = newRequestId(request);
  requestIds.set(request, id);
  return id;
}

function newRequestId(request: RequestHead): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && requestIdForm.test(given) ? given : uuidv7();
}

export function pathOf({ url = '/' }: Pick<RequestHead, 'url'>): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}
