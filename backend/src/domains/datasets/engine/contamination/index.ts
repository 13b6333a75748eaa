import { createBits, type Bits } from '../text/bits.ts';
import type { Units } from '../text/units.ts';
import { hashOf, otherHashOf, type Windows } from '../text/windows.ts';
import { createGrams, type Grams } from './grams.ts';

/** 13 words, or 26 characters of scripts without spaces. */
export const gramWeight = 26;
/** An item that is shorter is looked for as a whole, from 8 words on; below that it is in many texts by chance. */
const SHORT_WEIGHT = 16;

/** What a row has of a benchmark. */
export interface Overlap {
  benchmark: number;
  /** the first item that it has something of, and how many there are */
  item: number;
  items: number;
  /** where: piece and characters of it, of the first stretch */
  piece: number;
  start: number;
  end: number;
}

interface Benchmark {
  grams: Grams;
  /** by the hash of their first eight words */
  short: Map<number, { item: number; units: number; hash: number; other: number }[]>;
  found: Bits;
  rows: number;
  items: Bits;
  /** items that have something to look for */
  searched: Bits;
}

/** N-grams of benchmarks, and which of them the rows of a dataset have. First all items are added, then rows are looked at. */
export interface Contamination {
  /** A text of an item, as it lies in `units`; `windows` is used for it. */
  addItem(benchmark: number, item: number, units: Units, windows: Windows): void;
  /** A part of a row; overlaps are gathered until `endRow`. */
  look(units: Units, windows: Windows): void;
  endRow(): Overlap[];
  /** `sampled`: one of so many n-grams was kept; `tooShort`: items that are too short to be looked for. */
  totals(): { items: number; rows: number; sampled: number; tooShort: number }[];
}

export function createContamination(options: { benchmarks: number; limit: number }): Contamination {
  const benchmarks = Array.from({ length: options.benchmarks }, (): Benchmark => ({
    grams: createGrams(Math.floor(options.limit / options.benchmarks)),
    short: new Map(),
    found: createBits(),
    rows: 0,
    items: createBits(),
    searched: createBits(),
  }));
  /** made when the first row comes */
  let filters: { long: Filter; short: Filter | null } | null = null;
  let row: { overlap: Overlap; items: Set<number> }[] = [];

  function addItem(benchmark: number, item: number, units: Units, windows: Windows): void {
    const { grams, short, items, searched } = benchmarks[benchmark]!;
    items.add(item);
    windows.read(units, gramWeight);
    for (let at = 0; at < windows.count; at++)
      grams.add(windows.hash[at]!, otherHashOf(units, at, windows.stop[at]!), item);
    if (windows.count > 0) return void searched.add(item);
    windows.read(units, SHORT_WEIGHT);
    if (windows.count === 0) return;
    searched.add(item);
    const alike = short.get(windows.hash[0]!) ?? [];
    const whole = { hash: hashOf(units, 0, units.count), other: otherHashOf(units, 0, units.count) };
    if (!alike.some((each) => each.hash === whole.hash && each.other === whole.other))
      alike.push({ item, units: units.count, ...whole });
    short.set(windows.hash[0]!, alike);
  }

  function look(units: Units, windows: Windows): void {
    filters ??= makeFilters(benchmarks);
    windows.read(units, gramWeight);
    for (let at = 0; at < windows.count; at++) {
      const hash = windows.hash[at]!;
      if (!filters.long.may(hash)) continue;
      const other = otherHashOf(units, at, windows.stop[at]!);
      benchmarks.forEach(({ grams }, index) => {
        const item = grams.find(hash, other);
        if (item !== -1) take(index, item, units, at, windows.stop[at]!);
      });
    }
    if (filters.short === null) return;
    windows.read(units, SHORT_WEIGHT);
    for (let at = 0; at < windows.count; at++) {
      const hash = windows.hash[at]!;
      if (!filters.short.may(hash)) continue;
      benchmarks.forEach(({ short }, index) => {
        for (const whole of short.get(hash) ?? []) {
          const end = at + whole.units;
          if (end > units.count || hashOf(units, at, end) !== whole.hash) continue;
          if (otherHashOf(units, at, end) === whole.other) take(index, whole.item, units, at, end);
        }
      });
    }
  }

  function take(benchmark: number, item: number, units: Units, begin: number, end: number): void {
    benchmarks[benchmark]!.found.add(item);
    const known = row.find(({ overlap }) => overlap.benchmark === benchmark);
    const piece = units.piece[begin]!;
    // A window may go over into the next piece: what is shown ends with the piece.
    let last = end - 1;
    while (units.piece[last] !== piece) last--;
    if (known === undefined) {
      const [start, stop] = [units.start[begin]!, units.end[last]!];
      row.push({
        overlap: { benchmark, item, items: 1, piece, start, end: stop },
        items: new Set([item]),
      });
      return;
    }
    known.items.add(item);
    const { overlap } = known;
    overlap.items = known.items.size;
    if (overlap.piece === piece && units.start[begin]! <= overlap.end)
      overlap.end = Math.max(overlap.end, units.end[last]!);
  }

  return {
    addItem,
    look,
    endRow() {
      if (row.length === 0) return [];
      const overlaps = row.map(({ overlap }) => overlap).toSorted((a, b) => a.benchmark - b.benchmark);
      for (const { benchmark } of overlaps) benchmarks[benchmark]!.rows++;
      row = [];
      return overlaps;
    },
    totals: () =>
      benchmarks.map(({ found, rows, grams, items, searched }) => ({
        items: found.size,
        rows,
        sampled: grams.stride,
        tooShort: items.size - searched.size,
      })),
  };
}

interface Filter {
  add(hash: number): void;
  may(hash: number): boolean;
}

function makeFilters(benchmarks: readonly Benchmark[]): { long: Filter; short: Filter | null } {
  const long = createFilter(benchmarks.reduce((sum, { grams }) => sum + grams.count, 0));
  const shorts = benchmarks.reduce((sum, { short }) => sum + short.size, 0);
  const short = shorts === 0 ? null : createFilter(shorts);
  for (const each of benchmarks) {
    each.grams.each(long.add);
    for (const hash of each.short.keys()) short?.add(hash);
  }
  return { long, short };
}

/** A bit for a hash: nearly every window of a clean text is done with after one look, which stays in the processor's cache. */
function createFilter(count: number): Filter {
  let bits = 1 << 13;
  while (bits < count * 64 && bits < 2 ** 27) bits *= 2;
  const bytes = new Uint8Array(bits / 8);
  // The low bits choose the place in the tables: here the high ones do.
  const shift = 32 - Math.log2(bits);
  return {
    add(hash) {
      const bit = hash >>> shift;
      bytes[bit >>> 3]! |= 1 << (bit & 7);
    },
    may(hash) {
      const bit = hash >>> shift;
      return (bytes[bit >>> 3]! & (1 << (bit & 7))) !== 0;
    },
  };
}
