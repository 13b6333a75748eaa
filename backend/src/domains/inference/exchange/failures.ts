import { withoutCredentials } from '#platform/egress';
import { catalogue, failure, type Failure } from '#platform/errors';
import type { WireError } from '#platform/wire';
import type { Face } from '../replies.ts';
import type { Destination } from '../routing/choice.ts';

/** What failures say that quote an engine: its words may repeat what was asked, which is kept only where content is. */
const quotes = new WeakMap<Failure, string>();

function quoting(said: Failure, own: string): Failure {
  quotes.set(said, own);
  return said;
}

const mostRemembered = 500;

/** What the request log remembers of a failure; `content`: what was asked may be kept. */
export function rememberedOf(error: Failure, content: boolean): { message: string; remedy: string } {
  const own = content ? undefined : quotes.get(error);
  const issue = error.issues?.[0];
  const message = own ?? (issue === undefined ? error.message : `${error.message} ${issue.path}: ${issue.message}`);
  return { message: message.slice(0, mostRemembered), remedy: error.remedy };
}

/** The upstream's refusal in our words: the client's own mistakes keep their status, the rest is the platform's trouble. Pure. */
export function refusalOf(
  answer: { status: number; body: Buffer; retryAfter: string | null },
  { target, address }: Destination,
  route: string,
  face: Face,
): Failure {
  const { status } = answer;
  const message = messageIn(withoutCredentials(answer.body.toString('utf8'), address.headers).slice(0, 2000));
  const said = message === '' ? '' : ` ${address.provider} says: ${message}`;
  const retryAfter = /^\d{1,6}$/.test(answer.retryAfter ?? '') ? answer.retryAfter! : '5';
  if (status === 429) {
    const own = `"${route}" is asked too often.`;
    return quoting(
      failure('upstream_rate_limited', { message: own + said, headers: { 'retry-after': retryAfter } }),
      own,
    );
  }
  if (status === 400 || status === 404 || status === 413 || status === 422) {
    const own = catalogue.upstream_refused.message;
    const told = face === 'openai' && message !== '' ? message : own + said;
    return quoting(failure('upstream_refused', { message: told }), own);
  }
  if (status === 503) {
    const own = `The engine of "${route}" (${target.modelName}) is not ready.`;
    return quoting(
      failure('endpoint_unavailable', { message: own + said, headers: { 'retry-after': retryAfter } }),
      own,
    );
  }
  const remedy =
    status === 401 || status === 403
      ? "Check the provider's API key: test the connection on the model's page."
      : undefined;
  const own = `The engine of "${route}" failed with ${status}.`;
  return quoting(failure('upstream_failed', { message: own + said, ...(remedy === undefined ? {} : { remedy }) }), own);
}

/** What a refusal is: 400 where an engine calls its own failure what is a mistake of the request. Pure. */
export function statusOfRefusal(status: number, body: Buffer, mistakes: readonly RegExp[]): number {
  if (status < 500 || mistakes.length === 0) return status;
  const message = messageIn(body.toString('utf8'));
  return mistakes.some((mistake) => mistake.test(message)) ? 400 : status;
}

function messageIn(text: string): string {
  let message = text;
  try {
    const parsed = JSON.parse(text) as { error?: { message?: unknown } | string; message?: unknown };
    const found = typeof parsed.error === 'string' ? parsed.error : (parsed.error?.message ?? parsed.message);
    if (typeof found === 'string') message = found;
  } catch {
    // plain text
  }
  return message.trim().slice(0, 500);
}

/** No (whole) answer came. Pure. */
export function brokenOff(error: WireError, route: string): Failure {
  if (error.kind === 'timeout')
    return failure('upstream_timeout', {
      message: `"${route}" did not answer in time: no ${error.waitedFor ?? 'answer'}.`,
      cause: error,
    });
  const what = error.kind === 'connect' ? 'cannot be reached' : 'cannot be reached or broke off';
  return failure('upstream_failed', { message: `The engine of "${route}" ${what}.`, cause: error });
}

export const nonsense = (route: string, what: string): Failure =>
  failure('upstream_failed', { message: `The engine of "${route}" ${what}.` });

/** An engine told of an error of its own in the middle of its answer. Pure. */
export function toldByEngine(said: string, { address }: Destination, route: string): Failure {
  const own = 'failed in the middle of its answer';
  const words = withoutCredentials(said, address.headers).slice(0, 500);
  return quoting(nonsense(route, `${own}: ${words}`), `The engine of "${route}" ${own}.`);
}
