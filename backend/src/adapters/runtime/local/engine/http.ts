import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from '#platform/node';
import { ApiError, errorBody } from './errors.ts';

const MAX_BODY = 32 * 1024 * 1024;

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

interface Deps {
  key: string;
  /** by path, then by method */
  routes: Record<string, Record<string, Handler>>;
  log(line: string): void;
}

/** A bare server: every request needs the key; errors leave in OpenAI's shape. */
export function createEngineServer({ key, routes, log }: Deps): Server {
  const expected = digest(`Bearer ${key}`);
  return createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    void handle(request, response).catch((error: unknown) => {
      const { status, body } = errorBody(error);
      if (status === 500) log(`error: ${error instanceof Error ? error.stack : String(error)}`);
      if (response.headersSent) response.destroy();
      else sendJson(response, status, body, status === 503 ? { 'retry-after': '1' } : {});
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
      throw new ApiError(401, 'invalid_api_key', 'The key of this engine is missing or wrong.');
    }
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const methods = routes[path];
    if (methods === undefined) throw new ApiError(404, 'route_unknown', `There is nothing at ${path}.`);
    const handler = methods[request.method ?? ''];
    if (handler === undefined) {
      response.setHeader('allow', Object.keys(methods).join(', '));
      throw new ApiError(405, 'method_not_allowed', `${path} takes ${Object.keys(methods).join(', ')}.`);
    }
    await handler(request, response);
  }
}

export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new ApiError(413, 'payload_too_large', `The body is larger than ${MAX_BODY} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new ApiError(400, 'invalid_json', 'The body is not JSON.');
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers })
    .end(text);
}

const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
