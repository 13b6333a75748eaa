/** Before and after the cells, so that detectors may look some units back. */
const PAD = 4;
/** Two bytes each: half a megabyte stays in the cache of a core while it is read. */
const UNITS = 1 << 18;
const CELLS = 1 << 14;
const [QUOTE, BACKSLASH] = [34, 92] as const;

/** A quote that begins or ends a string of a JSON cell: no value goes over it, names before it are still seen. */
export const HARD_QUOTE = 1;

/**
 * Cells laid end to end as UTF-16 units with a 0 between them: one array to scan, where a place is at once a place in a cell. Cells that
 * are JSON are decoded in place; `placeIn` finds the way back to the cell as it is written.
 */
export interface Tape {
  readonly codes: Uint16Array;
  /** where the last cell ends */
  readonly end: number;
  readonly count: number;
  /** of the first cell on */
  readonly starts: Int32Array;
  readonly indexes: Int32Array;
  clear(): void;
  /** @returns false: there is no room left for it; an empty tape takes any cell */
  add(text: string, index: number, json: boolean): boolean;
  /** The place in its cell, in UTF-16 units of what was added. */
  placeIn(cell: number, place: number): number;
  endOf(cell: number): number;
}

export function createTape(): Tape {
  let bytes = Buffer.alloc((UNITS + PAD * 2) * 2);
  let codes = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  let end = PAD;
  let count = 0;
  const starts = new Int32Array(CELLS + 1);
  const ends = new Int32Array(CELLS);
  const indexes = new Int32Array(CELLS);
  /** places of escapes in JSON, and how many units longer the text is up to and with each of them */
  let escapes: number[] = [];
  let longer: number[] = [];

  function reserve(units: number): void {
    bytes = Buffer.alloc((units + PAD * 2) * 2);
    codes = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  }

  /** Replaces escapes of strings by what they mean and marks structural quotes. */
  function decode(from: number, to: number): number {
    let write = from;
    let inside = false;
    let extra = longer.at(-1) ?? 0;
    for (let read = from; read < to; read++, write++) {
      let code = codes[read]!;
      if (code === QUOTE) {
        inside = !inside;
        code = HARD_QUOTE;
      } else if (code === BACKSLASH && inside && read + 1 < to) {
        const kind = codes[read + 1]!;
        const length = kind === 117 && read + 5 < to ? 6 : 2;
        code = length === 6 ? unitOf(codes, read + 2) : unescaped(kind);
        read += length - 1;
        extra += length - 1;
        escapes.push(write);
        longer.push(extra);
      }
      codes[write] = code;
    }
    return write;
  }

  return {
    get codes() {
      return codes;
    },
    get end() {
      return end;
    },
    get count() {
      return count;
    },
    starts,
    indexes,
    clear() {
      if (codes.length > UNITS + PAD * 2) reserve(UNITS);
      end = PAD;
      count = 0;
      if (escapes.length > 0) [escapes, longer] = [[], []];
      codes.fill(0, 0, PAD);
    },
    add(text, index, json) {
      if (end + text.length + PAD > codes.length || count === CELLS) {
        if (count > 0) return false;
        reserve(text.length);
      }
      bytes.write(text, end * 2, 'utf16le');
      starts[count] = end;
      indexes[count] = index;
      end = json ? decode(end, end + text.length) : end + text.length;
      ends[count] = end;
      codes.fill(0, end, end + PAD);
      end++;
      starts[++count] = end;
      return true;
    },
    placeIn(cell, place) {
      const start = starts[cell]!;
      if (escapes.length === 0) return place - start;
      return place - start + before(place) - before(start);

      /** units that escapes before a place in the tape have too many, of all cells that came until there */
      function before(at: number): number {
        let low = 0;
        let high = escapes.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          if (escapes[middle]! < at) low = middle + 1;
          else high = middle;
        }
        return low === 0 ? 0 : longer[low - 1]!;
      }
    },
    endOf: (cell) => ends[cell]!,
  };
}

function unitOf(codes: Uint16Array, at: number): number {
  const value = Number.parseInt(String.fromCharCode(codes[at]!, codes[at + 1]!, codes[at + 2]!, codes[at + 3]!), 16);
  // cells are separated by 0
  return value > 0 ? value : 0xfffd;
}

const unescaped = (kind: number): number => {
  switch (kind) {
    case 110: // n
      return 10;
    case 114: // r
      return 13;
    case 116: // t
      return 9;
    case 98: // b
      return 8;
    case 102: // f
      return 12;
    default:
      return kind;
  }
};
