import type { UsageEvent } from '../usage.ts';
import type { UsagePatch } from './types.ts';

/** What a line of the journal tells. A second `begin` of an id is the event as it stood then, and replaces what came before. */
export type Change = { kind: 'begin'; event: UsageEvent } | { kind: 'progress' | 'end'; id: string; patch: UsagePatch };
type Line = Change | { kind: 'fields'; fields: readonly string[] };

/** In the order of `beginLine`. */
const fields = [
  'id',
  'at',
  'request_id',
  'gateway',
  'user_id',
  'team',
  'project',
  'api_key_id',
  'route',
  'environment',
  'endpoint_id',
  'model_id',
  'model_name',
  'model_version',
  'provider',
  'revision',
  'operation',
  'streamed',
  'status',
  'error_code',
  'forwarded',
  'prompt_tokens',
  'completion_tokens',
  'estimated',
  'cached',
  'cost',
  'price',
  'latency_ms',
  'first_token_ms',
  'finish_reason',
  'attempts',
  'trace_id',
  'decision',
] as const satisfies readonly (keyof UsageEvent)[];
type Missing = Exclude<keyof UsageEvent, (typeof fields)[number]>;
const complete: Missing extends never ? true : Missing = true;

/** First line of each segment: a later version that knows other fields reads it all the same. */
export const fieldsLine = `${JSON.stringify({ fields: complete ? fields : [] })}\n`;

/** Written for each request: values without their names take a quarter less time than the object, names and all. */
export const beginLine = (e: UsageEvent): string =>
  `${JSON.stringify([
    e.id,
    e.at,
    e.request_id,
    e.gateway,
    e.user_id,
    e.team,
    e.project,
    e.api_key_id,
    e.route,
    e.environment,
    e.endpoint_id,
    e.model_id,
    e.model_name,
    e.model_version,
    e.provider,
    e.revision,
    e.operation,
    e.streamed,
    e.status,
    e.error_code,
    e.forwarded,
    e.prompt_tokens,
    e.completion_tokens,
    e.estimated,
    e.cached,
    e.cost,
    e.price,
    e.latency_ms,
    e.first_token_ms,
    e.finish_reason,
    e.attempts,
    e.trace_id,
    e.decision,
  ])}\n`;
export const progressLine = (id: string, patch: UsagePatch): string =>
  `{"progress":"${id}","patch":${JSON.stringify(patch)}}\n`;
export const endLine = (id: string, patch: UsagePatch): string => `{"end":"${id}","patch":${JSON.stringify(patch)}}\n`;

/** Null for what is no line of a journal. `named` are the fields that the segment began with. */
function parseLine(text: string, named: readonly string[]): Line | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (Array.isArray(value)) return beginOf(value, named);
  if (typeof value !== 'object' || value === null) return null;
  const { fields: names, progress, end, patch } = value as Record<string, unknown>;
  if (Array.isArray(names)) return { kind: 'fields', fields: names.map(String) };
  if (typeof patch !== 'object' || patch === null) return null;
  if (typeof end === 'string') return { kind: 'end', id: end, patch };
  return typeof progress === 'string' ? { kind: 'progress', id: progress, patch } : null;
}

function beginOf(values: readonly unknown[], named: readonly string[]): Line | null {
  if (values.length !== named.length) return null;
  const event = Object.fromEntries(named.map((name, place) => [name, values[place]])) as unknown as UsageEvent;
  return typeof event.id === 'string' && typeof event.at === 'string' ? { kind: 'begin', event } : null;
}

/** Lines of a whole file; `damaged` is called with the number of each that is none. A last line without an end is not asked for. */
export function* linesIn(lines: readonly string[], damaged: (line: number) => void): Generator<Change> {
  let named: readonly string[] = [];
  for (const [index, text] of lines.entries()) {
    if (text === '') continue;
    const line = parseLine(text, named);
    if (line === null) damaged(index + 1);
    else if (line.kind === 'fields') named = line.fields;
    else yield line;
  }
}
