import { open } from 'node:fs/promises';
import type { ColumnType } from '@llm-ops/contracts';
import type { Sentence } from '#platform/words';
import { eachBlock } from '../blocks.ts';
import { Refused } from '../issues.ts';
import { createRowsWriter, type RowsWriter } from '../rows/writer.ts';
import { noteWords, words } from '../sentences.ts';
import { flawOf, type TextFile } from '../text.ts';
import { bytesText } from '../words.ts';
import { checkColumns, checkRows, type Accepted, type Work } from '../work.ts';
import { findDialect, readSample } from './dialect.ts';
import { hasHeader } from './header.ts';
import { readRecord, type CsvRecord, type Dialect } from './record.ts';
import { createCsvScanner, type CsvEnd, type CsvRow } from './scan.ts';
import { createColumnTypes, type ColumnTypes } from './types.ts';
import { csvUnescape } from './unescape.ts';

/** What the reading of all rows found. */
interface Survey {
  dialect: Dialect;
  names: string[];
  /** the first record names the columns */
  header: boolean;
  badRows: number;
  end: CsvEnd;
  types: ColumnType[];
  written: { rows: number; nulls: number[] };
}

/** Rows are written as they are read; where one makes the file to be refused, the others are only looked at. */
export async function acceptCsv(work: Work, text: TextFile): Promise<Accepted> {
  const { dialect, names, header, badRows, end, types, written } = await readRows(work, text);
  return {
    rows: written.rows,
    badRows,
    columns: names.map((name, at) => ({ name, type: types[at]!, nullable: written.nulls[at]! > 0 })),
    dialect: { delimiter: dialect.delimiter, quote: dialect.quote, newline: newlineOf(end) },
    notes: notesOf({ header, end, badRows }),
  };
}

const SAMPLES = [256 * 1024, 4 * 1024 * 1024, 32 * 1024 * 1024];

/** The first records are read again in a longer sample where one row is longer than the sample. */
async function readHead(text: TextFile): Promise<{ dialect: Dialect; records: CsvRecord[]; sample: Buffer }> {
  const file = await open(text.local);
  try {
    for (const [at, length] of SAMPLES.entries()) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, text.skip);
      const sample = buffer.subarray(0, bytesRead);
      const complete = text.skip + bytesRead >= text.size;
      const dialect = findDialect(sample, complete);
      const { records } = readSample(sample, complete, dialect);
      if (complete || records.length > 1 || at === SAMPLES.length - 1) return { dialect, records, sample };
    }
  } finally {
    await file.close();
  }
  throw new Error('unreachable');
}

async function readRows(work: Work, text: TextFile): Promise<Survey> {
  const { input, issues, progress } = work;
  const { limits } = input;
  const { dialect, records, sample } = await readHead(text);
  if (/^\s*\{.*\}\s*$/.test(firstLine(sample)) && isJson(firstLine(sample)))
    issues.refuse({
      line: 1,
      ...words.tell('csv_is_json'),
    });
  const [first, ...rest] = records.map(({ fields }) => fields);
  const header = first === undefined || hasHeader(first, rest);
  /** null until the first record was read */
  let names = null as string[] | null;
  let writer = null as RowsWriter | null;
  let types = null as ColumnTypes | null;
  let badRows = 0;
  let wanted = true;

  /** The first record: names, or the first row. */
  const begin = (row: CsvRow): void => {
    const flaw = text.suspicious ? flawOf(text, row.bytes.subarray(row.start, row.end)) : null;
    if (header && flaw !== null) issues.refuse({ line: row.line, ...flaw });
    names = header
      ? readRecord(row.bytes, row.start, row.end, dialect).fields
      : Array.from({ length: row.fields }, (_, at) => `column_${at + 1}`);
    checkColumns(work, names, header ? row.line : null);
    types = createColumnTypes(names.length);
    const unescape = csvUnescape(dialect);
    writer = createRowsWriter({
      path: input.target,
      columns: names.map((name) => ({ name, stored: 'text' })),
      unescape: { text: unescape, json: unescape },
    });
  };
  const scanner = createCsvScanner({
    dialect,
    limit: limits.line,
    line: 1,
    columns: limits.columns,
    onRow(row) {
      if (names === null) {
        begin(row);
        if (header) return;
      }
      const flaw = flawOfRow(row, names!, text, dialect);
      if (flaw === null) {
        if (!wanted) return;
        types!.add(row.bytes, row.cells);
        writer!.add(row.bytes, row.start, row.end, row.cells);
        return;
      }
      badRows += 1;
      wanted &&= input.badRows === 'skip';
      issues.add({ line: row.line, ...flaw });
    },
  });
  const { end } = scanner;
  try {
    await eachBlock(
      text.local,
      { from: text.skip, limit: limits.line + 2, onRead: (read) => progress('reading', read / text.size) },
      scanner.take,
    );
    refuseUnfinished(work, end);
    if (writer === null || types === null || names === null) return issues.refuse(words.tell('csv_empty'));
    if (!wanted) throw new Refused();
    const written = writer.close();
    checkRows(work, written.rows, badRows);
    return { dialect, names, header, badRows, end, types: types.types(), written };
  } finally {
    writer?.abandon();
  }
}

function refuseUnfinished({ issues, input }: Work, { open: opened, endless }: CsvEnd): void {
  if (opened !== null)
    issues.refuse({
      line: opened,
      ...words.tell('quote_open'),
    });
  if (endless !== null)
    issues.refuse({
      line: endless,
      ...words.tell('row_too_long', { limit: bytesText(input.limits.line) }),
    });
}

function flawOfRow(row: CsvRow, names: readonly string[], text: TextFile, { delimiter }: Dialect) {
  if (text.suspicious) {
    const flaw = flawOf(text, row.bytes.subarray(row.start, row.end));
    if (flaw !== null) return { column: null, ...flaw };
  }
  if (row.stray) return { column: null, ...words.tell('quote_stray') };
  if (row.fields === names.length) return null;
  const facts = { fields: row.fields, columns: names.length, delimiter: delimiter === '\t' ? 'tab' : delimiter };
  return row.fields < names.length
    ? { column: names[row.fields]!, ...words.tell('fields_missing', facts) }
    : { column: null, ...words.tell('fields_surplus', facts) };
}

export function newlineOf({ breaks: { lf, crlf, cr } }: CsvEnd): 'lf' | 'crlf' | 'cr' | 'mixed' {
  const kinds = [lf, crlf, cr].filter((count) => count > 0).length;
  if (kinds > 1) return 'mixed';
  return crlf > 0 ? 'crlf' : cr > 0 ? 'cr' : 'lf';
}

function notesOf({ header, end, badRows }: Pick<Survey, 'header' | 'end' | 'badRows'>): Sentence[] {
  return [
    ...(header ? [] : [noteWords.line('no_header')]),
    ...(newlineOf(end) === 'mixed' ? [noteWords.line('line_ends')] : []),
    ...(end.blank > 0 ? [noteWords.line('blank_lines', { lines: end.blank })] : []),
    ...(badRows > 0 ? [noteWords.line('bad_rows', { rows: badRows })] : []),
  ];
}

const firstLine = (sample: Buffer): string => sample.subarray(0, sample.indexOf(10) >>> 0).toString('utf8');

function isJson(line: string): boolean {
  try {
    return JSON.parse(line) !== null;
  } catch {
    return false;
  }
}
