/** One request as it is remembered: who asked what of which revision, and what it took. */
export interface UsageEvent {
  /** UUIDv7, fixed when journalled: settling twice counts once */
  id: string;
  /** RFC 3339 */
  at: string;
  request_id: string;
  user_id: string;
  team: string | null;
  project: string | null;
  api_key_id: string | null;
  route: string;
  environment: string;
  endpoint_id: string;
  model_id: string;
  model_name: string;
  revision: number;
  operation: 'chat' | 'completion';
  streamed: boolean;
  /** HTTP status answered; 499 when the client went away */
  status: number;
  prompt_tokens: number;
  completion_tokens: number;
  /** the upstream gave no usage: tokens are reckoned from text length */
  estimated: boolean;
  latency_ms: number;
  first_token_ms: number | null;
  finish_reason: string | null;
}

export interface TokenUsage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** Usage of an OpenAI answer or stream chunk; null where it carries none. */
export function usageOf(answer: unknown): TokenUsage | null {
  const usage = (answer as { usage?: { prompt_tokens?: unknown; completion_tokens?: unknown } } | null)?.usage;
  if (usage === null || usage === undefined || typeof usage.prompt_tokens !== 'number') return null;
  const completion = typeof usage.completion_tokens === 'number' ? usage.completion_tokens : 0;
  return { prompt_tokens: usage.prompt_tokens, completion_tokens: completion };
}

/** Finish reason of the first choice that has one. */
export function finishReasonOf(answer: unknown): string | null {
  const choices = (answer as { choices?: { finish_reason?: unknown }[] } | null)?.choices;
  const reason = Array.isArray(choices)
    ? choices.find((choice) => typeof choice?.finish_reason === 'string')?.finish_reason
    : undefined;
  return typeof reason === 'string' ? reason : null;
}

/** Where an upstream gives no usage: four bytes of text a token, the usual rule of thumb; marked `estimated`. */
export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / 4);
}
