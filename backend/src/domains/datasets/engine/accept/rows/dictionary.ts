import { ESCAPED, NONE, writeLevels, type Cells } from './pages.ts';

/** Values of a column of which there are few, as Parquet's dictionary has them: a third of the time to read, and less to compare. */
export interface Dictionary {
  /** how many there are */
  count: number;
  /** the values, each behind its length */
  values: Buffer;
  /** levels and, for each cell, the number of its value; good until the next one is made */
  page: Buffer;
  nulls: number;
}

const MOST = 1024;
const LONGEST = 128;
/** After so many cells it is seen whether there are few values. */
const SAMPLE = 256;
const SLOTS = 4096;

/** Answers null where a dictionary is of no use. */
export function createDictionaries(): (cells: Cells, column: number) => Dictionary | null {
  const slots = new Int32Array(SLOTS);
  const starts = new Int32Array(MOST);
  const ends = new Int32Array(MOST);
  let numbers = new Uint16Array(1024);
  let target = Buffer.allocUnsafe(64 * 1024);

  /** The number of each cell's value, of those that there are; -1: a dictionary is of no use. */
  function number({ heap, bounds, rows, columns }: Cells, column: number): { count: number; filled: number } | null {
    slots.fill(0);
    let count = 0;
    let filled = 0;
    for (let row = 0, cell = column * 2; row < rows; row++, cell += columns * 2) {
      const end = bounds[cell + 1]!;
      if (end === NONE) continue;
      const start = bounds[cell]!;
      if (end - start > LONGEST || (end & ESCAPED) !== 0) return null;
      let slot = hash(heap, start, end) & (SLOTS - 1);
      for (;;) {
        const known = slots[slot]! - 1;
        if (known === -1) {
          if (count === MOST || (filled === SAMPLE && count > SAMPLE / 2)) return null;
          starts[count] = start;
          ends[count] = end;
          numbers[filled] = count;
          slots[slot] = ++count;
          break;
        }
        if (isSame(heap, start, end, starts[known]!, ends[known]!)) {
          numbers[filled] = known;
          break;
        }
        slot = (slot + 1) & (SLOTS - 1);
      }
      filled += 1;
    }
    return count * 4 > filled ? null : { count, filled };
  }

  return (cells, column) => {
    if (numbers.length < cells.rows) numbers = new Uint16Array(cells.rows);
    const numbered = number(cells, column);
    if (numbered === null) return null;
    const { count, filled } = numbered;
    const size = 64 + (cells.rows >> 3) + filled * 2 + count * (LONGEST + 4);
    if (target.length < size) target = Buffer.allocUnsafe(size);
    const levels = writeLevels(target, cells, column, cells.rows - filled);
    const end = writeNumbers(target, levels, numbers, filled, count);
    let at = end;
    for (let value = 0; value < count; value++) {
      const length = ends[value]! - starts[value]!;
      at = target.writeUInt32LE(length, at);
      at += cells.heap.copy(target, at, starts[value]!, ends[value]!);
    }
    return { count, values: target.subarray(end, at), page: target.subarray(0, end), nulls: cells.rows - filled };
  };
}

/** All in one run, each in as many bits as the largest needs, the lowest bit first. */
function writeNumbers(target: Buffer, from: number, numbers: Uint16Array, filled: number, count: number): number {
  const width = Math.max(1, 32 - Math.clz32(count - 1));
  let at = from;
  target[at++] = width;
  const eights = (filled + 7) >> 3;
  let header = (eights << 1) | 1;
  for (; header >= 0x80; header >>>= 7) target[at++] = (header & 0x7f) | 0x80;
  target[at++] = header;
  let bits = 0;
  let waiting = 0;
  for (let cell = 0; cell < eights * 8; cell++) {
    bits |= (cell < filled ? numbers[cell]! : 0) << waiting;
    waiting += width;
    for (; waiting >= 8; waiting -= 8, bits >>>= 8) target[at++] = bits & 0xff;
  }
  return at;
}

function hash(bytes: Buffer, start: number, end: number): number {
  let value = end - start;
  for (let at = start; at < end; at++) value = Math.imul(value ^ bytes[at]!, 0x01000193);
  return value ^ (value >>> 15);
}

function isSame(bytes: Buffer, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let at = start, other = otherStart; at < end; at++, other++) if (bytes[at] !== bytes[other]) return false;
  return true;
}
