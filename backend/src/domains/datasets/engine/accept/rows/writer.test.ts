import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openDuckDb, parquet } from '../../duckdb.ts';
import { fileName } from '../../sql.ts';
import { unescapeText } from '../jsonl/unescape.ts';
import { ESCAPED, NONE } from './pages.ts';
import { createRowsWriter, type RowsColumn } from './writer.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'llm-ops-rows-'));
});
after(() => rm(folder, { recursive: true }));

type Cell = string | null;

/** Writes rows of cells (a backslash in a cell: to be unescaped) and reads them through DuckDB. */
async function written(columns: RowsColumn[], rows: Cell[][]) {
  const local = path.join(folder, 'rows.parquet');
  const writer = createRowsWriter({ path: local, columns, unescape: { text: unescapeText, json: unescapeText } });
  const cells = new Int32Array(columns.length * 2);
  for (const row of rows) {
    // Something stands before the row, as in a block.
    const bytes = Buffer.from(`before${row.map((cell) => cell ?? '').join('')}`);
    let at = 6;
    for (const [column, cell] of row.entries()) {
      const end = at + Buffer.byteLength(cell ?? '');
      cells[column * 2] = at;
      cells[column * 2 + 1] = cell === null ? NONE : cell.includes('\\') ? end + ESCAPED : end;
      at = end;
    }
    writer.add(bytes, 6, bytes.length, cells);
  }
  const closed = writer.close();
  const db = await openDuckDb({ memoryMb: 512, read: [local], write: [], scratch: null });
  const read = await db.all(`from ${parquet(local)}`);
  const groups = await db.all(
    `select encodings, stats_null_count as nulls, stats_min_value as low, stats_max_value as high
     from parquet_metadata(${fileName(local)}) order by row_group_id, column_id`,
  );
  db.close();
  return { closed, read, groups };
}

test('FR-003a: rows of every stored type are read back by DuckDB as they were written', async () => {
  const columns: RowsColumn[] = [
    { name: 't', stored: 'text' },
    { name: 'i', stored: 'bigint' },
    { name: 'd', stored: 'double' },
    { name: 'b', stored: 'boolean' },
    { name: 'j', stored: 'json' },
    { name: 'none', stored: 'text' },
  ];
  const rows: Cell[][] = [
    ['한글', '-9223372036854775808', '-1.5e300', 'true', '{"a":1}', null],
    ['', '9223372036854775807', '0.1', 'false', '[]', null],
    ['a\\n\\u0000b', '-0', '1e-320', null, null, null],
    [null, '999999999999999', '5', 'true', '1', null],
    ['x'.repeat(5000), '-4294967297', '-0', 'false', '"x"', null],
    ['y', null, null, 'true', 'null', null],
  ];
  const { closed, read, groups } = await written(columns, rows);
  assert.deepEqual(closed, { rows: 6, nulls: [1, 1, 1, 1, 1, 6] });
  assert.deepEqual(read, [
    { t: '한글', i: -9223372036854775808n, d: -1.5e300, b: true, j: '{"a":1}', none: null, __row: 0 },
    { t: '', i: 9223372036854775807n, d: 0.1, b: false, j: '[]', none: null, __row: 1 },
    { t: 'a\n\0b', i: 0, d: 1e-320, b: null, j: null, none: null, __row: 2 },
    { t: null, i: 999999999999999, d: 5, b: true, j: '1', none: null, __row: 3 },
    { t: 'x'.repeat(5000), i: -4294967297, d: -0, b: false, j: '"x"', none: null, __row: 4 },
    { t: 'y', i: null, d: null, b: true, j: 'null', none: null, __row: 5 },
  ]);
  assert.deepEqual(
    groups.map(({ nulls, low, high }) => [nulls, low, high]),
    [
      [1, null, null],
      [1, '-9223372036854775808', '9223372036854775807'],
      [1, null, null],
      [1, null, null],
      [1, null, null],
      [6, null, null],
      [0, '0', '5'],
    ],
  );
});

test('FR-003a: columns with few values get a dictionary, whatever their number is, and others none', async () => {
  const counts = [1, 2, 3, 5, 17, 100, 128, 129, 1024, 1025];
  const columns = counts.map((count): RowsColumn => ({ name: `of ${count}`, stored: 'text' }));
  const text = (value: number, count: number): string => `value ${value % count}${'.'.repeat((value % count) % 20)}`;
  const rows = Array.from({ length: 9_001 }, (_, row) =>
    counts.map((count, column) =>
      row % 11 === column ? null : text((row * 7919 + column) >> (count === 1 ? 0 : 1), count),
    ),
  );
  const { read, groups } = await written(columns, rows);
  assert.deepEqual(
    read.map((row) => columns.map(({ name }) => row[name])),
    rows,
  );
  const withDictionary = groups
    .slice(0, counts.length)
    .map(({ encodings }) => String(encodings).includes('RLE_DICTIONARY'));
  assert.deepEqual(withDictionary.slice(0, 6), [true, true, true, true, true, true]);
  assert.equal(withDictionary.at(-1), false);
});

test('FR-003a: a wide table, and rows as long as a block, are cut into groups that fit into memory', async () => {
  const columns = Array.from({ length: 3_000 }, (_, at): RowsColumn => ({ name: `c${at}`, stored: 'text' }));
  const wide = Array.from({ length: 40 }, (_, row) => columns.map((_, at) => (at % 7 === 0 ? null : `${row}.${at}`)));
  const { read } = await written(columns, wide);
  assert.deepEqual(
    read.map((row) => columns.map(({ name }) => row[name])),
    wide,
  );
  const long = ['a', 'b', 'c'].map((letter) => [letter.repeat(12_000_000)]);
  const { read: letters, groups } = await written([{ name: 't', stored: 'text' }], [...long, ['short']]);
  assert.deepEqual(
    letters.map(({ t }) => `${String(t)[0]}${String(t).length}`),
    ['a12000000', 'b12000000', 'c12000000', 's5'],
  );
  // A group has a chunk for the text and one for the number of the row.
  assert.equal(groups.length, 8);
});
