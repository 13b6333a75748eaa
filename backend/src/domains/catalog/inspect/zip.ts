import { inflateRawSync } from 'node:zlib';
import { InvalidFile, type RandomAccess } from './reader.ts';

const maxEntries = 100_000;
const maxDirectoryBytes = 64 * 1024 * 1024;

interface ZipEntry {
  name: string;
  /** 0 stored, 8 deflated */
  method: number;
  packed: number;
  size: number;
  headerAt: number;
}

/** The entries of a zip file from its central directory (zip64 too). Throws `InvalidFile` where it cannot be trusted. */
export async function readZip(reader: RandomAccess): Promise<ZipEntry[]> {
  const { at, length, count } = await directoryOf(reader);
  if (count > maxEntries) throw new InvalidFile(`The archive says to hold more than ${maxEntries} files.`);
  if (length > maxDirectoryBytes || at + length > reader.size)
    throw new InvalidFile('The directory of the archive is impossible.');
  const bytes = await reader.read(at, length);
  const entries: ZipEntry[] = [];
  let position = 0;
  while (entries.length < count) {
    if (position + 46 > bytes.length || bytes.readUInt32LE(position) !== 0x02014b50) {
      throw new InvalidFile('The directory of the archive is broken.');
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => bytes.readUInt16LE(position + offset));
    const end = position + 46 + nameBytes! + extraBytes! + commentBytes!;
    if (end > bytes.length) throw new InvalidFile('The directory of the archive is broken.');
    if (bytes.readUInt16LE(position + 8) & 1) throw new InvalidFile('The archive is encrypted.');
    entries.push({
      name: bytes.subarray(position + 46, position + 46 + nameBytes!).toString('utf8'),
      method: bytes.readUInt16LE(position + 10),
      ...wide(bytes, position, bytes.subarray(position + 46 + nameBytes!, position + 46 + nameBytes! + extraBytes!)),
    });
    position = end;
  }
  return entries;
}

async function directoryOf(reader: RandomAccess): Promise<{ at: number; length: number; count: number }> {
  const tailAt = Math.max(0, reader.size - 65_557);
  const tail = await reader.read(tailAt, reader.size - tailAt);
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0 || end + 22 > tail.length) throw new InvalidFile('The archive has no directory.');
  const plain = {
    count: tail.readUInt16LE(end + 10),
    length: tail.readUInt32LE(end + 12),
    at: tail.readUInt32LE(end + 16),
  };
  if (plain.count !== 0xffff && plain.length !== 0xffffffff && plain.at !== 0xffffffff) return plain;
  if (end < 20 || tail.readUInt32LE(end - 20) !== 0x07064b50) return plain;
  const wideAt = safe(tail.readBigUInt64LE(end - 12));
  const wideEnd = await reader.read(wideAt, 56);
  if (wideEnd.length < 56 || wideEnd.readUInt32LE(0) !== 0x06064b50)
    throw new InvalidFile('The directory of the archive is broken.');
  return {
    count: safe(wideEnd.readBigUInt64LE(32)),
    length: safe(wideEnd.readBigUInt64LE(40)),
    at: safe(wideEnd.readBigUInt64LE(48)),
  };
}

/** Sizes and place of an entry; those that say 0xffffffff stand in the zip64 extra field instead, in this order. */
function wide(bytes: Buffer, position: number, extra: Buffer): { size: number; packed: number; headerAt: number } {
  const plain = [24, 20, 42].map((offset) => bytes.readUInt32LE(position + offset));
  for (let at = 0; at + 4 <= extra.length;) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) {
      let field = at + 4;
      for (const [index, value] of plain.entries()) {
        if (value !== 0xffffffff) continue;
        if (field + 8 > Math.min(extra.length, at + 4 + length))
          throw new InvalidFile('The directory of the archive is broken.');
        plain[index] = safe(extra.readBigUInt64LE(field));
        field += 8;
      }
    }
    at += 4 + length;
  }
  return { size: plain[0]!, packed: plain[1]!, headerAt: plain[2]! };
}

/** The content of an entry, unpacked to `maxBytes` at most. */
export async function readEntry(reader: RandomAccess, entry: ZipEntry, maxBytes: number): Promise<Buffer> {
  const shown = JSON.stringify(entry.name.slice(0, 80));
  if (entry.size > maxBytes || entry.packed > maxBytes) throw new InvalidFile(`${shown} in the archive is too large.`);
  const header = await reader.read(entry.headerAt, 30);
  if (header.length < 30 || header.readUInt32LE(0) !== 0x04034b50)
    throw new InvalidFile(`${shown} in the archive is broken.`);
  const at = entry.headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = await reader.read(at, entry.packed);
  if (packed.length < entry.packed) throw new InvalidFile(`${shown} in the archive is cut off.`);
  if (entry.method === 0) return packed;
  if (entry.method !== 8) throw new InvalidFile(`${shown} in the archive is packed in an unknown way.`);
  try {
    return inflateRawSync(packed, { maxOutputLength: maxBytes });
  } catch {
    throw new InvalidFile(`${shown} in the archive cannot be unpacked within ${maxBytes} bytes.`);
  }
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new InvalidFile('The directory of the archive is impossible.');
  return Number(value);
}
