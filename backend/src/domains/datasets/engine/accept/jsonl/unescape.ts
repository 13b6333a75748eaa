import type { Unescape } from '../rows/pages.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const U = 0x75;

/** What stands behind a backslash → what it means */
const simple = new Uint8Array(256);
for (const [letter, meaning] of Object.entries({
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}))
  simple[letter.charCodeAt(0)] = meaning.charCodeAt(0);

/** The text that the inside of a JSON string means. It was found to be valid before. */
export const unescapeText: Unescape = (heap, start, end, target, at) => {
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = heap[from]!;
    if (byte !== BACKSLASH) {
      target[to++] = byte;
      continue;
    }
    from += 1;
    if (heap[from] !== U) {
      target[to++] = simple[heap[from]!]!;
      continue;
    }
    const point = codePoint(heap, from + 1);
    to = writePoint(target, to, point);
    from += point > 0xffff ? 10 : 4;
  }
  return to;
};

/** JSON without spaces between its parts, and with characters in place of escapes where that may be: the same text for the same value. */
export const compactJson: Unescape = (heap, start, end, target, at) => {
  let to = at;
  let inString = false;
  for (let from = start; from < end; from++) {
    const byte = heap[from]!;
    if (!inString) {
      if (byte === 0x20 || byte === 0x09 || byte === 0x0d) continue;
      inString = byte === QUOTE;
      target[to++] = byte;
      continue;
    }
    if (byte !== BACKSLASH) {
      inString = byte !== QUOTE;
      target[to++] = byte;
      continue;
    }
    from += 1;
    const letter = heap[from]!;
    if (letter !== U) {
      if (letter !== 0x2f) target[to++] = BACKSLASH;
      target[to++] = letter;
      continue;
    }
    const point = codePoint(heap, from + 1);
    if (point < 0x20 || point === QUOTE || point === BACKSLASH) {
      const short = '\b\t\n\f\r"\\'.indexOf(String.fromCharCode(point));
      target[to++] = BACKSLASH;
      if (short !== -1) target[to++] = 'btnfr"\\'.charCodeAt(short);
      else {
        heap.copy(target, to, from, from + 5);
        to += 5;
      }
      from += 4;
      continue;
    }
    to = writePoint(target, to, point);
    from += point > 0xffff ? 10 : 4;
  }
  return to;
};

/** Of four hexadecimal digits, and of the other half of a pair behind them. */
function codePoint(bytes: Buffer, at: number): number {
  const unit = Number.parseInt(bytes.toString('latin1', at, at + 4), 16);
  if (unit < 0xd800 || unit > 0xdbff) return unit;
  const low = Number.parseInt(bytes.toString('latin1', at + 6, at + 10), 16);
  return (unit - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000;
}

function writePoint(target: Buffer, at: number, point: number): number {
  let to = at;
  if (point < 0x80) target[to++] = point;
  else {
    if (point < 0x800) target[to++] = 0xc0 | (point >> 6);
    else {
      if (point < 0x10000) target[to++] = 0xe0 | (point >> 12);
      else {
        target[to++] = 0xf0 | (point >> 18);
        target[to++] = 0x80 | ((point >> 12) & 0x3f);
      }
      target[to++] = 0x80 | ((point >> 6) & 0x3f);
    }
    target[to++] = 0x80 | (point & 0x3f);
  }
  return to;
}
