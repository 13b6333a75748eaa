import { HYPHEN } from '../characters.ts';
import { businessNumber, corporateNumber, foreignerNumber, residentNumber } from '../checksums.ts';
import type { Findings } from '../types.ts';
import { endsNumber, hasLayout, isAlone, type Digits } from './digits.ts';

const registration = [6, 7] as const;
const business = [3, 2, 5] as const;

/** Thirteen digits, six and seven: a person's number begins with the birthday, a corporation's with the court's register. */
export function detectKoreanThirteen(digits: Digits, codes: Uint16Array, findings: Findings): void {
  const { values, separators, start } = digits;
  const split = hasLayout(digits, registration);
  if (!split && digits.lengths[0] !== 13) return;
  if (split && separators[1] === 46) return;
  const end = digits.ends[split ? 1 : 0]!;
  if (!endsNumber(codes, end)) return;
  const hyphen = split && separators[1] === HYPHEN;

  const born = bornIn(values);
  const foreign = values[6]! >= 5;
  const checked = born !== null && (foreign ? foreignerNumber(values) : residentNumber(values));
  const corporate = corporateNumber(values);
  if (born !== null) {
    const confidence = checked
      ? checkedConfidence(split, corporate, values)
      : uncheckedConfidence(hyphen, born, foreign);
    findings.add(foreign ? 'kr_foreigner' : 'kr_rrn', start, end, confidence);
  }
  if (corporate) findings.add('kr_corp', start, end, hyphen && isRegistered(values) && !checked ? 0.6 : 0.3);
}

/** Of people born from 2000 to 2009, stored as a number: without the zeros before it. Only where words say so. */
export function detectNumericResident(digits: Digits, codes: Uint16Array, findings: Findings): void {
  const { start } = digits;
  const length = digits.lengths[0]!;
  const end = digits.ends[0]!;
  if (!isAlone(codes, digits) || !findings.near('kr_rrn', start, end)) return;
  const values = new Uint8Array(13);
  values.set(digits.values.subarray(0, length), 13 - length);
  if (values[6]! < 5 && bornIn(values) !== null && residentNumber(values)) findings.add('kr_rrn', start, end, 0.3);
}

function checkedConfidence(split: boolean, corporate: boolean, values: Uint8Array): number {
  if (split) return corporate ? 0.8 : 0.95;
  return isMilliseconds(values) ? 0.4 : 0.6;
}

function uncheckedConfidence(hyphen: boolean, born: number, foreign: boolean): number {
  if (!hyphen) return 0.2;
  // given out at random since then
  if (born >= 202_010) return 0.65;
  return foreign ? 0.5 : 0.45;
}

/** A register's number, 1101 to 2399, and 11 to 15 for a kind of company. */
const isRegistered = (values: Uint8Array): boolean =>
  (values[0] === 1 || (values[0] === 2 && values[1]! <= 3)) && values[4] === 1 && values[5]! >= 1 && values[5]! <= 5;

/** Ten digits, 3-2-5: the middle ones are the kind of business. */
export function detectBusinessNumber(digits: Digits, codes: Uint16Array, findings: Findings): void {
  const split = hasLayout(digits, business) && digits.separators[1] === HYPHEN && digits.separators[2] === HYPHEN;
  if (!split && digits.lengths[0] !== 10) return;
  const end = digits.ends[split ? 2 : 0]!;
  const { values } = digits;
  if (values[0] === 0 || values[3]! + values[4]! === 0 || !businessNumber(values) || !endsNumber(codes, end)) return;
  findings.add('kr_brn', digits.start, end, split ? 0.75 : 0.2);
}

/** Year and month of birth as 202010; null: no such day. The seventh digit has the century; nobody is born after 2039 yet. */
function bornIn(values: Uint8Array): number | null {
  const sex = values[6]!;
  if (sex === 0 || sex === 9) return null;
  const year = (sex % 4 === 1 || sex % 4 === 2 ? 1900 : 2000) + twoAt(values, 0);
  const month = twoAt(values, 2);
  const day = twoAt(values, 4);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || year > 2039) return null;
  return year * 100 + month;
}

const twoAt = (values: Uint8Array, at: number): number => values[at]! * 10 + values[at + 1]!;

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Thirteen digits that are a time of these years in milliseconds, too. */
const isMilliseconds = (values: Uint8Array): boolean => values[0] === 1 && values[1]! >= 4 && values[1]! <= 9;
