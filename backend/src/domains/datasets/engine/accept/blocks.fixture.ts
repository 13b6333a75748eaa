import type { Block } from './blocks.ts';

/** For tests: what `eachBlock` does, on bytes in memory and with a block of a few bytes, so that every seam comes up. */
export function takeAll(content: Buffer, take: (block: Block) => number, size = 4, limit = 1 << 20): boolean {
  let bytes = Buffer.alloc(size + 1);
  let end = 0;
  let position = 0;
  for (;;) {
    const copied = content.copy(bytes, end, position, position + bytes.length - 1 - end);
    position += copied;
    end += copied;
    const last = position >= content.length && end < bytes.length - 1;
    const full = bytes.length - 1 >= limit;
    const used = take({ bytes, end, last, full });
    if (used === -1) return false;
    if (last) return true;
    bytes.copyWithin(0, used, end);
    end -= used;
    if (used === 0) bytes = Buffer.concat([bytes.subarray(0, end), Buffer.alloc(bytes.length)]);
  }
}
