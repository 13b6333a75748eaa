/** What both limits do beside carrying bytes: the least that a gateway has to. Each key has what was used by it. */
export interface KeyUse {
  requests: number;
  tokens: number;
}

export interface ChatBody {
  model: string;
  messages: unknown[];
  stream?: boolean;
  stream_options?: unknown;
}

export const port = Number(process.env['PORT'] ?? 0);
export const upstream = new URL(process.env['UPSTREAM'] ?? 'http://127.0.0.1:9100');
export const upstreamKey = 'Bearer sk-upstream';
export const keys = new Map<string | undefined, KeyUse>([['Bearer sk-bench', { requests: 0, tokens: 0 }]]);

const roles = new Set<unknown>(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/** @returns what is wrong with the body, or an empty text */
export function faultOf(body: unknown): string {
  if (body === null || typeof body !== 'object') return 'The body must be an object.';
  const { model, messages, temperature, max_tokens, stream } = body as Record<string, unknown>;
  if (typeof model !== 'string' || model === '') return 'model is missing.';
  if (!Array.isArray(messages) || messages.length === 0) return 'messages is missing.';
  for (const message of messages) {
    if (message === null || typeof message !== 'object' || !roles.has(message.role)) return 'A role is wrong.';
    const { content } = message;
    if (typeof content !== 'string' && content !== null && content !== undefined && !Array.isArray(content))
      return 'A content is wrong.';
  }
  if (temperature !== undefined && !(typeof temperature === 'number' && temperature >= 0 && temperature <= 2))
    return 'temperature is wrong.';
  if (max_tokens !== undefined && !Number.isInteger(max_tokens)) return 'max_tokens is wrong.';
  if (stream !== undefined && typeof stream !== 'boolean') return 'stream is wrong.';
  return '';
}

/** The body as the upstream gets it. */
export function prepare(body: ChatBody): string {
  if (body.stream === true && body.stream_options === undefined) body.stream_options = { include_usage: true };
  return JSON.stringify(body);
}

export function account(use: KeyUse, usage: { total_tokens?: number } | undefined): void {
  use.requests++;
  use.tokens += usage?.total_tokens ?? 0;
}

const needle = Buffer.from('"usage":{');

/** The usage in one piece of a stream, found without parsing the others. */
export function usageIn(piece: Buffer): { total_tokens?: number } | undefined {
  const at = piece.indexOf(needle);
  if (at < 0) return undefined;
  const text = piece.toString('latin1', at + needle.length - 1, Math.min(piece.length, at + 600));
  let depth = 0;
  for (let end = 0; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 123) depth++;
    else if (code === 125 && --depth === 0) {
      try {
        return JSON.parse(text.slice(0, end + 1)) as { total_tokens?: number };
      } catch {
        return undefined;
      }
    }
  }
  return undefined;
}

export const errorBody = (message: string): string =>
  JSON.stringify({ error: { message, type: 'invalid_request_error' } });

/** Says where it listens, and ends with the program that started it. */
export function ready(listening: number): void {
  console.log(`ready at http://127.0.0.1:${listening}`);
  process.stdin.on('end', () => process.exit(0)).resume();
}
