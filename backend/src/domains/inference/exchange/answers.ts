import { createHash } from 'node:crypto';
import { formatMoney } from '#platform/money';
import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { Identity } from '#platform/access';
import type { Operation } from '#ports/provider';
import type { ExchangeDeps } from '../deps.ts';
import { envelopeOf, sendAnswer, type Face } from '../replies.ts';
import type { Body } from '../request/body.ts';
import type { Destination } from '../routing/choice.ts';
import type { TokenUsage, UsageEvent } from '../usage.ts';
import { assembled } from './assemble.ts';
import type { Call } from './call.ts';
import { eventId } from './record.ts';

/** What is kept beside an answer. */
interface KeptHead {
  /** ms since the epoch */
  at: number;
  streamed: boolean;
  usage: TokenUsage;
  finishReason: string | null;
  endpointId: string;
  modelId: string;
  modelName: string;
  version: string;
  revision: number;
  provider: string;
}

export interface KeptAnswer {
  head: KeptHead;
  body: Buffer;
}

/**
 * Where the answer to exactly this question is kept; null: this route keeps none, or the caller wants a fresh one. Another team's
 * answers are never given out, nor those of other revisions, or of targets that the caller may not use.
 */
export function cacheKeyOf(asked: {
  route: ResolvedRoute;
  targets: readonly RouteTarget[];
  identity: Identity;
  face: Face;
  operation: Operation;
  body: Body;
  cacheControl: string | undefined;
}): string | null {
  const { route, identity, body } = asked;
  if (route.cache === null || route.cache.ttlSeconds === 0) return null;
  if (asked.cacheControl !== undefined && /no-cache|no-store/i.test(asked.cacheControl)) return null;
  const where = asked.targets.map(({ revisionId, weight, priority }) => [revisionId, weight, priority]);
  const teams = identity.teams === '*' ? '*' : [...identity.teams].sort();
  return `answer:${createHash('sha256')
    .update(JSON.stringify([route.routeId, where, teams, asked.face, asked.operation]))
    .update(body.bytes)
    .digest('base64url')}`;
}

export function keepAnswer(
  deps: Pick<ExchangeDeps, 'cache' | 'now'>,
  call: Call,
  { target, address }: Destination,
  answer: { body: Buffer | null; usage: TokenUsage | null; finishReason: string | null },
): void {
  const { cacheKey, route } = call;
  // one that was cut or that nobody counted is not given out as if it were the answer
  if (cacheKey === null || answer.body === null || answer.usage === null) return;
  const head: KeptHead = {
    at: deps.now().getTime(),
    streamed: call.streamed,
    usage: answer.usage,
    finishReason: answer.finishReason,
    endpointId: target.endpointId,
    modelId: target.modelId,
    modelName: target.modelName,
    version: target.version,
    revision: target.revisionNumber,
    provider: address.provider,
  };
  const text = Buffer.from(`${JSON.stringify(head)}\n`);
  deps.cache.set(cacheKey, Buffer.concat([text, answer.body]), route.cache!.ttlSeconds);
}

/** null: it is not there, or not what this version writes. */
export function readKept(value: Buffer | null): KeptAnswer | null {
  if (value === null) return null;
  const end = value.indexOf(10);
  try {
    return { head: JSON.parse(value.toString('utf8', 0, end)) as KeptHead, body: value.subarray(end + 1) };
  } catch {
    return null;
  }
}

/** Answers from what is kept: costs nothing, counts as a request. */
export function replay(deps: ExchangeDeps, call: Call, { head, body }: KeptAnswer): void {
  const { route, identity, reply } = call;
  const at = deps.now();
  const age = Math.max(Math.round((at.getTime() - head.at) / 1000), 0);
  const explained = `name=${encodeURIComponent(route.routeName)}; environment=${route.environment}; endpoint=${head.endpointId}; revision=${head.revision}; cache=hit`;
  const lines = `x-request-id: ${call.requestId}\r\nx-llmops-environment: ${route.environment}\r\nx-llmops-route: ${explained}\r\nx-llmops-cache: hit\r\nage: ${age}\r\n${call.admission.headers}`;
  if (head.streamed) {
    const stream = 'content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n';
    reply.open(lines + stream);
    reply.body(body);
    reply.end();
  } else sendAnswer(reply, call.face === 'openai' ? body : envelopeOf(body, head.usage, head), lines);
  const latencyMs = performance.now() - call.started;
  call.admission.settle({ amount: 0n, tokens: 0, requests: 1 }, { endpoint: head.endpointId, model: head.modelId });
  const id = eventId(call);
  const event: UsageEvent = {
    id,
    at: new Date(call.admission.at).toISOString(),
    request_id: call.requestId,
    gateway: deps.ledger.gateway,
    user_id: identity.userId,
    team: identity.teams === '*' ? route.team : (identity.teams[0] ?? null),
    project: identity.project,
    api_key_id: identity.apiKeyId,
    route: route.routeName,
    environment: route.environment,
    endpoint_id: head.endpointId,
    model_id: head.modelId,
    model_name: head.modelName,
    model_version: head.version,
    provider: head.provider,
    revision: head.revision,
    operation: call.operation,
    streamed: call.streamed,
    status: 200,
    error_code: null,
    forwarded: true,
    prompt_tokens: head.usage.prompt_tokens,
    completion_tokens: head.usage.completion_tokens,
    estimated: false,
    cached: true,
    cost: formatMoney(0n),
    price: null,
    latency_ms: Math.round(latencyMs * 1000) / 1000,
    first_token_ms: null,
    finish_reason: head.finishReason,
    attempts: 0,
    trace_id: null,
    decision: null,
  };
  // with what else is written in this turn
  const begun = deps.ledger.begin(event, () => deps.ledger.end(begun, {}));
  const target = call.targets.find((one) => one.modelId === head.modelId) ?? call.targets[0]!;
  deps.gauges.series(target, route, head.provider, call.operation).observe({
    status: 200,
    seconds: latencyMs / 1000,
    firstTokenSeconds: null,
    promptTokens: head.usage.prompt_tokens,
    completionTokens: head.usage.completion_tokens,
    cached: true,
    costPico: 0n,
  });
  if (call.admission.capture) deps.capture.keep(id, call.body.bytes, assembled(body, head.streamed), false);
}
