import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { DatasetIssue } from '@llm-ops/contracts';
import { eachBlock } from './blocks.ts';
import { legacyEncoding, markOf, unmarkedUtf16, type Encoding } from './encoding.ts';
import type { Issues } from './issues.ts';
import { words } from './sentences.ts';

/** A file as UTF-8. */
export interface TextFile {
  local: string;
  /** bytes of the mark at its beginning */
  skip: number;
  size: number;
  /** what it was */
  encoding: Encoding;
  bom: boolean;
  /** rows have to be looked at one by one: some hold bytes that are not of the encoding, or NUL */
  suspicious: boolean;
}

const SAMPLE = 64 * 1024;
const WIDE = 1024 * 1024;

const replacement = Buffer.from('\uFFFD');

export type Flaw = Pick<DatasetIssue, 'reason' | 'fix' | 'said'>;

/** What is wrong with the bytes of a row of a suspicious file. */
export function flawOf(text: TextFile, row: Buffer): Flaw | null {
  const nul = row.indexOf(0);
  if (nul !== -1) return words.tell('nul_byte', { byte: nul + 1 });
  if (text.encoding === 'utf-8') {
    if (isUtf8(row)) return null;
    const at = firstInvalid(row);
    return words.tell('not_utf8', { byte: at + 1, value: `0x${row[at]!.toString(16).padStart(2, '0')}` });
  }
  // No text in these encodings has this character: it stands for bytes that mean nothing there.
  if (!row.includes(replacement)) return null;
  return words.tell('not_of_encoding', { encoding: text.encoding });
}

/** Finds the encoding of a file, and decodes it to `target` where it is not UTF-8. */
export async function openText(
  local: string,
  { target, issues, onRead }: { target: string; issues: Issues; onRead(done: number): void },
): Promise<TextFile> {
  const { size } = await stat(local);
  const head = await part(local, 0, SAMPLE);
  const mark = markOf(head);
  if (mark?.encoding === 'utf-32') issues.refuse(words.tell('utf32'));
  const told = mark?.encoding ?? unmarkedUtf16(head);
  if (told === 'utf-16le' || told === 'utf-16be')
    return decode(local, target, told, { mark: mark?.length ?? 0, size, onRead });

  const skip = mark?.length ?? 0;
  const { broken, nul } = await check(local, skip, (read) => onRead(read / size));
  const facts = { local, skip, size, bom: mark !== null };
  if (broken === null) return { ...facts, encoding: 'utf-8', suspicious: nul };
  const sample = Buffer.concat([head, await part(local, Math.max(0, broken - WIDE / 2), WIDE)]);
  const legacy = mark === null ? legacyEncoding(sample) : 'utf-8';
  if (legacy === 'utf-8') return { ...facts, encoding: 'utf-8', suspicious: true };
  if (legacy === null) return issues.refuse(words.tell('encoding_unknown', { byte: broken + 1 }));
  return decode(local, target, legacy, { mark: 0, size, onRead });
}

/** Offset of the first byte that is not UTF-8, or null; and whether there are NULs. */
async function check(local: string, from: number, onRead: (bytes: number) => void) {
  let nul = false;
  let broken: number | null = null;
  let passed = from;
  await eachBlock(local, { from, limit: WIDE, onRead }, ({ bytes, end, last }) => {
    const cut = last ? end : end - unfinished(bytes, end);
    const block = bytes.subarray(0, cut);
    nul ||= block.includes(0);
    if (isUtf8(block)) {
      passed += cut;
      return cut;
    }
    broken = passed + firstInvalid(block);
    return -1;
  });
  return { broken: broken as number | null, nul };
}

/** How many bytes at the end belong to a character that goes on behind it. */
function unfinished(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/** By halves: what is before the answer is UTF-8. */
export function firstInvalid(block: Buffer): number {
  let good = 0;
  let bad = block.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const cut = middle - unfinished(block.subarray(good, middle), middle - good);
    // A character that fills the whole half tells nothing about it: look byte by byte.
    if (cut === good) break;
    if (isUtf8(block.subarray(good, cut))) good = cut;
    else bad = middle;
  }
  while (good < bad) {
    const length = [1, 2, 3, 4].find((bytes) => isUtf8(block.subarray(good, good + bytes)));
    if (length === undefined || good + length > block.length) break;
    good += length;
  }
  return good;
}

async function decode(
  local: string,
  target: string,
  encoding: Encoding,
  { mark, size, onRead }: { mark: number; size: number; onRead(done: number): void },
): Promise<TextFile> {
  const label = encoding === 'cp949' ? 'euc-kr' : encoding === 'latin-1' ? 'windows-1252' : encoding;
  const decoder = new TextDecoder(label, { ignoreBOM: true });
  const input = createReadStream(local, { start: mark, highWaterMark: WIDE });
  const output = await open(target, 'w');
  let written = 0;
  let suspicious = false;
  try {
    const put = async (text: string): Promise<void> => {
      suspicious ||= text.includes('\uFFFD') || text.includes('\0');
      const bytes = Buffer.from(text);
      await output.writeFile(bytes);
      written += bytes.length;
    };
    for await (const chunk of input as AsyncIterable<Buffer>) {
      await put(decoder.decode(chunk, { stream: true }));
      onRead(input.bytesRead / size);
    }
    await put(decoder.decode());
  } finally {
    await output.close();
  }
  return { local: target, skip: 0, size: written, encoding, bom: mark > 0, suspicious };
}

async function part(local: string, from: number, length: number): Promise<Buffer> {
  const file = await open(local);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
