import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isFailure } from '#platform/errors';
import { createBench, type Bench } from './accept/accept.fixture.ts';
import { preview } from './preview.ts';
import type { PreviewInput, RowFilter, RowsFile } from './tasks.ts';

let bench: Bench;
let files: RowsFile[];
const context = { memoryMb: 512, progress() {}, ask: () => Promise.reject(new Error('nobody is asked')) };

before(async () => {
  bench = await createBench();
  const rows = Array.from({ length: 5000 }, (_, at) => {
    const n = at % 100 === 0 ? '' : (at * 7) % 1000;
    return `${at},item ${at},${n},2024-01-${String(1 + (at % 28)).padStart(2, '0')}`;
  });
  const lines = [
    '{"id":5000,"name":"마지막 = Äpfel","tags":["a",{"big":12345678901234567890}],"huge":9007199254740993}',
    `{"id":5001,"name":"${'긴'.repeat(3000)}","tags":{"k":"${'v'.repeat(3000)}"},"huge":1}`,
    '{"id":5002,"name":null,"tags":"100% .*","huge":-9007199254740993}',
  ];
  files = [
    await bench.keep('one.csv', `id,name,n,day\n${rows.join('\n')}\n`),
    await bench.keep('two.jsonl', lines.join('\n')),
  ];
});
after(() => bench.close());

const page = (options: Partial<PreviewInput> = {}) =>
  preview(
    {
      files,
      limit: 50,
      offset: 0,
      search: null,
      filters: [],
      sort: null,
      columns: (options.files ?? files).flatMap(({ columns }) => columns.map(({ name }) => name)),
      cellLimit: 2000,
      patience: { counting: 60_000, searching: 60_000 },
      ...options,
    },
    context,
  );
const ids = async (options: Partial<PreviewInput>): Promise<number[]> =>
  (await page(options)).rows.map(({ id }) => Number(id));
const filter = (column: string, operator: RowFilter['operator'], value: string | null = null): RowFilter => ({
  column,
  operator,
  value,
});

test('FR-003b: a page has its rows, where they stand and how many there are, at any offset and over files', async () => {
  const first = await page();
  assert.equal(first.rows.length, 50);
  assert.equal(first.matching, 5003);
  assert.deepEqual(first.rows[1], { id: '1', name: 'item 1', n: '7', day: '2024-01-02' });
  assert.deepEqual(first.positions[1], { file: 'one.csv', row: 1 });
  assert.equal(first.rows[0]!['n'], null);
  assert.deepEqual(await ids({ offset: 3777, limit: 3 }), [3777, 3778, 3779]);
  assert.deepEqual((await page({ offset: 4999, limit: 2 })).positions, [
    { file: 'one.csv', row: 4999 },
    { file: 'two.jsonl', row: 0 },
  ]);
  assert.deepEqual((await page({ offset: 9999 })).rows, []);
});

test('FR-003b: JSON comes as values, large integers as text, and long cells are cut and told', async () => {
  const { rows, truncated } = await page({ offset: 5000 });
  assert.deepEqual(rows[0], {
    id: 5000,
    name: '마지막 = Äpfel',
    tags: ['a', { big: '12345678901234567890' }],
    huge: '9007199254740993',
  });
  assert.equal(rows[1]!['name'], '긴'.repeat(2000));
  assert.equal(String(rows[1]!['tags']).length, 2000);
  assert.deepEqual(truncated, [
    { index: 1, column: 'name', length: 3000 },
    { index: 1, column: 'tags', length: 3008 },
  ]);
  assert.deepEqual(rows[2], { id: 5002, name: null, tags: '100% .*', huge: '-9007199254740993' });
});

test('FR-003b: the search finds text in any column, whatever its case, and counts exactly', async () => {
  assert.deepEqual(await ids({ search: 'ITEM 4999' }), [4999]);
  assert.deepEqual(await ids({ search: 'äPFEL' }), [5000]);
  assert.deepEqual(await ids({ search: '% .*' }), [5002]);
  assert.deepEqual(await ids({ search: '12345678901234567890' }), [5000]);
  assert.deepEqual(await ids({ search: "'; drop table x; --" }), []);
  const many = await page({ search: 'item 1', limit: 5, offset: 2 });
  assert.equal(many.matching, 1111);
  assert.deepEqual(
    many.rows.map(({ id }) => id),
    ['11', '12', '13', '14', '15'],
  );
});

test('FR-003b: filters compare numbers as numbers, dates as dates, and text as text', async () => {
  const matching = async (...filters: RowFilter[]): Promise<number> => (await page({ filters })).matching;
  assert.deepEqual(await ids({ filters: [filter('id', 'lt', '3')] }), [0, 1, 2]);
  assert.deepEqual(
    await ids({ filters: [filter('id', 'gte', '4998'), filter('id', 'lte', '5000')] }),
    [4998, 4999, 5000],
  );
  assert.deepEqual(await ids({ filters: [filter('id', 'eq', '20.0')] }), [20]);
  assert.deepEqual(await ids({ filters: [filter('huge', 'eq', '9007199254740993')] }), [5000]);
  assert.deepEqual(await ids({ filters: [filter('huge', 'lt', '-1.5')] }), [5002]);
  assert.equal(await matching(filter('id', 'eq', 'x')), 0);
  assert.equal(await matching(filter('n', 'is_null')), 53);
  assert.equal(await matching(filter('n', 'not_null')), 4950);
  // 178 rows of the 28th; every 25th of them has no number.
  assert.equal(await matching(filter('day', 'gt', '2024-01-27')), 178);
  assert.equal(await matching(filter('day', 'lte', '2024-01-01')), 179);
  assert.deepEqual(await ids({ filters: [filter('name', 'eq', 'item 7')] }), [7]);
  assert.equal(await matching(filter('name', 'contains', 'LAST')), 0);
  assert.deepEqual(await ids({ filters: [filter('tags', 'contains', '"BIG"')] }), [5000]);
  assert.equal(await matching(filter('name', 'ne', 'item 7')), 5002);
  await assert.rejects(matching(filter('nothing', 'eq', '1')), (error) => isFailure(error, 'validation_failed'));
});

test('FR-003b: rows are sorted by size or text, what is missing last', async () => {
  const by = (column: string, descending: boolean) => ({ sort: { column, descending } });
  assert.deepEqual(await ids({ ...by('id', true), limit: 3 }), [5002, 5001, 5000]);
  assert.deepEqual(await ids({ ...by('n', true), limit: 2, filters: [filter('id', 'lt', '1000')] }), [857, 714]);
  const last = await page({ ...by('n', false), offset: 4949, limit: 100 });
  assert.equal(last.matching, 5003);
  assert.equal(last.rows[0]!['n'], '999');
  assert.equal(last.rows[1]!['n'] ?? null, null);
  assert.deepEqual((await page({ ...by('name', true), limit: 2 })).positions, [
    { file: 'two.jsonl', row: 0 },
    { file: 'two.jsonl', row: 1 },
  ]);
});

test('FR-003b: when rows are too many for whoever waits, a full page comes first, and what was looked through is told', async () => {
  const rows = Array.from({ length: 50_000 }, (_, at) => `${at},${at % 10 === 0 ? 'ten' : 'other'}`);
  const long = [await bench.keep('long.csv', `id,kind\n${rows.join('\n')}\n`), ...files];
  const ask = (patience: PreviewInput['patience'], search = 'ten') => page({ files: long, search, limit: 5, patience });
  const whole = await ask({ counting: 60_000, searching: 60_000 });
  assert.deepEqual([whole.matching, whole.searched], [5000, 55_003]);
  // one file is one step of the search here: the page is full after the first
  const full = await ask({ counting: 0, searching: 60_000 });
  assert.deepEqual([full.rows.length, full.matching, full.searched], [5, 5000, 50_000]);
  const none = await ask({ counting: 0, searching: 60_000 }, 'Äpfel');
  assert.equal(none.searched, 55_003);
  const impatient = await ask({ counting: 0, searching: 0 }, 'Äpfel');
  assert.deepEqual([impatient.rows, impatient.matching, impatient.searched < 55_003], [[], 0, true]);
});
