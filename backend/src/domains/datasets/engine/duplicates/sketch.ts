import { mix } from '../text/units.ts';

/** permutations */
export const sketchSize = 128;
const BIN_SHIFT = 25;
const EMPTY = 0xffffffff;

/**
 * Makes MinHash sketches: the share of equal places in two of them is the Jaccard similarity of the sets, give or take 0.04. Fast similarity
 * sketching (Dahlgaard, Knudsen, Thorup, FOCS 2017): one hash a member as in one-permutation hashing, and further rounds only until each of
 * the 128 places has a member, so that short texts are judged as well as long ones. A place is kept in 8 bits (b-bit minwise hashing, Li and
 * König 2010).
 */
export function createSketcher(): (members: Uint32Array, count: number, target: Uint8Array, at: number) => void {
  const least = new Uint32Array(sketchSize);
  const round = new Uint8Array(sketchSize);
  return (members, count, target, at) => {
    least.fill(EMPTY);
    let empty = sketchSize;
    for (let turn = 0; empty > 0 && turn < 2 * sketchSize; turn++) {
      const seed = Math.imul(turn, 0x9e3779b1);
      for (let index = 0; index < count; index++) {
        const value = turn === 0 ? members[index]! : mix(members[index]! ^ seed);
        // From round 128 on a place is filled in each round: no set is too small.
        const bin = turn < sketchSize ? value >>> BIN_SHIFT : turn - sketchSize;
        if (least[bin] === EMPTY) {
          empty--;
          round[bin] = turn;
          least[bin] = value & 0x1ffffff;
        } else if (round[bin] === turn && (value & 0x1ffffff) < least[bin]!) least[bin] = value & 0x1ffffff;
      }
    }
    for (let bin = 0; bin < sketchSize; bin++) target[at + bin] = mix(least[bin]! + round[bin]!) & 0xff;
  };
}

/** Estimated Jaccard similarity. */
export function similarityOf(a: Uint8Array, from: number, b: Uint8Array, other: number): number {
  let equal = 0;
  for (let place = 0; place < sketchSize; place++) if (a[from + place] === b[other + place]) equal++;
  // One in 256 is equal by chance.
  return Math.max(0, (equal / sketchSize - 1 / 256) / (1 - 1 / 256));
}
