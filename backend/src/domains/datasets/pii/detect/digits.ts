import { DOT, HYPHEN, isAlphanumeric, isDash, isDigit, isSpace, isWord, SPACE } from '../characters.ts';
import { HARD_QUOTE } from '../tape.ts';

const GROUPS = 6;
const MOST = 40;
const CLOSING = 41;

/** Groups of digits with single separators, as numbers are written: `010-1234-5678`, `4111 1111 1111 1111`, `(02) 123-4567`. */
export interface Digits {
  start: number;
  /** groups */
  count: number;
  /** digits of each group */
  lengths: Uint8Array;
  /** where each group ends in the tape */
  ends: Int32Array;
  /** before each group but the first: a space, `-`, `.` or `)`, whatever dash or space it was */
  separators: Uint8Array;
  /** all digits as numbers */
  values: Uint8Array;
}

export const createDigits = (): Digits => ({
  start: 0,
  count: 0,
  lengths: new Uint8Array(GROUPS),
  ends: new Int32Array(GROUPS),
  separators: new Uint8Array(GROUPS),
  values: new Uint8Array(MOST),
});

/** Reads the groups from a digit on; a run of more than twenty digits ends it. */
export function readDigits(codes: Uint16Array, start: number, into: Digits): void {
  into.start = start;
  into.count = 0;
  let total = 0;
  let at = start;
  let separator = 0;
  while (into.count < GROUPS) {
    const begin = at;
    while (isDigit(codes[at]!) && at - begin < 20 && total < MOST) into.values[total++] = codes[at++]! - 48;
    if (isDigit(codes[at]!)) return;
    into.lengths[into.count] = at - begin;
    into.ends[into.count] = at;
    into.separators[into.count] = separator;
    into.count++;
    separator = separatorAt(codes, at);
    if (separator === 0) return;
    at = nextGroup(codes, at);
    if (at === 0) return;
  }
}

function separatorAt(codes: Uint16Array, at: number): number {
  const code = codes[at]!;
  if (code === HYPHEN || code === DOT || code === CLOSING) return code;
  if (isSpace(code)) return isDash(codes[at + 1]!) && isSpace(codes[at + 2]!) ? HYPHEN : SPACE;
  return isDash(code) ? HYPHEN : 0;
}

/** @returns where the next group begins after one separator, or after ` - ` or `) `; 0: none does */
function nextGroup(codes: Uint16Array, at: number): number {
  let next = at + 1;
  if (isSpace(codes[at]!) && isDash(codes[next]!) && isSpace(codes[next + 1]!)) next += 2;
  else if (codes[at] === CLOSING && (isSpace(codes[next]!) || codes[next] === HYPHEN)) next++;
  return isDigit(codes[next]!) ? next : 0;
}

/** Whether the first groups have these lengths. */
export function hasLayout({ count, lengths }: Digits, layout: readonly number[]): boolean {
  if (count < layout.length) return false;
  for (let group = 0; group < layout.length; group++) if (lengths[group] !== layout[group]) return false;
  return true;
}

/** Whether the separators between the first groups are all the same. */
export function isEven({ separators }: Digits, groups: number): boolean {
  for (let group = 2; group < groups; group++) if (separators[group] !== separators[1]) return false;
  return true;
}

/** Whether a number may begin here: not within a price, a decimal fraction, an identifier or a longer number with hyphens. */
export function beginsNumber(codes: Uint16Array, at: number): boolean {
  const before = codes[at - 1]!;
  if (isWord(before)) return false;
  const further = codes[at - 2] ?? 0;
  if (isDash(before)) return !isAlphanumeric(further);
  if (before === DOT) return !isDigit(further);
  if (before === 44) return !isDigit(further) || !isThousand(codes, at);
  // money: $ ¢ £ ¤ ¥ and the signs of the currency block, ￦ among the wide ones
  return (
    before !== 36 && !(before >= 0xa2 && before <= 0xa5) && !(before >= 0x20a0 && before <= 0x20bf) && before !== 0xffe6
  );
}

const isThousand = (codes: Uint16Array, at: number): boolean => isDigit(codes[at + 2]!) && !isDigit(codes[at + 3]!);

/** Whether a number may end here. */
export function endsNumber(codes: Uint16Array, end: number): boolean {
  const next = codes[end]!;
  if (next < 128) {
    if (isWord(next) || next === 64 || next === 37) return false;
    if (next === HYPHEN) return !isAlphanumeric(codes[end + 1]!);
    return next !== DOT || !isDigit(codes[end + 1]!) || isWhole(codes, end);
  }
  // 원, an amount
  return next !== 0xc6d0 && !(isDash(next) && isDigit(codes[end + 1]!));
}

/** Of a whole number among fractions, `4111111111111111.0`: where the cell ends with the zeros, or its value in a JSON text does. */
function isWhole(codes: Uint16Array, point: number): boolean {
  let at = point + 1;
  while (codes[at] === 48) at++;
  const next = codes[at]!;
  const zeros = at - point - 1;
  return zeros > 0 && (next === 0 || next === 93 || next === 125 || (next === 44 && zeros === 1));
}

/** Whether the first group is all that a cell has, or a member of a JSON text: a number that lost what is written before it, such as zeros. */
export function isAlone(codes: Uint16Array, { start, ends }: Digits): boolean {
  const end = ends[0]!;
  let before = start - 1;
  if (codes[before] === 0) return codes[end] === 0 || (codes[end] === DOT && isWhole(codes, end));
  while (codes[before] === SPACE) before--;
  return codes[before] === 58 && codes[before - 1] === HARD_QUOTE && endsNumber(codes, end);
}
