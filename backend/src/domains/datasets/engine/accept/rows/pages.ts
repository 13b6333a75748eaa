import type { Stored } from './writer.ts';

/** Values of one column, from the cells of a group of rows, as a page of Parquet has them. */

/** What stands in place of a cell's end where there is no cell. */
export const NONE = -1;
/** Added to the end of a cell that has to be unescaped; nothing here is that long. */
export const ESCAPED = 2 ** 30;

export interface Cells {
  heap: Buffer;
  /** start and end of each cell, by row and then by column */
  bounds: Int32Array;
  rows: number;
  columns: number;
}

/** Writes what a cell means to `target` at `at` and answers where it ends; it is never longer than the cell. */
export type Unescape = (heap: Buffer, start: number, end: number, target: Buffer, at: number) => number;

export type Unescapes = Record<'text' | 'json', Unescape>;

export interface Page {
  /** levels and values, uncompressed; good until the next page is made */
  bytes: Buffer;
  nulls: number;
  /** of integers */
  bounds: { minimum: bigint; maximum: bigint } | null;
}

export function createPages(unescape: Unescapes): (cells: Cells, column: number, stored: Stored) => Page {
  let target = Buffer.allocUnsafeSlow(1024 * 1024);

  function reserve(bytes: number): void {
    if (target.length >= bytes) return;
    (target.buffer as ArrayBuffer).transfer(0);
    target = Buffer.allocUnsafeSlow(Math.ceil(bytes * 1.25));
  }

  return (cells, column, stored) => {
    const { heap, bounds, rows, columns } = cells;
    let size = 16 + (rows >> 3) + rows * 8;
    let nulls = 0;
    for (let row = 0, cell = column * 2; row < rows; row++, cell += columns * 2) {
      const end = bounds[cell + 1]!;
      if (end === NONE) nulls += 1;
      else size += (end & ~ESCAPED) - bounds[cell]!;
    }
    reserve(size);
    let at = writeLevels(target, cells, column, nulls);
    if (stored === 'text' || stored === 'json') {
      for (let row = 0, cell = column * 2; row < rows; row++, cell += columns * 2) {
        const end = bounds[cell + 1]!;
        if (end === NONE) continue;
        const start = bounds[cell]!;
        const from = at + 4;
        let to: number;
        if ((end & ESCAPED) !== 0) to = unescape[stored](heap, start, end & ~ESCAPED, target, from);
        else {
          to = from + end - start;
          if (end - start > 48) heap.copy(target, from, start, end);
          else for (let byte = start, put = from; byte < end; byte++) target[put++] = heap[byte]!;
        }
        const length = to - from;
        target[at] = length & 0xff;
        target[at + 1] = (length >> 8) & 0xff;
        target[at + 2] = (length >> 16) & 0xff;
        target[at + 3] = length >> 24;
        at = to;
      }
      return { bytes: target.subarray(0, at), nulls, bounds: null };
    }
    if (stored === 'boolean')
      return { bytes: target.subarray(0, writeBooleans(target, at, cells, column)), nulls, bounds: null };
    const limits = { minimum: 2n ** 63n, maximum: -(2n ** 63n) };
    // Small numbers are compared as such; BigInt is slow.
    let low = Infinity;
    let high = -Infinity;
    for (let row = 0, cell = column * 2; row < rows; row++, cell += columns * 2) {
      const end = bounds[cell + 1]!;
      if (end === NONE) continue;
      const start = bounds[cell]!;
      if (stored === 'double') at = target.writeDoubleLE(Number(heap.toString('latin1', start, end)), at);
      else if (end - start <= 15) {
        const value = smallInteger(heap, start, end);
        if (value < low) low = value;
        if (value > high) high = value;
        const upper = Math.floor(value / 2 ** 32);
        target.writeUInt32LE(value - upper * 2 ** 32, at);
        at = target.writeInt32LE(upper, at + 4);
      } else {
        const value = BigInt(heap.toString('latin1', start, end));
        if (value < limits.minimum) limits.minimum = value;
        if (value > limits.maximum) limits.maximum = value;
        at = target.writeBigInt64LE(value, at);
      }
    }
    if (low <= high) {
      if (low < limits.minimum) limits.minimum = BigInt(low);
      if (high > limits.maximum) limits.maximum = BigInt(high);
    }
    const known = stored === 'bigint' && nulls < rows;
    return { bytes: target.subarray(0, at), nulls, bounds: known ? limits : null };
  };
}

function smallInteger(bytes: Buffer, start: number, end: number): number {
  const negative = bytes[start] === 0x2d;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + (bytes[at]! - 0x30);
  // Minus zero is no integer.
  return negative && value !== 0 ? -value : value;
}

function writeBooleans(target: Buffer, from: number, { bounds, rows, columns }: Cells, column: number): number {
  let at = from;
  let bit = 0;
  for (let row = 0, cell = column * 2; row < rows; row++, cell += columns * 2) {
    const end = bounds[cell + 1]!;
    if (end === NONE) continue;
    if (bit === 0) target[at] = 0;
    // `true` has four letters.
    if (end - bounds[cell]! === 4) target[at] = target[at]! | (1 << bit);
    if (++bit === 8) {
      bit = 0;
      at += 1;
    }
  }
  return bit > 0 ? at + 1 : at;
}

/** Which rows have a value: a run where all have or none has, else a bit for each. */
export function writeLevels(target: Buffer, { bounds, rows, columns }: Cells, column: number, nulls: number): number {
  let at = 4;
  const varint = (value: number): void => {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
    target[at++] = rest;
  };
  if (nulls === 0 || nulls === rows) {
    varint(rows << 1);
    target[at++] = nulls === 0 ? 1 : 0;
  } else {
    const groups = (rows + 7) >> 3;
    varint((groups << 1) | 1);
    target.fill(0, at, at + groups);
    for (let row = 0, cell = column * 2 + 1; row < rows; row++, cell += columns * 2)
      if (bounds[cell] !== NONE) target[at + (row >> 3)] = target[at + (row >> 3)]! | (1 << (row & 7));
    at += groups;
  }
  target.writeUInt32LE(at - 4, 0);
  return at;
}
