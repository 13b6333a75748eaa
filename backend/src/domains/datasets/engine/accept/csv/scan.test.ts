import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { takeAll } from '../blocks.fixture.ts';
import { ESCAPED, NONE } from '../rows/pages.ts';
import { findDialect } from './dialect.ts';
import { hasHeader } from './header.ts';
import { readRecord, writeRecord, type Dialect } from './record.ts';
import { createCsvScanner } from './scan.ts';
import { csvUnescape } from './unescape.ts';

/** `npm run drill parsers` runs 10,000 of each. */
const numRuns = Number(process.env['PARSER_RUNS'] ?? 1000);
const rfc: Dialect = { delimiter: ',', quote: '"', escape: '"' };

interface Row {
  line: number;
  fields: string[];
  stray: boolean;
}

/** A reader in other words than the product's: it goes over the characters with a state, and knows nothing of bytes and blocks. */
function reference(text: string): { rows: Row[]; blank: number; open: boolean } {
  const rows: Row[] = [];
  let blank = 0;
  let state: 'begin' | 'plain' | 'quoted' | 'closed' | 'behind' = 'begin';
  let row: Row = { line: 1, fields: [''], stray: false };
  let line = 1;
  let empty = true;
  const letters = text.replaceAll('\r\n', '\u0001').split('');
  const finish = (): void => {
    if (empty) blank += 1;
    else rows.push(row);
    row = { line, fields: [''], stray: false };
    empty = true;
    state = 'begin';
  };
  for (const letter of letters) {
    const isBreak = letter === '\n' || letter === '\r' || letter === '\u0001';
    if (isBreak) line += 1;
    if (state === 'quoted') {
      if (letter === '"') state = 'closed';
      else row.fields.push(row.fields.pop() + letter);
      continue;
    }
    if (isBreak) {
      finish();
      continue;
    }
    empty = false;
    if (letter === ',') {
      row.fields.push('');
      state = 'begin';
    } else if (state === 'begin' && letter === '"') state = 'quoted';
    else if (state === 'closed' && letter === '"') {
      row.fields.push(`${row.fields.pop()}"`);
      state = 'quoted';
    } else {
      // a quote behind what stands after a closing one opens nothing, to the end of the field
      if (state === 'closed') state = 'behind';
      if (state === 'behind') row.stray = true;
      else state = 'plain';
      row.fields.push(row.fields.pop() + letter);
    }
  }
  const open = state === 'quoted';
  if (!open && !empty) rows.push(row);
  const asWritten = (field: string): string => field.replaceAll('\u0001', '\r\n');
  return { rows: rows.map((each) => ({ ...each, fields: each.fields.map(asWritten) })), blank, open };
}

function scan(text: string, size: number, dialect = rfc) {
  const rows: Row[] = [];
  const scanner = createCsvScanner({
    dialect,
    limit: 1 << 20,
    line: 1,
    columns: 100,
    onRow({ bytes, start, end, line, fields, stray, cells }) {
      const record = readRecord(bytes, start, end, dialect);
      assert.equal(record.fields.length, fields);
      assert.equal(record.stray, stray);
      if (!stray)
        assert.deepEqual(
          record.fields.map((_, at) => cellAt(bytes, cells, at, dialect)),
          record.fields.map((field, at) => (field === '' && !record.quoted[at] ? null : field)),
        );
      rows.push({ line, fields: record.fields, stray });
    },
  });
  takeAll(Buffer.from(text), scanner.take, size);
  return { rows, end: scanner.end };
}

/** A cell as the writer of rows would write it; null: none. */
function cellAt(bytes: Buffer, cells: Int32Array, at: number, dialect: Dialect): string | null {
  const end = cells[at * 2 + 1]!;
  if (end === NONE) return null;
  const start = cells[at * 2]!;
  if ((end & ESCAPED) === 0) return bytes.toString('utf8', start, end);
  const target = Buffer.alloc(end - ESCAPED - start);
  return target.toString('utf8', 0, csvUnescape(dialect)(bytes, start, end - ESCAPED, target, 0));
}

const garbage = fc.array(
  fc.constantFrom('"', '"', ',', ',', '\n', '\r', '\r\n', 'a', 'bc', ' ', '\\', ';', '한', '\0'),
  { maxLength: 40 },
);

test('FR-003a: the scanner finds the rows, fields and line numbers that a plain reader finds, in any text', () => {
  fc.assert(
    fc.property(garbage, fc.integer({ min: 1, max: 9 }), (pieces, size) => {
      const text = pieces.join('');
      const expected = reference(text);
      const { rows, end } = scan(text, size);
      assert.equal(end.open !== null, expected.open);
      // A row behind a stray quote is bad whatever is in it; its fields are not compared.
      const comparable = (all: Row[]) => all.map((row) => (row.stray ? { ...row, fields: [] } : row));
      assert.deepEqual(comparable(rows), comparable(expected.rows));
      assert.equal(end.blank, expected.blank);
    }),
    { numRuns },
  );
});

const cell = fc.string({
  unit: fc.constantFrom('a', 'b', '"', ',', '\n', '\r', ' ', '한', '글', ';', "'"),
  maxLength: 6,
});
const table = fc
  .integer({ min: 1, max: 5 })
  .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }));

test('FR-003a: what is written by the rules is read back as it was', () => {
  fc.assert(
    fc.property(table, fc.constantFrom('\n', '\r\n'), fc.integer({ min: 1, max: 20 }), (rows, newline, size) => {
      const text = rows.map((fields) => writeRecord({ fields, quoted: fields.map(() => true) }) + newline).join('');
      assert.deepEqual(
        scan(text, size).rows.map(({ fields }) => fields),
        rows,
      );
    }),
    { numRuns },
  );
});

test('FR-003a: a row that is longer than may be, and a quote that is never closed, are told by their lines', () => {
  const scanner = (limit: number) => createCsvScanner({ dialect: rfc, limit, line: 1, columns: 9, onRow() {} });
  const endless = scanner(10);
  assert.equal(takeAll(Buffer.from('a,b\n1,"23456789012345"\n'), endless.take, 4, 12), false);
  assert.equal(endless.end.endless, 2);
  const short = scanner(10);
  assert.equal(takeAll(Buffer.from('a,b\n1,2345\n1,2345\n1,23\n'), short.take, 16, 12), true);
  const open = scanner(1000);
  assert.equal(takeAll(Buffer.from('a,b\n1,"x\ny",2\n3,"never\n4,5\n'), open.take), false);
  assert.equal(open.end.open, 4);
});

test('FR-003a: the dialect is found', () => {
  const find = (text: string): Dialect => findDialect(Buffer.from(text), true);
  assert.deepEqual(find('a,b\n1,2\n3,4\n'), rfc);
  assert.equal(find('name;amount\nx;1,5\ny;2,5\n').delimiter, ';');
  assert.equal(find('a\tb c, d\n1\t2\n').delimiter, '\t');
  assert.equal(find('a|b|c\n1|2|3\n').delimiter, '|');
  // A column of text that nobody quoted is one column.
  assert.notEqual(find('text\nHello, you\nOne\nTwo\nThree\n').delimiter, ',');
  assert.equal(find('a,b\n1\n2\n3\n').delimiter, ',');
  assert.equal(find('Report of 2024\na,b,c\n1,2,3\n').delimiter, ',');
  assert.equal(find('text\n"Hello, you; there"\n"One; two"\n').delimiter, ',');
  assert.deepEqual(find("a,b\n'x, y',2\n'z',3\n"), { delimiter: ',', quote: "'", escape: "'" });
  assert.deepEqual(find('a,b\n"say \\"hi\\", please",2\n"x",3\n'), { delimiter: ',', quote: '"', escape: '\\' });
  assert.deepEqual(find('a,b\n"1 ""x"", y",2\n'), rfc);
  assert.deepEqual(find('a,b\n1,"never closed\n2,3\n'), rfc);
  assert.deepEqual(find('a\tb\n1\t"so\n2\tx\n'), { delimiter: '\t', quote: null, escape: null });
  assert.deepEqual(find('a\tb\n1\t"so"\n2\tx\n'), { ...rfc, delimiter: '\t' });
});

test('FR-003a: a backslash before a quote is read where the dialect has it', () => {
  const dialect: Dialect = { delimiter: ',', quote: '"', escape: '\\' };
  const { rows } = scan('a,b\n"say \\"hi\\", \\\\ \\n",2\n', 3, dialect);
  assert.deepEqual(rows[1]?.fields, ['say "hi", \\ \\n', '2']);
});

test('FR-003a: a first line of data is told from a header', () => {
  assert.equal(hasHeader(['id', 'name'], [['1', 'x']]), true);
  assert.equal(hasHeader(['1', 'x'], [['2', 'y']]), false);
  assert.equal(hasHeader(['2024-01-01', 'x'], [['2024-01-02', 'y']]), false);
  assert.equal(hasHeader(['country', '2019', '2020'], [['x', '1.5', '2.5']]), true);
  assert.equal(hasHeader(['text', 'label'], [['x', 'y']]), true);
  assert.equal(hasHeader(['1', '2'], []), true);
});
