import type { RoutingDecision } from '@llm-ops/contracts';
import { formatMoney, parseMoney, perToken } from '#platform/money';
import type { Operation } from '#ports/provider';

/** One request as it is remembered: who asked what of which revision, what it took and what it cost. */
export interface UsageEvent {
  /** UUIDv7, fixed when journalled: settling twice counts once; its time is the request's */
  id: string;
  /** RFC 3339 */
  at: string;
  request_id: string;
  /** which gateway's journal it was in: the lease that its cost was reserved from */
  gateway: string;
  user_id: string;
  team: string | null;
  project: string | null;
  api_key_id: string | null;
  route: string;
  environment: string;
  /** null: refused before a target was chosen */
  endpoint_id: string | null;
  model_id: string | null;
  model_name: string | null;
  model_version: string | null;
  provider: string | null;
  revision: number | null;
  operation: Operation;
  streamed: boolean;
  /** HTTP status answered; 499: the client went away, 598: the gateway died with it */
  status: number;
  error_code: string | null;
  /** false: refused by the gateway itself, nothing was sent on */
  forwarded: boolean;
  prompt_tokens: number;
  completion_tokens: number;
  /** the upstream gave no usage: tokens are reckoned */
  estimated: boolean;
  cached: boolean;
  /** decimal, in the platform's currency, by the prices below */
  cost: string;
  /** decimals for a million tokens and for a request, as they were when it was forwarded; null: no price is set */
  price: { input: string; output: string; request: string } | null;
  latency_ms: number;
  first_token_ms: number | null;
  finish_reason: string | null;
  attempts: number;
  trace_id: string | null;
  decision: RoutingDecision | null;
}

export interface TokenUsage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** What an event costs by its own prices and tokens: of one that nobody was there to reckon. */
export function costOfEvent({ price, prompt_tokens: prompt, completion_tokens: completion }: UsageEvent): string {
  if (price === null) return '0';
  const input = perToken(parseMoney(price.input)) * BigInt(prompt);
  const output = perToken(parseMoney(price.output)) * BigInt(completion);
  return formatMoney(parseMoney(price.request) + input + output);
}
