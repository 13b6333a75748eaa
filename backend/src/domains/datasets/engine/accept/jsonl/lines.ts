import { again, together } from '#platform/words';
import type { AcceptInput } from '../../tasks.ts';
import type { Block } from '../blocks.ts';
import type { RowsWriter } from '../rows/writer.ts';
import { words } from '../sentences.ts';
import { flawOf, type Flaw, type TextFile } from '../text.ts';
import { bytesText } from '../words.ts';
import { createJsonColumns, type JsonColumn } from './columns.ts';
import { createJsonScanner, type OnMember } from './scan.ts';

const DEPTH = 200;
/** Whoever parses such a line takes some 16 bytes for each. */
const VALUES = 4_000_000;
const LF = 10;

export interface LineReader {
  /** for `eachBlock` */
  take(block: Block): number;
  /** the line that is read */
  readonly line: number;
  readonly rows: number;
  readonly badRows: number;
  readonly blank: number;
  readonly names: readonly string[];
  columns(): JsonColumn[];
}

/** Reads lines with an object each; finds every broken one, by its number. */
export function createLineReader(options: {
  text: TextFile;
  limits: AcceptInput['limits'];
  onBad?(line: number, flaw: Flaw): void;
  /** where good lines go, once it is known how their columns are stored */
  target?: { columns: readonly JsonColumn[]; writer: Pick<RowsWriter, 'add'> };
}): LineReader {
  const { text, limits, onBad, target } = options;
  const cells = new Int32Array((target?.columns.length ?? 0) * 2);
  const scanner = createJsonScanner({ depth: DEPTH, values: VALUES });
  const columns = createJsonColumns();
  let line = 0;
  let rows = 0;
  let badRows = 0;
  let blank = 0;
  /** within a line that is too long */
  let passing = false;
  let bytes: Buffer = Buffer.alloc(0);
  const onMember: OnMember = (...member) => columns.add(bytes, ...member);

  function read(start: number, end: number): void {
    if (isBlank(bytes, start, end)) {
      blank += 1;
      return;
    }
    if (end - start > limits.line) return bad(tooLong(limits.line));
    if (text.suspicious) {
      const flaw = flawOf(text, bytes.subarray(start, end));
      if (flaw !== null) return bad(flaw);
    }
    columns.begin();
    const problem = scanner.read(bytes, start, end, onMember);
    if (problem !== null) {
      columns.drop();
      return bad(atCharacter(problem.flaw, bytes.toString('utf8', start, problem.at).length + 1));
    }
    columns.keep();
    rows += 1;
    if (target === undefined) return;
    columns.cells(target.columns, cells);
    target.writer.add(bytes, start, end, cells);
  }

  function bad(flaw: Flaw): void {
    badRows += 1;
    onBad?.(line, flaw);
  }

  return {
    take(block) {
      const { end, last, full } = block;
      bytes = block.bytes;
      bytes[end] = LF;
      let start = 0;
      while (start < end) {
        const found = bytes.indexOf(LF, start);
        if (found >= end && !last) {
          if (!full || start > 0) return start;
          if (!passing) {
            line += 1;
            bad(tooLong(limits.line));
          }
          passing = true;
          return end;
        }
        if (passing) passing = false;
        else {
          line += 1;
          read(start, found);
        }
        start = found + 1;
      }
      return end;
    },
    get line() {
      return line;
    },
    get rows() {
      return rows;
    },
    get badRows() {
      return badRows;
    },
    get blank() {
      return blank;
    },
    names: columns.names,
    columns: columns.columns,
  };
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}

const tooLong = (limit: number): Flaw => words.tell('line_too_long', { limit: bytesText(limit) });

const atCharacter = (flaw: Flaw, character: number): Flaw =>
  together(flaw, words.tell('json_at', { fault: again(flaw, 'reason'), character }));
