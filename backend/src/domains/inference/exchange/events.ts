import { frame, frameEnd, unframe } from '#platform/wire';
import { factsOfValue, textAfter, type AnswerFacts } from './facts.ts';
import type { ReasonTeller } from './reasons.ts';

/** What a stream has told so far. */
export interface StreamFacts extends AnswerFacts {
  done: boolean;
  /** pieces of content that came: about one token each, where usage is missing */
  pieces: number;
  /** what an event said that tells of an error in the middle of the answer, as engines send it; null: none did */
  error: string | null;
}

export interface StreamFollower {
  facts: StreamFacts;
  /**
   * Chunks of the upstream with their framing, each ending an event, as they are to be sent on: framed, the same bytes where nothing is
   * held back. May be empty. null: each event has to be looked at, `push(unframe(frames))`.
   */
  frames(frames: Buffer, count: number): Buffer | null;
  /** Whole events of the bytes, as they are to be sent on; an event cut by their end waits for the next. May be empty. */
  push(bytes: Buffer): Buffer;
  /** What is left when the upstream ends. */
  end(): Buffer;
}

const blank = Buffer.from('\n\n');
const blankCrLf = Buffer.from('\r\n\r\n');
/** Keys as all but a few write them; of eight bytes and more, which are looked for in leaps. */
const usageKey = Buffer.from('"usage":');
const finishKey = Buffer.from('"finish_reason":');
const errorKey = Buffer.from('"error":');
/** with a reason behind it, as one and as another serializer writes it */
const finishes = [Buffer.from('"finish_reason":"'), Buffer.from('"finish_reason": "')];
const empty: Buffer = Buffer.alloc(0);
const maximumEvent = 4 * 1024 * 1024;

interface Options {
  /** the client asked for usage: the chunk that carries it is sent on */
  wantsUsage: boolean;
  /** usage comes with each chunk because the gateway asked for it: it is taken out, but for the last */
  strip: boolean;
  /** of an engine with words of its own for the reason to finish */
  reasons: ReasonTeller | null;
}

/**
 * Follows an OpenAI event stream. Events go on as they are, but usage that only the gateway asked for is held back and an engine's own reasons
 * to finish are told in OpenAI's words. Throws when one event is larger than 4 MiB.
 */
export function createStreamFollower({ wantsUsage, strip, reasons }: Options): StreamFollower {
  const facts: StreamFacts = {
    usage: null,
    finishReason: null,
    responseId: null,
    responseModel: null,
    done: false,
    pieces: 0,
    error: null,
  };
  let rest: Buffer = empty;
  let first = true;
  /** its first event was written in a way in which keys are not found by their bytes */
  let odd = false;

  function forward(event: Buffer): Buffer | null {
    const text = event.toString('utf8');
    const data = dataOf(text);
    if (data === '[DONE]') {
      facts.done = true;
      return event;
    }
    // comments and fields that are no data go on
    if (data === null) return event;
    const value = parsed(data);
    if (value === null) return event;
    facts.error ??= errorIn(value);
    if (hasContent(value)) facts.pieces += 1;
    const said = factsOfValue(value);
    facts.finishReason = said.finishReason ?? facts.finishReason;
    facts.responseId ??= said.responseId;
    facts.responseModel ??= said.responseModel;
    if (said.usage === null) return event;
    facts.usage = said.usage;
    const { choices } = value;
    const alone = !Array.isArray(choices) || choices.length === 0;
    if (alone) return wantsUsage ? event : null;
    if (!strip) return event;
    const { usage: _, ...others } = value;
    return Buffer.from(`data: ${JSON.stringify(others)}\n\n`);
  }

  /** What frames that go on as they are say of the end; they were counted as pieces of content. */
  function note(frames: Buffer): void {
    const finish = finishIn(frames);
    if (finish !== -1) {
      facts.finishReason = textAfter(frames, finish, finishKey.length - 1);
      facts.pieces -= 1;
    }
    // `…[DONE]` + LF LF CR LF
    if (frames[frames.length - 5] !== 93) return;
    if (frames.toString('latin1', frames.length - 11, frames.length - 4) !== ' [DONE]') return;
    facts.done = true;
    facts.pieces -= 1;
  }

  const usageIn = (frames: Buffer, from: number): number =>
    strip ? frames.indexOf(usageKey, from) : tellingIn(frames, usageKey, from);

  /** Looks at the first event and at those with usage; the others go on as they are. */
  function lookedAt(frames: Buffer, count: number): Buffer {
    let at = 0;
    let passed = 0;
    const parts: Buffer[] = [];
    // the frames from `passed` to `at` go on as they are, the one at `at` is looked at
    const look = (): void => {
      const end = frameEnd(frames, at);
      const event = unframe(frames.subarray(at, end));
      const out = forward(event);
      if (out === event) {
        at = end;
        return;
      }
      if (at > passed) parts.push(frames.subarray(passed, at));
      if (out !== null) parts.push(frame(out));
      at = passed = end;
    };
    let looked = 0;
    if (first) {
      first = false;
      looked += 1;
      look();
    }
    for (;;) {
      const usage = usageIn(frames, at);
      if (usage === -1) break;
      const from = at;
      for (let end = frameEnd(frames, at); end <= usage; end = frameEnd(frames, at)) at = end;
      if (at > from) note(frames.subarray(from, at));
      looked += 1;
      look();
    }
    facts.pieces += count - looked;
    if (at < frames.length) note(at === 0 ? frames : frames.subarray(at));
    if (passed === 0 && parts.length === 0) return frames;
    if (passed < frames.length) parts.push(frames.subarray(passed));
    return Buffer.concat(parts);
  }

  return {
    facts,
    frames(frames, count) {
      if (first) odd = isOdd(frames);
      if (rest.length > 0 || odd || tellingIn(frames, errorKey, 0) !== -1) return null;
      if (reasons !== null && reasons.concerns(frames)) return null;
      if (first || usageIn(frames, 0) !== -1) return lookedAt(frames, count);
      facts.pieces += count;
      note(frames);
      return frames;
    },
    push(fresh) {
      first = false;
      let bytes = rest.length === 0 ? fresh : Buffer.concat([rest, fresh]);
      const kept: Buffer[] = [];
      for (;;) {
        const end = endOfEvent(bytes);
        if (end === -1) break;
        const came = bytes.subarray(0, end);
        const event = forward(reasons === null ? came : reasons.tell(came));
        bytes = bytes.subarray(end);
        if (event !== null) kept.push(event);
      }
      if (bytes.length > maximumEvent) throw new RangeError('One event of the stream is larger than 4 MiB.');
      rest = bytes.length === 0 ? empty : Buffer.from(bytes);
      return kept.length === 1 ? kept[0]! : Buffer.concat(kept);
    },
    end() {
      if (rest.length === 0) return empty;
      const came = Buffer.concat([rest, blank]);
      const last = forward(reasons === null ? came : reasons.tell(came));
      rest = empty;
      return last ?? empty;
    },
  };
}

/** Where a reason to finish stands; −1: nowhere. Of few events, key by key; of many, by what only such a key is. */
function finishIn(frames: Buffer): number {
  if (frames.length < 1024) return tellingIn(frames, finishKey, 0);
  for (const key of finishes) {
    const at = frames.indexOf(key);
    if (at !== -1) return at;
  }
  return -1;
}

/** Whether there is space before a colon, or more than one behind it. Texts with such are taken for it as well, which costs time alone. */
const isOdd = (frames: Buffer): boolean =>
  /"\s+:|":\s{2}|":[\t\r\n]/.test(frames.toString('latin1', 0, Math.min(frames.length, 512)));

/** Where a key stands whose value is not null; −1: nowhere. */
function tellingIn(bytes: Buffer, key: Buffer, from: number): number {
  let at = bytes.indexOf(key, from);
  while (at !== -1 && isNullAfter(bytes, at + key.length)) at = bytes.indexOf(key, at + key.length);
  return at;
}

function isNullAfter(bytes: Buffer, from: number): boolean {
  return bytes[bytes[from] === 32 ? from + 1 : from] === 110;
}

interface Delta {
  content?: unknown;
  reasoning_content?: unknown;
  reasoning?: unknown;
  tool_calls?: unknown;
}

function hasContent(value: Record<string, unknown>): boolean {
  const { choices } = value;
  if (!Array.isArray(choices)) return false;
  return choices.some((choice: { delta?: Delta; text?: unknown } | null) => {
    const delta = choice?.delta;
    const texts = [delta?.content, delta?.reasoning_content, delta?.reasoning, choice?.text];
    return texts.some((text) => typeof text === 'string' && text !== '') || Array.isArray(delta?.tool_calls);
  });
}

/** OpenAI and vLLM name a message; TGI gives the text itself. */
function errorIn({ error }: Record<string, unknown>): string | null {
  if (error === undefined || error === null) return null;
  const said = typeof error === 'string' ? error : (error as { message?: unknown }).message;
  return typeof said === 'string' ? said : JSON.stringify(error);
}

function endOfEvent(buffer: Buffer): number {
  const plain = buffer.indexOf(blank);
  const carriage = buffer.indexOf(blankCrLf);
  if (plain === -1 && carriage === -1) return -1;
  if (carriage === -1 || (plain !== -1 && plain < carriage)) return plain + blank.length;
  return carriage + blankCrLf.length;
}

/** The data of an event; null: it has none. */
function dataOf(event: string): string | null {
  const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  if (lines.length === 0) return null;
  return lines.map((line) => line.slice(line[5] === ' ' ? 6 : 5)).join('\n');
}

function parsed(data: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
