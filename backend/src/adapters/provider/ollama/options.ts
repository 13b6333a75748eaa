import { listAt, refusal, textAt, type Json } from './json.ts';

const LEVELS = ['low', 'medium', 'high', 'max'];
/** OpenAI's efforts beyond Ollama's own become the nearest that all its versions know. */
const efforts: Record<string, boolean | string> = {
  none: false,
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'max',
};

/** Sampling and limits. What the client leaves open stays as the model's own file says. */
export function optionsOf(body: Json): Json {
  const options: Json = {};
  const set = (name: string, value: unknown): void => {
    if (value !== undefined) options[name] = value;
  };
  for (const name of ['temperature', 'top_p', 'min_p', 'presence_penalty', 'frequency_penalty'])
    set(name, numberAt(body, name));
  for (const name of ['seed', 'top_k']) set(name, wholeAt(body, name));
  // a negative number means without end to Ollama, and zero the same in some versions
  set('num_predict', wholeAt(body, 'max_completion_tokens', 1) ?? wholeAt(body, 'max_tokens', 1));
  set('stop', stopOf(body['stop']));
  return options;
}

/** `think`: the client's own, else by OpenAI's effort; undefined where it says nothing. */
export function thinkOf(body: Json): boolean | string | undefined {
  const own = body['think'] ?? undefined;
  if (own !== undefined) {
    if (typeof own === 'boolean' || LEVELS.includes(own as string)) return own as boolean | string;
    throw refusal('think', `Must be true, false or one of ${LEVELS.join(', ')}.`);
  }
  const nested = (body['reasoning'] as Json | null | undefined)?.['effort'];
  const effort = body['reasoning_effort'] ?? nested ?? undefined;
  if (effort === undefined) return undefined;
  const path = (body['reasoning_effort'] ?? null) === null ? 'reasoning.effort' : 'reasoning_effort';
  if (typeof effort === 'string' && Object.hasOwn(efforts, effort)) return efforts[effort];
  throw refusal(path, `Must be one of ${Object.keys(efforts).join(', ')}.`);
}

/** `format` of OpenAI's `response_format`; undefined: free text. */
export function formatOf(format: unknown): unknown {
  if (format === undefined || format === null) return undefined;
  const { type, json_schema: wrapped } = format as Json;
  if (type === 'text') return undefined;
  if (type === 'json_object') return 'json';
  if (type !== 'json_schema') throw refusal('response_format.type', 'Must be text, json_object or json_schema.');
  const schema = (wrapped as Json | null | undefined)?.['schema'];
  if (typeof schema !== 'object' || schema === null)
    throw refusal('response_format.json_schema.schema', 'Must be a JSON schema.');
  return schema;
}

export function numberAt(body: Json, path: string): number | undefined {
  const value = body[path];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') throw refusal(path, 'Must be a number.');
  return value;
}

export function wholeAt(body: Json, path: string, least = -Infinity): number | undefined {
  const value = numberAt(body, path);
  if (value === undefined || (Number.isInteger(value) && value >= least)) return value;
  throw refusal(path, Number.isFinite(least) ? `Must be a whole number from ${least} on.` : 'Must be a whole number.');
}

function stopOf(stop: unknown): string[] | undefined {
  if (stop === undefined || stop === null) return undefined;
  if (typeof stop === 'string') return [stop];
  return listAt(stop, 'stop').map((entry, index) => textAt(entry, `stop.${index}`));
}
