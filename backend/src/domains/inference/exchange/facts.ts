import type { TokenUsage } from '../usage.ts';

/** What an answer says of itself. */
export interface AnswerFacts {
  /** null: it does not say, or not believably */
  usage: TokenUsage | null;
  finishReason: string | null;
  responseId: string | null;
  responseModel: string | null;
}

const usageKey = Buffer.from('"usage"');
const finishKey = Buffer.from('"finish_reason"');
const idKey = Buffer.from('"id"');
const modelKey = Buffer.from('"model"');
const mostTokens = 1_000_000_000;

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostTokens;

/** Usage as OpenAI writes it; null for what cannot be tokens. */
export function usageFrom(usage: unknown): TokenUsage | null {
  if (typeof usage !== 'object' || usage === null) return null;
  const { prompt_tokens: prompt, completion_tokens: completion = 0 } = usage as Record<string, unknown>;
  return isCount(prompt) && isCount(completion) ? { prompt_tokens: prompt, completion_tokens: completion } : null;
}

/** Usage of an OpenAI answer or stream chunk; null where it carries none. */
export const usageOf = (answer: unknown): TokenUsage | null =>
  usageFrom((answer as { usage?: unknown } | null)?.usage ?? null);

/** Finish reason of the first choice that has one. */
export function finishReasonOf(answer: unknown): string | null {
  const choices = (answer as { choices?: { finish_reason?: unknown }[] } | null)?.choices;
  const reason = Array.isArray(choices)
    ? choices.find((choice) => typeof choice?.finish_reason === 'string')?.finish_reason
    : undefined;
  return typeof reason === 'string' ? reason : null;
}

/**
 * Facts of a whole answer, found without reading all of it: in JSON a `"usage"` with plain quotes is never within a text. Read in full
 * where that finds nothing. null: it is not a JSON object. `named`: id and model are wanted too.
 */
export function factsOfAnswer(bytes: Buffer, named: boolean): AnswerFacts | null {
  if (!looksWhole(bytes)) return null;
  const usage = usageAfter(bytes, bytes.lastIndexOf(usageKey));
  if (usage !== null) {
    return {
      usage,
      finishReason: firstText(bytes, finishKey),
      responseId: named ? textAfter(bytes, bytes.indexOf(idKey), idKey.length) : null,
      responseModel: named ? textAfter(bytes, bytes.indexOf(modelKey), modelKey.length) : null,
    };
  }
  try {
    return factsOfValue(JSON.parse(bytes.toString('utf8')));
  } catch {
    return null;
  }
}

export function factsOfValue(value: unknown): AnswerFacts {
  const { id, model } = value as { id?: unknown; model?: unknown };
  return {
    usage: usageOf(value),
    finishReason: finishReasonOf(value),
    responseId: typeof id === 'string' ? id : null,
    responseModel: typeof model === 'string' ? model : null,
  };
}

function looksWhole(bytes: Buffer): boolean {
  let from = 0;
  let to = bytes.length - 1;
  while (from < to && bytes[from]! <= 32) from += 1;
  while (to > from && bytes[to]! <= 32) to -= 1;
  return bytes[from] === 123 && bytes[to] === 125;
}

/** The tokens in the object behind the key at `at`; null when there is none within 1 KiB, or it is written in an unusual way. */
function usageAfter(bytes: Buffer, at: number): TokenUsage | null {
  if (at === -1) return null;
  const text = bytes.toString('latin1', at + usageKey.length, Math.min(at + 1024, bytes.length));
  const open = behindColon(text, 0);
  if (text.charCodeAt(open) !== 123) return null;
  const escape = text.indexOf('\\', open);
  let depth = 0;
  let prompt = -1;
  let completion = 0;
  for (let index = open; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 123) depth += 1;
    else if (code === 125) {
      depth -= 1;
      if (depth === 0)
        return isCount(prompt) && isCount(completion) ? { prompt_tokens: prompt, completion_tokens: completion } : null;
    } else if (code === 34) {
      const end = text.indexOf('"', index + 1);
      if (end === -1 || (escape !== -1 && escape < end)) return null;
      // members of its own alone: its details have others of like names
      if (depth === 1 && end - index > 12) {
        if (text.startsWith('prompt_tokens"', index + 1)) prompt = countAt(text, end + 1);
        else if (text.startsWith('completion_tokens"', index + 1)) completion = countAt(text, end + 1);
      }
      index = end;
    }
  }
  return null;
}

function behindColon(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code <= 32 || code === 58; code = text.charCodeAt(at)) at += 1;
  return at;
}

/** A whole number written plainly; NaN for anything else. */
function countAt(text: string, from: number): number {
  const start = behindColon(text, from);
  let value = 0;
  let at = start;
  for (; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
  }
  const code = text.charCodeAt(at);
  return at > start && (code === 44 || code === 125 || code <= 32) ? value : NaN;
}

/** The short text behind the first of such keys; what is written like the key may be a text itself. */
function firstText(bytes: Buffer, key: Buffer): string | null {
  for (let at = bytes.indexOf(key); at !== -1; at = bytes.indexOf(key, at + key.length)) {
    const text = textAfter(bytes, at, key.length);
    if (text !== null) return text;
  }
  return null;
}

/** The short text behind the key at `at`; null when it is no text. */
export function textAfter(bytes: Buffer, at: number, keyLength: number): string | null {
  if (at === -1) return null;
  const text = bytes.toString('latin1', at + keyLength, at + keyLength + 72);
  return /^\s*:\s*"([\w.:/-]{1,64})"/.exec(text)?.[1] ?? null;
}

/** The texts of an answer that does not count itself. */
export function textOf(answer: Buffer): string {
  try {
    const { choices } = JSON.parse(answer.toString('utf8')) as {
      choices?: { message?: { content?: unknown }; text?: unknown }[];
    };
    return (choices ?? []).map(({ message, text }) => String(message?.content ?? text ?? '')).join('');
  } catch {
    return '';
  }
}

/** Where nobody counts: four bytes of plain text a token, other characters (of three bytes mostly) one each. */
export function estimateTokens(bytes: number, characters: number): number {
  const others = Math.max((bytes - characters) / 2, 0);
  return Math.ceil((characters - others) / 4 + others);
}
