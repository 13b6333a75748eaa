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
  const usage = usageFrom(objectAfter(bytes, bytes.lastIndexOf(usageKey)));
  if (usage !== null) {
    return {
      usage,
      finishReason: textAfter(bytes, bytes.indexOf(finishKey), finishKey.length),
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

/** The object behind the key at `at`; null when there is none within 1 KiB. */
function objectAfter(bytes: Buffer, at: number): unknown {
  if (at === -1) return null;
  const text = bytes.toString('latin1', at + usageKey.length, Math.min(at + 1024, bytes.length));
  const open = /^\s*:\s*(?=\{)/.exec(text)?.[0].length;
  if (open === undefined) return null;
  let depth = 0;
  for (let index = open; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 123) depth += 1;
    else if (code === 125 && --depth === 0) {
      try {
        return JSON.parse(text.slice(open, index + 1));
      } catch {
        return null;
      }
    }
  }
  return null;
}

/** The short text behind the key at `at`; null when it is no text. */
export function textAfter(bytes: Buffer, at: number, keyLength: number): string | null {
  if (at === -1) return null;
  const text = bytes.toString('latin1', at + keyLength, at + keyLength + 72);
  return /^\s*:\s*"([\w.:/-]{1,64})"/.exec(text)?.[1] ?? null;
}

/** Where nobody counts: four bytes of plain text a token, other characters (of three bytes mostly) one each. */
export function estimateTokens(bytes: number, characters: number): number {
  const others = Math.max((bytes - characters) / 2, 0);
  return Math.ceil((characters - others) / 4 + others);
}
