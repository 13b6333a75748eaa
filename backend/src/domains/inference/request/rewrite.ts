import type { Body } from './body.ts';
import { spliceMembers } from './splice.ts';

const modelKey = Buffer.from('"model"');
const escape = Buffer.from('\\u');
const usageOption = '"stream_options":{"include_usage":true},';

/** What the upstream is sent instead of what came: its own name of the model, and that streams end with usage. */
export interface Rewrite {
  model: string;
  /** false: the body carries no stream, or its provider gives usage unasked */
  askUsage: boolean;
  /** with each chunk too, where the provider can */
  continuous: boolean;
  /** members that are the gateway's own */
  drop: readonly string[];
}

/**
 * The body for the upstream, in pieces: the client's own bytes but for what must differ, so that numbers beyond 2^53, key order and
 * unknown fields arrive as they were written, and nothing large is written again.
 */
export function rewriteBody(body: Body, rewrite: Rewrite): Buffer[] {
  return quick(body, rewrite) ?? [Buffer.from(careful(body, rewrite))];
}

/** The usual case, without reading the body again: one plain `"model"`, and options that are right or not there. */
function quick({ bytes, value }: Body, { model, askUsage, continuous, drop }: Rewrite): Buffer[] | null {
  const options = value['stream_options'] as { include_usage?: unknown } | null | undefined;
  const add = askUsage && options === undefined;
  if (askUsage && !add && (continuous || options?.include_usage !== true)) return null;
  for (const name of drop) if (name in value) return null;
  // an escaped key could be a second "model"
  if (bytes.includes(escape)) return null;
  const open = bytes.indexOf(123) + 1;
  const asked = continuous ? '"stream_options":{"include_usage":true,"continuous_usage_stats":true},' : usageOption;
  const front = add ? asked : '';
  const at = bytes.indexOf(modelKey);
  if (at === -1) return [Buffer.from(`{${front}"model":${JSON.stringify(model)},`), bytes.subarray(open)];
  if (typeof value['model'] !== 'string' || bytes.indexOf(modelKey, at + 7) !== -1) return null;
  let from = at + 7;
  while (isSpace(bytes[from]!)) from += 1;
  if (bytes[from] !== 58) return null;
  from += 1;
  while (isSpace(bytes[from]!)) from += 1;
  const asWritten = quoted(value['model']);
  const to = from + asWritten.length;
  if (bytes.compare(asWritten, 0, asWritten.length, from, to) !== 0) return null;
  const name = quoted(model);
  if (front === '') return [bytes.subarray(0, from), name, bytes.subarray(to)];
  return [Buffer.from(`{${front}`), bytes.subarray(open, from), name, bytes.subarray(to)];
}

const known = new Map<string, Buffer>();

/** A name of a model in JSON: the same few again and again. */
function quoted(name: string): Buffer {
  const made = known.get(name);
  if (made !== undefined) return made;
  const fresh = Buffer.from(JSON.stringify(name));
  if (known.size >= 1_000) known.clear();
  if (name.length <= 200) known.set(name, fresh);
  return fresh;
}

function careful({ bytes, value }: Body, { model, askUsage, continuous, drop }: Rewrite): string {
  const members: Record<string, unknown> = { model };
  if (askUsage) {
    const given = value['stream_options'];
    members['stream_options'] = {
      ...(typeof given === 'object' ? given : {}),
      include_usage: true,
      ...(continuous ? { continuous_usage_stats: true } : {}),
    };
  }
  for (const name of drop) members[name] = null;
  return spliceMembers(bytes.toString('utf8'), members);
}

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;
