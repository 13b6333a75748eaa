import type { RoutingDecision } from '@llm-ops/contracts';
import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { Failure } from '#platform/errors';
import { formatMoney } from '#platform/money';
import { uuidv7 } from '#platform/ids';
import type { ExchangeDeps } from '../deps.ts';
import type { Begun, UsagePatch } from '../ledger/types.ts';
import type { TraceContext } from '../telemetry/types.ts';
import type { Destination } from '../routing/choice.ts';
import type { ModelPrice } from '../spending.ts';
import type { TokenUsage, UsageEvent } from '../usage.ts';
import type { Call } from './call.ts';
import { assembled } from './assemble.ts';
import { estimateTokens } from './facts.ts';
import { rememberedOf } from './failures.ts';

/** How a request ended. */
export interface Outcome {
  /** HTTP status answered; 499: the client went away */
  status: number;
  errorCode: string | null;
  /** what was answered instead of an answer */
  error: Failure | null;
  /** as the upstream gave it */
  usage: TokenUsage | null;
  finishReason: string | null;
  firstTokenMs: number | null;
  /** pieces of content that came, where the upstream gave no usage */
  pieces: number;
  /** the answer's text, where the upstream gave no usage and it was not streamed */
  text: string | null;
  /** what came, where it is to be kept; of a stream, its events */
  body: Buffer | null;
  cut: boolean;
  attempts: RoutingDecision['attempts'];
  /** targets that were passed over because they failed again and again */
  shut: readonly RouteTarget[];
  destination: Destination | null;
  /** `telemetryName` of its provider; null: none was reached */
  providerName: string | null;
  /** as the answer names them; null: it does not */
  responseId: string | null;
  responseModel: string | null;
}

/**
 * What is written about a request: journal and ledger, reservation, metrics, span, captured content. `go` is called once its begin is in
 * the journal: nothing is sent before.
 */
export function beginRecord(deps: ExchangeDeps, call: Call, go: () => void): RequestRecord {
  const { ledger, spending, telemetry } = deps;
  const { identity, route, admission } = call;
  const first = call.targets[0]!;
  const id = eventId(call);
  const trace = telemetry.begin(headerText(call, 'traceparent'), headerText(call, 'tracestate'));
  const price = spending.price(first.modelId);
  const event: UsageEvent = {
    id: id,
    at: isoOf(admission.at),
    request_id: call.requestId,
    gateway: ledger.gateway,
    user_id: identity.userId,
    team: identity.teams === '*' ? route.team : (identity.teams[0] ?? null),
    project: identity.project,
    api_key_id: identity.apiKeyId,
    route: route.routeName,
    environment: route.environment,
    endpoint_id: first.endpointId,
    model_id: first.modelId,
    model_name: first.modelName,
    model_version: first.version,
    provider: first.addresses[0]!.provider,
    revision: first.revisionNumber,
    operation: call.operation,
    streamed: call.streamed,
    status: 598,
    error_code: 'gateway_aborted',
    forwarded: true,
    prompt_tokens: admission.promptTokens,
    completion_tokens: 0,
    estimated: true,
    cached: false,
    cost: '0',
    price: price === null ? null : price.shown,
    latency_ms: 0,
    first_token_ms: null,
    finish_reason: null,
    attempts: 1,
    trace_id: trace === null ? null : trace.traceId,
    decision: null,
  };
  const begun = ledger.begin(event, go);
  deps.gauges.began();
  return new RequestRecord(deps, call, { id, trace, price, begun });
}

export type { RequestRecord };

interface BegunRecord {
  id: string;
  trace: TraceContext | null;
  /** of the first target */
  price: ModelPrice | null;
  begun: Begun;
}

/** A class, for each request makes one (decision 30). */
class RequestRecord {
  /** to be sent to the upstream: lines with their CRLF */
  readonly headers: string;
  private readonly deps: ExchangeDeps;
  private readonly call: Call;
  private readonly id: string;
  private readonly trace: TraceContext | null;
  private readonly price: ModelPrice | null;
  private readonly begun: Begun;

  constructor(deps: ExchangeDeps, call: Call, { id, trace, price, begun }: BegunRecord) {
    this.headers = `x-request-id: ${call.requestId}\r\n${trace === null ? '' : trace.headers}`;
    this.deps = deps;
    this.call = call;
    this.id = id;
    this.trace = trace;
    this.price = price;
    this.begun = begun;
  }

  /** from time to time while a stream goes on */
  progress(pieces: number): void {
    const latencyMs = performance.now() - this.call.started;
    this.deps.ledger.progress(this.begun, { completion_tokens: pieces, latency_ms: latencyMs });
  }

  /** Once, whatever happened. `go` is called when it is in the journal, or at once where the tokens are yet to be counted. */
  end(outcome: Outcome, go?: () => void): void {
    const { deps, call, id } = this;
    const latencyMs = performance.now() - call.started;
    deps.gauges.ended();
    const { usage } = outcome;
    if (usage !== null) return this.write(outcome, usage, false, latencyMs, go);
    const answered = outcome.status < 400 || outcome.status === 499 || outcome.firstTokenMs !== null;
    if (!answered) return this.write(outcome, { prompt_tokens: 0, completion_tokens: 0 }, false, latencyMs, go);
    go?.();
    reckoned(deps, call, outcome)
      .then((found) => this.write(outcome, found, true, latencyMs, undefined))
      .catch((error: unknown) => deps.log.error({ err: error, id }, 'a request could not be recorded'));
  }

  private write(
    outcome: Outcome,
    usage: TokenUsage,
    estimated: boolean,
    latencyMs: number,
    go: (() => void) | undefined,
  ): void {
    const { deps, call } = this;
    const { spending } = deps;
    const { admission } = call;
    const first = call.targets[0]!;
    const { destination } = outcome;
    const target = destination?.target ?? first;
    const provider = destination?.address.provider ?? first.addresses[0]!.provider;
    const price = target === first ? this.price : spending.price(target.modelId);
    const tokens = usage.prompt_tokens + usage.completion_tokens;
    const charged = tokens > 0 || outcome.status < 400;
    const cost = price === null || !charged ? 0n : costOf(price, usage);
    admission.settle(
      { amount: cost, tokens, requests: 1 },
      target === first ? undefined : { endpoint: target.endpointId, model: target.modelId },
    );
    const patch: UsagePatch = {
      status: outcome.status,
      error_code: outcome.errorCode,
      prompt_tokens: usage.prompt_tokens,
      completion_tokens: usage.completion_tokens,
      estimated,
      cost: formatMoney(cost),
      latency_ms: Math.round(latencyMs * 1000) / 1000,
      first_token_ms: outcome.firstTokenMs === null ? null : Math.round(outcome.firstTokenMs * 1000) / 1000,
      finish_reason: outcome.finishReason,
    };
    if (outcome.attempts.length !== 1) patch.attempts = outcome.attempts.length;
    const decision = decisionOf(call, outcome);
    if (decision !== null) patch.decision = decision;
    if (target !== first) {
      patch.endpoint_id = target.endpointId;
      patch.model_id = target.modelId;
      patch.model_name = target.modelName;
      patch.model_version = target.version;
      patch.provider = provider;
      patch.revision = target.revisionNumber;
      patch.price = price?.shown ?? null;
    }
    deps.ledger.end(this.begun, patch, go);
    deps.gauges.series(target, call.route, provider!, call.operation).observe({
      status: outcome.status,
      seconds: latencyMs / 1000,
      firstTokenSeconds: outcome.firstTokenMs === null ? null : outcome.firstTokenMs / 1000,
      promptTokens: usage.prompt_tokens,
      completionTokens: usage.completion_tokens,
      cached: call.cacheKey === null ? null : false,
      costPico: cost,
    });
    if (deps.telemetry.enabled) this.trail(outcome, usage, target, latencyMs, cost);
    if (admission.capture) {
      const answer = outcome.body === null ? null : assembled(outcome.body, call.streamed);
      deps.capture.keep(this.id, call.body.bytes, answer, outcome.cut);
    }
  }

  /** Its span. */
  private trail(outcome: Outcome, usage: TokenUsage, target: RouteTarget, latencyMs: number, cost: bigint): void {
    const { call } = this;
    const { destination } = outcome;
    this.deps.telemetry.end(this.trace, {
      operation: call.operation,
      provider: outcome.providerName ?? 'custom',
      requestModel: destination?.address.model ?? target.modelName,
      responseModel: outcome.responseModel,
      responseId: outcome.responseId,
      finishReasons: [outcome.finishReason],
      baseUrl: destination?.address.baseUrl ?? null,
      route: call.route.routeName,
      environment: call.route.environment,
      endpointId: target.endpointId,
      revision: target.revisionNumber,
      body: call.body.value,
      startedAt: new Date(call.admission.at),
      latencyMs,
      firstTokenMs: outcome.firstTokenMs,
      status: outcome.status,
      errorCode: outcome.errorCode,
      usage,
      cost: formatMoney(cost),
    });
  }
}

let lastAt = NaN;
let lastIso = '';

/** RFC 3339; many requests are of the same millisecond. */
function isoOf(ms: number): string {
  if (ms !== lastAt) {
    lastAt = ms;
    lastIso = new Date(ms).toISOString();
  }
  return lastIso;
}

/** Where the upstream does not count: by the model's own tokenizer, else by rule of thumb; of a stream, piece by piece. */
async function reckoned(deps: ExchangeDeps, call: Call, outcome: Outcome): Promise<TokenUsage> {
  const modelId = (outcome.destination?.target ?? call.targets[0]!).modelId;
  const [prompt, completion] = await Promise.all([
    deps.tokens.count(modelId, promptTexts(call.body.value)),
    outcome.text === null ? outcome.pieces : deps.tokens.count(modelId, [outcome.text]),
  ]);
  return {
    prompt_tokens: prompt ?? call.admission.promptTokens,
    completion_tokens: completion ?? estimateTokens(Buffer.byteLength(outcome.text ?? ''), (outcome.text ?? '').length),
  };
}

/** What of a body the model reads. */
function promptTexts(body: Readonly<Record<string, unknown>>): string[] {
  const texts: string[] = [];
  const add = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    else if (Array.isArray(value))
      for (const one of value) add(typeof one === 'object' && one !== null ? one.text : one);
  };
  add(body['prompt']);
  add(body['input']);
  if (Array.isArray(body['messages']))
    for (const message of body['messages']) add((message as { content?: unknown }).content);
  return texts;
}

export const costOf = (price: ModelPrice, usage: TokenUsage): bigint =>
  price.perRequest +
  price.perInputToken * BigInt(usage.prompt_tokens) +
  price.perOutputToken * BigInt(usage.completion_tokens);

export const skippedOf = (route: ResolvedRoute): RoutingDecision['skipped'] =>
  route.skipped.map(({ endpointId, reason }) => ({ endpoint_id: endpointId, reason }));

/** Only where there was something to decide: of one try at the only target the entry itself says it all. */
function decisionOf({ route, admission }: Call, { attempts, shut, error }: Outcome): RoutingDecision | null {
  const plain = attempts.length === 1 && attempts[0]!.outcome === 'answered';
  if (plain && route.targets.length === 1 && route.skipped.length === 0 && route.environments.length === 1) return null;
  return {
    environments: [...route.environments],
    attempts,
    skipped: [
      ...skippedOf(route),
      ...shut.map(({ endpointId }) => ({
        endpoint_id: endpointId,
        reason: 'It failed again and again: for a while nothing is sent to it.',
      })),
    ],
    ...(error === null ? {} : { failure: rememberedOf(error, admission.capture) }),
  };
}

/** A request that brought no id of its own was given one, which nobody else has. */
export const eventId = (call: Call): string =>
  headerText(call, 'x-request-id') === call.requestId ? uuidv7() : call.requestId;

function headerText({ request }: Call, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
