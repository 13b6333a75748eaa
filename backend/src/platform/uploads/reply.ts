import type { IncomingMessage, ServerResponse } from 'node:http';
import { failure, isFailure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';
import { discardBody } from './body.ts';

/** Answers a failure in the envelope of every other route; what is not a failure of ours becomes `internal` and is logged. */
export function replyFailure(request: IncomingMessage, response: ServerResponse, error: unknown, log: Logger): void {
  const known = isFailure(error) ? error : failure('internal', { cause: error });
  const errorId = uuidv7();
  if (known.status >= 500) log.error({ err: error, errorId, url: request.url }, 'upload request failed');
  if (response.headersSent || response.destroyed) return void response.destroy();
  const body = JSON.stringify({
    status: 'fail',
    message: known.message,
    data: { ...known.data, code: known.code, errorId, issues: known.issues, remedy: known.remedy, said: known.said },
  });
  response.writeHead(known.status, {
    ...known.headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  discardBody(request);
}
