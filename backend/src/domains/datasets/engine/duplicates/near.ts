import { bandsFor } from './bands.ts';
import { createSketcher, similarityOf, sketchSize } from './sketch.ts';

/** Sketches of texts in the order of rows, and which are like which. Memory: 132 bytes a text, and 27 more while they are compared. */
export interface NearIndex {
  /** texts; each is named by its place in the order in which they were added */
  readonly count: number;
  /** False when there is no more room. */
  add(row: number, members: Uint32Array, count: number): boolean;
  rowOf(place: number): number;
  candidates(threshold: number): Candidates;
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
const BLOCK = 1 << 14;
/** texts of a bucket that a new one is compared with */
const CHAIN = 4;

export function createNearIndex(limit: number): NearIndex {
  const sketch = createSketcher();
  const blocks: Uint8Array[] = [];
  let rows = new Uint32Array(BLOCK);
  let count = 0;

  return {
    get count() {
      return count;
    },
    add(row, members, size) {
      if (count >= limit) return false;
      if (count === blocks.length * BLOCK) blocks.push(new Uint8Array(BLOCK * sketchSize));
      if (count === rows.length) {
        const more = new Uint32Array(rows.length * 2);
        more.set(rows);
        rows = more;
      }
      sketch(members, size, blocks.at(-1)!, (count % BLOCK) * sketchSize);
      rows[count++] = row;
      return true;
    },
    rowOf: (place) => rows[place]!,
    candidates(threshold) {
      const best = findBest(threshold);
      const place = Uint32Array.from(best.first.keys()).filter((at) => best.first[at] !== none);
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
    const mask = tableSize(count) - 1;
    const slots = new Uint32Array(mask + 1);
    for (let band = 0; band < bands; band++) {
      slots.fill(none);
      next.fill(none);
      for (let index = 0; index < count; index++) {
        const key = keyOf(index, band * width, width);
        keys[index] = key;
        let slot = key & mask;
        while (slots[slot] !== none && keys[slots[slot]!] !== key) slot = (slot + 1) & mask;
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
        const estimate = similarity(index, member);
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

  function similarity(a: number, b: number): number {
    return similarityOf(
      blocks[Math.floor(a / BLOCK)]!,
      (a % BLOCK) * sketchSize,
      blocks[Math.floor(b / BLOCK)]!,
      (b % BLOCK) * sketchSize,
    );
  }

  function keyOf(index: number, from: number, width: number): number {
    const block = blocks[Math.floor(index / BLOCK)]!;
    const start = (index % BLOCK) * sketchSize + from;
    let key = 0x811c9dc5;
    for (let at = start; at < start + width; at++) key = Math.imul(key ^ block[at]!, 0x01000193);
    key = Math.imul(key ^ (key >>> 15), 0x2c1b3c6d);
    return (key ^ (key >>> 13)) >>> 0;
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

function tableSize(count: number): number {
  let size = 1024;
  while (size < count * 2) size *= 2;
  return size;
}
