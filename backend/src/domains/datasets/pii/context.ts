import { isLetter, isLower, isUpper, lower } from './characters.ts';
import { piiTypes, rankOf } from './types.ts';
import { words } from './words.ts';

/** What stands directly before a value says most. */
const CLOSE = 24;
const BEFORE = 48;
const AFTER = 20;

interface Word {
  codes: number[];
  /** bits of the types it speaks for, and of those it speaks against */
  speaks: { for: number; against: number };
  english: boolean;
}

/** By the first two characters. */
const MASK = 4095;
const bucketOf = (first: number, second: number): number => (first * 31 + second) & MASK;
const buckets: (Word[] | undefined)[] = Array.from({ length: MASK + 1 }, () => undefined);
const taken = new Uint8Array(MASK + 1);
const known = new Map<string, Word>();
for (const { type } of piiTypes) {
  for (const side of ['for', 'against'] as const) {
    for (const text of words[type]?.[side] ?? []) {
      const word = known.get(text) ?? register(text);
      word.speaks[side] |= 1 << rankOf[type];
    }
  }
}

function register(text: string): Word {
  const codes = Array.from(text, (character) => character.charCodeAt(0));
  const word = { codes, speaks: { for: 0, against: 0 }, english: isLower(codes[0]!) };
  known.set(text, word);
  const bucket = bucketOf(codes[0]!, codes[1]!);
  taken[bucket] = 1;
  (buckets[bucket] ??= []).push(word);
  return word;
}

/** The same for a name written with capitals, underscores or hyphens: `userPhone`, `phone_number`, `ss-no`. */
const plain = (code: number): number => (code === 95 || code === 45 ? 32 : lower(code));

/** What the words about a place, and those of the column's name, say of each type, as bits. */
export interface Context {
  for: number;
  against: number;
}

export function readContext(codes: Uint16Array, start: number, end: number, into: Context): void {
  for (let at = start, next = plain(codes[start] ?? 0); at < end; at++) {
    const first = next;
    next = plain(codes[at + 1] ?? 0);
    const place = bucketOf(first, next);
    if (taken[place] === 0) continue;
    for (const word of buckets[place]!) {
      if (!matches(codes, at, end, word)) continue;
      into.for |= word.speaks.for;
      into.against |= word.speaks.against;
    }
  }
}

function matches(codes: Uint16Array, at: number, end: number, { codes: word, english }: Word): boolean {
  const after = at + word.length;
  if (after > end) return false;
  for (let offset = 0; offset < word.length; offset++) if (plain(codes[at + offset]!) !== word[offset]) return false;
  if (!english) return true;
  const [before, first, last, next] = [codes[at - 1] ?? 0, codes[at]!, codes[after - 1]!, codes[after] ?? 0];
  const begins = !isLetter(before) || (isLower(before) && isUpper(first));
  return begins && (!isLetter(next) || (isLower(last) && isUpper(next)));
}

/** A word speaks for what stands on the next line too, as in a form, but against what follows on its own line only. */
function readBefore(codes: Uint16Array, from: number, line: number, to: number, into: Context): void {
  readContext(codes, from, to, into);
  if (line <= from || into.against === 0) return;
  into.against = 0;
  readContext(codes, line, to, into);
}

/** The words around a place, those directly before it apart. */
export interface Surroundings {
  close: Context;
  far: Context;
}

/** Reads the surroundings of places in a tape and remembers the last one: detectors ask for the same place in turn. */
export function createSurroundings() {
  const read: Surroundings = { close: { for: 0, against: 0 }, far: { for: 0, against: 0 } };
  let from = -1;
  let to = -1;
  return {
    forget(): void {
      from = -1;
    },
    around(codes: Uint16Array, start: number, end: number): Surroundings {
      if (start === from && end === to) return read;
      from = start;
      to = end;
      const { close, far } = read;
      close.for = close.against = far.for = far.against = 0;
      let first = start;
      let line = 0;
      while (first > start - BEFORE && codes[first - 1] !== 0)
        if (codes[--first] === 10 && line === 0) line = first + 1;
      readBefore(codes, Math.max(first, start - CLOSE), line, start, close);
      readBefore(codes, first, line, start, far);
      const { against } = far;
      let last = end;
      while (last < end + AFTER && codes[last] !== 0 && codes[last] !== 10) last++;
      readContext(codes, end, last, far);
      far.against = against;
      return read;
    },
  };
}
