import { HYPHEN, isLower } from './characters.ts';
import { detectAssignment } from './detect/assignment.ts';
import { detectEmail } from './detect/email.ts';
import { detectCapitalKey, detectHyphenKey, detectJwt, detectUnderscoreKey } from './detect/keys.ts';
import { detectNumber } from './detect/numbers.ts';
import { detectMrz } from './detect/passport.ts';
import { detectPem } from './detect/pem.ts';
import { detectInternationalPhone } from './detect/phone.ts';
import type { Findings } from './types.ts';

/** A unit that is no character and stands behind the last cell, so that the scan need not count. */
export const END = 0xffff;

/** What the scan does at a unit: the numbers of the cases in `sweep`; 0 at most units, which it passes over. */
const anchors = new Uint8Array(0x10000);
['0123456789', '@', '+', '-', '_', 'A', 'J', ':=', '<', '０１２３４５６７８９＠'].forEach((characters, at) => {
  for (const character of characters) anchors[character.charCodeAt(0)] = at + 1;
});
anchors[END] = 11;

/** Goes over a tape up to `end`, where `END` stands, and lets each detector look at the places that it can begin from. */
export function sweep(codes: Uint16Array, start: number, end: number, findings: Findings): void {
  let at = start;
  for (;;) {
    let anchor = anchors[codes[at]!];
    while (anchor === 0) anchor = anchors[codes[++at]!];
    switch (anchor) {
      case 1:
        at = detectNumber(codes, at, findings);
        continue;
      case 2:
        detectEmail(codes, at, findings);
        break;
      case 3:
        detectInternationalPhone(codes, at, findings);
        break;
      case 4:
        if (codes[at + 1] === HYPHEN) detectPem(codes, at, findings);
        else if (isLower(codes[at - 1]!)) detectHyphenKey(codes, at, findings);
        break;
      case 5:
        detectUnderscoreKey(codes, at, findings);
        break;
      case 6:
        detectCapitalKey(codes, at, findings);
        break;
      case 7:
        detectJwt(codes, at, findings);
        break;
      case 8:
        detectAssignment(codes, at, findings);
        break;
      case 9:
        detectMrz(codes, at, findings);
        break;
      case 10:
        at = fold(codes, at);
        continue;
      default:
        if (at >= end) return;
    }
    at++;
  }
}

const isWide = (code: number): boolean => (code > 0xff00 && code < 0xff5f) || code === 0x3000;

/** Makes ASCII of wide characters about a place, each as long as before. @returns where they begin */
function fold(codes: Uint16Array, at: number): number {
  let start = at;
  while (isWide(codes[start - 1]!)) start--;
  for (let next = start; isWide(codes[next]!); next++)
    codes[next] = codes[next] === 0x3000 ? 32 : codes[next]! - 0xfee0;
  return start;
}
