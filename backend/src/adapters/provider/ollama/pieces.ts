import type { Operation } from '#ports/provider';
import { isObject, type Json } from './json.ts';

/** Where names and times come from that Ollama does not give; replaced in tests. */
export interface Source {
  newId(): string;
  /** seconds since 1970 */
  now(): number;
}

export interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

/** `id`, `created` and `model` of an answer, or of all chunks of one. */
export function headOf(
  operation: Operation,
  value: Json,
  source: Source,
): { id: string; created: number; model: unknown } {
  const { created_at: at } = value;
  const moment = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  return {
    id: `${operation === 'chat' ? 'chatcmpl' : 'cmpl'}-${source.newId()}`,
    created: Number.isNaN(moment) ? source.now() : Math.floor(moment / 1000),
    model: value['model'] ?? '',
  };
}

/** Arguments are an object at Ollama, JSON in a text at OpenAI; old versions give no ids. */
export function toolCallsOf(message: Json, source: Source): ToolCall[] {
  const calls = Array.isArray(message['tool_calls']) ? message['tool_calls'].filter(isObject) : [];
  return calls.flatMap(({ id, function: called }) => {
    if (!isObject(called) || typeof called['name'] !== 'string') return [];
    const { name, arguments: given } = called;
    return [
      {
        id: typeof id === 'string' && id !== '' ? id : `call_${source.newId()}`,
        type: 'function' as const,
        function: { name, arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}) },
      },
    ];
  });
}

/** Ollama says `stop` where a tool is called, `load` where there was nothing to answer, and nothing at all in old versions. */
export function finishOf(value: Json, called: boolean): string {
  if (value['done_reason'] === 'length') return 'length';
  return called ? 'tool_calls' : 'stop';
}

/**
 * Null where Ollama does not know: old versions leave the prompt's tokens out when it was cached. A count of zero is left out by all
 * of them, so a missing one of an answer without text is zero.
 */
export function usageOf(value: Json, produced: boolean): Json | null {
  const prompt = value['prompt_eval_count'];
  const completion = value['eval_count'] ?? (produced ? undefined : 0);
  if (!isCount(prompt) || !isCount(completion)) return null;
  const cached = value['prompt_eval_cached_count'];
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(isCount(cached) && { prompt_tokens_details: { cached_tokens: cached } }),
  };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

interface Logprob {
  token: string;
  logprob: number;
  bytes?: number[];
  top_logprobs?: Logprob[];
}

const listOf = (logprobs: unknown): Logprob[] => (Array.isArray(logprobs) ? logprobs.filter(isLogprob) : []);

const isLogprob = (value: unknown): value is Logprob =>
  isObject(value) && typeof value['token'] === 'string' && typeof value['logprob'] === 'number';

/** Of a chat. */
export function logprobsOf(value: Json): Json | null {
  const entries = listOf(value['logprobs']);
  if (entries.length === 0) return null;
  const entry = ({ token, logprob, bytes }: Logprob): Json => ({ token, logprob, bytes: bytes ?? null });
  return {
    content: entries.map((each) => ({ ...entry(each), top_logprobs: listOf(each.top_logprobs).map(entry) })),
    refusal: null,
  };
}

/** Of a completion, in the older form; `offset`: characters of text that came before. */
export function legacyLogprobsOf(value: Json, offset: number): Json | null {
  const entries = listOf(value['logprobs']);
  if (entries.length === 0) return null;
  const offsets: number[] = [];
  let at = offset;
  for (const { token } of entries) {
    offsets.push(at);
    at += token.length;
  }
  return {
    tokens: entries.map(({ token }) => token),
    token_logprobs: entries.map(({ logprob }) => logprob),
    top_logprobs: entries.map(({ top_logprobs: top }) =>
      Object.fromEntries(listOf(top).map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: offsets,
  };
}
