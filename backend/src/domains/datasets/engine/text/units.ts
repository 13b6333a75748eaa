import { characters, kindOfPair, kinds, scripts } from './characters.ts';

/**
 * The words of a text as numbers, for everything that compares texts: near duplicates, contamination, languages. Case, punctuation, width
 * and composition are gone. A word counts 2 and a character of a script without spaces counts 1: a window of weight 10 is five words of
 * English or ten characters of Chinese, and goes over from one to the other inside a text. Hangul is read by its syllables, because
 * spaces in Korean are set as people like; four or five syllables are a phrase of two or three words.
 */
export interface Units {
  readonly count: number;
  /** of each unit */
  readonly hash: Uint32Array;
  readonly weight: Uint8Array;
  readonly script: Uint8Array;
  /** where it begins and ends in its piece, and which piece that is */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  readonly piece: Uint32Array;
  /** characters of words, and all but spaces, since `clear` */
  readonly letters: number;
  readonly visible: number;
  /** white space, since `clear` */
  readonly spaces: number;
  /** Begins a new text. */
  clear(): void;
  /**
   * Reads one piece of it from `from` and says where it stopped: at its length, or before when there is no more room. Places are in the
   * answered `text`, which is the composed form of what was given; go on with that one.
   */
  add(text: string, piece: number, from?: number): { text: string; at: number };
  /** Makes room and keeps the last units, so that windows over the border are seen. */
  keep(units: number): void;
}

const { word: WORD, alone: ALONE, gap: GAP, space: SPACE, silent: SILENT, decomposed: DECOMPOSED } = kinds;
export const unitCapacity = 1 << 16;

export function createUnits(capacity = unitCapacity): Units {
  const { kind, script: scriptOf, fold } = characters();
  const hash = new Uint32Array(capacity);
  const weight = new Uint8Array(capacity);
  const script = new Uint8Array(capacity);
  const start = new Uint32Array(capacity);
  const end = new Uint32Array(capacity);
  const piece = new Uint32Array(capacity);
  const arrays = [hash, weight, script, start, end, piece];
  let count = 0;
  let letters = 0;
  let visible = 0;
  let spaces = 0;

  function add(given: string, index: number, from = 0): { text: string; at: number } {
    const before = count;
    let text = given;
    let begun = -1;
    let h = 0;
    let first = 0;
    let lettersHere = 0;
    let gaps = 0;
    let blank = 0;
    let composed = from > 0;
    let at = from;
    for (; at < text.length; at++) {
      let code = text.charCodeAt(at);
      let what = kind[code]!;
      if (what === WORD) {
        if (begun === -1) {
          if (count === capacity) break;
          begun = at;
          first = code;
          h = 0x811c9dc5;
        }
        const wordFrom = at;
        do {
          h = Math.imul(h ^ fold[code]!, 0x01000193);
          if (++at === text.length) break;
          code = text.charCodeAt(at);
          what = kind[code]!;
        } while (what === WORD);
        lettersHere += at - wordFrom;
        if (at === text.length) break;
      }
      if (what === SILENT) continue;
      if (what === DECOMPOSED) {
        if (!composed) {
          composed = true;
          const nfc = text.normalize('NFC');
          if (nfc !== text) {
            text = nfc;
            count = before;
            begun = -1;
            lettersHere = gaps = blank = 0;
            at = -1;
          }
        }
        // A mark that has no composed form belongs to its letter.
        continue;
      }
      if (begun !== -1) {
        put(mix(h), 2, scriptOf[first]!, begun, at, index);
        begun = -1;
      }
      if (what === SPACE) {
        blank++;
        continue;
      }
      if (what === GAP) {
        gaps++;
        continue;
      }
      if (count === capacity) break;
      if (what === ALONE) {
        lettersHere++;
        put(mix(Math.imul(fold[code]!, 0x9e3779b1)), 1, scriptOf[code]!, at, at + 1, index);
        continue;
      }
      const point = text.codePointAt(at)!;
      const pair = point < 0x10000 ? kinds.gap : kindOfPair(point);
      if (pair === GAP) gaps++;
      else {
        lettersHere++;
        const alone = pair === kinds.alone;
        put(
          mix(Math.imul(point, 0x9e3779b1)),
          alone ? 1 : 2,
          scripts.indexOf(alone ? 'han' : 'other'),
          at,
          at + 2,
          index,
        );
      }
      if (point >= 0x10000) at++;
    }
    if (begun !== -1) put(mix(h), 2, scriptOf[first]!, begun, at, index);
    letters += lettersHere;
    visible += lettersHere + gaps;
    spaces += blank;
    return { text, at };
  }

  function put(value: number, size: number, of: number, begin: number, stop: number, index: number): void {
    hash[count] = value;
    weight[count] = size;
    script[count] = of;
    start[count] = begin;
    end[count] = stop;
    piece[count] = index;
    count++;
  }

  return {
    get count() {
      return count;
    },
    get letters() {
      return letters;
    },
    get visible() {
      return visible;
    },
    get spaces() {
      return spaces;
    },
    hash,
    weight,
    script,
    start,
    end,
    piece,
    add,
    clear() {
      count = letters = visible = spaces = 0;
    },
    keep(units) {
      const from = Math.max(0, count - units);
      for (const array of arrays) array.copyWithin(0, from, count);
      count -= from;
    },
  };
}

/** Spreads 32 bits (MurmurHash3's last step). */
export function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
