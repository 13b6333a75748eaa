/** Bytes of a file by position. `read` answers fewer bytes than asked for only at the end of the file. */
export interface RandomAccess {
  /** bytes */
  size: number;
  read(start: number, length: number): Promise<Buffer>;
}

/** The file is not what its name says; the message says how, for a person. */
export class InvalidFile extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvalidFile';
  }
}

export function bytesReader(bytes: Buffer): RandomAccess {
  return { size: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) };
}

const windowSize = 256 * 1024;

/** Reads forward through a file in windows; every read past the end or past `limit` bytes throws `InvalidFile`. */
export interface Forward {
  position(): number;
  atEnd(): boolean;
  bytes(length: number): Promise<Buffer>;
  skip(length: number): void;
  u8(): Promise<number>;
  u16(): Promise<number>;
  u32(): Promise<number>;
  /** throws where it is beyond 2^53 */
  u64(): Promise<number>;
  /** up to and without the next line feed, at most `most` bytes */
  line(most: number): Promise<string>;
}

export function forward(reader: RandomAccess, options: { limit?: number } = {}): Forward {
  const end = Math.min(reader.size, options.limit ?? reader.size);
  let position = 0;
  let window: Buffer = Buffer.alloc(0);
  let windowStart = 0;

  async function bytes(length: number): Promise<Buffer> {
    if (length < 0 || position + length > end) throw new InvalidFile('The header ends too early or is too large.');
    let offset = position - windowStart;
    if (offset < 0 || offset + length > window.length) {
      window = await reader.read(position, Math.min(Math.max(length, windowSize), end - position));
      windowStart = position;
      offset = 0;
      if (window.length < length) throw new InvalidFile('The file ends too early.');
    }
    position += length;
    return window.subarray(offset, offset + length);
  }

  return {
    position: () => position,
    atEnd: () => position >= end,
    bytes,
    skip(length) {
      if (length < 0 || position + length > end) throw new InvalidFile('The header ends too early or is too large.');
      position += length;
    },
    u8: async () => (await bytes(1)).readUInt8(0),
    u16: async () => (await bytes(2)).readUInt16LE(0),
    u32: async () => (await bytes(4)).readUInt32LE(0),
    async u64() {
      const value = (await bytes(8)).readBigUInt64LE(0);
      if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new InvalidFile('A length in the header is impossibly large.');
      return Number(value);
    },
    async line(most) {
      const start = position;
      const ahead = await bytes(Math.min(most + 1, end - position));
      const at = ahead.indexOf(10);
      if (at < 0) throw new InvalidFile('A line of the header does not end.');
      position = start + at + 1;
      return ahead.subarray(0, at).toString('latin1');
    },
  };
}
