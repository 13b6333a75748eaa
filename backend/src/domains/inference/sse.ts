import { finishReasonOf, usageOf, type TokenUsage } from './usage.ts';

/** What a stream has told so far. */
export interface StreamFacts {
  usage: TokenUsage | null;
  finishReason: string | null;
  done: boolean;
  /** chunks that carried text: about one token each, where usage is missing */
  contentChunks: number;
}

export interface StreamReader {
  facts: StreamFacts;
  /** Whole events of the chunk, as they are to be forwarded; an event cut by the chunk's end waits for the next. */
  push(chunk: Buffer): Buffer;
  /** What is left when the upstream ends. */
  end(): Buffer;
}

const blank = Buffer.from('\n\n');
const blankCrLf = Buffer.from('\r\n\r\n');
const maximumEvent = 4 * 1024 * 1024;

/**
 * Follows an OpenAI event stream: events are forwarded as they are, but a usage-only chunk that the client did not ask for is held
 * back. Throws when one event is larger than 4 MiB.
 */
export function createStreamReader(options: { wantsUsage: boolean }): StreamReader {
  const facts: StreamFacts = { usage: null, finishReason: null, done: false, contentChunks: 0 };
  let rest: Buffer = Buffer.alloc(0);

  const forward = (event: Buffer): boolean => {
    const text = event.toString('utf8');
    if (text.includes('[DONE]')) facts.done = true;
    if (text.includes('"content"')) facts.contentChunks += 1;
    // Only events that can hold these words are parsed: most chunks pass through unread.
    if (!text.includes('"usage"') && !text.includes('"finish_reason"')) return true;
    const data = dataOf(text);
    if (data === null) return true;
    facts.usage = usageOf(data) ?? facts.usage;
    facts.finishReason = finishReasonOf(data) ?? facts.finishReason;
    const { choices } = data as { choices?: unknown };
    return options.wantsUsage || usageOf(data) === null || !Array.isArray(choices) || choices.length > 0;
  };

  return {
    facts,
    push(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const kept: Buffer[] = [];
      for (;;) {
        const end = endOfEvent(rest);
        if (end === -1) break;
        const event = rest.subarray(0, end);
        rest = rest.subarray(end);
        if (forward(event)) kept.push(event);
      }
      if (rest.length > maximumEvent) throw new Error('One event of the stream is larger than 4 MiB.');
      return kept.length === 1 ? kept[0]! : Buffer.concat(kept);
    },
    end() {
      const last = rest;
      rest = Buffer.alloc(0);
      return last.length > 0 && forward(last) ? Buffer.concat([last, blank]) : Buffer.alloc(0);
    },
  };
}

function endOfEvent(buffer: Buffer): number {
  const plain = buffer.indexOf(blank);
  const carriage = buffer.indexOf(blankCrLf);
  if (plain === -1 && carriage === -1) return -1;
  if (carriage === -1 || (plain !== -1 && plain < carriage)) return plain + blank.length;
  return carriage + blankCrLf.length;
}

function dataOf(event: string): unknown {
  const data = event
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trimStart())
    .join('\n');
  if (data === '' || data === '[DONE]') return null;
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
