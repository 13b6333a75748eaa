import { HYPHEN, isUpper, SPACE, standsAt, textOf } from '../characters.ts';
import type { Findings } from '../types.ts';

const BEGIN = '-----BEGIN ';
const DASHES = '-----';

/** A private key in PEM (RFC 7468), OpenSSH's and PGP's too, to its last line; what is cut off ends where no key can go on. */
export function detectPem(codes: Uint16Array, at: number, findings: Findings): void {
  if (codes[at - 1] === HYPHEN || !standsAt(codes, at, BEGIN)) return;
  let label = at + BEGIN.length;
  while (isUpper(codes[label]!) || codes[label] === SPACE) label++;
  if (label - at > 60 || !standsAt(codes, label, DASHES) || !textOf(codes, at, label).includes('PRIVATE KEY')) return;
  let end = label + DASHES.length;
  // headers of old ones have `:`, `,` and spaces; lines may be ended by `\n` in two characters
  while (isBody(codes[end]!) && !(codes[end] === HYPHEN && standsAt(codes, end, DASHES))) end++;
  if (standsAt(codes, end, '-----END ')) {
    end += DASHES.length;
    while (codes[end] !== HYPHEN && (isUpper(codes[end]!) || codes[end] === SPACE)) end++;
    if (standsAt(codes, end, DASHES)) end += DASHES.length;
  }
  findings.add('private_key', at, end, 0.99);
}

const isBody = (code: number): boolean =>
  (code >= 43 && code <= 58) ||
  (code >= 65 && code <= 90) ||
  (code >= 97 && code <= 122) ||
  code === 61 ||
  code === 44 ||
  code === 92 ||
  code === 10 ||
  code === 13 ||
  code === SPACE ||
  code === 9;
