/*
 * Columns of rows as arrays of PostgreSQL's binary format (`array_send`): both sides take them a call for each column, and neither writes
 * nor reads digits. Made as bytes, so that V8 has nothing to keep until the database has answered; value by value, so that whoever makes
 * them may pause.
 */

/** Holds as many values as it was made for, one after the other. */
export interface Column<T> {
  add(value: T): void;
  /** Once all are there. */
  bytes(): Buffer;
}

/** PostgreSQL's ids of types (`pg_type.dat`) */
const types = { integer: 23, text: 25, float8: 701, timestamptz: 1184, uuid: 2950 } as const;
const headBytes = 20;
/** what stands for a length where there is no value */
const none = -1;

/** `add` throws a `RangeError` for what is no integer of 32 bits: whoever calls has looked. */
export function integers(count: number): Column<number> {
  const bytes = withHead('integer', count, headBytes + count * 8);
  let at = headBytes;
  return {
    add(value) {
      at = bytes.writeInt32BE(4, at);
      at = bytes.writeInt32BE(value, at);
    },
    bytes: () => bytes,
  };
}

export function floats(count: number): Column<number | null> {
  const bytes = withHead('float8', count, headBytes + count * 12);
  let at = headBytes;
  return {
    add(value) {
      if (value === null || value === undefined) {
        at = bytes.writeInt32BE(none, at);
        return;
      }
      at = bytes.writeInt32BE(8, at);
      at = bytes.writeDoubleBE(value, at);
    },
    bytes: () => bytes.subarray(0, at),
  };
}

const epoch2000 = Date.UTC(2000, 0, 1);
const two32 = 2 ** 32;

/** Of whole milliseconds since 1970, up to the year 2200. */
export function times(count: number): Column<number> {
  const bytes = withHead('timestamptz', count, headBytes + count * 12);
  let at = headBytes;
  return {
    add(value) {
      const microseconds = (value - epoch2000) * 1000;
      const high = Math.floor(microseconds / two32);
      at = bytes.writeInt32BE(8, at);
      at = bytes.writeInt32BE(high, at);
      at = bytes.writeUInt32BE(microseconds - high * two32, at);
    },
    bytes: () => bytes,
  };
}

/** Of texts that are UUIDs of 36 characters: whoever calls has looked. */
export function uuids(count: number): Column<string> {
  const bytes = withHead('uuid', count, headBytes + count * 20);
  let at = headBytes;
  return {
    add(value) {
      at = bytes.writeInt32BE(16, at);
      for (let place = 0; place < 36; place += 2) {
        if (value.charCodeAt(place) === dash) place += 1;
        bytes[at++] = (nibble(value.charCodeAt(place)) << 4) | nibble(value.charCodeAt(place + 1));
      }
    },
    bytes: () => bytes,
  };
}

/** What is no text is written as JSON. Without any value it has no element: `unnest` fills up with nulls the columns that are shorter. */
export function texts(count: number): Column<unknown> {
  let bytes = withHead('text', count, headBytes + count * 12);
  let at = headBytes;
  let known = false;
  return {
    add(value) {
      const text =
        value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
      const most = text === null ? 0 : text.length * 3;
      if (bytes.length < at + 4 + most) {
        const larger = Buffer.allocUnsafe((at + 4 + most) * 2);
        bytes.copy(larger, 0, 0, at);
        bytes = larger;
      }
      if (text === null) {
        at = bytes.writeInt32BE(none, at);
        return;
      }
      known = true;
      const length = written(bytes, at + 4, text);
      at = bytes.writeInt32BE(length, at) + length;
    },
    bytes: () => (known ? bytes.subarray(0, at) : withHead('text', 0, headBytes)),
  };
}

/** What is shorter than a call of Node's takes to begin is written here as long as it is ASCII. */
const short = 24;

function written(bytes: Buffer, at: number, text: string): number {
  if (text.length > short) return bytes.write(text, at);
  for (let place = 0; place < text.length; place += 1) {
    const code = text.charCodeAt(place);
    if (code > 0x7f) return bytes.write(text, at);
    bytes[at + place] = code;
  }
  return text.length;
}

function withHead(type: keyof typeof types, count: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  // dimensions, whether there may be nulls, type; then length and first index
  bytes.writeInt32BE(count === 0 ? 0 : 1, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(types[type], 8);
  if (count === 0) return bytes.subarray(0, 12);
  bytes.writeInt32BE(count, 12);
  bytes.writeInt32BE(1, 16);
  return bytes;
}

const dash = 0x2d;

/** Of a hexadecimal digit. */
const nibble = (code: number): number => (code < 0x3a ? code - 0x30 : (code | 0x20) - 0x57);
