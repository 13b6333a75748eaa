import type { Block } from '../blocks.ts';
import { ESCAPED, NONE } from '../rows/pages.ts';
import type { Dialect } from './record.ts';

export interface CsvRow {
  bytes: Buffer;
  start: number;
  /** its line break not included */
  end: number;
  /** in the file, from 1: where the row begins */
  line: number;
  fields: number;
  /** start and end of each field, without its quotes, as the writer of rows takes them; as many as `columns` */
  cells: Int32Array;
  /** something stands between a closing quote and the end of its field */
  stray: boolean;
  /** a quote within a field that does not begin with one, or one after a backslash: readers differ about these */
  odd: boolean;
}

export interface CsvEnd {
  /** rows and blank lines */
  breaks: { lf: number; crlf: number; cr: number };
  blank: number;
  /** bytes of the longest row */
  longest: number;
  /** line of a quote that is never closed */
  open: number | null;
  /** line of a row that is longer than may be */
  endless: number | null;
}

const LF = 10;
const CR = 13;

/**
 * Finds the rows in the bytes of a CSV, at some hundred megabytes a second. `take` is for `eachBlock`; each row that is not a blank line
 * is told to `onRow`. The object that is told is the same every time: nobody may keep it.
 */
export function createCsvScanner(options: {
  dialect: Dialect;
  /** of a row, in bytes */
  limit: number;
  line: number;
  /** at most so many fields are told by their place */
  columns: number;
  onRow(row: CsvRow): void;
}): { take(block: Block): number; readonly end: CsvEnd } {
  const { dialect, limit, onRow } = options;
  const delimiter = dialect.delimiter.charCodeAt(0);
  const quote = dialect.quote?.charCodeAt(0) ?? -1;
  const backslash = dialect.escape === '\\' ? 92 : -1;
  const ends = stops([delimiter, LF, CR, quote]);
  const inside = stops([quote, LF, CR, backslash]);
  const result: CsvEnd = { breaks: { lf: 0, crlf: 0, cr: 0 }, blank: 0, longest: 0, open: null, endless: null };
  const cells = new Int32Array(options.columns * 2);
  const places = cells.length;
  const row: CsvRow = {
    bytes: Buffer.alloc(0),
    start: 0,
    end: 0,
    line: 0,
    fields: 0,
    cells,
    stray: false,
    odd: false,
  };
  let line = options.line;

  function take({ bytes, end, last, full }: Block): number {
    // Every loop below stops here at the latest.
    bytes[end] = LF;
    row.bytes = bytes;
    let start = 0;
    while (start < end) {
      let at = start;
      let fields = 1;
      let place = 0;
      let lines = 0;
      let stray = false;
      let odd = false;
      let opened = 0;
      let complete = true;

      // One turn for each field.
      for (;;) {
        if (bytes[at] === quote && at < end) {
          opened = line + lines;
          at += 1;
          const begun = at;
          let escapes = 0;
          for (;;) {
            while (inside[bytes[at]!] === 0) at += 1;
            if (at >= end) {
              complete = false;
              break;
            }
            const byte = bytes[at]!;
            if (byte === LF) lines += 1;
            else if (byte === CR) {
              if (at + 1 >= end || bytes[at + 1] !== LF) lines += 1;
            } else if (byte === backslash) {
              const next = at + 1 < end ? bytes[at + 1] : 0;
              if (next === quote || next === backslash) {
                odd = true;
                escapes = ESCAPED;
                at += 1;
              }
            } else if (backslash === -1 && at + 1 < end && bytes[at + 1] === quote) {
              escapes = ESCAPED;
              at += 1;
            } else break;
            at += 1;
          }
          if (!complete) break;
          if (place < places) {
            cells[place] = begun;
            cells[place + 1] = at + escapes;
            place += 2;
          }
          at += 1;
          const closed = at;
          while (ends[bytes[at]!] === 0 || (bytes[at] === quote && at < end)) at += 1;
          if (at > closed) stray = true;
        } else {
          const begun = at;
          while (ends[bytes[at]!] === 0) at += 1;
          while (bytes[at] === quote && at < end) {
            odd = true;
            at += 1;
            while (ends[bytes[at]!] === 0) at += 1;
          }
          if (place < places) {
            cells[place] = begun;
            cells[place + 1] = at === begun ? NONE : at;
            place += 2;
          }
        }
        if (bytes[at] !== delimiter || at >= end) break;
        fields += 1;
        at += 1;
      }

      if (!complete || (!last && (at >= end || (bytes[at] === CR && at + 1 >= end)))) {
        // Cut off by the end of the block.
        if (!last && (!full || start > 0)) return start;
        if (!last) result.endless = line;
        else result.open = opened;
        return -1;
      }
      const length = at - start;
      if (length > limit) {
        result.endless = line;
        return -1;
      }
      if (length > result.longest) result.longest = length;
      if (length === 0) result.blank += 1;
      else {
        row.start = start;
        row.end = at;
        row.line = line;
        row.fields = fields;
        row.stray = stray;
        row.odd = odd;
        onRow(row);
      }
      line += lines + 1;
      if (at >= end) {
        start = end;
      } else if (bytes[at] === LF) {
        result.breaks.lf += 1;
        start = at + 1;
      } else if (at + 1 < end && bytes[at + 1] === LF) {
        result.breaks.crlf += 1;
        start = at + 2;
      } else {
        result.breaks.cr += 1;
        start = at + 1;
      }
    }
    return end;
  }
  return { take, end: result };
}

function stops(bytes: readonly number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of bytes) if (byte >= 0) table[byte] = 1;
  return table;
}
