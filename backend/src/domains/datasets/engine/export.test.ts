import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { DatasetFormat } from '@llm-ops/contracts';
import { createBench, type Bench } from './accept/accept.fixture.ts';
import { exportRows } from './export.ts';
import type { RowsFile } from './tasks.ts';

let bench: Bench;
before(async () => {
  bench = await createBench();
});
after(() => bench.close());

async function exported(files: RowsFile[], format: DatasetFormat, neutralise = true) {
  const target = path.join(bench.folder, `out.${format}`);
  await rm(target, { force: true });
  const output = await exportRows(
    { files, format, target, neutralise, scratch: bench.folder },
    { memoryMb: 512, progress() {}, ask: () => Promise.reject(new Error('nobody is asked')) },
  );
  const content = await readFile(target);
  assert.equal(output.size, content.length);
  return { ...output, content, text: String(content) };
}

test('FR-003a: cells of a CSV that a spreadsheet would run are made harmless and counted; numbers stay', async () => {
  const csv = '=name,b\n"=cmd|\' /C calc\'!A0",x\n"+1,5",-2e3\n@sum,-x\n"\ttab","a,""b""\nc"\n-5,\n"",plain\n';
  const file = await bench.keep('a.csv', csv);
  const safe = await exported([file], 'csv');
  assert.equal(
    safe.text,
    `'=name,b\r\n'=cmd|' /C calc'!A0,x\r\n"+1,5",-2e3\r\n'@sum,'-x\r\n'\ttab,"a,""b""\nc"\r\n-5,\r\n"",plain\r\n`,
  );
  assert.equal(safe.neutralised, 5);
  const raw = await exported([file], 'csv', false);
  assert.equal(raw.neutralised, 0);
  assert.match(raw.text, /^=name,b\r\n=cmd/);
});

test('FR-003a: JSON lines come out as they went in, integers exact and nothing neutralised', async () => {
  const lines = [
    '{"id":9007199254740993,"huge":123456789012345678901234567890,"n":1.5,"ok":true,"tags":["a",12345678901234567890],"s":"=x\\n\\"한\\"\\u0001"}',
    '{"id":-1,"huge":1,"n":2.0,"ok":false,"tags":{"a":{"b":[]}},"s":""}',
    '{"id":2,"huge":2,"n":null,"ok":null,"tags":"text","s":"x"}',
  ];
  const { text, rows, neutralised } = await exported([await bench.keep('a.jsonl', lines.join('\n'))], 'jsonl');
  assert.equal(text, `${lines.join('\n')}\n`);
  assert.deepEqual([rows, neutralised], [3, 0]);
});

test('FR-003a: several files become one, and what one lacks is null there', async () => {
  const files = [
    await bench.keep('a.csv', 'id,a\n1,x\n2,y\n'),
    await bench.keep('b.jsonl', '{"id":3,"b":[1]}\n{"id":4,"b":null}\n'),
  ];
  assert.equal(
    (await exported(files, 'jsonl')).text,
    '{"id":"1","a":"x","b":null}\n{"id":"2","a":"y","b":null}\n{"id":3,"a":null,"b":[1]}\n{"id":4,"a":null,"b":null}\n',
  );
  assert.equal((await exported(files, 'csv')).text, 'id,a,b\r\n1,x,\r\n2,y,\r\n3,,[1]\r\n4,,\r\n');
  const { content, rows } = await exported(files, 'parquet');
  assert.equal(rows, 4);
  await bench.accept('c.parquet', content);
  assert.deepEqual(await bench.rows(), [
    { id: '1', a: 'x', b: null, __row: 0 },
    { id: '2', a: 'y', b: null, __row: 1 },
    { id: '3', a: null, b: '[1]', __row: 2 },
    { id: '4', a: null, b: null, __row: 3 },
  ]);
});

test('FR-003a: a file that is taken, exported and taken again holds the same', async () => {
  const file = await bench.keep('a.csv', 'a,b\n"x, ""y""\nz",\n"",007\n=1,-1\n');
  for (const format of ['csv', 'jsonl', 'parquet'] as const) {
    const { content } = await exported([file], format, false);
    await bench.accept(`again.${format}`, content);
    assert.deepEqual(await bench.rows(), [
      { a: 'x, "y"\nz', b: null, __row: 0 },
      { a: '', b: '007', __row: 1 },
      { a: '=1', b: '-1', __row: 2 },
    ]);
  }
});

test('FR-003a: a table of thousands of columns goes out whole in every format', async () => {
  const names = Array.from({ length: 2_500 }, (_, at) => `c${at}`);
  const lines = [0, 1, 2].map((row) =>
    JSON.stringify(
      Object.fromEntries(names.map((name, at) => [name, at % 5 === row ? null : at % 2 === 0 ? `=${at}"` : at])),
    ),
  );
  const file = await bench.keep('wide.jsonl', lines.join('\n'));
  assert.equal((await exported([file], 'jsonl')).text, `${lines.join('\n')}\n`);
  const csv = await exported([file], 'csv');
  assert.equal(csv.neutralised, 1250 * 3 - 750);
  await bench.accept('a.csv', csv.content);
  const [first] = await bench.rows();
  assert.deepEqual([first!['c0'], first!['c1'], first!['c2'], first!['c2499']], [null, '1', `'=2"`, '2499']);
  await bench.accept('a.parquet', (await exported([file], 'parquet')).content);
  const { __row, ...second } = (await bench.rows())[1]!;
  assert.equal(__row, 1);
  assert.deepEqual(second, JSON.parse(lines[1]!));
});

test('FR-003a: columns whose names differ in case in two files are one', async () => {
  const files = [await bench.keep('a.csv', 'Id\n1\n'), await bench.keep('b.csv', 'ID\n2\n')];
  assert.equal((await exported(files, 'jsonl')).text, '{"Id":"1"}\n{"Id":"2"}\n');
  assert.equal((await exported(files, 'csv')).text, 'Id\r\n1\r\n2\r\n');
  await bench.accept('a.parquet', (await exported(files, 'parquet')).content);
  assert.deepEqual(
    (await bench.rows()).map(({ Id }) => Id),
    ['1', '2'],
  );
});

test('FR-003a: nested Parquet goes out as JSON, and NaN as null', async () => {
  const source = await bench.parquet(
    'n.parquet',
    `select {'a': [1.5, 'nan'::double], 'NaN': 'Infinity'} as s, 'inf'::double as d, [date '2024-01-01'] as l,
       'ab'::blob as bytes, 1.10::decimal(9, 2) as price`,
  );
  const file = await bench.keep('n.parquet', await readFile(source));
  assert.equal(
    (await exported([file], 'jsonl')).text,
    '{"s":{"a":[1.5,null],"NaN":"Infinity"},"d":null,"l":["2024-01-01"],"bytes":"YWI=","price":1.1}\n',
  );
  const [, row] = (await exported([file], 'csv')).text.split('\r\n');
  assert.equal(row, '"{""a"":[1.5,null],""NaN"":""Infinity""}",inf,"[""2024-01-01""]",YWI=,1.10');
});
