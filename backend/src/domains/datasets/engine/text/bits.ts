/** A set of small whole numbers. */
export interface Bits {
  readonly size: number;
  has(index: number): boolean;
  /** False when it was there. */
  add(index: number): boolean;
}

/** Grows by itself; a bit for every number up to the greatest. */
export function createBits(): Bits {
  let bytes = new Uint8Array(1024);
  let size = 0;
  return {
    get size() {
      return size;
    },
    has: (index) => ((bytes[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0,
    add(index) {
      const at = index >>> 3;
      if (at >= bytes.length) {
        const more = new Uint8Array(Math.max(bytes.length * 2, at + 1));
        more.set(bytes);
        bytes = more;
      }
      const bit = 1 << (index & 7);
      if ((bytes[at]! & bit) !== 0) return false;
      bytes[at]! |= bit;
      size++;
      return true;
    },
  };
}
