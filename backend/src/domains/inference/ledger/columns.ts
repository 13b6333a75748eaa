/*
 * Columns of rows as arrays of PostgreSQL's binary format (`array_send`): both sides take them a call for each column, and neither
 * writes or reads digits. A number is its element's type. Made as bytes, so that V8 has nothing to keep until the database has answered.
 */

/** PostgreSQL's ids of types (`pg_type.dat`) */
const types = { integer: 23, text: 25, float8: 701, timestamptz: 1184, uuid: 2950 } as const;
const headBytes = 20;
/** what stands for a length where there is no value */
const none = -1;

/** Throws a `RangeError` for what is no integer of 32 bits: whoever calls has looked. */
export function integersOf<T>(rows: readonly T[], of: (row: T) => number): Buffer {
  const bytes = columnOf('integer', rows.length, headBytes + rows.length * 8);
  let at = headBytes;
  for (const row of rows) {
    at = bytes.writeInt32BE(4, at);
    at = bytes.writeInt32BE(of(row), at);
  }
  return bytes;
}

export function floatsOf<T>(rows: readonly T[], of: (row: T) => number | null): Buffer {
  const bytes = columnOf('float8', rows.length, headBytes + rows.length * 12);
  let at = headBytes;
  for (const row of rows) {
    const value = of(row);
    if (value === null || value === undefined) {
      at = nothing(bytes, at);
      continue;
    }
    at = bytes.writeInt32BE(8, at);
    at = bytes.writeDoubleBE(value, at);
  }
  return bytes.subarray(0, at);
}

const epoch2000 = Date.UTC(2000, 0, 1);
const two32 = 2 ** 32;

/** From milliseconds since 1970, whole ones, of the years up to 2200. */
export function timesOf<T>(rows: readonly T[], of: (row: T) => number): Buffer {
  const bytes = columnOf('timestamptz', rows.length, headBytes + rows.length * 12);
  let at = headBytes;
  for (const row of rows) {
    const microseconds = (of(row) - epoch2000) * 1000;
    const high = Math.floor(microseconds / two32);
    at = bytes.writeInt32BE(8, at);
    at = bytes.writeInt32BE(high, at);
    at = bytes.writeUInt32BE(microseconds - high * two32, at);
  }
  return bytes;
}

/** Texts must be UUIDs of 36 characters: whoever calls has looked. */
export function uuidsOf<T>(rows: readonly T[], of: (row: T) => string): Buffer {
  const bytes = columnOf('uuid', rows.length, headBytes + rows.length * 20);
  let at = headBytes;
  for (const row of rows) {
    at = bytes.writeInt32BE(16, at);
    const text = of(row);
    for (let place = 0; place < 36; place += 2) {
      if (text.charCodeAt(place) === dash) place += 1;
      bytes[at++] = (nibble(text.charCodeAt(place)) << 4) | nibble(text.charCodeAt(place + 1));
    }
  }
  return bytes;
}

/** What is no text is written as JSON. */
export function textsOf<T>(rows: readonly T[], of: (row: T) => unknown): Buffer {
  const texts: (string | null)[] = Array.from({ length: rows.length });
  let size = headBytes + rows.length * 4;
  let known = false;
  for (let place = 0; place < rows.length; place += 1) {
    const value = of(rows[place]!);
    const text = value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
    texts[place] = text;
    if (text === null) continue;
    known = true;
    size += Buffer.byteLength(text);
  }
  // `unnest` fills up a column that is shorter with nulls
  if (!known) return columnOf('text', 0, headBytes);
  const bytes = columnOf('text', rows.length, size);
  let at = headBytes;
  for (const text of texts) {
    if (text === null) at = nothing(bytes, at);
    else {
      const length = bytes.write(text, at + 4);
      bytes.writeInt32BE(length, at);
      at += 4 + length;
    }
  }
  return bytes;
}

function columnOf(type: keyof typeof types, length: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  // dimensions, whether there may be nulls, type, length, first index
  bytes.writeInt32BE(length === 0 ? 0 : 1, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(types[type], 8);
  if (length === 0) return bytes.subarray(0, 12);
  bytes.writeInt32BE(length, 12);
  bytes.writeInt32BE(1, 16);
  return bytes;
}

const nothing = (bytes: Buffer, at: number): number => bytes.writeInt32BE(none, at);

const dash = 0x2d;

/** Of a hexadecimal digit. */
const nibble = (code: number): number => (code < 0x3a ? code - 0x30 : (code | 0x20) - 0x57);
