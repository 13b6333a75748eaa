/** Which encoding bytes are in: pure functions on parts of a file. */

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'cp949' | 'latin-1' | 'windows-1252';

export interface Mark {
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'utf-32';
  /** bytes */
  length: number;
}

/** What a byte order mark says. */
export function markOf(head: Uint8Array): Mark | null {
  const begins = (...bytes: number[]): boolean => bytes.every((byte, at) => head[at] === byte);
  if (begins(0xef, 0xbb, 0xbf)) return { encoding: 'utf-8', length: 3 };
  if (begins(0xff, 0xfe, 0, 0) || begins(0, 0, 0xfe, 0xff)) return { encoding: 'utf-32', length: 4 };
  if (begins(0xff, 0xfe)) return { encoding: 'utf-16le', length: 2 };
  if (begins(0xfe, 0xff)) return { encoding: 'utf-16be', length: 2 };
  return null;
}

/** UTF-16 without a mark: every second byte of digits, commas, line breaks and Latin letters is zero, and hardly any of the others. */
export function unmarkedUtf16(sample: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const units = sample.length >> 1;
  let even = 0;
  let odd = 0;
  for (let at = 0; at + 1 < sample.length; at += 2) {
    if (sample[at] === 0) even += 1;
    if (sample[at + 1] === 0) odd += 1;
  }
  const many = Math.max(2, units * 0.05);
  if (odd >= many && even * 50 <= odd) return 'utf-16le';
  if (even >= many && odd * 50 <= even) return 'utf-16be';
  return null;
}

/**
 * What a sample is that is not UTF-8 throughout: UTF-8 with damaged places, CP949 (which holds EUC-KR), or Latin-1 and its extension
 * windows-1252. Null: nothing plausible.
 */
export function legacyEncoding(sample: Uint8Array): Exclude<Encoding, 'utf-16le' | 'utf-16be'> | null {
  const utf8 = utf8Sequences(sample);
  if (utf8.valid >= 4 && utf8.valid >= 5 * utf8.invalid) return 'utf-8';
  const korean = koreanPairs(sample);
  if (korean.pairs > 0 && korean.invalid * 100 <= korean.pairs && korean.common * 2 >= korean.pairs) return 'cp949';
  return latin(sample);
}

function utf8Sequences(bytes: Uint8Array): { valid: number; invalid: number } {
  let valid = 0;
  let invalid = 0;
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at]!;
    if (lead < 0x80) {
      at += 1;
      continue;
    }
    const length =
      lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc2 && lead < 0xe0 ? 2 : 0;
    let good = length > 0;
    for (let next = 1; good && next < length; next++) good = (bytes[at + next]! & 0xc0) === 0x80;
    if (good) valid += 1;
    else if (at + 4 < bytes.length) invalid += 1;
    at += good ? length : 1;
  }
  return { valid, invalid };
}

/** `common`: syllables that EUC-KR has, which is nearly all of what people write */
function koreanPairs(bytes: Uint8Array): { pairs: number; common: number; invalid: number } {
  let pairs = 0;
  let common = 0;
  let invalid = 0;
  for (let at = 0; at < bytes.length; at++) {
    const lead = bytes[at]!;
    if (lead < 0x80) continue;
    const trail = bytes[at + 1] ?? 0xa1;
    const letter =
      (trail >= 0x41 && trail <= 0x5a) || (trail >= 0x61 && trail <= 0x7a) || (trail >= 0x81 && trail <= 0xa0);
    const good = lead !== 0x80 && lead !== 0xff && ((trail >= 0xa1 && trail <= 0xfe) || (letter && lead <= 0xc6));
    if (!good) {
      invalid += 1;
      continue;
    }
    pairs += 1;
    if (lead >= 0xb0 && lead <= 0xc8 && trail >= 0xa1) common += 1;
    at += 1;
  }
  return { pairs, common, invalid };
}

/** Any bytes can be read as Latin-1: it is believed only where most letters are plain ones and nothing is a control character. */
function latin(bytes: Uint8Array): 'latin-1' | 'windows-1252' | null {
  let high = 0;
  let extended = 0;
  let plain = 0;
  for (const byte of bytes) {
    if (byte >= 0xa0) high += 1;
    else if (byte >= 0x80) {
      if (byte === 0x81 || byte === 0x8d || byte === 0x8f || byte === 0x90 || byte === 0x9d) return null;
      extended += 1;
    } else if (byte >= 0x41) {
      if (byte === 0x7f) return null;
      plain += 1;
    } else if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c) return null;
  }
  if (high + extended > 0.3 * (plain + high + extended)) return null;
  return extended > 0 ? 'windows-1252' : 'latin-1';
}
