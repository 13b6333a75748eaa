import type { ServerResponse } from 'node:http';
import type { Failure } from '#platform/errors';
import { failureReply, success } from '#platform/http';

export type Face = 'envelope' | 'openai';

/** OpenAI's error types by HTTP status, as its own API answers them. */
function errorType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

/** A failure in OpenAI's shape: its clients show `message` and branch on `code`. */
export function openAiError(failure: Pick<Failure, 'status' | 'message' | 'remedy' | 'code' | 'issues'>): {
  error: Record<string, unknown>;
} {
  const issue = failure.issues?.[0];
  const detail = issue === undefined ? '' : ` ${issue.path}: ${issue.message}`;
  return {
    error: {
      message: `${failure.message}${detail} ${failure.remedy}`.trim(),
      type: errorType(failure.status),
      param: issue?.path ?? null,
      code: failure.code,
    },
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string>,
): void {
  const body = typeof value === 'string' ? Buffer.from(value) : Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

/** Answers a failure in the face's own shape; returns its status and errorId for log and record. */
export function sendFailure(
  response: ServerResponse,
  face: Face,
  error: unknown,
  headers: Record<string, string>,
): { status: number; errorId: string; failure: Failure } {
  const reply = failureReply(error);
  const { errorId } = reply.envelope.data;
  if (!response.headersSent) {
    sendJson(response, reply.status, face === 'envelope' ? reply.envelope : openAiError(reply.failure), {
      ...headers,
      ...reply.headers,
      'x-error-id': errorId,
    });
  } else if (!response.writableEnded) {
    // The stream has begun: the failure travels in it, since the status cannot change any more.
    response.end(`data: ${JSON.stringify(openAiError(reply.failure))}\n\n`);
  }
  return { status: reply.status, errorId, failure: reply.failure };
}

export function sendEnvelope(response: ServerResponse, data: unknown, headers: Record<string, string>): void {
  sendJson(response, 200, success(data), headers);
}
