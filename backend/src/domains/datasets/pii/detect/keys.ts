import { isAlphanumeric, isDigit, isLower, isUpper, isWord, standsAt } from '../characters.ts';
import type { Findings } from '../types.ts';

type Charset = (code: number) => boolean;
const base62: Charset = isAlphanumeric;
const base64url: Charset = (code) => isWord(code) || code === 45;
const base32: Charset = (code) => isUpper(code) || (code >= 50 && code <= 55);
const capitals: Charset = (code) => isUpper(code) || isDigit(code);

/** A kind of key: what it begins with, which characters follow, and how many at least. */
interface Shape {
  prefix: string;
  rest: Charset;
  least: number;
  most?: number;
  /** so plain that its letters need not look random */
  certain?: true;
}

/** By the character that the scan stops at; it is the last one of the prefix that is rare in prose. */
const shapes: Record<'-' | '_' | 'A', Shape[]> = {
  '-': [
    { prefix: 'sk-', rest: base64url, least: 20 },
    { prefix: 'glpat-', rest: base64url, least: 20 },
    { prefix: 'gldt-', rest: base64url, least: 20 },
    { prefix: 'glrt-', rest: base64url, least: 20 },
    { prefix: 'xapp-', rest: base64url, least: 20 },
    ...['a', 'b', 'e', 'o', 'p', 'r', 's'].map((kind) => ({ prefix: `xox${kind}-`, rest: base64url, least: 15 })),
  ],
  _: [
    ...['p', 'o', 'u', 's', 'r'].map((kind) => ({ prefix: `gh${kind}_`, rest: base62, least: 36 })),
    { prefix: 'github_pat_', rest: isWord, least: 60 },
    { prefix: 'hf_', rest: base62, least: 30 },
    { prefix: 'npm_', rest: base62, least: 36 },
    { prefix: 'sk_live_', rest: base62, least: 16 },
    { prefix: 'rk_live_', rest: base62, least: 16 },
    { prefix: 'sk_test_', rest: base62, least: 16 },
    { prefix: 'whsec_', rest: base62, least: 24 },
    { prefix: 'dop_v1_', rest: base62, least: 60 },
  ],
  A: [
    { prefix: 'AKIA', rest: capitals, least: 16, most: 16, certain: true },
    { prefix: 'ASIA', rest: capitals, least: 16, most: 16, certain: true },
    { prefix: 'ABIA', rest: base32, least: 16, most: 16, certain: true },
    { prefix: 'AIza', rest: base64url, least: 35, most: 35 },
  ],
};

export const detectHyphenKey = (codes: Uint16Array, at: number, findings: Findings): void =>
  find(shapes['-'], codes, at, findings);
/** `dop_v1_` has a digit before it, the others a letter. */
export const detectUnderscoreKey = (codes: Uint16Array, at: number, findings: Findings): void => {
  if (isLower(codes[at - 1]!) || codes[at - 1] === 49) find(shapes._, codes, at, findings);
};
export const detectCapitalKey = (codes: Uint16Array, at: number, findings: Findings): void => {
  if (!isWord(codes[at - 1]!)) find(shapes.A, codes, at, findings);
};

function find(list: readonly Shape[], codes: Uint16Array, at: number, findings: Findings): void {
  for (const { prefix, rest, least, most = Infinity, certain } of list) {
    const start = prefix.charCodeAt(0) === codes[at] ? at : at + 1 - prefix.length;
    if (start < 0 || !standsAt(codes, start, prefix) || isWord(codes[start - 1]!) || rest(codes[start - 1]!)) continue;
    const from = start + prefix.length;
    let end = from;
    while (rest(codes[end]!)) end++;
    if (end - from < least || end - from > most || (most !== Infinity && isWord(codes[end]!))) continue;
    if (certain !== true && !isRandom(codes, from, end)) continue;
    findings.add('api_key', start, end, 0.95);
    return;
  }
}

/** A JSON web token (RFC 7519): header and payload begin with `{"` in base64url, `eyJ`. Seen from its `J`. */
export function detectJwt(codes: Uint16Array, at: number, findings: Findings): void {
  const start = at - 2;
  if (codes[at - 1] !== 121 || codes[start] !== 101 || base64url(codes[start - 1]!) || codes[start - 1] === 46) return;
  let end = at;
  for (let part = 0; part < 3; part++) {
    if (part > 0 && codes[end++] !== 46) return;
    if (part === 1 && !standsAt(codes, end, 'eyJ')) return;
    const from = end;
    while (base64url(codes[end]!)) end++;
    if (end - from < 10) return;
  }
  findings.add('api_key', start, end, 0.95);
}

/** the last text in which a character was seen */
const seenIn = new Uint32Array(128);
let texts = 0;

/** Not `xxxxxxxx`, not words with hyphens: letters and digits, and enough different ones. All of it is ASCII. */
export function isRandom(codes: Uint16Array, start: number, end: number): boolean {
  texts = (texts + 1) >>> 0;
  let digits = 0;
  let run = 0;
  let longest = 0;
  let different = 0;
  for (let at = start; at < end; at++) {
    const code = codes[at]!;
    if (isDigit(code)) digits++;
    run = isLower(code) ? run + 1 : 0;
    if (run > longest) longest = run;
    if (seenIn[code] !== texts) different++;
    seenIn[code] = texts;
  }
  return digits > 0 && different >= Math.min(10, (end - start) / 2) && longest < 12;
}
