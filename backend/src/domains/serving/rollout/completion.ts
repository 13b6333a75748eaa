import { fetch } from 'undici';
import { withoutCredentials } from '#platform/egress';
import { isFailure } from '#platform/errors';
import type { Provider } from '#ports/provider';
import type { Address } from '#ports/runtime';
import type { Usage } from '../store/tables.ts';

export interface Completion {
  ok: boolean;
  message: string;
  latencyMs: number;
  completion: string | null;
  usage: Usage | null;
}

/** Sends a request upstream; for addresses that users gave, through the egress rules. */
export type Send = (
  url: string,
  init: { method: string; headers: Record<string, string>; body: string; timeoutMs: number },
) => Promise<{ status: number; text(): Promise<string> }>;

/** To addresses that a runtime of ours made. */
export const sendDirect: Send = async (url, { timeoutMs, ...init }) =>
  fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });

/** What is known of every kind of upstream, by its kind. */
export type Providers = Readonly<Record<string, Provider>>;

/** Asks for a few tokens and says whether a completion came back; never throws. */
export async function testCompletion(
  providers: Providers,
  address: Address,
  send: Send,
  options: { prompt: string; timeoutMs: number },
): Promise<Completion> {
  const began = performance.now();
  const done = (ok: boolean, message: string, completion: string | null = null, usage: Usage | null = null) => ({
    ok,
    message,
    latencyMs: Math.round(performance.now() - began),
    completion,
    usage,
  });
  try {
    const provider = providers[address.provider];
    const path = provider?.path('chat') ?? '/chat/completions';
    const dialect = provider?.dialect ?? null;
    const asked = {
      model: address.model,
      messages: [{ role: 'user', content: options.prompt }],
      max_tokens: 32,
      temperature: 0,
      stream: false,
    };
    const answer = await send(`${address.baseUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...address.headers },
      body: JSON.stringify(dialect === null ? asked : dialect.request('chat', asked)),
      timeoutMs: options.timeoutMs,
    });
    const text = await answer.text();
    if (answer.status !== 200) {
      const said = withoutCredentials(text, address.headers).slice(0, 300);
      return done(false, `It answered with status ${answer.status}: ${said}`);
    }
    const told = dialect === null ? JSON.parse(text) : dialect.response('chat', Buffer.from(text), asked);
    const body = told as { choices?: { message?: { content?: unknown } }[]; usage?: Partial<Usage> } | null;
    const content = body?.choices?.[0]?.message?.content;
    const usage = usageOf(body?.usage);
    const said = typeof content === 'string' ? content : null;
    // models that only think within so few tokens still count as answering
    if ((said ?? '') === '' && !(usage && usage.completion_tokens > 0))
      return done(false, 'It answered without a completion.', said, usage);
    return done(true, 'It answered.', said, usage);
  } catch (error) {
    const timedOut = (error as Error).name === 'TimeoutError';
    return done(
      false,
      timedOut ? `No answer within ${options.timeoutMs / 1000} s.` : `It cannot be asked: ${reasonOf(error)}`,
    );
  }
}

function usageOf(usage: Partial<Usage> | undefined): Usage | null {
  if (!usage || typeof usage.total_tokens !== 'number') return null;
  return {
    prompt_tokens: usage.prompt_tokens ?? 0,
    completion_tokens: usage.completion_tokens ?? 0,
    total_tokens: usage.total_tokens,
  };
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isFailure(error)) return error.message;
  const cause = error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : null;
  return cause === null || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}
