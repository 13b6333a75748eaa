const DIGIT = 1;
const UPPER = 2;
const LOWER = 4;
const classes = new Uint8Array(128);
for (let code = 48; code <= 57; code++) classes[code] = DIGIT;
for (let code = 65; code <= 90; code++) classes[code] = UPPER;
for (let code = 97; code <= 122; code++) classes[code] = LOWER;

export const SPACE = 32;
export const HYPHEN = 45;
export const DOT = 46;

export const isDigit = (code: number): boolean => code >= 48 && code <= 57;
export const isUpper = (code: number): boolean => code >= 65 && code <= 90;
export const isLower = (code: number): boolean => code >= 97 && code <= 122;
export const isLetter = (code: number): boolean => code < 128 && classes[code]! > DIGIT;
export const isAlphanumeric = (code: number): boolean => code < 128 && classes[code] !== 0;
/** What RE2 calls `\w`: Hangul is none, because Korean particles follow a number without a space. */
export const isWord = (code: number): boolean => code < 128 && (classes[code] !== 0 || code === 95);
export const isHangul = (code: number): boolean => code >= 0xac00 && code <= 0xd7a3;

/** A space as people type it between groups of digits. */
export const isSpace = (code: number): boolean => code === SPACE || code === 0xa0 || code === 0x2009 || code === 0x202f;
/** A hyphen, or one of the dashes that word processors make of it. */
export const isDash = (code: number): boolean =>
  code === HYPHEN || (code >= 0x2010 && code <= 0x2015) || code === 0x2212 || code === 0x30fc || code === 0x3161;
export const isBreak = (code: number): boolean => code === 10 || code === 13;

/** The small letter of an ASCII capital; anything else as it is. */
export const lower = (code: number): number => (isUpper(code) ? code + 32 : code);

/** Whether an ASCII text stands at a place. */
export function standsAt(codes: Uint16Array, at: number, text: string): boolean {
  for (let offset = 0; offset < text.length; offset++) {
    if (codes[at + offset] !== text.charCodeAt(offset)) return false;
  }
  return true;
}

/** The text between two places; for pieces of at most some hundred units. */
export function textOf(codes: Uint16Array, start: number, end: number): string {
  return String.fromCharCode(...codes.subarray(start, end));
}
