import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { isFailure } from '#platform/errors';
import { ident, literal, openDuckDb, parquet, withoutValues, type DuckDb } from './duckdb.ts';

let folder: string;
let db: DuckDb;
const inside = (name: string): string => path.join(folder, name);

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'llm-ops-duckdb-'));
  await mkdir(inside('scratch'));
  await writeFile(inside('secret.csv'), 'a\n1\n');
  db = await openDuckDb({
    memoryMb: 400,
    read: [inside('in.csv')],
    write: [inside('out.parquet')],
    scratch: inside('scratch'),
  });
});
after(async () => {
  db.close();
  await rm(folder, { recursive: true });
});

test('FR-003: DuckDB reaches the files of its task and nothing else', async () => {
  await writeFile(inside('in.csv'), 'a,b\n1,x\n');
  assert.deepEqual(await db.all(`select * from read_csv(${literal(inside('in.csv'))})`), [{ a: 1, b: 'x' }]);
  await db.run(`copy (select 1 as a) to ${literal(inside('out.parquet'))} (format parquet)`);
  assert.deepEqual(await db.all(`from ${parquet(inside('out.parquet'))}`), [{ a: 1 }]);
  const forbidden = [
    "from read_text('/etc/passwd')",
    "from read_blob('/proc/self/environ')",
    "from read_csv('/etc/passwd')",
    "from glob('/etc/*')",
    "from sniff_csv('/etc/passwd')",
    `from read_csv(${literal(inside('secret.csv'))})`,
    `from read_csv(${literal(inside('*.csv'))})`,
    `from read_csv(${literal(inside('scratch/../secret.csv'))})`,
    `copy (select 1) to ${literal(inside('other.csv'))}`,
    `attach ${literal(inside('x.db'))}`,
    `export database ${literal(inside('all'))}`,
    'install httpfs',
    'load httpfs',
    "install httpfs from 'http://127.0.0.1:9/'",
    "from read_csv('http://127.0.0.1:9/x.csv')",
    "from read_parquet('s3://bucket/x.parquet')",
    'set enable_external_access = true',
    "set allowed_directories = ['/']",
    "set memory_limit = '10GB'",
    "set temp_directory = '/tmp'",
    'set lock_configuration = false',
    'reset memory_limit',
    'create persistent secret s (type http)',
  ];
  for (const sql of forbidden) await assert.rejects(db.run(sql), Error, sql);
  assert.deepEqual((await readdir(folder)).toSorted(), ['in.csv', 'out.parquet', 'scratch', 'secret.csv']);
});

test('FR-003: names and texts of any kind are quoted', async () => {
  const names = [
    'a"b',
    "c'd",
    'line\nbreak',
    '한글 😀',
    '"; drop table t; --',
    'x'.repeat(5000),
    ' ',
    '%s',
    '\\',
    '$1',
  ];
  await db.run(`create or replace table t (${names.map((name) => `${ident(name)} varchar`).join(', ')})`);
  await db.run(`insert into t values (${names.map(literal).join(', ')})`);
  assert.deepEqual(await db.one('from t'), Object.fromEntries(names.map((name) => [name, name])));
  assert.deepEqual(await db.one('select $1 as a, $2 as b, $3 as c, $4 as d', ["'; --", 1.5, null, true]), {
    a: "'; --",
    b: 1.5,
    c: null,
    d: true,
  });
  assert.throws(() => parquet('/data/*.parquet'), /must not hold/);
});

test('FR-003: values come as what they are, and nothing is rounded', async () => {
  const row = await db.one(`select 9007199254740991 as safe, 9007199254740993 as big,
    -170141183460469231731687303715884105727 as huge, 1.10::decimal(9, 2) as price, date '2024-02-29' as day,
    timestamp '2024-02-29 10:00:00.5' as at, [1, null] as list, {'constructor': 1, 'b': [true]} as struct, map {'k': 2} as map,
    map {1: 2} as other, 'ab'::blob as bytes, '{"a": 1}'::json as json, null as none`);
  assert.deepEqual(row, {
    safe: 9007199254740991,
    big: 9007199254740993n,
    huge: -170141183460469231731687303715884105727n,
    price: '1.10',
    day: '2024-02-29',
    at: '2024-02-29 10:00:00.5',
    list: [1, null],
    struct: { constructor: 1, b: [true] },
    map: { k: 2 },
    other: [{ key: 1, value: 2 }],
    bytes: 'YWI=',
    json: '{"a": 1}',
    none: null,
  });
});

test('FR-003: a stream gives texts of any length and place as they are, chunk by chunk', async () => {
  // Short and long ones, missing ones, the same ones, and such as do not lie behind one another.
  const select = `select i, case when i % 7 = 0 then null when i % 3 = 0 then 'short' || i else repeat('길', i % 300) || i end as text,
    case when i % 2 = 0 then 'one text that is the same' else 'another text that is the same' end as few
    from range(10000) t(i) order by i * 7919 % 10007`;
  const expected = await db.all<{ i: number; text: string | null; few: string }>(select);
  const read: unknown[] = [];
  for await (const chunk of db.stream(select)) {
    const [numbers, texts, few] = [chunk.column(0), chunk.strings(1), chunk.column(2)];
    for (let row = 0; row < chunk.rows; row++) read.push({ i: numbers[row], text: texts[row], few: few[row] });
    // Other statements may run meanwhile.
    assert.deepEqual(await db.one('select 1 as a'), { a: 1 });
  }
  assert.deepEqual(read, expected);
  for await (const chunk of db.stream('select 1::integer as a')) assert.throws(() => chunk.strings(0), /is no text/);
});

test('FR-003: a long stream does not pile up in memory', async () => {
  const start = process.memoryUsage.rss();
  let letters = 0;
  let peak = 0;
  for await (const chunk of db.stream("select repeat('some text ', 100) || i as text from range(400000) t(i)")) {
    for (const text of chunk.strings(0)) letters += text!.length;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  assert.ok(letters > 400_000_000);
  assert.ok(peak - start < 250 * 1024 ** 2, `${Math.round((peak - start) / 1024 ** 2)} MiB more`);
});

test('FR-003: beyond its memory it fails as that, and errors hold no values of the data', async () => {
  const small = await openDuckDb({ memoryMb: 64, read: [], write: [], scratch: null });
  await assert.rejects(
    small.run("select count(distinct x) from (select repeat('x', 100) || i as x from range(3000000) t(i))"),
    (error) => isFailure(error, 'worker_memory'),
  );
  small.close();
  await assert.rejects(db.run("select 'a secret value'::integer"), (error: Error) => !error.message.includes('secret'));
  assert.equal(
    withoutValues("Error: Could not convert string 'x''y' to \"INT\"\nLINE 1: secret"),
    'Error: Could not convert string … to …',
  );
});
