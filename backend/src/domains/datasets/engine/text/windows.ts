import { mix, type Units } from './units.ts';

/** Hashes of the windows of a text: one begins at each unit and goes as far as its weight needs. */
export interface Windows {
  /** a window for each of the first `count` units; those after it are too near the end */
  readonly count: number;
  readonly hash: Uint32Array;
  /** the unit after its last */
  readonly stop: Uint32Array;
  /** `among`: only the first so many units. */
  read(units: Units, weight: number, among?: number): void;
}

const BASE = 0x2c1b3c6d;
/** of the second half of 64 bits */
const OTHER_BASE = 0x297a2d39;

export function createWindows(capacity: number): Windows {
  const hash = new Uint32Array(capacity);
  const stop = new Uint32Array(capacity);
  const prefix = new Int32Array(capacity + 1);
  let powers = new Int32Array(0);
  let count = 0;
  return {
    get count() {
      return count;
    },
    hash,
    stop,
    read(units, weight, among = units.count) {
      if (powers.length <= weight) powers = powersOf(BASE, weight);
      const { hash: unit, weight: size } = units;
      const total = Math.min(among, units.count);
      let sum = 0;
      let end = 0;
      count = 0;
      for (let begin = 0; begin < total; begin++) {
        while (sum < weight && end < total) {
          sum += size[end]!;
          prefix[end + 1] = (Math.imul(prefix[end]!, BASE) + unit[end]!) | 0;
          end++;
        }
        if (sum < weight) return;
        hash[begin] = mix(prefix[end]! - Math.imul(prefix[begin]!, powers[end - begin]!));
        stop[begin] = end;
        count++;
        sum -= size[begin]!;
      }
    },
  };
}

/** What `Windows.hash` holds, of any units. */
export const hashOf = (units: Units, begin: number, end: number): number => polynomial(units, begin, end, BASE);
/** An independent second hash: both together are 64 bits. */
export const otherHashOf = (units: Units, begin: number, end: number): number =>
  polynomial(units, begin, end, OTHER_BASE);

function polynomial(units: Units, begin: number, end: number, base: number): number {
  let value = 0;
  for (let at = begin; at < end; at++) value = (Math.imul(value, base) + units.hash[at]!) | 0;
  return mix(value);
}

function powersOf(base: number, upTo: number): Int32Array<ArrayBuffer> {
  const powers = new Int32Array(upTo + 1);
  powers[0] = 1;
  for (let at = 1; at <= upTo; at++) powers[at] = Math.imul(powers[at - 1]!, base);
  return powers;
}
