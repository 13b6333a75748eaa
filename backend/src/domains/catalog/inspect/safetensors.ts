import { InvalidFile, type RandomAccess } from './reader.ts';

/** The format allows 100 MB; the largest models have a tenth of this, and more would only serve to fill our memory. */
const maxHeaderBytes = 32 * 1024 * 1024;
const maxTensors = 200_000;
const maxRank = 16;
const maxDepth = 3;

/** bits an element */
const bitsOf: Record<string, number> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
};

export interface Tensor {
  name: string;
  dtype: string;
  shape: number[];
  /** bytes */
  size: number;
}

interface Safetensors {
  tensors: Tensor[];
  metadata: Record<string, string>;
}

/**
 * The header of a safetensors file. Throws `InvalidFile` where it is not one: a header that is too long or not JSON, a tensor with
 * an unknown type, a shape that does not fit its bytes, offsets that overlap, leave holes or lie outside of the file.
 */
export async function readSafetensors(reader: RandomAccess): Promise<Safetensors> {
  if (reader.size < 8) throw new InvalidFile('The file is too short for a safetensors header.');
  const length = (await reader.read(0, 8)).readBigUInt64LE(0);
  if (length > BigInt(maxHeaderBytes)) throw new InvalidFile('The safetensors header says to be longer than 32 MiB.');
  const headerBytes = Number(length);
  if (8 + headerBytes > reader.size) throw new InvalidFile('The safetensors header is longer than the file.');
  return checked(parse(await reader.read(8, headerBytes)), reader.size - 8 - headerBytes);
}

function parse(bytes: Buffer): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw new InvalidFile('The safetensors header does not begin with "{".');
  if (depthOf(bytes) > maxDepth) throw new InvalidFile('The safetensors header is nested too deeply.');
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isRecord(header)) return header;
  } catch {
    // told below, without the parser's excerpt of the content
  }
  throw new InvalidFile('The safetensors header is not a JSON object.');
}

/** Looked at before parsing, so that a bomb of brackets is refused cheaply. */
function depthOf(bytes: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (inText) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > deepest) deepest = depth;
      if (deepest > maxDepth) break;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return deepest;
}

function checked(header: Record<string, unknown>, dataBytes: number): Safetensors {
  const tensors: (Tensor & { start: number; end: number })[] = [];
  const metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name !== '__metadata__') {
      if (tensors.length === maxTensors)
        throw new InvalidFile(`The file says to hold more than ${maxTensors} tensors.`);
      tensors.push(tensorOf(name, entry));
    } else {
      if (!isRecord(entry)) throw new InvalidFile('The __metadata__ of the header is not an object.');
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== 'string')
          throw new InvalidFile('The __metadata__ of the header holds something else than texts.');
        metadata[key] = value;
      }
    }
  }
  let expected = 0;
  for (const { name, start, end } of tensors.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < expected) throw new InvalidFile(`The bytes of tensor ${shown(name)} overlap another one's.`);
    if (start > expected) throw new InvalidFile(`There is a hole before the bytes of tensor ${shown(name)}.`);
    if (end > dataBytes) throw new InvalidFile(`The bytes of tensor ${shown(name)} lie outside of the file.`);
    expected = end;
  }
  if (expected !== dataBytes) throw new InvalidFile('The file holds bytes that belong to no tensor.');
  return { tensors: tensors.map(({ name, dtype, shape, size }) => ({ name, dtype, shape, size })), metadata };
}

function tensorOf(name: string, entry: unknown): Tensor & { start: number; end: number } {
  if (!isRecord(entry)) throw new InvalidFile(`The entry of tensor ${shown(name)} is not an object.`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const bits = typeof dtype === 'string' && Object.hasOwn(bitsOf, dtype) ? bitsOf[dtype] : undefined;
  if (bits === undefined) throw new InvalidFile(`Tensor ${shown(name)} has an unknown type.`);
  if (!isNaturals(shape) || shape.length > maxRank)
    throw new InvalidFile(`Tensor ${shown(name)} has an impossible shape.`);
  if (!isNaturals(offsets) || offsets.length !== 2)
    throw new InvalidFile(`Tensor ${shown(name)} has impossible offsets.`);
  const [start, end] = offsets as [number, number];
  const elements = elementsOf(shape);
  const size = (elements * bits) / 8;
  if (!Number.isSafeInteger(size) || end - start !== size) {
    throw new InvalidFile(`The shape of tensor ${shown(name)} does not fit the bytes it is given.`);
  }
  return { name, dtype: dtype as string, shape, size, start, end };
}

/** Number of elements; beyond 2^53 it is not exact, which `size` then shows. */
export function elementsOf(shape: number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function isNaturals(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const shown = (name: string) => JSON.stringify(name.slice(0, 80));
