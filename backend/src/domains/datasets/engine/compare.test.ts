import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { compare } from './compare.ts';
import { schemaChanges } from './compare/schema.ts';
import { DuckDBInstance } from '@duckdb/node-api';
import type { CompareInput, RowsFile } from './tasks.ts';

let folder: string;
let number = 0;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'llm-ops-compare-'))));
after(() => rm(folder, { recursive: true, force: true }));

const context = { progress: () => undefined, ask: () => Promise.reject(new Error('nobody')), memoryMb: 512 };

/** Rows as Parquet, as an accepted file has them: all columns are text. */
async function file(select: string, names: readonly string[]): Promise<RowsFile> {
  const local = join(folder, `${number++}.parquet`);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const list = names.map((name) => `${name}::varchar as ${name}`).join(', ');
  await connection.run(
    `copy (select ${list}, (row_number() over () - 1)::bigint as __row from (${select})) to '${local}' (format parquet, row_group_size 2048)`,
  );
  const rows = Number((await connection.runAndReadAll(`select count(*) from '${local}'`)).getRows()[0]![0]);
  connection.closeSync();
  return {
    path: `${number}.csv`,
    local,
    rows,
    columns: names.map((name) => ({ name, type: 'string', nullable: true })),
  };
}

const inputOf = (old: RowsFile[], now: RowsFile[], change: Partial<CompareInput> = {}): CompareInput => ({
  before: old,
  after: now,
  keyColumns: [],
  limit: 50,
  offset: 0,
  change: null,
  columns: { offset: 0, limit: 200 },
  cellLimit: 1000,
  kept: mkdtempSync(join(folder, 'kept-')),
  scratch: folder,
  ...change,
});

test('FR-003-cmp: rows of one key are compared cell by cell; counts are exact, and pages follow one another', async () => {
  const old = await file(`select i as id, 'text ' || i as text, i % 3 as label from range(1000) t(i)`, [
    'id',
    'text',
    'label',
  ]);
  const now = await file(
    `select i as id, case when i % 100 = 7 then 'new ' || i else 'text ' || i end as text, i % 3 as label from range(20, 1010) t(i)`,
    ['id', 'text', 'label'],
  );
  const found = await compare(inputOf([old], [now], { keyColumns: ['id'] }), context);
  assert.deepEqual(found.summary, { added: 10, removed: 20, modified: 9, unchanged: 971 });
  assert.equal(found.rows.length, 39);
  const modified = found.rows.filter(({ change }) => change === 'modified');
  assert.deepEqual(modified[0], {
    change: 'modified',
    key: { id: '107' },
    before: { id: '107', text: 'text 107', label: '2' },
    after: { id: '107', text: 'new 107', label: '2' },
    cells: ['text'],
    differing: 1,
  });
  const pages = await Promise.all(
    [0, 4, 8].map((offset) =>
      compare(inputOf([old], [now], { keyColumns: ['id'], change: 'modified', limit: 4, offset }), context),
    ),
  );
  assert.deepEqual(
    pages.map(({ truncated }) => truncated),
    [true, true, false],
  );
  assert.deepEqual(
    pages.flatMap(({ rows }) => rows).map(({ key }) => key?.['id']),
    modified.map(({ key }) => key?.['id']),
  );
});

test('FR-003-cmp: what was found is found once: later pages of the same comparison are the same as if it were made anew', async () => {
  const old = await file(`select i as id, i % 3 as label from range(500) t(i)`, ['id', 'label']);
  const now = await file(`select i as id, i % 4 as label from range(100, 600) t(i)`, ['id', 'label']);
  const { kept } = inputOf([old], [now]);
  const keyed = { keyColumns: ['id'], limit: 20 };
  await compare(inputOf([old], [now], { ...keyed, kept }), context);
  assert.deepEqual((await readdir(kept)).toSorted(), ['differences.json', 'differences.parquet', 'drift-0-200.json']);
  const pages = [
    { offset: 20 },
    { offset: 90, change: 'added' as const },
    { offset: 0, change: 'modified' as const },
    { limit: 0 },
    { columns: { offset: 1, limit: 1 } },
  ];
  for (const page of pages) {
    const anew = await compare(inputOf([old], [now], { ...keyed, ...page }), context);
    assert.deepEqual(await compare(inputOf([old], [now], { ...keyed, ...page, kept }), context), anew);
  }
});

test('FR-003-cmp: without a key rows are a multiset: their order does not matter, how often they stand does', async () => {
  const old = await file(`select 'a' as text union all select 'a' union all select 'b' union all select 'c'`, ['text']);
  const now = await file(`select 'c' as text union all select 'a' union all select 'd' union all select 'd'`, ['text']);
  const { summary, rows } = await compare(inputOf([old], [now]), context);
  assert.deepEqual(summary, { added: 2, removed: 2, modified: 0, unchanged: 2 });
  assert.deepEqual(
    rows.filter(({ change }) => change === 'added').map(({ after: row }) => row?.['text']),
    ['d', 'd'],
  );
  assert.deepEqual(
    rows
      .filter(({ change }) => change === 'removed')
      .map(({ before: row }) => row?.['text'])
      .sort(),
    ['a', 'b'],
  );
});

test('FR-003-cmp: rows of a repeated key are taken in their order, and null is not the empty text', async () => {
  const old = await file(`select * from (values ('k', 'one'), ('k', 'two'), ('n', null)) t(id, text)`, ['id', 'text']);
  const now = await file(`select * from (values ('k', 'one'), ('k', '2'), ('k', 'three'), ('n', '')) t(id, text)`, [
    'id',
    'text',
  ]);
  const { summary } = await compare(inputOf([old], [now], { keyColumns: ['id'] }), context);
  assert.deepEqual(summary, { added: 1, removed: 0, modified: 2, unchanged: 1 });
});

test('FR-003-cmp: a column that only one version has is told by the schema and makes no row a changed one', async () => {
  const old = await file(`select i as id, 'x' as gone from range(10) t(i)`, ['id', 'gone']);
  const now = await file(`select i as id, 'y' as come from range(10) t(i)`, ['id', 'come']);
  const { summary, schema } = await compare(inputOf([old], [now], { keyColumns: ['id'] }), context);
  assert.deepEqual(summary, { added: 0, removed: 0, modified: 0, unchanged: 10 });
  assert.deepEqual(
    [schema.added.map(({ name }) => name), schema.removed.map(({ name }) => name)],
    [['come'], ['gone']],
  );
  assert.deepEqual(
    schemaChanges(
      [{ name: 'a', type: 'string', nullable: false }],
      [{ name: 'a', type: 'integer', nullable: false }],
    ).changed.map(({ before: was, after: is }) => [was.type, is.type]),
    [['string', 'integer']],
  );
});

test('FR-003-cmp: with a key column that a version lacks, rows are compared by their content, and the answer says so', async () => {
  const one = await file(`select 'a' as text`, ['text']);
  const { keyedBy, summary } = await compare(inputOf([one], [one], { keyColumns: ['id'] }), context);
  assert.deepEqual(keyedBy, []);
  assert.equal(summary.unchanged, 1);
});

test('FR-003-cmp, FR-003c: distributions that changed say so by their test, those that did not do not', async () => {
  const old = await file(
    `select case when i % 10 = 0 then 'rare' else 'usual' end as label, repeat('x', 50 + i % 100) as text from range(3000) t(i)`,
    ['label', 'text'],
  );
  const now = await file(
    `select case when i % 2 = 0 then 'rare' else 'usual' end as label, repeat('x', 50 + (i * 7) % 100) as text from range(3000) t(i)`,
    ['label', 'text'],
  );
  const { distributions } = await compare(inputOf([old], [now]), context);
  const of = (name: string) => distributions.find(({ column }) => column === name)!;
  assert.equal(of('label').test, 'chi2');
  assert.ok(of('label').p_value! < 1e-6);
  assert.deepEqual(of('label').before, [
    { label: 'rare', count: 300 },
    { label: 'usual', count: 2700 },
  ]);
  assert.equal(of('text').test, 'ks');
  assert.ok(of('text').p_value! > 0.5);
  assert.equal(
    of('text').before.reduce((sum, { count }) => sum + count, 0),
    3000,
  );
});

test('FR-003-cmp: of many columns some are told at a time: those that differ first, the most changed first', async () => {
  const names = Array.from({ length: 450 }, (_, at) => `c${at}`);
  const of = (shift: number, more: string[]): Promise<RowsFile> =>
    file(
      `select ${names.map((name, at) => `i * ${at + 1} % 7 + ${at >= 440 && shift > 0 ? 'i * 3' : 0} as ${name}`).join(', ')}${more.map((name) => `, 1 as ${name}`).join('')} from range(40) t(i)`,
      [...names, ...more],
    );
  const [old, now] = [await of(0, ['gone1', 'gone2']), await of(1, ['new1', 'new2', 'new3'])];
  const look = (offset: number) =>
    compare(inputOf([old], [now], { keyColumns: ['c0'], columns: { offset, limit: 2 }, limit: 40 }), context);
  const only = (name: string) =>
    compare(inputOf([old], [now], { keyColumns: ['c0'], columns: { offset: 0, limit: 2, name }, limit: 40 }), context);
  const [first, second] = [await look(0), await look(2)];
  assert.deepEqual(first.columns, { cells: 455, distributions: 450, added: 3, removed: 2, changed: 0 });
  const modified = first.rows.find(({ change }) => change === 'modified')!;
  assert.deepEqual([modified.cells, modified.differing, modified.key], [['c440', 'c441'], 10, { c0: '1' }]);
  assert.deepEqual([Object.keys(modified.before!), Object.keys(modified.after!)], [modified.cells, modified.cells]);
  assert.notDeepEqual(modified.before, modified.after);
  assert.deepEqual(second.rows.find(({ change }) => change === 'modified')!.cells, ['c442', 'c443']);
  const told = ({ schema, distributions }: typeof first) => [
    schema.added.map(({ name }) => name),
    schema.removed.map(({ name }) => name),
    distributions.map(({ column }) => Number(column.slice(1)) >= 440),
  ];
  assert.deepEqual(told(first), [
    ['new1', 'new2'],
    ['gone1', 'gone2'],
    [true, true],
  ]);
  assert.deepEqual(told(second), [['new3'], [], [true, true]]);
  assert.deepEqual((await look(450)).distributions, []);
  // one of them alone, wherever it stands in the lists, which stay as long as they are
  const [late, same, come] = [await only('c449'), await only('c7'), await only('new2')];
  const cellsOf = ({ rows }: typeof first) => {
    const row = rows.find(({ change }) => change === 'modified')!;
    return [row.cells, Object.keys(row.before!), Object.keys(row.after!), row.differing];
  };
  assert.deepEqual(cellsOf(late), [['c449'], ['c449'], ['c449'], 10]);
  assert.deepEqual(cellsOf(same), [[], ['c7'], ['c7'], 10]);
  assert.deepEqual([told(late), late.columns], [[[], [], [true]], first.columns]);
  assert.deepEqual(told(same), [[], [], [false]]);
  assert.deepEqual(told(come), [['new2'], [], []]);
});
