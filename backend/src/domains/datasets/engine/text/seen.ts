import { mix } from './units.ts';

/** Remembers texts by a 53-bit hash of theirs, with the number that each came with first. */
export interface Seen {
  /** The number of the same text before; -1: it is new, or there is no more room. */
  add(text: string, number: number): number;
  /** texts that are remembered */
  readonly count: number;
  /** texts that were new when there was no more room: one that comes again is among them each time */
  readonly leftOut: number;
}

export function createSeen(limit: number): Seen {
  let size = 1024;
  let keys = new Float64Array(size);
  let numbers = new Float64Array(size);
  let count = 0;
  let leftOut = 0;

  const place = (key: number): number => {
    let at = key % size;
    while (keys[at] !== 0 && keys[at] !== key) at = at + 1 === size ? 0 : at + 1;
    return at;
  };

  function grow(): void {
    const [oldKeys, oldNumbers] = [keys, numbers];
    size *= 2;
    keys = new Float64Array(size);
    numbers = new Float64Array(size);
    oldKeys.forEach((key, from) => {
      if (key === 0) return;
      const at = place(key);
      keys[at] = key;
      numbers[at] = oldNumbers[from]!;
    });
  }

  return {
    get count() {
      return count;
    },
    get leftOut() {
      return leftOut;
    },
    add(text, number) {
      const key = hash53(text);
      const at = place(key);
      if (keys[at] === key) return numbers[at]!;
      if (count >= limit) {
        leftOut++;
        return -1;
      }
      keys[at] = key;
      numbers[at] = number;
      if (++count * 1.7 > size) grow();
      return -1;
    },
  };
}

/** Never 0. */
function hash53(text: string): number {
  let a = 0x811c9dc5;
  let b = 0x2a7b1f35;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b + code, 0x9e3779b1) ^ (b >>> 15);
  }
  return mix(a ^ text.length) * 2 ** 21 + (mix(b) >>> 11) + 1;
}
