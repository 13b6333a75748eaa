import { ApiError } from '@llm-ops/sdk';

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** What one event of a streamed completion adds to the answer. */
export interface Piece {
  text: string;
  finish: string | null;
  usage: Usage | null;
}

interface Chunk {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: Usage | null;
  error?: { message?: string; code?: string | null; remedy?: string };
}

/** Reads an event of a streamed completion; null for its end. Throws `ApiError` when the stream says that it failed. */
export function pieceOf(data: string): Piece | null {
  if (data.trim() === '[DONE]') return null;
  const chunk = JSON.parse(data) as Chunk;
  if (chunk.error) {
    const { message, code, remedy } = chunk.error;
    throw new ApiError(502, message ?? 'The model failed while it answered.', {
      code: code ?? 'upstream_failed',
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
  const choice = chunk.choices?.[0];
  return { text: choice?.delta?.content ?? '', finish: choice?.finish_reason ?? null, usage: chunk.usage ?? null };
}

/** How an answer went; times in milliseconds since it was asked for. */
export interface AnswerFacts {
  usage: Usage | null;
  firstTokenMs: number | null;
  totalMs: number;
  finish: string | null;
}

/** Output tokens a second after the first one came; null where that cannot be said. */
export function tokensPerSecond({ usage, firstTokenMs, totalMs }: AnswerFacts): number | null {
  if (usage === null || firstTokenMs === null || usage.completion_tokens < 2) return null;
  const spent = totalMs - firstTokenMs;
  return spent > 0 ? ((usage.completion_tokens - 1) * 1000) / spent : null;
}
