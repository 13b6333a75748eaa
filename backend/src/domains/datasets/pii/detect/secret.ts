import { isDigit, isLower, isUpper, isWord } from '../characters.ts';
import { HARD_QUOTE } from '../tape.ts';
import { isRandom } from './keys.ts';

const KEY = 256;
const PASSWORD = 64;

export function endOfKey(codes: Uint16Array, start: number): number {
  let end = start;
  while (end - start < KEY && isKeyCharacter(codes[end]!)) end++;
  // padding of base64
  while (end > start && codes[end] === 61 && end - start < KEY) end++;
  return end;
}

const isKeyCharacter = (code: number): boolean => isWord(code) || code === 45 || code === 43 || code === 47;

/** Anything visible between quotes; without them nothing that code is made of, nor what ends a sentence. */
export function endOfPassword(codes: Uint16Array, start: number, quoted: boolean): number {
  const others = quoted ? inQuotes : bare;
  let end = start;
  while (end - start < PASSWORD && (isWord(codes[end]!) || others.has(codes[end]!))) end++;
  return end;
}

const bare = new Set(Array.from('!@#%^&*+-?~|', (character) => character.charCodeAt(0)));
const inQuotes = new Set(Array.from('!@#%^&*+-?~|$./:;,=()[]{}', (character) => character.charCodeAt(0)));

/** Long and random, and no call or member: `tokenizer2.encode(`; what has no quotes is no name with one digit either. */
export function isSecret(codes: Uint16Array, start: number, end: number, quoted: boolean): boolean {
  const next = codes[end]!;
  if (end - start < 16 || next === 40 || next === 46 || next === 91) return false;
  return (quoted || digitsIn(codes, start, end) > 1) && isRandom(codes, start, end) && entropy(codes, start, end) >= 3;
}

/** Six characters or more of three kinds, or eight of letters and digits. A bare word goes to a space and has a digit; `${…}` is no password. */
export function isStrong(codes: Uint16Array, start: number, end: number, quoted: boolean): boolean {
  let kinds = 0;
  for (let at = start; at < end; at++) {
    const code = codes[at]!;
    kinds |= isLower(code) ? 1 : isUpper(code) ? 2 : isDigit(code) ? 4 : 8;
    if (code === 36 && codes[at + 1] === 123) return false;
  }
  if (quoted ? !isQuote(codes[end]!) : !endsBare(codes, end) || (kinds & 4) === 0) return false;
  if ((kinds & 3) === 0) return false;
  const count = (kinds & 1) + ((kinds >> 1) & 1) + ((kinds >> 2) & 1) + ((kinds >> 3) & 1);
  return count >= 3 ? end - start >= 6 : count === 2 && (kinds & 4) !== 0 && end - start >= 8;
}

const isQuote = (code: number): boolean => code === 34 || code === 39 || code === 96 || code === HARD_QUOTE;

/** White space, the end, a letter of Hangul, or what ends a sentence and has white space behind it. */
function endsBare(codes: Uint16Array, end: number): boolean {
  const next = codes[end]!;
  if (next <= 32 || next > 127) return true;
  return (next === 46 || next === 44 || next === 59 || next === 41) && codes[end + 1]! <= 32;
}

function digitsIn(codes: Uint16Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if (isDigit(codes[at]!)) count++;
  return count;
}

/** Shannon's, in bits for each character. */
function entropy(codes: Uint16Array, start: number, end: number): number {
  const counts = new Map<number, number>();
  for (let at = start; at < end; at++) counts.set(codes[at]!, (counts.get(codes[at]!) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / (end - start)) * Math.log2(count / (end - start));
  return bits;
}
