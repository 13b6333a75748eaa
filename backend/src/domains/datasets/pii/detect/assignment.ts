import { isAlphanumeric, isDigit, isHangul, isLower, isSpace, isUpper, isWord, lower, textOf } from '../characters.ts';
import { HARD_QUOTE } from '../tape.ts';
import type { Findings } from '../types.ts';
import { isRandom } from './keys.ts';

const NAME = 40;
const KEY = 256;
const PASSWORD = 64;

/** Endings of names of secrets, without `_`, `-` and spaces. */
const keyNames = [
  'apikey',
  'secret',
  'secretkey',
  'accesskey',
  'accountkey',
  'privatekey',
  'token',
  'authkey',
  'signingkey',
  'encryptionkey',
  'authorization',
  'credential',
  'apikeys',
  '인증키',
  '비밀키',
  '토큰',
];
const passwordNames = ['password', 'passwd', 'pwd', 'passphrase', '비밀번호', '패스워드', '암호'];
/** What people write in place of a secret, and what a redaction put there. */
const placeholder = /your|example|placeholder|changeme|dummy|sample|xxx|\*\*|^(?:api|private)_key_[0-9a-f]+$/;

/** `api_key = "…"`, `"token": "…"`, `비밀번호: …`, seen from the `=` or `:`. */
export function detectAssignment(codes: Uint16Array, at: number, findings: Findings): void {
  const name = nameBefore(codes, at);
  if (name === '') return;
  const isPassword = passwordNames.some((ending) => name.endsWith(ending));
  if (!isPassword && !keyNames.some((ending) => name.endsWith(ending))) return;
  const start = startOfValue(codes, at + 1);
  const end = isPassword ? endOfPassword(codes, start) : endOfKey(codes, start);
  const plausible = isPassword ? isStrong(codes, start, end) : isSecret(codes, start, end);
  if (!plausible || placeholder.test(textOf(codes, start, end).toLowerCase())) return;
  findings.add('api_key', start, end, isPassword ? 0.65 : 0.75);
}

function endOfKey(codes: Uint16Array, start: number): number {
  let end = start;
  while (end - start < KEY && isKeyCharacter(codes[end]!)) end++;
  // padding of base64
  while (end > start && codes[end] === 61 && end - start < KEY) end++;
  return end;
}

/** The end of a sentence or a statement is none of it. */
function endOfPassword(codes: Uint16Array, start: number): number {
  let end = start;
  while (end - start < PASSWORD && isPasswordCharacter(codes[end]!)) end++;
  while (end > start && (codes[end - 1] === 46 || codes[end - 1] === 44 || codes[end - 1] === 59)) end--;
  return end;
}

/** Long, and no name or call of a function. */
const isSecret = (codes: Uint16Array, start: number, end: number): boolean =>
  end - start >= 16 && codes[end] !== 40 && isRandom(codes, start, end) && entropy(codes, start, end) >= 3;

function nameBefore(codes: Uint16Array, at: number): string {
  let end = at;
  while (end > at - 3 && (isSpace(codes[end - 1]!) || isQuote(codes[end - 1]!))) end--;
  let name = '';
  for (let next = end - 1; next >= end - NAME; next--) {
    const code = codes[next]!;
    if (isAlphanumeric(code) || isHangul(code)) name = String.fromCharCode(lower(code)) + name;
    else if (code !== 95 && code !== 45 && !(isSpace(code) && name.length < 12)) break;
  }
  return name;
}

const isQuote = (code: number): boolean => code === 34 || code === 39 || code === 96 || code === HARD_QUOTE;

function startOfValue(codes: Uint16Array, from: number): number {
  let at = from;
  while (at < from + 5 && (isSpace(codes[at]!) || isQuote(codes[at]!) || codes[at] === 61 || codes[at] === 62)) at++;
  const scheme = lower(codes[at]!) === 98 ? 7 : 0; // `Bearer `
  return scheme > 0 && lower(codes[at + 1]!) === 101 && isSpace(codes[at + 6]!) ? at + scheme : at;
}

const isKeyCharacter = (code: number): boolean => isWord(code) || code === 45 || code === 43 || code === 47;
const isPasswordCharacter = (code: number): boolean =>
  code > 32 && code < 127 && !isQuote(code) && code !== 60 && code !== 62;

/** Six characters or more of three kinds, or eight of two that are not one word with a number. */
function isStrong(codes: Uint16Array, start: number, end: number): boolean {
  let kinds = 0;
  for (let at = start; at < end; at++) {
    const code = codes[at]!;
    kinds |= isLower(code) ? 1 : isUpper(code) ? 2 : isDigit(code) ? 4 : 8;
  }
  if ((kinds & 5) === 0 || (kinds & 3) === 0) return false;
  const count = (kinds & 1) + ((kinds >> 1) & 1) + ((kinds >> 2) & 1) + ((kinds >> 3) & 1);
  return count >= 3 ? end - start >= 6 : count === 2 && (kinds & 4) !== 0 && end - start >= 8;
}

/** Shannon's, in bits for each character. */
function entropy(codes: Uint16Array, start: number, end: number): number {
  const counts = new Map<number, number>();
  for (let at = start; at < end; at++) counts.set(codes[at]!, (counts.get(codes[at]!) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / (end - start)) * Math.log2(count / (end - start));
  return bits;
}
