import type { IncomingMessage } from 'node:http';
import type { RouteSpec } from '@llm-ops/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from '#platform/access';
import type { Logger } from '#platform/log';
import { failureBody, failureReply, success } from './envelope.ts';
import { eventText, type EventAnswer } from './events.ts';
import { pathOf } from './listener.ts';
import type { FileAnswer, Paged } from './types.ts';

/** who asked, for the log line of a failure */
export const users = new WeakMap<IncomingMessage, string>();

/** What a handler answered, as its route says: in the envelope, a page of a list, a file, or as it is. */
export async function answer(
  route: RouteSpec,
  result: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (route.answer === 'file') return sendFile(result as FileAnswer, reply);
  if (route.answer === 'plain') return reply.send(result);
  if (route.list !== true) return reply.send(success(result));
  const page = result as Paged<unknown>;
  if (page.next !== null) {
    const next = new URL(request.url, 'http://localhost');
    next.searchParams.set('cursor', page.next);
    reply.header('link', `<${next.pathname}${next.search}>; rel="next"`);
  }
  return reply.send(success(page.rows));
}

/** As long as it is open; `renew`: looks again who the caller is and what may be seen, and throws when nothing may be. */
export function sendEvents(
  answer: EventAnswer,
  reply: FastifyReply,
  { renew, signal }: { renew(): Promise<Access>; signal: AbortSignal },
): FastifyReply {
  reply.header('content-type', 'text/event-stream; charset=utf-8');
  reply.header('cache-control', 'no-cache, no-transform');
  // nginx would gather the events
  reply.header('x-accel-buffering', 'no');
  return reply.send(eventText({ answer, renew, signal }));
}

function sendFile(file: FileAnswer, reply: FastifyReply): FastifyReply {
  reply.header('content-type', file.contentType);
  if (file.size !== undefined) reply.header('content-length', file.size);
  if (file.etag !== undefined) reply.header('etag', file.etag);
  if (file.fileName !== undefined)
    reply.header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(file.fileName)}`);
  return reply.send(file.body);
}

/** In the envelope, and in the log. */
export function sendFailure(log: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const told = failureReply(error);
  const { failure: known, status, headers, envelope } = told;
  const entry = {
    errorId: envelope.data.errorId,
    code: known.code,
    method: request.method,
    path: request.url.split('?')[0],
    requestId: request.id,
    user: users.get(request.raw) ?? null,
    category: status < 500 ? 'client_error' : 'server_error',
  };
  if (status >= 500) log.error({ ...entry, err: known.cause ?? known }, known.message);
  else log.info(entry, known.message);
  const body = failureBody(pathOf(request.raw), told);
  // where the body has no room for it
  if (body !== envelope) reply.header('x-error-code', known.code);
  return reply.status(status).headers(headers).type('application/json; charset=utf-8').send(body);
}
