import { HYPHEN, SPACE } from '../characters.ts';
import type { Findings } from '../types.ts';
import { endsNumber, hasLayout, isEven, type Digits } from './digits.ts';

const parts = [3, 2, 4] as const;

/** Area, group and serial number; areas 000, 666 and 900 to 999 are never given out, nor are zeros in a part (SSA POMS RM 10201). */
export function detectSsn(digits: Digits, codes: Uint16Array, findings: Findings): void {
  const { separators, values, ends, start } = digits;
  const split = hasLayout(digits, parts) && isEven(digits, 3) && (separators[1] === HYPHEN || separators[1] === SPACE);
  if (!split && digits.lengths[0] !== 9) return;
  const area = values[0]! * 100 + values[1]! * 10 + values[2]!;
  if (area === 0 || area === 666 || area >= 900) return;
  if (values[3]! + values[4]! === 0 || values[5]! + values[6]! + values[7]! + values[8]! === 0) return;
  const end = ends[split ? 2 : 0]!;
  if (!endsNumber(codes, end)) return;
  findings.add('us_ssn', start, end, !split ? 0.2 : separators[1] === HYPHEN ? 0.65 : 0.35);
}
