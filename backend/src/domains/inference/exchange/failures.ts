import { withoutCredentials } from '#platform/egress';
import { catalogue, failure, type Failure } from '#platform/errors';
import type { WireError } from '#platform/wire';
import { type Said, together } from '#platform/words';
import type { Face } from '../replies.ts';
import type { Destination } from '../routing/choice.ts';
import { words } from '../sentences.ts';

/** What failures say that quote an engine: its words may repeat what was asked, which is kept only where content is. */
const quotes = new WeakMap<Failure, Own>();

interface Own {
  message: string;
  said: Said;
}

function quoting(said: Failure, own: Own): Failure {
  quotes.set(said, own);
  return said;
}

const mostRemembered = 500;

/** What the request log remembers of a failure; `content`: what was asked may be kept. */
export function rememberedOf(error: Failure, content: boolean): { message: string; remedy: string; said: Said } {
  const { remedy } = error;
  const own = content ? undefined : quotes.get(error);
  const issue = error.issues?.[0];
  const whole = { message: error.message, remedy, said: error.said };
  const kept = own === undefined ? whole : together(whole, own);
  if (own !== undefined || issue === undefined) return { ...kept, message: kept.message.slice(0, mostRemembered) };
  // where the mistake is says more than that there is one
  const message = `${error.message} ${issue.path}: ${issue.message}`.slice(0, mostRemembered);
  const ofRemedy = kept.said['remedy'];
  return { message, remedy, said: ofRemedy === undefined ? {} : { remedy: ofRemedy } };
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
    const own = words.tell('asked_too_often', { route });
    return quoting(
      failure('upstream_rate_limited', { ...quotedBy(own, said), headers: { 'retry-after': retryAfter } }),
      own,
    );
  }
  if (status === 400 || status === 404 || status === 413 || status === 422) {
    const { message: plain } = catalogue.upstream_refused;
    const own = { message: plain, said: { message: { code: 'error.upstream_refused.message' } } };
    const told = face === 'openai' && message !== '' ? message : plain + said;
    return quoting(failure('upstream_refused', { message: told }), own);
  }
  if (status === 503) {
    const own = words.tell('not_ready', { route, model: target.modelName });
    return quoting(
      failure('endpoint_unavailable', { ...quotedBy(own, said), headers: { 'retry-after': retryAfter } }),
      own,
    );
  }
  const remedy = status === 401 || status === 403 ? words.tell('provider_key') : {};
  const own = words.tell('failed_with', { route, status: String(status) });
  return quoting(failure('upstream_failed', together(quotedBy(own, said), remedy)), own);
}

/** An engine's words are not ours: with them a sentence has no code. Pure. */
const quotedBy = (own: Own, said: string): { message: string; said?: Said } =>
  said === '' ? own : { message: own.message + said };

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
      ...words.tell('timed_out', { route, waited: words.line(waits[error.waitedFor ?? 'answer']) }),
      cause: error,
    });
  const what = error.kind === 'connect' ? 'not_reached' : 'broke_off';
  return failure('upstream_failed', { ...words.tell(what, { route }), cause: error });
}

const waits = {
  connection: 'wait_connection',
  'first byte': 'wait_first',
  'next byte': 'wait_next',
  answer: 'wait_answer',
} as const;

export const nonsense = (route: string, what: string): Failure =>
  failure('upstream_failed', { message: `The engine of "${route}" ${what}.` });

/** An engine told of an error of its own in the middle of its answer. Pure. */
export function toldByEngine(said: string, { address }: Destination, route: string): Failure {
  const own = 'failed in the middle of its answer';
  const theirs = withoutCredentials(said, address.headers).slice(0, 500);
  return quoting(nonsense(route, `${own}: ${theirs}`), words.tell('failed_midway', { route }));
}
