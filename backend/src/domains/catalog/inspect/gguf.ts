import { forward, InvalidFile, type Forward, type RandomAccess } from './reader.ts';
import { elementsOf, type Tensor } from './safetensors.ts';

const maxHeaderBytes = 256 * 1024 * 1024;
const maxEntries = 100_000;
const maxTensors = 200_000;
const maxTextBytes = 16 * 1024 * 1024;
const maxItems = 8 * 1024 * 1024;
const maxDepth = 3;
/** texts longer than this are passed over, but for the chat template */
const keptTextBytes = 4096;

/** ggml's types: name, elements a block, bytes a block. */
const types: Record<number, [string, number, number]> = {
  0: ['F32', 1, 4],
  1: ['F16', 1, 2],
  2: ['Q4_0', 32, 18],
  3: ['Q4_1', 32, 20],
  6: ['Q5_0', 32, 22],
  7: ['Q5_1', 32, 24],
  8: ['Q8_0', 32, 34],
  9: ['Q8_1', 32, 36],
  10: ['Q2_K', 256, 84],
  11: ['Q3_K', 256, 110],
  12: ['Q4_K', 256, 144],
  13: ['Q5_K', 256, 176],
  14: ['Q6_K', 256, 210],
  15: ['Q8_K', 256, 292],
  16: ['IQ2_XXS', 256, 66],
  17: ['IQ2_XS', 256, 74],
  18: ['IQ3_XXS', 256, 98],
  19: ['IQ1_S', 256, 50],
  20: ['IQ4_NL', 32, 18],
  21: ['IQ3_S', 256, 110],
  22: ['IQ2_S', 256, 82],
  23: ['IQ4_XS', 256, 136],
  24: ['I8', 1, 1],
  25: ['I16', 1, 2],
  26: ['I32', 1, 4],
  27: ['I64', 1, 8],
  28: ['F64', 1, 8],
  29: ['IQ1_M', 256, 56],
  30: ['BF16', 1, 2],
  34: ['TQ1_0', 256, 54],
  35: ['TQ2_0', 256, 66],
  39: ['MXFP4', 32, 17],
};

/** Bytes of the value types of fixed length: u8 i8 u16 i16 u32 i32 f32 bool, then (10–12) u64 i64 f64. */
const fixedBytes: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

type GgufValue = string | number | boolean | { items: number };

export interface Gguf {
  version: number;
  /** arrays only as their length; texts over 4 KiB are cut */
  metadata: Map<string, GgufValue>;
  tensors: Tensor[];
}

/**
 * The header of a GGUF file of version 2 or 3, little-endian. Throws `InvalidFile` where it is not one, says to hold more than it can,
 * or where tensors overlap or lie outside of the file.
 */
export async function readGguf(reader: RandomAccess): Promise<Gguf> {
  const file = forward(reader, { limit: maxHeaderBytes });
  if ((await file.bytes(4)).toString('latin1') !== 'GGUF')
    throw new InvalidFile('The file does not begin with "GGUF".');
  const version = await file.u32();
  if (version !== 2 && version !== 3)
    throw new InvalidFile(`GGUF version ${version} is not known; use version 2 or 3, little-endian.`);
  const tensorCount = await file.u64();
  const entryCount = await file.u64();
  if (tensorCount > maxTensors) throw new InvalidFile(`The file says to hold more than ${maxTensors} tensors.`);
  if (entryCount > maxEntries) throw new InvalidFile(`The file says to hold more than ${maxEntries} metadata entries.`);
  const metadata = new Map<string, GgufValue>();
  for (let entry = 0; entry < entryCount; entry++) {
    const key = await text(file, 1024);
    metadata.set(key, await value(file, await file.u32(), 0));
  }
  const found: (Tensor & { offset: number })[] = [];
  for (let tensor = 0; tensor < tensorCount; tensor++) found.push(await tensorOf(file));
  checkPlaces(found, file.position(), metadata.get('general.alignment'), reader.size);
  return { version, metadata, tensors: found.map(({ name, dtype, shape, size }) => ({ name, dtype, shape, size })) };
}

async function text(file: Forward, most: number): Promise<string> {
  const length = await file.u64();
  if (length > most) throw new InvalidFile('A text in the GGUF header is too long.');
  if (length <= keptTextBytes) return (await file.bytes(length)).toString('utf8');
  const kept = (await file.bytes(keptTextBytes)).toString('utf8');
  file.skip(length - keptTextBytes);
  return kept;
}

async function value(file: Forward, type: number, depth: number): Promise<GgufValue> {
  if (type === 8) return text(file, maxTextBytes);
  if (type === 9) return { items: await passArray(file, depth) };
  const length = fixedBytes[type];
  if (length === undefined) throw new InvalidFile(`GGUF value type ${type} is not known.`);
  const bytes = await file.bytes(length);
  switch (type) {
    case 0:
      return bytes.readUInt8(0);
    case 1:
      return bytes.readInt8(0);
    case 2:
      return bytes.readUInt16LE(0);
    case 3:
      return bytes.readInt16LE(0);
    case 4:
      return bytes.readUInt32LE(0);
    case 5:
      return bytes.readInt32LE(0);
    case 6:
      return bytes.readFloatLE(0);
    case 7:
      return bytes.readUInt8(0) !== 0;
    case 10:
      return Number(bytes.readBigUInt64LE(0));
    case 11:
      return Number(bytes.readBigInt64LE(0));
    default:
      return bytes.readDoubleLE(0);
  }
}

/** Arrays hold vocabularies: only how many items there are is of interest. */
async function passArray(file: Forward, depth: number): Promise<number> {
  if (depth === maxDepth) throw new InvalidFile('Arrays of the GGUF header are nested too deeply.');
  const type = await file.u32();
  const count = await file.u64();
  if (count > maxItems) throw new InvalidFile('An array of the GGUF header is too long.');
  const length = fixedBytes[type];
  if (length !== undefined) file.skip(length * count);
  else if (type === 8) {
    for (let item = 0; item < count; item++) {
      const bytes = await file.u64();
      if (bytes > maxTextBytes) throw new InvalidFile('A text in the GGUF header is too long.');
      file.skip(bytes);
    }
  } else if (type === 9) for (let item = 0; item < count; item++) await passArray(file, depth + 1);
  else throw new InvalidFile(`GGUF value type ${type} is not known.`);
  return count;
}

async function tensorOf(file: Forward): Promise<Tensor & { offset: number }> {
  const name = await text(file, 1024);
  const rank = await file.u32();
  if (rank > 8) throw new InvalidFile(`Tensor ${JSON.stringify(name.slice(0, 80))} has an impossible shape.`);
  const shape: number[] = [];
  for (let dimension = 0; dimension < rank; dimension++) shape.push(await file.u64());
  const number = await file.u32();
  const offset = await file.u64();
  const [dtype, block, bytes] = types[number] ?? [`type ${number}`, 1, 0];
  const size = (elementsOf(shape) / block) * bytes;
  if (!Number.isSafeInteger(size))
    throw new InvalidFile(`Tensor ${JSON.stringify(name.slice(0, 80))} has an impossible shape.`);
  return { name, dtype, shape, size, offset };
}

function checkPlaces(
  tensors: (Tensor & { offset: number })[],
  headerEnd: number,
  given: GgufValue | undefined,
  fileSize: number,
) {
  const alignment = given ?? 32;
  if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment < 1 || alignment > 65536) {
    throw new InvalidFile('The alignment of the GGUF file is impossible.');
  }
  const dataStart = Math.ceil(headerEnd / alignment) * alignment;
  let expected = 0;
  for (const { name, offset, size } of tensors.toSorted((a, b) => a.offset - b.offset || a.size - b.size)) {
    const shown = JSON.stringify(name.slice(0, 80));
    if (offset % alignment !== 0) throw new InvalidFile(`The bytes of tensor ${shown} are not aligned.`);
    if (offset < expected) throw new InvalidFile(`The bytes of tensor ${shown} overlap another one's.`);
    if (dataStart + offset + size > fileSize)
      throw new InvalidFile(`The bytes of tensor ${shown} lie outside of the file.`);
    expected = offset + size;
  }
}
