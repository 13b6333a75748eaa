import { bandsFor } from './bands.ts';
import { createSketches } from './sketches.ts';
import { sketchSize } from './sketch.ts';

/** Sketches of texts in the order of rows, and which are like which. */
export interface NearIndex {
  /** texts; each is named by its place in the order in which they were added */
  readonly count: number;
  /** False when there is no more room. */
  add(row: number, members: Uint32Array, count: number): boolean;
  rowOf(place: number): number;
  candidates(threshold: number): Candidates;
  close(): void;
}

/** Texts that seem to be like earlier ones: places of texts, beside each other, in their order. */
export interface Candidates {
  count: number;
  place: Uint32Array;
  /** the most similar earlier one, and its similarity of 255 */
  first: Uint32Array;
  estimate: Uint8Array;
  /** the second; `none`: there is one only */
  second: Uint32Array;
  secondEstimate: Uint8Array;
}

export const none = 0xffffffff;
/** Estimates are this far off at most (nearly three standard deviations): what is kept is verified by the texts themselves. */
const slack = 0.1;
/** bytes of a text without its sketch, while texts are compared: its row, a key, a link, two slots, the two most similar ones */
const BYTES = 30;
const SLOTS = 2;
/** texts of a bucket that a new one is compared with */
const CHAIN = 4;

/**
 * @param texts how many there may be
 * @param bytes of memory: sketches that do not fit are put aside; of texts for which not even the rest fits the last are not looked at
 * @param path of what is put aside
 */
export function createNearIndex({ texts, bytes, path }: { texts: number; bytes: number; path: string }): NearIndex {
  const limit = Math.min(texts, Math.floor(bytes / BYTES));
  const sketches = createSketches({ inMemory: Math.floor((bytes - limit * BYTES) / sketchSize), path });
  // Memory that nothing was written to costs nothing.
  const rows = new Uint32Array(limit);
  let count = 0;

  return {
    get count() {
      return count;
    },
    add(row, members, size) {
      if (count >= limit) return false;
      sketches.add(members, size);
      rows[count++] = row;
      return true;
    },
    rowOf: (place) => rows[place]!,
    close: sketches.close,
    candidates(threshold) {
      const best = findBest(threshold);
      const place = placesOf(best.first);
      return {
        count: place.length,
        place,
        first: place.map((at) => best.first[at]!),
        second: place.map((at) => best.second[at]!),
        estimate: Uint8Array.from(place, (at) => best.estimate[at]!),
        secondEstimate: Uint8Array.from(place, (at) => best.secondEstimate[at]!),
      };
    },
  };

  function findBest(threshold: number): Best {
    const { bands, rows: width } = bandsFor(threshold);
    const least = Math.max(0, threshold - slack);
    const best: Best = {
      first: new Uint32Array(count).fill(none),
      second: new Uint32Array(count).fill(none),
      estimate: new Uint8Array(count),
      secondEstimate: new Uint8Array(count),
    };
    const keys = new Uint32Array(count);
    const next = new Uint32Array(count);
    const slots = new Uint32Array(Math.max(1, count * SLOTS));
    for (let band = 0; band < bands; band++) {
      slots.fill(none);
      next.fill(none);
      sketches.keys(band * width, width, keys);
      for (let index = 0; index < count; index++) {
        const key = keys[index]!;
        let slot = Math.floor((key / 2 ** 32) * slots.length);
        while (slots[slot] !== none && keys[slots[slot]!] !== key) if (++slot === slots.length) slot = 0;
        if (slots[slot] === none) slots[slot] = index;
        else compare(index, slots[slot]!, next, least, best);
      }
    }
    return best;
  }

  /** With those of the same bucket; joins them when it is like none of them. */
  function compare(index: number, head: number, next: Uint32Array, least: number, best: Best): void {
    let member = head;
    let known = false;
    for (let step = 1; ; step++) {
      if (best.first[index] === member || best.second[index] === member) known = true;
      else {
        const estimate = sketches.similarity(index, member);
        if (estimate >= least) {
          known = true;
          take(index, member, Math.round(estimate * 255), best);
        }
      }
      if (next[member] === none) {
        if (!known && step < CHAIN) next[member] = index;
        return;
      }
      member = next[member]!;
    }
  }
}

type Best = Omit<Candidates, 'count' | 'place'>;

/** The more similar one, of equal ones the earlier: whatever the order in which they were met. */
function take(index: number, member: number, estimate: number, best: Best): void {
  const { first, second, estimate: of, secondEstimate } = best;
  const before = (a: number, b: number, with_: number, other: number): boolean => a > b || (a === b && with_ < other);
  if (first[index] === none || before(estimate, of[index]!, member, first[index]!)) {
    second[index] = first[index]!;
    secondEstimate[index] = of[index]!;
    first[index] = member;
    of[index] = estimate;
  } else if (second[index] === none || before(estimate, secondEstimate[index]!, member, second[index]!)) {
    second[index] = member;
    secondEstimate[index] = estimate;
  }
}

/** Where there is one. Of very many texts a list of all places would be much to hold. */
function placesOf(first: Uint32Array): Uint32Array {
  let count = 0;
  for (let at = 0; at < first.length; at++) if (first[at] !== none) count++;
  const places = new Uint32Array(count);
  for (let at = 0, put = 0; at < first.length; at++) if (first[at] !== none) places[put++] = at;
  return places;
}
