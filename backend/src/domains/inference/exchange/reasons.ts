import type { FinishReasons, ReasonWords } from '#ports/provider';

const key = Buffer.from('"finish_reason"');
const toolKey = Buffer.from('"tool_calls":[{');

interface Found {
  /** of the value with its quotes */
  start: number;
  end: number;
  word: string | null;
}

/** Of one answer, which comes in pieces or as a whole. */
export interface ReasonTeller {
  /** Whether something in it has to be told, or is of weight for what has to be. */
  concerns(bytes: Buffer): boolean;
  /** What came next, with OpenAI's words in place of the engine's own. */
  tell(bytes: Buffer): Buffer;
}

export function createReasonTeller({ words, afterTools }: FinishReasons): ReasonTeller {
  let now = words;
  const callsTools = (bytes: Buffer): boolean => afterTools !== null && now === words && bytes.includes(toolKey);
  return {
    concerns: (bytes) => callsTools(bytes) || find(bytes, now, 0) !== null,
    tell(bytes) {
      if (callsTools(bytes)) now = afterTools!;
      return translateReasons(bytes, now);
    },
  };
}

/**
 * Puts OpenAI's word in the place of the engine's own wherever an answer tells why it ended, and leaves every other byte as it is: in JSON such a
 * key with plain quotes and a colon is never within a text. The same buffer where there is nothing to replace.
 */
export function translateReasons(bytes: Buffer, words: ReasonWords): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let found = find(bytes, words, 0); found !== null; found = find(bytes, words, found.end)) {
    parts.push(bytes.subarray(from, found.start), Buffer.from(JSON.stringify(found.word)));
    from = found.end;
  }
  return from === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(from)]);
}

function find(bytes: Buffer, words: ReasonWords, from: number): Found | null {
  for (let at = bytes.indexOf(key, from); at !== -1; at = bytes.indexOf(key, at + key.length)) {
    const text = bytes.toString('latin1', at + key.length, at + key.length + 96);
    const [whole, before, value] = /^(\s*:\s*)"([^"\\]{0,64})"/.exec(text) ?? [];
    if (whole === undefined || !Object.hasOwn(words, value!)) continue;
    const start = at + key.length + before!.length;
    return { start, end: start + value!.length + 2, word: words[value!]! };
  }
  return null;
}
