import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { literal } from '../sql.ts';
import type { AcceptOutput } from '../tasks.ts';
import { createBench, limits, type Bench } from './accept.fixture.ts';

let bench: Bench;
before(async () => {
  bench = await createBench();
});
after(() => bench.close());

async function reason(output: Promise<AcceptOutput>): Promise<string> {
  const { facts, issues } = await output;
  assert.equal(facts, null);
  assert.deepEqual(await bench.left(), []);
  return issues[0]!.reason;
}

test('FR-003a: Parquet keeps its types, nested ones too', async () => {
  const file = await bench.parquet(
    'a.parquet',
    `select i::bigint as id, [i, i + 1] as list, {'a': i, 'b': ['x', null]} as "the struct", map {'k': i} as map, 1.50::decimal(9, 2) as price,
       date '2024-01-01' + i::int as day, timestamp '2024-01-01 10:00:00' as at, 'a'::blob as bytes, i % 2 = 0 as even, case when i > 1 then 'x' end as text,
       9007199254740993 + i as big, i::float as f from range(3) t(i)`,
  );
  const { facts, issues } = await bench.accept('a.parquet', await readFile(file));
  assert.ok(facts, JSON.stringify(issues));
  assert.equal(facts.rows, 3);
  assert.deepEqual(
    facts.columns.map(({ name, type, nullable }) => `${name} ${type}${nullable ? '?' : ''}`),
    [
      'id integer',
      'list list',
      'the struct object',
      'map object',
      'price number',
      'day date',
      'at datetime',
      'bytes binary',
      'even boolean',
      'text string?',
      'big integer',
      'f number',
    ],
  );
  const [row] = await bench.rows();
  assert.deepEqual(row, {
    id: 0,
    list: [0, 1],
    'the struct': { a: 0, b: ['x', null] },
    map: { k: 0 },
    price: '1.50',
    day: '2024-01-01',
    at: '2024-01-01 10:00:00',
    bytes: 'YQ==',
    even: true,
    text: null,
    big: 9007199254740993n,
    f: 0,
    __row: 0,
  });
});

test('FR-003a: a Parquet file that is cut off, damaged or encrypted is named as that', async () => {
  const file = await bench.parquet('a.parquet', "select i, repeat('x' || i, 20) as t from range(5000) t(i)");
  const whole = await readFile(file);
  assert.match(await reason(bench.accept('a.parquet', whole.subarray(0, whole.length - 20))), /cut off/);
  assert.match(
    await reason(bench.accept('a.parquet', Buffer.concat([whole.subarray(0, 8), Buffer.from('PAR1')]))),
    /damaged|cut off/,
  );
  const footer = Buffer.from(whole);
  footer.fill(0xff, whole.length - 60, whole.length - 30);
  assert.match(await reason(bench.accept('a.parquet', footer)), /damaged/);
  const pages = Buffer.from(whole);
  pages.fill(0xff, 4, 2000);
  assert.match(await reason(bench.accept('a.parquet', pages)), /damaged/);
  const longer = Buffer.from(whole);
  longer.writeUInt32LE(0x7fffffff, whole.length - 8);
  assert.match(await reason(bench.accept('a.parquet', longer)), /damaged/);

  const secret = await bench
    .parquet('secret.parquet', 'select 1 as a', "format parquet, encryption_config {footer_key: 'key'}")
    .catch(async () => null);
  // The version of DuckDB that writes it refuses without OpenSSL; then the magic alone tells.
  const encrypted =
    secret === null
      ? Buffer.concat([Buffer.from('PARE'), whole.subarray(4, -4), Buffer.from('PARE')])
      : await readFile(secret);
  assert.match(await reason(bench.accept('a.parquet', encrypted)), /encrypted/);
});

test('FR-003a: a Parquet file is never read beyond what it may become', async () => {
  // A few kilobytes that say the same text a hundred thousand times.
  const file = await bench.parquet(
    'bomb.parquet',
    "select repeat('x', 1000) as t from range(100000)",
    'format parquet, compression zstd',
  );
  const content = await readFile(file);
  assert.ok(content.length < 200_000);
  assert.match(
    await reason(bench.accept('a.parquet', content, { limits: { ...limits, expanded: 50_000_000 } })),
    /larger than 50 MB/,
  );
  const few = await bench.parquet(
    'rows.parquet',
    'select 1 as a, true as b from range(2000000)',
    'format parquet, compression zstd',
  );
  assert.match(
    await reason(bench.accept('a.parquet', await readFile(few), { limits: { ...limits, expanded: 1_000_000 } })),
    /larger than 1 MB/,
  );
});

test('FR-003a: Parquet has to have rows, names that differ, and what its type needs', async () => {
  const file = await bench.parquet('a.parquet', 'select 1 as a where false');
  assert.match(await reason(bench.accept('a.parquet', await readFile(file))), /no rows/);
  const other = await bench.parquet('a.parquet', 'select 1 as "a", {\'A\': 2, \'x\': 3} as "b"');
  assert.match(await reason(bench.accept('a.parquet', await readFile(other), { type: 'benchmark' })), /no input/);
  const own = await bench.parquet('a.parquet', 'select 1 as __row');
  assert.match(await reason(bench.accept('a.parquet', await readFile(own))), /platform's own/);
  // DuckDB writes no two columns of a name that differ in case: one is renamed in the file.
  const twice = await readFile(await bench.parquet('a.parquet', 'select 1 as "ab", 2 as "XY"'));
  const renamed = Buffer.from(twice.toString('latin1').replaceAll('XY', 'AB'), 'latin1');
  assert.match(await reason(bench.accept('a.parquet', renamed)), /differ in case only/);
});

test('FR-003a: a Parquet file of more columns than the memory holds is refused, with a way out', async () => {
  const columns = Array.from({ length: 2600 }, (_, at) => `${at} as c${at}`);
  const file = await bench.parquet('wide.parquet', `select ${columns.join(', ')}`);
  // The tests have 512 MB.
  assert.match(await reason(bench.accept('a.parquet', await readFile(file))), /2,600 columns; .* at most 2,560/);
});

test('FR-003a: Parquet bytes that were changed anywhere are refused or taken, never fatal', async () => {
  const file = await bench.parquet(
    'a.parquet',
    "select i, 't' || i % 7 as t, [i] as l from range(300) t(i)",
    'format parquet, compression uncompressed',
  );
  const whole = await readFile(file);
  let state = 42;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state % below;
  };
  for (let run = 0; run < 30; run++) {
    const changed = Buffer.from(whole);
    for (let count = 1 + random(4); count > 0; count--) changed[4 + random(whole.length - 8)] = random(256);
    const { facts } = await bench.accept('a.parquet', changed);
    assert.equal((await bench.left()).length, facts === null ? 0 : 1);
  }
});

test('FR-003a: rows are put into groups that a page reads quickly', async () => {
  const { facts, issues } = await bench.accept(
    'a.csv',
    `a,b\n${Array.from({ length: 40_000 }, (_, at) => `${at},${'word '.repeat(120)}${at}`).join('\n')}\n`,
  );
  assert.equal(facts?.rows, 40_000, JSON.stringify(issues[0]));
  const db = await bench.open('rows.parquet');
  const groups = await db.all<{ rows: number; low: string }>(
    `select row_group_num_rows as rows, stats_min_value as low from parquet_metadata(${literal(`${bench.folder}/rows.parquet`)}) where path_in_schema = '__row' order by row_group_id`,
  );
  db.close();
  assert.ok(groups.length >= 3, `${groups.length} groups`);
  let before = 0;
  for (const { rows, low } of groups) {
    assert.equal(Number(low), before);
    before += rows;
  }
});
