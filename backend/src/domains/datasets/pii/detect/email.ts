import { DOT, isAlphanumeric, isDigit, isLetter, HYPHEN, lower, standsAt, textOf } from '../characters.ts';
import type { Findings } from '../types.ts';

/** RFC 5321, 4.5.3.1 */
const LOCAL = 64;
const DOMAIN = 255;

const isLocal = (code: number): boolean =>
  isAlphanumeric(code) || code === DOT || code === HYPHEN || code === 95 || code === 43 || code === 37;

/** Top-level domains of RFC 2606 that nobody can have, and endings of files: `icon@2x.png`. */
const never = new Set(
  'example invalid test localhost local png jpg jpeg gif svg webp ico css js mjs ts tsx jsx json map py rb java md txt html yml yaml xml'.split(
    ' ',
  ),
);

/** An address about an `@`; or the password of a URL that has one there. */
export function detectEmail(codes: Uint16Array, at: number, findings: Findings): void {
  if (findUrlPassword(codes, at, findings)) return;
  let start = at;
  while (start > at - LOCAL && isLocal(codes[start - 1]!)) start--;
  while (start < at && !isAlphanumeric(codes[start]!) && codes[start] !== 95) start++;
  const end = endOfDomain(codes, at + 1);
  if (start === at || end === 0 || codes[at - 1] === DOT) return;
  // `git@host.name:group/project` names a machine
  if (codes[end] === 58 && isLetter(codes[end + 1]!) && textOf(codes, start, at) === 'git') return;
  findings.add('email', start, end, 0.95);
}

/** @returns where a domain of two or more labels ends that begins here; 0: there is none */
function endOfDomain(codes: Uint16Array, start: number): number {
  let end = start;
  let dot = 0;
  let at = start;
  for (; at < start + DOMAIN; at++) {
    const code = codes[at]!;
    if (isAlphanumeric(code)) {
      end = at + 1;
      continue;
    }
    if (code === HYPHEN && end === at) continue;
    if (code !== DOT || end !== at || end === start || !isAlphanumeric(codes[at + 1]!)) break;
    dot = at;
  }
  if (dot === 0 || end - dot < 3 || end - dot > 25) return 0;
  // a version, as in `vue@3.next`, where 163.com is a host
  if (end - dot > 4 && isNumber(codes, start, dot)) return 0;
  let last = '';
  for (let letter = dot + 1; letter < end; letter++) {
    if (isDigit(codes[letter]!)) return 0;
    last += String.fromCharCode(lower(codes[letter]!));
  }
  return never.has(last) ? 0 : end;
}

function isNumber(codes: Uint16Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isDigit(codes[at]!) && codes[at] !== DOT) return false;
  return true;
}

/** `scheme://user:password@host`, seen from its `@`; neither `${password}` nor what a redaction put there. */
function findUrlPassword(codes: Uint16Array, at: number, findings: Findings): boolean {
  let colon = 0;
  let start = at;
  while (start > at - LOCAL && isVisible(codes[start - 1]!)) if (codes[--start] === 58) colon = start;
  if (colon === 0 || codes[start - 1] !== 47 || codes[start - 2] !== 47 || codes[start - 3] !== 58) return false;
  const isVariable = codes[colon + 1] === 36 || codes[colon + 1] === 123 || standsAt(codes, colon + 1, 'api_key_');
  if (at - colon > 4 && !isVariable) findings.add('api_key', colon + 1, at, 0.75);
  return true;
}

const isVisible = (code: number): boolean => code > 32 && code < 127 && code !== 34 && code !== 47 && code !== 60;
