import type { ServerResponse } from 'node:http';
import type { Failure } from '#platform/errors';
import { failureReply, success } from '#platform/http';
import { writeHead } from './exchange/head.ts';
import type { TokenUsage } from './usage.ts';

export type Face = 'envelope' | 'openai';

const oneWrite = 16 * 1024;

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

/** Answers JSON that is written already. `headers`: names and values in turn. */
export function sendBytes(response: ServerResponse, status: number, body: Buffer, headers: readonly string[]): void {
  response.writeHead(status, [
    ...headers,
    'content-type',
    'application/json; charset=utf-8',
    'content-length',
    String(body.length),
    'x-content-type-options',
    'nosniff',
  ]);
  endWith(response, body);
}

/** Answers JSON that a model gave: `lines` are header lines with their CRLF. */
export function sendAnswer(response: ServerResponse, body: Buffer, lines: string): void {
  writeHead(response, `${lines}${answerLines}`, body.length);
  endWith(response, body);
}

const answerLines = 'content-type: application/json; charset=utf-8\r\nx-content-type-options: nosniff\r\n';

/** As a string it leaves in one write with its head; Latin-1 takes each byte as it is. */
function endWith(response: ServerResponse, body: Buffer): void {
  if (body.length <= oneWrite) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>>,
): void {
  sendBytes(response, status, Buffer.from(JSON.stringify(value)), Object.entries(headers).flat());
}

/** Answers a failure in the face's own shape; returns its status and errorId for log and record. */
export function sendFailure(
  response: ServerResponse,
  face: Face,
  error: unknown,
  headers: Readonly<Record<string, string>>,
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

export function sendEnvelope(response: ServerResponse, data: unknown, headers: Readonly<Record<string, string>>): void {
  sendJson(response, 200, success(data), headers);
}

/** A whole OpenAI answer as the envelope shows it: choices, usage, model and endpoint. */
export function envelopeOf(
  answer: Buffer,
  usage: TokenUsage | null,
  target: { modelName: string; endpointId: string },
): Buffer {
  const { choices } = JSON.parse(answer.toString('utf8')) as { choices?: unknown };
  const tokens = usage ?? { prompt_tokens: 0, completion_tokens: 0 };
  const data = {
    choices: choices ?? [],
    usage: { ...tokens, total_tokens: tokens.prompt_tokens + tokens.completion_tokens },
    model: target.modelName,
    endpoint: target.endpointId,
  };
  return Buffer.from(JSON.stringify(success(data)));
}
