import type { FinishReasons } from '#ports/provider';

const key = Buffer.from('"finish_reason"');

interface Found {
  /** of the value with its quotes */
  start: number;
  end: number;
  word: string | null;
}

/** Whether an answer tells why it ended in a word of the engine's own. */
export const hasForeignReason = (bytes: Buffer, words: FinishReasons): boolean => find(bytes, words, 0) !== null;

/**
 * Puts OpenAI's word in the place of the engine's own wherever an answer tells why it ended, and leaves every other byte as it is: in JSON such a
 * key with plain quotes and a colon is never within a text. The same buffer where there is nothing to replace.
 */
export function translateReasons(bytes: Buffer, words: FinishReasons): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let found = find(bytes, words, 0); found !== null; found = find(bytes, words, found.end)) {
    parts.push(bytes.subarray(from, found.start), Buffer.from(JSON.stringify(found.word)));
    from = found.end;
  }
  return from === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(from)]);
}

function find(bytes: Buffer, words: FinishReasons, from: number): Found | null {
  for (let at = bytes.indexOf(key, from); at !== -1; at = bytes.indexOf(key, at + key.length)) {
    const text = bytes.toString('latin1', at + key.length, at + key.length + 96);
    const [whole, before, value] = /^(\s*:\s*)"([^"\\]{0,64})"/.exec(text) ?? [];
    if (whole === undefined || !Object.hasOwn(words, value!)) continue;
    const start = at + key.length + before!.length;
    return { start, end: start + value!.length + 2, word: words[value!]! };
  }
  return null;
}
