import { open } from 'node:fs/promises';

const FIRST = 2 * 1024 * 1024;

export interface Block {
  /** has at least one byte of room behind `end`, for a sentinel */
  bytes: Buffer;
  end: number;
  /** the file ends here */
  last: boolean;
  /** nothing more fits in: what is incomplete now is too long */
  full: boolean;
}

/**
 * Reads a file from `from` in blocks that begin where `take` left off: it answers how many bytes it used. A block grows, up to `limit`
 * bytes, while `take` uses nothing of it because what it looks for is not complete. Stops when `take` answers -1. Answers whether it read all.
 */
export async function eachBlock(
  path: string,
  options: { from: number; limit: number; onRead?(bytes: number): void },
  take: (block: Block) => number,
): Promise<boolean> {
  const file = await open(path);
  let bytes = Buffer.allocUnsafeSlow(FIRST + 1);
  let end = 0;
  let position = options.from;
  try {
    for (;;) {
      const { bytesRead } = await file.read(bytes, end, bytes.length - 1 - end, position);
      position += bytesRead;
      end += bytesRead;
      options.onRead?.(position);
      const last = bytesRead === 0;
      if (!last && end < bytes.length - 1) continue;
      const full = bytes.length - 1 >= options.limit;
      const used = take({ bytes, end, last, full });
      if (used === -1) return false;
      if (last) return true;
      bytes.copyWithin(0, used, end);
      end -= used;
      if (used === 0) {
        if (full) throw new Error('What is too long has to be passed over.');
        const longer = Buffer.allocUnsafeSlow(Math.min(options.limit, (bytes.length - 1) * 2) + 1);
        bytes.copy(longer, 0, 0, end);
        release(bytes);
        bytes = longer;
      }
    }
  } finally {
    release(bytes);
    await file.close();
  }
}

/** At once, not when the collector comes round to it: DuckDB needs the room. */
function release(bytes: Buffer): void {
  (bytes.buffer as ArrayBuffer).transfer(0);
}
