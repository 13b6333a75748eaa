/** Digits as numbers, from a place in a list of them. */
type Digits = ArrayLike<number>;

function weighted(digits: Digits, weights: readonly number[], from = 0): number {
  let sum = 0;
  for (let at = 0; at < weights.length; at++) sum += digits[from + at]! * weights[at]!;
  return sum;
}

/** ISO/IEC 7812-1 annex B, the formula of Luhn. */
export function luhn(digits: Digits, length: number): boolean {
  let sum = 0;
  for (let at = 0; at < length; at++) {
    const digit = digits[length - 1 - at]!;
    sum += at % 2 === 0 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9;
  }
  return sum % 10 === 0;
}

/**
 * ISO 7064 MOD 97-10 as ISO 13616 uses it: the first four characters move to the end and letters become 10 to 35.
 * @param value without spaces, in capitals
 */
export function mod97(value: string): number {
  let rest = 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt((at + 4) % value.length);
    rest = code < 58 ? (rest * 10 + code - 48) % 97 : (rest * 100 + code - 55) % 97;
  }
  return rest;
}

const residentWeights = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
/** Resident registration number, thirteen digits. Numbers given out since October 2020 are random and need not pass. */
export const residentNumber = (digits: Digits): boolean =>
  (11 - (weighted(digits, residentWeights) % 11)) % 10 === digits[12];
/** The same for foreigners: the result is moved by two. */
export const foreignerNumber = (digits: Digits): boolean =>
  (13 - (weighted(digits, residentWeights) % 11)) % 10 === digits[12];

/** Business registration number, ten digits. */
export function businessNumber(digits: Digits): boolean {
  const sum = weighted(digits, [1, 3, 7, 1, 3, 7, 1, 3, 5]) + Math.floor((digits[8]! * 5) / 10);
  return (10 - (sum % 10)) % 10 === digits[9];
}

/** Corporate registration number, thirteen digits. */
export const corporateNumber = (digits: Digits): boolean =>
  (10 - (weighted(digits, [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]) % 10)) % 10 === digits[12];

/**
 * Check digit of a field of a machine-readable zone (ICAO 9303-3, 4.9): weights 7, 3, 1; `<` is 0, letters are 10 to 35.
 * @returns 0 to 9
 */
export function mrzDigit(codes: ArrayLike<number>, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at++) {
    const code = codes[at]!;
    const value = code === 60 ? 0 : code < 58 ? code - 48 : code - 55;
    sum += value * [7, 3, 1][(at - start) % 3]!;
  }
  return sum % 10;
}
