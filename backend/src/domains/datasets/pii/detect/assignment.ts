import { isAlphanumeric, isHangul, isSpace, lower, textOf } from '../characters.ts';
import { HARD_QUOTE } from '../tape.ts';
import type { Findings } from '../types.ts';
import { endOfKey, endOfPassword, isSecret, isStrong } from './secret.ts';

const NAME = 40;

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
const lasts = new Set([...keyNames, ...passwordNames].map((name) => name.charCodeAt(name.length - 1)));
/** What people write in place of a secret, and what a redaction put there. */
const placeholder = /your|example|placeholder|changeme|dummy|sample|xxx|\*\*|^(?:api|private)_key_[0-9a-f]+$/;

/** `api_key = "…"`, `"token": "…"`, `비밀번호: …`, seen from the `=` or `:`. */
export function detectAssignment(codes: Uint16Array, at: number, findings: Findings): void {
  const name = nameBefore(codes, at);
  if (name === '') return;
  const isPassword = passwordNames.some((ending) => name.endsWith(ending));
  if (!isPassword && !keyNames.some((ending) => name.endsWith(ending))) return;
  const start = startOfValue(codes, at + 1);
  const quoted = isQuote(codes[start - 1]!);
  const end = isPassword ? endOfPassword(codes, start, quoted) : endOfKey(codes, start);
  const plausible = isPassword ? isStrong(codes, start, end, quoted) : isSecret(codes, start, end, quoted);
  if (!plausible || placeholder.test(textOf(codes, start, end).toLowerCase())) return;
  findings.add('api_key', start, end, isPassword ? 0.65 : 0.75);
}

/** The name without `_`, `-` and spaces, in small letters; empty where it ends like none of those that matter. */
function nameBefore(codes: Uint16Array, at: number): string {
  let end = at;
  while (end > at - 3 && (isSpace(codes[end - 1]!) || isQuote(codes[end - 1]!))) end--;
  if (!lasts.has(lower(codes[end - 1]!))) return '';
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
