import type { Attributes } from '@opentelemetry/api';
import type { Operation } from '#ports/provider';
import type { InferenceFacts } from './types.ts';

/**
 * Names and values by the OpenTelemetry semantic conventions for generative AI, version 0.1.0 (`client-inference.md`,
 * `client-embeddings.md`, `gen-ai-token-metrics.md`, `openai.md`). What can hold what was asked or answered is left out: messages, tools,
 * stop sequences.
 */
const operationNames: Readonly<Record<Operation, string>> = {
  chat: 'chat',
  completion: 'text_completion',
  embedding: 'embeddings',
};

export const spanName = ({ operation, requestModel }: InferenceFacts): string =>
  `${operationNames[operation]} ${clip(requestModel)}`;

/** `error.type`: what the request failed with; null: it did not. */
export const errorType = ({ status, errorCode }: InferenceFacts): string | null =>
  errorCode ?? (status >= 400 ? String(status) : null);

/** What a span and all metrics have in common. */
export function commonAttributes(facts: InferenceFacts): Attributes {
  const server = facts.baseUrl === null ? null : serverOf(facts.baseUrl);
  return {
    'gen_ai.operation.name': operationNames[facts.operation],
    'gen_ai.provider.name': facts.provider,
    'gen_ai.request.model': clip(facts.requestModel),
    ...(facts.responseModel === null ? {} : { 'gen_ai.response.model': clip(facts.responseModel) }),
    ...server,
  };
}

/** Tokens of plain completions are text. A chat may carry images and sound, and upstreams do not say how much of each. */
export const modalityOf = (operation: Operation): string => (operation === 'completion' ? 'text' : 'unknown');

export function spanAttributes(facts: InferenceFacts): Attributes {
  const failed = errorType(facts);
  const made: Attributes = commonAttributes(facts);
  if (failed !== null) made['error.type'] = failed;
  requested(made, facts);
  answered(made, facts, failed !== null);
  made['llmops.route'] = facts.route;
  made['llmops.environment'] = facts.environment;
  if (facts.endpointId !== null) made['llmops.endpoint_id'] = facts.endpointId;
  if (facts.revision !== null) made['llmops.revision'] = facts.revision;
  made['llmops.cost'] = Number(facts.cost);
  return made;
}

function answered(made: Attributes, facts: InferenceFacts, failed: boolean): void {
  const { operation, usage, firstTokenMs, responseId } = facts;
  if (!failed || usage.prompt_tokens > 0) made['gen_ai.usage.input_tokens'] = usage.prompt_tokens;
  if (operation === 'embedding') return;
  if (!failed || usage.completion_tokens > 0) made['gen_ai.usage.output_tokens'] = usage.completion_tokens;
  if (responseId !== null) made['gen_ai.response.id'] = clip(responseId);
  if (firstTokenMs !== null) made['gen_ai.response.time_to_first_chunk'] = firstTokenMs / 1000;
  const reasons = facts.finishReasons;
  // One that was to come and did not is `error`; an answer that gives none at all says nothing.
  if (reasons.some((reason) => reason !== null) || failed)
    made['gen_ai.response.finish_reasons'] = (reasons.length === 0 ? [null] : reasons).map((reason) =>
      reason === null ? 'error' : clip(reason),
    );
}

function requested(made: Attributes, { operation, provider, body }: InferenceFacts): void {
  if (operation === 'embedding') {
    const format = word(body['encoding_format']);
    if (format !== null) made['gen_ai.request.encoding_formats'] = [format];
    number(made, 'gen_ai.embeddings.dimension.count', body['dimensions']);
    return;
  }
  if (provider === 'openai') {
    if (operation === 'chat') made['openai.api.type'] = 'chat_completions';
    const tier = word(body['service_tier']);
    if (tier !== null && tier !== 'auto') made['openai.request.service_tier'] = tier;
  }
  if (body['stream'] === true) made['gen_ai.request.stream'] = true;
  number(made, 'gen_ai.request.max_tokens', body['max_completion_tokens'] ?? body['max_tokens']);
  number(made, 'gen_ai.request.temperature', body['temperature']);
  number(made, 'gen_ai.request.top_p', body['top_p']);
  number(made, 'gen_ai.request.top_k', body['top_k']);
  number(made, 'gen_ai.request.frequency_penalty', body['frequency_penalty']);
  number(made, 'gen_ai.request.presence_penalty', body['presence_penalty']);
  number(made, 'gen_ai.request.seed', body['seed']);
  if (body['n'] !== 1) number(made, 'gen_ai.request.choice.count', body['n']);
  const effort = word(body['reasoning_effort']);
  if (effort !== null) made['gen_ai.request.reasoning.level'] = effort;
  const output = outputTypes.get((body['response_format'] as { type?: unknown } | null | undefined)?.type);
  if (output !== undefined) made['gen_ai.output.type'] = output;
}

const outputTypes: ReadonlyMap<unknown, string> = new Map([
  ['text', 'text'],
  ['json_object', 'json'],
  ['json_schema', 'json'],
]);

function number(made: Attributes, name: string, value: unknown): void {
  if (typeof value === 'number') made[name] = value;
}

/** One of a set of words that the upstream defines; anything else could be content. */
const word = (value: unknown): string | null =>
  typeof value === 'string' && /^[a-z][a-z0-9_-]{0,31}$/.test(value) ? value : null;

const clip = (text: string): string => (text.length > 256 ? text.slice(0, 256) : text);

type Server = { 'server.address': string; 'server.port': number };

const servers = new Map<string, Server | null>();
const mostServers = 1000;

/** Host and port of an upstream, read once each. */
function serverOf(baseUrl: string): Server | null {
  const known = servers.get(baseUrl);
  if (known !== undefined) return known;
  if (servers.size >= mostServers) servers.clear();
  const url = URL.parse(baseUrl);
  const made =
    url === null
      ? null
      : {
          'server.address': url.hostname.replace(/^\[|\]$/g, ''),
          'server.port': url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
        };
  servers.set(baseUrl, made);
  return made;
}
