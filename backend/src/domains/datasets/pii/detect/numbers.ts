import { DOT, HYPHEN, isDash, isDigit, isHangul, isSpace, isUpper, isWord } from '../characters.ts';
import type { Findings } from '../types.ts';
import { detectKoreanAddress } from './address-kr.ts';
import { detectUsAddress } from './address-us.ts';
import { detectCard } from './card.ts';
import { beginsNumber, createDigits, readDigits } from './digits.ts';
import { detectIban } from './iban.ts';
import { detectIpv4, detectIpv6 } from './ip.ts';
import { detectBusinessNumber, detectKoreanThirteen, detectNumericResident } from './korean.ts';
import { detectBarePassport, detectPassport } from './passport.ts';
import { detectKoreanPhone, detectNumericPhone, detectUsPhone } from './phone.ts';
import { detectSsn } from './ssn.ts';

const digits = createDigits();

/** Everything that has digits, seen from the first digit of a run. The shape is read once, and says who has to look. */
export function detectNumber(codes: Uint16Array, at: number, findings: Findings): number {
  let end = at + 1;
  while (isDigit(codes[end]!)) end++;
  const length = end - at;
  const before = codes[at - 1]!;
  if (isWord(before)) {
    if (length >= 2 && isUpper(before)) {
      detectIban(codes, at, findings);
      detectPassport(codes, at, end, findings);
    }
    return end;
  }
  if (length <= 6) {
    detectShort(codes, at, end, findings);
    if (!goesOn(codes, end)) return end;
  }
  if (length > 20 || !beginsNumber(codes, at)) return end;
  if (length <= 3 && codes[end] === DOT) detectIpv4(codes, at, findings);
  readDigits(codes, at, digits);
  if (digits.count > 0) detectShape(codes, end, findings);
  return end;
}

function detectShort(codes: Uint16Array, at: number, end: number, findings: Findings): void {
  const before = codes[at - 1]!;
  const next = codes[end]!;
  if (findings.addresses) {
    if (end - at <= 5 && (isHangul(before) || (isSpace(before) && isHangul(codes[at - 2]!))))
      detectKoreanAddress(codes, at, end, findings);
    if (isSpace(next) || isUpper(next)) detectUsAddress(codes, at, end, findings);
  }
  // global addresses begin with 2 or 3
  const isHex = next === 58 || (next >= 97 && next <= 102) || (next >= 65 && next <= 70);
  if (isHex && (codes[at] === 50 || codes[at] === 51) && end - at <= 4 && before !== 58)
    detectIpv6(codes, at, findings);
}

/** Whether more digits follow after a separator. */
function goesOn(codes: Uint16Array, end: number): boolean {
  const next = codes[end]!;
  if (next !== HYPHEN && next !== DOT && next !== 41 && !isSpace(next) && !isDash(next)) return false;
  return isDigit(codes[end + 1]!) || isDigit(codes[end + 2]!) || isDigit(codes[end + 3]!);
}

function detectShape(codes: Uint16Array, end: number, findings: Findings): void {
  switch (digits.lengths[0]) {
    case 1:
    case 2:
      if (digits.count < 3) return;
      detectKoreanPhone(digits, codes, findings);
      detectUsPhone(digits, codes, findings);
      return;
    case 3:
      if (digits.count < 2) return;
      detectKoreanPhone(digits, codes, findings);
      detectUsPhone(digits, codes, findings);
      detectSsn(digits, codes, findings);
      detectBusinessNumber(digits, codes, findings);
      return;
    case 4:
      detectCard(digits, codes, findings);
      detectKoreanPhone(digits, codes, findings);
      return;
    case 6:
      detectKoreanThirteen(digits, codes, findings);
      return;
    case 7:
      detectKoreanPhone(digits, codes, findings);
      return;
    case 9:
      detectSsn(digits, codes, findings);
      detectBarePassport(codes, digits.start, end, findings);
      detectKoreanPhone(digits, codes, findings);
      return;
    case 10:
      detectBusinessNumber(digits, codes, findings);
      detectUsPhone(digits, codes, findings);
      detectKoreanPhone(digits, codes, findings);
      detectNumericPhone(digits, codes, findings);
      detectNumericResident(digits, codes, findings);
      return;
    case 11:
    case 12:
      detectKoreanPhone(digits, codes, findings);
      detectNumericPhone(digits, codes, findings);
      detectNumericResident(digits, codes, findings);
      return;
    case 13:
      detectKoreanThirteen(digits, codes, findings);
      detectCard(digits, codes, findings);
      detectNumericPhone(digits, codes, findings);
      return;
    default:
      detectCard(digits, codes, findings);
  }
}
