/** Where an n-gram was seen. */
export interface Grams {
  readonly count: number;
  /** one of so many n-grams is kept */
  readonly stride: number;
  add(hash: number, other: number, item: number): void;
  /** The first item that has it; -1: none, or so many that it says nothing. */
  find(hash: number, other: number): number;
  /** Calls for the first half of each hash. */
  each(visit: (hash: number) => void): void;
}

/** An n-gram of more items than this is the benchmark's own form ("choose the right answer …"), as GPT-3's report has it. */
const COMMON = 10;
const FREE = 0;

/**
 * A set of 64-bit hashes with the item of each, 17 bytes a place. Where there are more than `limit`, every second one is dropped by its hash,
 * again and again, so that the same ones stay whatever the order.
 */
export function createGrams(limit: number): Grams {
  let size = 1024;
  let table = makeTable(size);
  let count = 0;
  let stride = 1;

  function place(hash: number, other: number): number {
    let at = hash & (size - 1);
    while (table.times[at] !== FREE && (table.hash[at] !== hash || table.other[at] !== other))
      at = (at + 1) & (size - 1);
    return at;
  }

  function rebuild(grown: number): void {
    const old = table;
    const oldSize = size;
    size = grown;
    table = makeTable(size);
    count = 0;
    for (let from = 0; from < oldSize; from++) {
      if (old.times[from] === FREE || (old.other[from]! & (stride - 1)) !== 0) continue;
      const at = place(old.hash[from]!, old.other[from]!);
      table.hash[at] = old.hash[from]!;
      table.other[at] = old.other[from]!;
      table.first[at] = old.first[from]!;
      table.last[at] = old.last[from]!;
      table.times[at] = old.times[from]!;
      count++;
    }
  }

  return {
    get count() {
      return count;
    },
    get stride() {
      return stride;
    },
    add(hash, other, item) {
      if ((other & (stride - 1)) !== 0) return;
      const at = place(hash, other);
      if (table.times[at] !== FREE) {
        if (table.last[at] !== item && table.times[at]! <= COMMON) {
          table.last[at] = item;
          table.times[at]!++;
        }
        return;
      }
      table.hash[at] = hash;
      table.other[at] = other;
      table.first[at] = table.last[at] = item;
      table.times[at] = 1;
      if (++count > limit) {
        stride *= 2;
        rebuild(size);
      } else if (count * 1.7 > size) rebuild(size * 2);
    },
    find(hash, other) {
      if ((other & (stride - 1)) !== 0) return -1;
      const at = place(hash, other);
      return table.times[at] === FREE || table.times[at]! > COMMON ? -1 : table.first[at]!;
    },
    each(visit) {
      for (let at = 0; at < size; at++)
        if (table.times[at] !== FREE && table.times[at]! <= COMMON) visit(table.hash[at]!);
    },
  };
}

const makeTable = (size: number) => ({
  hash: new Uint32Array(size),
  other: new Uint32Array(size),
  first: new Uint32Array(size),
  last: new Uint32Array(size),
  /** items that have it; 0: the place is free */
  times: new Uint8Array(size),
});
