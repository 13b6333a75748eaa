import type { ColumnType } from '@llm-ops/contracts';
import { ESCAPED, NONE } from '../rows/pages.ts';

/** What the columns of a CSV, which are stored as text, hold throughout. */

const BOOLEAN = 1;
const INTEGER = 2;
const NUMBER = 4;
const DATE = 8;
const DATETIME = 16;
const ANY = 31;

/** Narrowest first. */
const names: [number, ColumnType][] = [
  [BOOLEAN, 'boolean'],
  [INTEGER, 'integer'],
  [NUMBER, 'number'],
  [DATE, 'date'],
  [DATETIME, 'datetime'],
];

export interface ColumnTypes {
  add(bytes: Uint8Array, cells: Int32Array): void;
  /** A column without a value is text. */
  types(): ColumnType[];
}

export function createColumnTypes(columns: number): ColumnTypes {
  const masks = new Uint8Array(columns).fill(ANY);
  const seen = new Uint8Array(columns);
  return {
    add(bytes, cells) {
      for (let column = 0; column < columns; column++) {
        // Most columns of text show it in the first rows.
        if (masks[column] === 0) continue;
        const end = cells[column * 2 + 1]!;
        if (end === NONE) continue;
        seen[column] = 1;
        masks[column] = (end & ESCAPED) !== 0 ? 0 : masks[column]! & maskOf(bytes, cells[column * 2]!, end);
      }
    },
    types: () =>
      Array.from(masks, (mask, column): ColumnType => {
        const found = names.find(([bit]) => (mask & bit) !== 0);
        return seen[column] === 0 || found === undefined ? 'string' : found[1];
      }),
  };
}

/** Of a text alone. A number with a leading zero is a code, not a number; what is written otherwise than a number would be is no integer. */
export function typesOf(text: string): ColumnType[] {
  const bytes = Buffer.from(text);
  const mask = maskOf(bytes, 0, bytes.length);
  return names.filter(([bit]) => (mask & bit) !== 0).map(([, type]) => type);
}

const ZERO = 0x30;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const COLON = 0x3a;

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= 0x39;

function maskOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = bytes[start]!;
  if (length === 0 || length > 64) return 0;
  if (isDigit(first) || first === MINUS || first === PLUS || first === DOT) {
    if (length >= 10 && bytes[start + 4] === MINUS) return timeMask(bytes, start, end);
    return numberMask(bytes, start, end);
  }
  if (length === 4 || length === 5) return isBoolean(bytes, start, end) ? BOOLEAN : 0;
  return 0;
}

function isBoolean(bytes: Uint8Array, start: number, end: number): boolean {
  const word = end - start === 4 ? 'true' : 'false';
  for (let at = 0; at < word.length; at++) if ((bytes[start + at]! | 0x20) !== word.charCodeAt(at)) return false;
  return true;
}

function numberMask(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const signed = bytes[at] === MINUS || bytes[at] === PLUS;
  if (signed) at += 1;
  const whole = at;
  while (at < end && isDigit(bytes[at])) at += 1;
  const digits = at - whole;
  if (digits > 1 && bytes[whole] === ZERO) return 0;
  if (at === end) {
    if (digits === 0) return 0;
    // a telephone number, which would lose its sign
    if (bytes[start] === PLUS && digits >= 8) return 0;
    const isUsual = bytes[start] !== PLUS && !(signed && bytes[whole] === ZERO);
    return isUsual && fitsInteger(bytes, start, end, digits) ? INTEGER | NUMBER : NUMBER;
  }
  let fraction = 0;
  if (bytes[at] === DOT) {
    const point = ++at;
    while (at < end && isDigit(bytes[at])) at += 1;
    fraction = at - point;
  }
  if (digits + fraction === 0) return 0;
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    at += 1;
    if (bytes[at] === MINUS || bytes[at] === PLUS) at += 1;
    const power = at;
    while (at < end && isDigit(bytes[at])) at += 1;
    if (at === power) return 0;
    // Only an exponent makes it more than a double holds.
    if (at === end && !Number.isFinite(Number(textOf(bytes, start, end)))) return 0;
  }
  return at === end ? NUMBER : 0;
}

function fitsInteger(bytes: Uint8Array, start: number, end: number, digits: number): boolean {
  if (digits < 19) return true;
  if (digits > 19) return false;
  const value = BigInt(textOf(bytes, start, end));
  return value === BigInt.asIntN(64, value);
}

const textOf = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');

/** ISO 8601: a day, or a day and a time with or without a zone. */
function timeMask(bytes: Uint8Array, start: number, end: number): number {
  const year = pair(bytes, start) * 100 + pair(bytes, start + 2);
  const month = pair(bytes, start + 5);
  const day = pair(bytes, start + 8);
  if (!(year >= 1 && month >= 1 && month <= 12) || bytes[start + 7] !== MINUS) return 0;
  if (!(day >= 1 && day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate())) return 0;
  if (end - start === 10) return DATE | DATETIME;
  const hour = pair(bytes, start + 11);
  const minute = pair(bytes, start + 14);
  if (end - start < 16 || (bytes[start + 10] !== 0x20 && bytes[start + 10] !== 0x54) || bytes[start + 13] !== COLON)
    return 0;
  if (!(hour <= 23 && minute <= 59)) return 0;
  let at = start + 16;
  if (at === end) return DATETIME;
  if (bytes[at] !== COLON || end - at < 3 || !(pair(bytes, at + 1) <= 59)) return 0;
  at += 3;
  if (bytes[at] === DOT && at < end) {
    const point = ++at;
    while (at < end && isDigit(bytes[at])) at += 1;
    if (at === point || at - point > 9) return 0;
  }
  return at === end || isZone(bytes, at, end) ? DATETIME : 0;
}

/** Z, +09, +0900, +09:00 */
function isZone(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] === 0x5a) return end === start + 1;
  if (bytes[start] !== PLUS && bytes[start] !== MINUS) return false;
  if (!(pair(bytes, start + 1) <= 15) || end < start + 3) return false;
  if (end === start + 3) return true;
  const minutes = bytes[start + 3] === COLON ? start + 4 : start + 3;
  return end === minutes + 2 && pair(bytes, minutes) <= 59;
}

/** Two digits; NaN where they are none. */
const pair = (bytes: Uint8Array, at: number): number =>
  isDigit(bytes[at]) && isDigit(bytes[at + 1]) ? (bytes[at]! - ZERO) * 10 + bytes[at + 1]! - ZERO : Number.NaN;
