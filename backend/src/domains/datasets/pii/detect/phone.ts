import { DOT, HYPHEN, isDash, isDigit, isSpace, isWord, SPACE } from '../characters.ts';
import type { Findings } from '../types.ts';
import { endsNumber, isAlone, isEven, type Digits } from './digits.ts';
import { callingCodeOf, isNumberOf } from './phone-plans.ts';

const OPENING = 40;
const CLOSING = 41;
/** ITU-T E.164 */
const MOST_DIGITS = 15;

function written(values: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at++) text += String.fromCharCode(48 + values[at]!);
  return text;
}

/** `+82 10-1234-5678`, `+1 (415) 555-2671`, seen from its `+`. */
export function detectInternationalPhone(codes: Uint16Array, at: number, findings: Findings): void {
  if (!isDigit(codes[at + 1]!) || isWord(codes[at - 1]!) || codes[at - 1] === 43) return;
  let digits = '';
  let end = at + 1;
  let bracket = false;
  for (let next = at + 1; digits.length <= MOST_DIGITS;) {
    const code = codes[next]!;
    if (isDigit(code)) {
      digits += String.fromCharCode(code);
      end = ++next;
    } else if (code === OPENING && !bracket && isDigit(codes[next + 1]!)) {
      bracket = true;
      next++;
    } else if (code === CLOSING && bracket && end === next) {
      bracket = false;
      next++;
    } else if ((isSpace(code) || isDash(code) || code === DOT) && (end === next || codes[next - 1] === CLOSING)) {
      next++;
    } else break;
  }
  const callingCode = callingCodeOf(digits);
  if (callingCode === null) return;
  const national = digits.slice(callingCode.length);
  // a further number may follow after a space, so shorter ones are tried at the ends of groups
  for (let rest = national; rest.length >= 6;) {
    if (endsNumber(codes, end) && isNumberOf(callingCode, rest)) {
      findings.add('phone', at, end, 0.85);
      return;
    }
    const [cut, taken] = beforeLastGroup(codes, end);
    rest = rest.slice(0, -taken);
    end = cut;
  }
}

/** @returns the end of the group before, and how many digits the last one has */
function beforeLastGroup(codes: Uint16Array, end: number): [number, number] {
  let at = end;
  while (isDigit(codes[at - 1]!)) at--;
  const taken = end - at;
  while (at > 0 && !isDigit(codes[at - 1]!) && codes[at - 1] !== 43) at--;
  return [at, taken];
}

/** `010-1234-5678`, `02) 123-4567`, `01012345678`. */
export function detectKoreanPhone(digits: Digits, codes: Uint16Array, findings: Findings): void {
  const { values, lengths, separators, count } = digits;
  if (values[0] !== 0) return;
  const area = areaLength(values);
  if (area === 0) return;
  const first = lengths[0]!;
  if (count >= 3 && first === area && (lengths[1] === 3 || lengths[1] === 4) && lengths[2] === 4) {
    const bracketed = separators[1] === CLOSING;
    const even = bracketed || separators[1] === separators[2] || separators[1] === SPACE;
    if (even) addKorean(digits, 3, confidenceOf(values, bracketed ? HYPHEN : separators[2]!), codes, findings);
  } else if (count >= 2 && first === area && lengths[1] === 8 && separators[1] !== DOT) {
    addKorean(digits, 2, 0.6, codes, findings);
  } else if (count >= 2 && first > 6 && lengths[1] === 4 && separators[1] === HYPHEN) {
    addKorean(digits, 2, 0.5, codes, findings);
  } else if (first >= 9) {
    addKorean(digits, 1, values[1] === 1 && first >= 10 ? 0.6 : 0.25, codes, findings);
  }
}

function addKorean(digits: Digits, groups: number, confidence: number, codes: Uint16Array, findings: Findings): void {
  const end = digits.ends[groups - 1]!;
  let total = 0;
  for (let group = 0; group < groups; group++) total += digits.lengths[group]!;
  if (endsNumber(codes, end) && isNumberOf('82', written(digits.values, 1, total)))
    findings.add('phone', startOf(digits, codes), end, confidence);
}

/** `1012345678`, `821012345678`: stored as a number, which has neither the first zero nor the `+`. Only where words say so. */
export function detectNumericPhone(digits: Digits, codes: Uint16Array, findings: Findings): void {
  const { values, start } = digits;
  const length = digits.lengths[0]!;
  const end = digits.ends[0]!;
  if (length < 10 || values[0] === 0 || !isAlone(codes, digits) || !findings.near('phone', start, end)) return;
  const all = written(values, 0, length);
  const callingCode = length === 10 ? '82' : callingCodeOf(all);
  if (callingCode === null) return;
  const national = length === 10 ? all : all.slice(callingCode.length);
  const isMobile = length > 10 || all.startsWith('10');
  if (isMobile && isNumberOf(callingCode, national)) findings.add('phone', start, end, 0.2);
}

/** A bracket that opens before the area code belongs to it. */
const startOf = ({ start, separators }: Digits, codes: Uint16Array): number =>
  codes[start - 1] === OPENING && separators[1] === CLOSING ? start - 1 : start;

/** 02, 031, 070, 010, 0505: how many digits come before the subscriber's; 0: none of these */
function areaLength(values: Uint8Array): number {
  const second = values[1]!;
  if (second === 2) return 2;
  if (second === 5 && values[2] === 0) return 4;
  // 010, 011 and 016 to 019
  if (second === 1) return values[2]! < 2 || values[2]! > 5 ? 3 : 0;
  return second >= 3 && second <= 7 ? 3 : 0;
}

function confidenceOf(values: Uint8Array, separator: number): number {
  const mobile = values[1] === 1;
  if (separator === HYPHEN) return mobile ? 0.9 : 0.7;
  if (separator === DOT) return mobile ? 0.75 : 0.5;
  return mobile ? 0.75 : 0.4;
}

/** `(415) 555-2671`, `415-555-2671`, `1-415-555-2671`, and ten digits where words say so. */
export function detectUsPhone(digits: Digits, codes: Uint16Array, findings: Findings): void {
  const { values, lengths, separators, start } = digits;
  const from = lengths[0] === 1 && values[0] === 1 ? 1 : 0;
  if (values[from]! < 2) return;
  if (lengths[from] === 3 && lengths[from + 1] === 3 && lengths[from + 2] === 4 && digits.count >= from + 3) {
    const bracketed = separators[from + 1] === CLOSING;
    if (bracketed ? codes[start - 1] !== OPENING : from === 0 && !isEven(digits, 3)) return;
    const last = separators[from + 2]!;
    const plain = last === HYPHEN ? 0.65 : last === DOT ? 0.55 : 0.4;
    addAmerican(digits, from, from + 3, bracketed ? 0.8 : plain, codes, findings);
  } else if (from === 0 && lengths[0] === 10) addAmerican(digits, 0, 1, 0.2, codes, findings);
}

/** Whole numbers of 31 bits, which code is full of. */
const largest = new Set(['2147483647', '2147483648']);

function addAmerican(
  digits: Digits,
  from: number,
  groups: number,
  confidence: number,
  codes: Uint16Array,
  findings: Findings,
): void {
  const end = digits.ends[groups - 1]!;
  const national = written(digits.values, from, from + 10);
  if (endsNumber(codes, end) && !largest.has(national) && isNumberOf('1', national))
    findings.add('phone', startOf(digits, codes), end, confidence);
}
