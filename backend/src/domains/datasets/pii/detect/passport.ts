import { isAlphanumeric, isBreak, isDigit, isUpper, isWord } from '../characters.ts';
import { mrzDigit } from '../checksums.ts';
import type { Findings } from '../types.ts';

const FILLER = 60;
const LINE = 44;

/** Letters and digits at a place where digits begin: Korea `M12345678` and `M123A4567`, others up to two letters and six to eight digits. */
export function detectPassport(codes: Uint16Array, at: number, end: number, findings: Findings): void {
  const first = codes[at - 1]!;
  if (!isUpper(first)) return;
  const two = isUpper(codes[at - 2]!);
  const start = two ? at - 2 : at - 1;
  if (isWord(codes[start - 1]!) || codes[start - 1] === 45) return;
  const length = end - at;
  if (length === 3 && !two && isUpper(codes[end]!) && endsPassport(codes, end + 5)) {
    for (let next = end + 1; next < end + 5; next++) if (!isDigit(codes[next]!)) return;
    addInContext(findings, start, end + 5, 0.45);
  } else if ((two ? length === 6 || length === 7 : length === 7 || length === 8) && endsPassport(codes, end)) {
    // XX is no country's; pseudonyms use it
    if (!(two && first === 88 && codes[start] === 88)) addInContext(findings, start, end, 0.4);
  }
}

/** Nine digits, as the United States and others number passports. */
export function detectBarePassport(codes: Uint16Array, at: number, end: number, findings: Findings): void {
  if (endsPassport(codes, end)) addInContext(findings, at, end, 0.15);
}

const endsPassport = (codes: Uint16Array, end: number): boolean => !isWord(codes[end]!) && codes[end] !== 45;

/** Such numbers are everywhere: only words make one a passport's. */
function addInContext(findings: Findings, start: number, end: number, confidence: number): void {
  if (findings.near('passport', start, end)) findings.add('passport', start, end, confidence);
}

/** Second line of a passport's machine-readable zone, with its five check digits, and the first line before it (ICAO 9303-4, 4.2). */
export function detectMrz(codes: Uint16Array, at: number, findings: Findings): void {
  if (codes[at - 1] === FILLER) return;
  let start = at;
  while (start > at - LINE && isZone(codes[start - 1]!)) start--;
  const end = start + LINE;
  if (isZone(codes[start - 1]!) || isZone(codes[end]!)) return;
  for (let next = at; next < end; next++) if (!isZone(codes[next]!)) return;
  if (!holds(codes, start)) return;
  findings.add('passport', startOfFirstLine(codes, start), end, 0.99);
}

const isZone = (code: number): boolean => isUpper(code) || isDigit(code) || code === FILLER;

function holds(codes: Uint16Array, start: number): boolean {
  const check = (from: number, to: number, at: number): boolean => {
    const code = codes[start + at]!;
    return mrzDigit(codes, start + from, start + to) === (code === FILLER ? 0 : code - 48);
  };
  if (!check(0, 9, 9) || !check(13, 19, 19) || !check(21, 27, 27) || !check(28, 42, 42)) return false;
  const whole = [
    ...codes.subarray(start, start + 10),
    ...codes.subarray(start + 13, start + 20),
    ...codes.subarray(start + 21, start + 43),
  ];
  return mrzDigit(whole, 0, whole.length) === codes[start + 43]! - 48;
}

function startOfFirstLine(codes: Uint16Array, second: number): number {
  let end = second;
  while (isBreak(codes[end - 1]!) || codes[end - 1] === 32) end--;
  const start = end - LINE;
  if (end === second || start < 0 || codes[start] !== 80 || isAlphanumeric(codes[start - 1] ?? 0)) return second;
  for (let at = start; at < end; at++) if (!isZone(codes[at]!)) return second;
  return start;
}
