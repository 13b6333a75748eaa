import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '#platform/access';
import { withoutCredentials } from '#platform/egress';
import { failure, isFailure, type Failure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import type { HandlerDeps } from './deps.ts';
import { sendEnvelope, sendJson, type Face } from './replies.ts';
import { spliceMembers } from './splice.ts';
import { createStreamReader } from './sse.ts';
import type { ResolvedTarget } from '#domains/serving';
import { estimateTokens, finishReasonOf, usageOf, type TokenUsage } from './usage.ts';

export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  requestId: string;
  identity: Identity;
  face: Face;
  operation: 'chat' | 'completion';
  target: ResolvedTarget;
  body: { text: string; value: Record<string, unknown> };
}

/** Sends the request to its revision and the answer back; records it whatever happens. Throws what is to be answered as a failure. */
export async function forward(deps: HandlerDeps, call: Call): Promise<void> {
  const { target, response } = call;
  const started = performance.now();
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  response.once('close', onClose);
  const outcome: Outcome = { status: 502, usage: null, finishReason: null, firstTokenMs: null, producedTokens: 0 };
  const release = deps.table.acquire(target.revisionId);
  try {
    await exchange(deps, call, gone.signal, started, outcome);
  } catch (error) {
    if (gone.signal.aborted) {
      outcome.status = 499;
      return;
    }
    const known = isFailure(error) ? error : upstreamFailure(error, target);
    outcome.status = known.status;
    throw known;
  } finally {
    response.off('close', onClose);
    release();
    finish(deps, call, outcome, performance.now() - started);
  }
}

interface Outcome {
  status: number;
  usage: TokenUsage | null;
  finishReason: string | null;
  firstTokenMs: number | null;
  /** reckoned from what came, where the upstream gave no usage */
  producedTokens: number;
}

async function exchange(
  deps: HandlerDeps,
  call: Call,
  signal: AbortSignal,
  started: number,
  outcome: Outcome,
): Promise<void> {
  const { target, body, response } = call;
  const streamed = body.value['stream'] === true;
  const path = call.operation === 'chat' ? '/chat/completions' : '/completions';
  const answer = await deps.upstream.post(target, path, upstreamBody(call, streamed), signal);
  const headers = {
    'x-request-id': call.requestId,
    'x-llmops-environment': target.environment,
    'x-llmops-route': `name=${encodeURIComponent(target.routeName)}; environment=${target.environment}; endpoint=${target.endpointId}; revision=${target.revisionNumber}`,
  };
  if (answer.status >= 400) throw await refusal(answer.status, answer.body, target, call.face);
  if (streamed && answer.contentType.startsWith('text/event-stream')) {
    await pipeStream(call, answer.body, headers, started, outcome);
    return;
  }
  const text = await answer.body.text();
  const value = parseAnswer(text, target);
  outcome.status = 200;
  outcome.usage = usageOf(value);
  outcome.finishReason = finishReasonOf(value);
  outcome.producedTokens = estimateTokens(JSON.stringify(value['choices'] ?? '').length);
  if (call.face === 'openai') sendJson(response, 200, text, headers);
  else sendEnvelope(response, envelopeData(value, target), headers);
}

/** Streamed answers always ask for usage, so that they cost what unstreamed ones cost. */
function upstreamBody(call: Call, streamed: boolean): string {
  const { value, text } = call.body;
  const members: Record<string, unknown> = { model: call.target.address.model };
  if (streamed) members['stream_options'] = { ...(value['stream_options'] as object | undefined), include_usage: true };
  if (call.face === 'envelope') Object.assign(members, { variables: null });
  return spliceMembers(text, members);
}

async function pipeStream(
  call: Call,
  upstream: AsyncIterable<Buffer>,
  headers: Record<string, string>,
  started: number,
  outcome: Outcome,
): Promise<void> {
  const { response } = call;
  const options = call.body.value['stream_options'] as { include_usage?: unknown } | undefined;
  const reader = createStreamReader({ wantsUsage: options?.include_usage === true });
  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  outcome.status = 200;
  const settle = (): void => {
    outcome.usage = reader.facts.usage;
    outcome.finishReason = reader.facts.finishReason;
    outcome.producedTokens = reader.facts.contentChunks;
  };
  try {
    for await (const chunk of upstream) {
      outcome.firstTokenMs ??= Math.round(performance.now() - started);
      const out = reader.push(chunk);
      // A slow client holds back its own upstream only: nothing more is read until it has taken this.
      if (out.length > 0 && !response.write(out)) await drained(response);
    }
    const rest = reader.end();
    if (rest.length > 0) response.write(rest);
    if (!reader.facts.done)
      throw failure('upstream_failed', { message: `The engine of "${call.target.routeName}" ended its answer early.` });
    response.end();
  } finally {
    settle();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

function parseAnswer(text: string, target: ResolvedTarget): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // answered below
  }
  throw failure('upstream_failed', {
    message: `The engine of "${target.routeName}" answered something that is not JSON.`,
  });
}

function envelopeData(value: Record<string, unknown>, target: ResolvedTarget): Record<string, unknown> {
  const usage = usageOf(value) ?? { prompt_tokens: 0, completion_tokens: 0 };
  return {
    choices: value['choices'] ?? [],
    usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens },
    model: target.modelName,
    endpoint: target.endpointId,
  };
}

/** The upstream's refusal in our words: the client's own mistakes keep their status, the rest is the platform's trouble. */
async function refusal(
  status: number,
  body: { text(): Promise<string> },
  target: ResolvedTarget,
  face: Face,
): Promise<Failure> {
  const text = withoutCredentials(await body.text(), target.address.headers).slice(0, 2000);
  let message = text;
  try {
    const parsed = JSON.parse(text) as { error?: { message?: unknown } | string; message?: unknown };
    const found = typeof parsed.error === 'string' ? parsed.error : (parsed.error?.message ?? parsed.message);
    if (typeof found === 'string') message = found;
  } catch {
    // plain text
  }
  const said = message.trim() === '' ? '' : ` ${target.address.provider} says: ${message.trim().slice(0, 500)}`;
  if (status === 429)
    return failure('upstream_rate_limited', {
      message: `"${target.routeName}" is asked too often.${said}`,
      headers: { 'retry-after': '5' },
    });
  if (status === 400 || status === 404 || status === 413 || status === 422) {
    return failure('upstream_refused', {
      message:
        face === 'openai' && message.trim() !== ''
          ? message.trim().slice(0, 500)
          : `The model refused this request.${said}`,
    });
  }
  const remedy =
    status === 401 || status === 403
      ? "Check the provider's API key: test the connection on the model's page."
      : undefined;
  return failure('upstream_failed', {
    message: `The engine of "${target.routeName}" failed with ${status}.${said}`,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

function upstreamFailure(error: unknown, target: ResolvedTarget): Failure {
  const code = (error as { code?: unknown }).code;
  const timeout = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
  if (timeout)
    return failure('upstream_timeout', { message: `"${target.routeName}" did not answer in time.`, cause: error });
  return failure('upstream_failed', {
    message: `The engine of "${target.routeName}" cannot be reached or broke off.`,
    cause: error,
  });
}

function finish(deps: HandlerDeps, call: Call, outcome: Outcome, latencyMs: number): void {
  const { target, identity } = call;
  const estimated = outcome.usage === null && outcome.status < 500 && outcome.status !== 400;
  const usage =
    outcome.usage ??
    (estimated
      ? { prompt_tokens: estimateTokens(call.body.text.length), completion_tokens: outcome.producedTokens }
      : { prompt_tokens: 0, completion_tokens: 0 });
  deps.observe({
    target,
    status: outcome.status,
    usage,
    estimated,
    finishReason: outcome.finishReason,
    latencyMs,
    firstTokenMs: outcome.firstTokenMs,
  });
  deps.recorder.record({
    id: uuidv7(),
    at: deps.now().toISOString(),
    request_id: call.requestId,
    user_id: identity.userId,
    team: identity.teams === '*' ? target.team : (identity.teams[0] ?? null),
    project: identity.project,
    api_key_id: identity.apiKeyId,
    route: target.routeName,
    environment: target.environment,
    endpoint_id: target.endpointId,
    model_id: target.modelId,
    model_name: target.modelName,
    revision: target.revisionNumber,
    operation: call.operation,
    streamed: call.body.value['stream'] === true,
    status: outcome.status,
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    estimated,
    latency_ms: Math.round(latencyMs),
    first_token_ms: outcome.firstTokenMs,
    finish_reason: outcome.finishReason,
  });
}
