import type { Failure } from '#platform/errors';
import { failureReply, success, type Reply } from '#platform/http';
import type { TokenUsage } from './usage.ts';

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
  const told = `${failure.message}${detail}`;
  return {
    error: {
      // what an engine says seldom ends as a sentence does
      message: `${told}${/[.!?…]$/.test(told) ? '' : '.'} ${failure.remedy}`.trim(),
      type: errorType(failure.status),
      param: issue?.path ?? null,
      code: failure.code,
    },
  };
}

const jsonLines = 'content-type: application/json; charset=utf-8\r\nx-content-type-options: nosniff\r\n';

/** Answers JSON that a model gave: `lines` are header lines with their CRLF. */
export const sendAnswer = (reply: Reply, body: Buffer, lines: string): void =>
  reply.whole(200, lines + jsonLines, body);

export function sendJson(
  reply: Reply,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>>,
): void {
  reply.whole(status, linesOf(headers) + jsonLines, Buffer.from(JSON.stringify(value)));
}

/** Header lines of names and values: what no header can carry is left out of the values. */
const linesOf = (headers: Readonly<Record<string, string>>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '')}\r\n`)
    .join('');

/** Answers a failure in the face's own shape; returns its status and errorId for log and record. */
export function sendFailure(
  reply: Reply,
  face: Face,
  error: unknown,
  headers: Readonly<Record<string, string>>,
): { status: number; errorId: string; failure: Failure } {
  const { failure, status, envelope, headers: own } = failureReply(error);
  const { errorId } = envelope.data;
  if (!reply.opened) {
    const value = face === 'envelope' ? envelope : openAiError(failure);
    sendJson(reply, status, value, { ...headers, ...own, 'x-error-id': errorId });
  } else if (!reply.closed) {
    // The stream has begun: the failure travels in it, since the status cannot change any more.
    reply.body(Buffer.from(`data: ${JSON.stringify(openAiError(failure))}\n\n`));
    reply.end();
  }
  return { status, errorId, failure };
}

export function sendEnvelope(reply: Reply, data: unknown, headers: Readonly<Record<string, string>>): void {
  sendJson(reply, 200, success(data), headers);
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
