import { HYPHEN, SPACE } from '../characters.ts';
import { luhn } from '../checksums.ts';
import type { Findings } from '../types.ts';
import { endsNumber, hasLayout, isEven, type Digits } from './digits.ts';

/** Four and four, as most print it; 4-6-5 of American Express; 4-6-4 of Diners Club. */
const layouts = [
  [4, 4, 4, 4, 3],
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
] as const;

/** Numbers of payment cards: first digits and length of an issuer (ISO/IEC 7812) and the check digit. */
export function detectCard(digits: Digits, codes: Uint16Array, findings: Findings): void {
  const { lengths, values, separators, ends, start } = digits;
  const first = lengths[0]!;
  if (first >= 13 && first <= 19) {
    const confidence = first === 15 || first === 16 ? 0.6 : first === 14 ? 0.5 : 0.3;
    if (isCard(values, first) && endsNumber(codes, ends[0]!)) findings.add('credit_card', start, ends[0]!, confidence);
    return;
  }
  if (first !== 4 || (separators[1] !== SPACE && separators[1] !== HYPHEN)) return;
  for (const layout of layouts) {
    if (!hasLayout(digits, layout) || !isEven(digits, layout.length)) continue;
    const end = ends[layout.length - 1]!;
    let length = 0;
    for (const size of layout) length += size;
    if (!endsNumber(codes, end) || !isCard(values, length)) continue;
    findings.add('credit_card', start, end, 0.84);
    return;
  }
}

function isCard(values: Uint8Array, length: number): boolean {
  if (!luhn(values, length) || !hasIssuer(values, length)) return false;
  for (let at = 1; at < length; at++) if (values[at] !== values[0]) return true;
  return false;
}

function hasIssuer(values: Uint8Array, length: number): boolean {
  let prefix = 0;
  for (let at = 0; at < 6; at++) prefix = prefix * 10 + values[at]!;
  const two = Math.floor(prefix / 1e4);
  const three = Math.floor(prefix / 1e3);
  const four = Math.floor(prefix / 100);
  switch (values[0]) {
    case 4: // Visa; 400000 is for tests, and pseudonyms use it
      return (length === 13 || length === 16 || length === 19) && prefix !== 400_000;
    case 5: // Mastercard, Maestro
      return two >= 51 && two <= 55 ? length === 16 : length === 16 && (two === 50 || two >= 56);
    case 2: // Mastercard, Mir
      return length === 16 && ((four >= 2221 && four <= 2720) || (four >= 2200 && four <= 2204));
    case 3: // American Express, JCB, Diners Club
      if (two === 34 || two === 37) return length === 15;
      if (four >= 3528 && four <= 3589) return length === 16;
      return (two === 36 || two === 38 || two === 39 || (three >= 300 && three <= 305)) && length === 14;
    case 6: // UnionPay, Discover, RuPay, Maestro
      return (
        length >= 16 &&
        (two === 62 || two === 65 || two === 60 || two === 67 || two === 63 || (three >= 644 && three <= 649))
      );
    case 9: // cards for Korea alone: BC, KB, Shinhan and others
      return length === 16 && two >= 94 && two <= 95;
    default:
      return false;
  }
}
