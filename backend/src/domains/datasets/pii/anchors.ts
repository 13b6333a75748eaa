import { HYPHEN, isLower } from './characters.ts';
import { detectAssignment } from './detect/assignment.ts';
import { detectEmail } from './detect/email.ts';
import { detectCapitalKey, detectHyphenKey, detectJwt, detectUnderscoreKey } from './detect/keys.ts';
import { detectNumber } from './detect/numbers.ts';
import { detectMrz } from './detect/passport.ts';
import { detectPem } from './detect/pem.ts';
import { detectInternationalPhone } from './detect/phone.ts';
import type { Findings, PiiType } from './types.ts';

/** A unit that is no character and stands behind the last cell, so that the scan need not count. */
export const END = 0xffff;

/** At which characters the scan stops, what for (the cases of `sweep`), and which types it may find there; null: many. */
const stops: readonly [characters: string, types: readonly PiiType[] | null][] = [
  ['0123456789', null],
  ['@', ['email', 'api_key']],
  ['+', ['phone']],
  ['-', ['api_key', 'private_key']],
  ['_', ['api_key']],
  ['A', ['api_key']],
  ['J', ['api_key']],
  [':=', ['api_key']],
  ['<', ['passport']],
  ['０１２３４５６７８９＠', null],
];

/** What the scan does at each unit; 0 at most of them, which it passes over. */
export function createAnchors(isWanted: (type: PiiType) => boolean): Uint8Array {
  const anchors = new Uint8Array(0x10000);
  stops.forEach(([characters, types], at) => {
    if (types !== null && !types.some(isWanted)) return;
    for (const character of characters) anchors[character.charCodeAt(0)] = at + 1;
  });
  anchors[END] = stops.length + 1;
  return anchors;
}

/** Goes over a tape up to `end`, where `END` stands, and lets each detector look at the places that it can begin from. */
export function sweep(anchors: Uint8Array, codes: Uint16Array, start: number, end: number, findings: Findings): void {
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
