import { DOT, HYPHEN, isAlphanumeric, isDigit, isWord } from '../characters.ts';
import type { Findings } from '../types.ts';

const COLON = 58;

/** Four octets. Private, shared, loopback, link-local, multicast and reserved addresses tell of nobody (RFC 6890). */
export function detectIpv4(codes: Uint16Array, start: number, findings: Findings): void {
  let at = start;
  const octets: [number, number, number, number] = [0, 0, 0, 0];
  for (let octet = 0; octet < 4; octet++) {
    if (octet > 0 && codes[at++] !== DOT) return;
    const begin = at;
    let value = 0;
    while (isDigit(codes[at]!) && at - begin < 4) value = value * 10 + codes[at++]! - 48;
    if (at === begin || value > 255 || (at - begin > 1 && codes[begin] === 48)) return;
    octets[octet] = value;
  }
  const next = codes[at]!;
  if (isWord(next) || ((next === DOT || next === HYPHEN) && isAlphanumeric(codes[at + 1]!))) return;
  if (!isPublic(octets)) return;
  const isVersion = octets.every((octet) => octet < 30);
  // a length of prefix makes it a network
  const isNetwork = next === 47 && isDigit(codes[at + 1]!);
  findings.add('ip_address', start, at, isVersion ? 0.35 : isNetwork ? 0.6 : 0.75);
}

function isPublic([a, b, c]: readonly [number, number, number, number]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 172) return b < 16 || b > 31;
  if (a === 192) return !(b === 168 || (b === 0 && c === 0));
  if (a === 169) return b !== 254;
  return !(a === 100 && b >= 64 && b < 128) && !(a === 198 && (b === 18 || b === 19));
}

/** Eight groups, or fewer with `::`. Only global addresses, which all begin with 2 or 3 (IANA, 2000::/3). */
export function detectIpv6(codes: Uint16Array, start: number, findings: Findings): void {
  let at = start;
  let groups = 0;
  let gap = false;
  while (groups < 8) {
    const begin = at;
    while (at - begin < 5 && isHex(codes[at]!)) at++;
    const length = at - begin;
    if (length > 4 || (groups === 0 && length !== 4)) return;
    if (length > 0) groups++;
    if (codes[at] !== COLON) break;
    if (codes[at + 1] === COLON) {
      if (gap) return;
      gap = true;
      at += 2;
      if (!isHex(codes[at]!)) break;
    } else if (isHex(codes[at + 1]!) && groups < 8) at++;
    else break;
  }
  // `2001::` alone is a network
  const complete = gap ? groups > 1 && groups < 8 : groups === 8;
  if (complete && !isWord(codes[at]!) && !(codes[at] === COLON && isWord(codes[at + 1]!)))
    findings.add('ip_address', start, at, 0.85);
}

const isHex = (code: number): boolean => isDigit(code) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);
