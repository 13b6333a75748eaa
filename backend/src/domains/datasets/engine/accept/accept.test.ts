import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { DatasetIssue } from '@llm-ops/contracts';
import type { AcceptOutput } from '../tasks.ts';
import { createBench, limits, type Bench } from './accept.fixture.ts';
import { writeRecord } from './csv/record.ts';

let bench: Bench;
before(async () => {
  bench = await createBench();
});
after(() => bench.close());

async function refused(output: Promise<AcceptOutput>, expected: Partial<DatasetIssue>[], count = expected.length) {
  const { facts, issues, issueCount } = await output;
  assert.equal(facts, null);
  assert.equal(issueCount, count);
  for (const [at, issue] of expected.entries()) assert.partialDeepStrictEqual(issues[at], issue);
  for (const { reason, fix } of issues) assert.ok(reason.length > 10 && fix.length > 10);
  assert.deepEqual(await bench.left(), [], 'something stayed at the target');
  return issues;
}

async function taken(output: Promise<AcceptOutput>) {
  const { facts, issues } = await output;
  assert.ok(facts, JSON.stringify(issues));
  return { facts, rows: await bench.rows() };
}

test('FR-003a: a CSV is taken as it is written: codes, spaces, quotes and line breaks in it', async () => {
  const csv = 'code,text,n\n007,"a, ""b""\nc",1\n 08 ,,-2\n"",x,3\n';
  const { facts, rows } = await taken(bench.accept('a.csv', csv));
  assert.deepEqual(rows, [
    { code: '007', text: 'a, "b"\nc', n: '1', __row: 0 },
    { code: ' 08 ', text: null, n: '-2', __row: 1 },
    { code: '', text: 'x', n: '3', __row: 2 },
  ]);
  assert.deepEqual(facts, {
    format: 'csv',
    encoding: 'utf-8',
    bom: false,
    compression: null,
    dialect: { delimiter: ',', quote: '"', newline: 'lf' },
    rows: 3,
    bad_rows: 0,
    columns: [
      { name: 'code', type: 'string', nullable: false },
      { name: 'text', type: 'string', nullable: true },
      { name: 'n', type: 'integer', nullable: false },
    ],
    notes: [],
    said: {},
  });
});

test('FR-003a: the types of a CSV are those that all its values have', async () => {
  const csv =
    'i,d,b,day,time,zip,mixed,none\n1,1.5,true,2024-01-01,2024-01-01 10:00:00,01234,1,\n-20,-2e3,FALSE,2024-12-31,2024-12-31T23:59:59,99999,x,\n,,,,,,,\n';
  const { facts } = await taken(bench.accept('a.csv', csv));
  assert.deepEqual(
    facts.columns.map(({ name, type }) => `${name} ${type}`),
    ['i integer', 'd number', 'b boolean', 'day date', 'time datetime', 'zip string', 'mixed string', 'none string'],
  );
});

test('FR-003a: ragged rows are told by line, with what is missing or too much', async () => {
  const issues = await refused(bench.accept('a.csv', 'a,b,c\n1,2,3\n1,2\n"x\ny",2,3\n1,2,3,4\n1,2,3\n'), [
    { file: 'a.csv', line: 3, column: 'c', reason: 'The row has 2 fields where there are 3 columns.' },
    { line: 6, column: null, reason: 'The row has 4 fields where there are 3 columns.' },
  ]);
  assert.match(issues[1]!.fix, /in quotes/);
  const { facts, rows } = await taken(
    bench.accept('a.csv', 'a,b,c\n1,2,3\n1,2\n"x\ny",2,3\n1,2,3,4\n\n5,6,7\n', { badRows: 'skip' }),
  );
  assert.deepEqual([facts.rows, facts.bad_rows], [3, 2]);
  assert.deepEqual(
    rows.map(({ a, __row }) => [a, __row]),
    [
      ['1', 0],
      ['x\ny', 1],
      ['5', 2],
    ],
  );
  assert.deepEqual(facts.notes, ['1 blank line left out.', '2 rows left out because they could not be read.']);
  assert.deepEqual(facts.said, {
    'notes.0': { code: 'note.blank_lines.text', values: { lines: 1 } },
    'notes.1': { code: 'note.bad_rows.text', values: { rows: 2 } },
  });
});

test('FR-003a: bad rows are counted exactly, whatever is wrong with them and however many', async () => {
  const lines = Array.from({ length: 5_000 }, (_, at) => (at % 3 === 0 ? '1' : at % 3 === 1 ? '1,2,3' : '"a"b,2'));
  const good = Array.from({ length: 777 }, (_, at) => `${at},ok`);
  const csv = ['a,b', ...lines, ...good].join('\n');
  await refused(bench.accept('a.csv', csv), [{ line: 2 }, { line: 3 }, { line: 4 }], 5_000);
  const { facts } = await taken(bench.accept('a.csv', csv, { badRows: 'skip' }));
  assert.deepEqual([facts.rows, facts.bad_rows], [777, 5_000]);
  await refused(bench.accept('a.csv', 'a,b\n1\n2\n', { badRows: 'skip' }), [{ line: 2 }, { line: 3 }]);
});

test('FR-003a: names of columns must be there, differ, and be few enough', async () => {
  await refused(bench.accept('a.csv', 'a,b,a,,A\n1,2,3,4,5\n'), [
    { line: 1, column: 'a', reason: 'Columns 1 and 3 have the same name.' },
    { line: 1, column: null, reason: 'Column 4 has no name.' },
    { line: 1, column: 'A', reason: 'Columns 1 and 5 have names that differ in case only.' },
  ]);
  await refused(bench.accept('a.csv', 'a,__ROW\n1,2\n'), [{ column: '__ROW' }]);
  await refused(bench.accept('a.csv', 'a,b,c\n1,2,3\n', { limits: { ...limits, columns: 2 } }), [
    { reason: 'There are 3 columns; at most 2 are taken.' },
  ]);
  const { rows } = await taken(bench.accept('a.csv', '"a ""q"" \n\'x\'",--\'); drop\n1,2\n'));
  assert.deepEqual(Object.keys(rows[0]!), ['a "q" \n\'x\'', "--'); drop", '__row']);
});

test('FR-003a: without a header columns are numbered, and that is said', async () => {
  const { facts, rows } = await taken(bench.accept('a.csv', '1,x\n2,y\n'));
  assert.deepEqual(rows[0], { column_1: '1', column_2: 'x', __row: 0 });
  assert.match(facts.notes[0]!, /first line holds data/);
});

test('FR-003a: other dialects and ends of lines are read, and named', async () => {
  const table = [
    { a: '1,5', b: 'x', __row: 0 },
    { a: '2', b: 'say "hi"', __row: 1 },
  ];
  for (const [csv, delimiter, quote, newline] of [
    ['a;b\r\n1,5;x\r\n2;"say ""hi"""\r\n', ';', '"', 'crlf'],
    ['a\tb\n1,5\tx\n2\tsay "hi"\n', '\t', '"', 'lf'],
    ['a|b\r1,5|x\r2|"say ""hi"""', '|', '"', 'cr'],
    ['a;b\n1,5;x\r\n2;"say ""hi"""\n', ';', '"', 'mixed'],
    ['a,b\n"1,5",x\n2,"say \\"hi\\""\n', ',', '"', 'lf'],
  ] as const) {
    const { facts, rows } = await taken(bench.accept('a.csv', csv));
    assert.deepEqual(rows, table, csv);
    assert.deepEqual(facts.dialect, { delimiter, quote, newline });
  }
});

test('FR-003a: a quote that is never closed, text behind one, and NUL bytes are told by line', async () => {
  await refused(bench.accept('a.csv', 'a,b\n1,2\n3,"x\n4,5\n', { badRows: 'skip' }), [
    { line: 3, reason: 'A quote that is opened here is never closed.' },
  ]);
  await refused(bench.accept('a.csv', 'a,b\n1,"x" y\n'), [
    { line: 2, reason: 'There is text behind a closing quote.' },
  ]);
  await refused(bench.accept('a.csv', 'a,b\n1,2\n3,x\0y\n'), [
    { line: 3, reason: 'There is a NUL byte at byte 4 of the row.' },
  ]);
  await refused(bench.accept('a.csv', `a,b\n1,"${'x'.repeat(2000)}"\n`, { limits: { ...limits, line: 1000 } }), [
    { line: 2, reason: 'The row that begins here is longer than 1 kB.' },
  ]);
});

test('FR-003a: encodings are detected, named and read', async () => {
  const csv = 'name,text\n서울,안녕하세요 데이터\n부산,또 만나요\n';
  const utf16 = Buffer.from(csv, 'utf16le');
  const be = Buffer.from(utf16).swap16();
  const cp949 = Buffer.from([
    ...Buffer.from('name,text\n'),
    0xbc,
    0xad,
    0xbf,
    0xef,
    0x2c,
    0xbe,
    0xc8,
    0xb3,
    0xe7,
    0xc7,
    0xcf,
    0xbc,
    0xbc,
    0xbf,
    0xe4,
    0x20,
    0xb5,
    0xa5,
    0xc0,
    0xcc,
    0xc5,
    0xcd,
    0x0a,
  ]);
  const latin = Buffer.from('name,text\nMünchen,Grüße aus dem schönen Süden an alle\n', 'latin1');
  const cases: [Buffer, string, boolean, string][] = [
    [Buffer.from(csv), 'utf-8', false, '안녕하세요 데이터'],
    [Buffer.from(`\uFEFF${csv}`), 'utf-8', true, '안녕하세요 데이터'],
    [Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]), 'utf-16le', true, '안녕하세요 데이터'],
    [Buffer.concat([Buffer.from([0xfe, 0xff]), be]), 'utf-16be', true, '안녕하세요 데이터'],
    [utf16, 'utf-16le', false, '안녕하세요 데이터'],
    [be, 'utf-16be', false, '안녕하세요 데이터'],
    [cp949, 'cp949', false, '안녕하세요 데이터'],
    [latin, 'latin-1', false, 'Grüße aus dem schönen Süden an alle'],
    [
      Buffer.concat([latin, Buffer.from([0x78, 0x2c, 0x93, 0x78, 0x94, 0x0a])]),
      'windows-1252',
      false,
      'Grüße aus dem schönen Süden an alle',
    ],
  ];
  for (const [content, encoding, bom, text] of cases) {
    const { facts, rows } = await taken(bench.accept('a.csv', content));
    assert.deepEqual([facts.encoding, facts.bom, rows[0]!['text']], [encoding, bom, text]);
  }
  const lines = Buffer.from('\uFEFF{"text":"안녕"}\n{"text":"x"}\n');
  assert.equal((await taken(bench.accept('a.jsonl', lines))).rows[0]!['text'], '안녕');
});

test('FR-003a: bytes that are not of the encoding are told by line, and other encodings refused', async () => {
  const broken = Buffer.concat([
    Buffer.from('a,b\n한글,데이터\n모델,'),
    Buffer.from([0xff]),
    Buffer.from('x\n학습,평가\n'),
  ]);
  await refused(bench.accept('a.csv', broken), [{ line: 3, reason: 'Byte 8 of the row (0xff) is not UTF-8.' }]);
  const { facts } = await taken(bench.accept('a.csv', broken, { badRows: 'skip' }));
  assert.deepEqual([facts.rows, facts.bad_rows, facts.encoding], [2, 1, 'utf-8']);
  await refused(bench.accept('a.csv', Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0])), [
    { reason: 'The file is in UTF-32.' },
  ]);
  const cyrillic = Buffer.from([
    0x61,
    0x2c,
    0x62,
    0x0a,
    ...Array.from({ length: 40 }, (_, at) => 0xe0 + (at % 31)),
    0x2c,
    0xd0,
    0x0a,
  ]);
  await refused(bench.accept('a.csv', cyrillic), [
    { reason: 'The text is not UTF-8 (first at byte 5), and neither UTF-16, CP949 nor Latin-1.' },
  ]);
});

test('FR-003a: content must agree with the name', async () => {
  const gz = gzipSync('a,b\n1,2\n');
  assert.equal((await taken(bench.accept('dir/a.CSV.gz', gz))).facts.compression, 'gzip');
  const two = Buffer.concat([gz, gzipSync('3,4\n')]);
  assert.equal((await taken(bench.accept('a.csv.gz', two))).facts.rows, 2);
  const cases: [string, string | Uint8Array, RegExp][] = [
    ['a.txt', 'x', /not taken/],
    ['a.tsv', 'x', /not taken/],
    ['a.parquet.gz', gz, /not taken/],
    ['a.csv', '', /empty/],
    ['a.csv', '\n\n', /empty/],
    ['a.csv', 'a,b\n', /no rows/],
    ['a.jsonl', '\n', /no rows/],
    ['a.csv', gz, /gzip, which the name/],
    ['a.csv.gz', 'a,b\n1,2\n', /not compressed/],
    ['a.csv.gz', gz.subarray(0, 15), /ends too early/],
    ['a.csv.gz', Buffer.concat([gz.subarray(0, 12), Buffer.from([1, 2, 3]), gz.subarray(15)]), /damaged/],
    ['a.csv', 'PK\u0003\u0004', /Excel/],
    ['a.csv', 'PAR1x', /Parquet/],
    ['a.csv', '{"a": 1}\n{"a": 2}\n', /JSON, not CSV/],
    ['a.parquet', 'a,b\n', /PAR1/],
    ['a.jsonl', '[{"a":1},\n{"a":2}]\n', /list, not an object|in one line|object/],
  ];
  for (const [name, content, reason] of cases) {
    const [issue] = await refused(
      bench.accept(name, content),
      [{ file: name }],
      name === 'a.jsonl' && String(content).startsWith('[') ? 2 : 1,
    );
    assert.match(issue!.reason, reason);
  }
  await refused(
    bench.accept('a.csv.gz', gzipSync(Buffer.alloc(1 << 20, 'a')), { limits: { ...limits, expanded: 1000 } }),
    [{ reason: 'The file is larger than 1 kB when it is decompressed.' }],
  );
});

test('FR-003a: JSON lines keep exact integers, nested values and the types of their columns', async () => {
  const lines = [
    '{"id":9007199254740993,"huge":123456789012345678901234567890,"n":1.5,"ok":true,"tags":["a",1],"o":{"k":{"z":12345678901234567890}},"mix":1,"s":"x\\u0000\\n\\ud83d\\ude00","some":null}',
    '{"id":-1,"huge":2,"n":2,"ok":false,"tags":[],"o":{},"mix":"x","s":"","some":5}',
    ' {"id":0,"huge":3,"n":3,"ok":null,"mix":null,"s":"007" } \r',
  ];
  const { facts, rows } = await taken(bench.accept('a.jsonl', `${lines.join('\n')}\n`));
  assert.deepEqual(rows, [
    {
      id: 9007199254740993n,
      huge: '123456789012345678901234567890',
      n: 1.5,
      ok: true,
      tags: '["a",1]',
      o: '{"k":{"z":12345678901234567890}}',
      mix: '1',
      s: 'x\u0000\n😀',
      some: null,
      __row: 0,
    },
    { id: -1, huge: '2', n: 2, ok: false, tags: '[]', o: '{}', mix: '"x"', s: '', some: 5, __row: 1 },
    { id: 0, huge: '3', n: 3, ok: null, tags: null, o: null, mix: null, s: '007', some: null, __row: 2 },
  ]);
  assert.deepEqual(
    facts.columns.map(({ name, type, nullable }) => `${name} ${type}${nullable ? '?' : ''}`),
    [
      'id integer',
      'huge integer',
      'n number',
      'ok boolean?',
      'tags list?',
      'o object?',
      'mix mixed?',
      's string',
      'some integer?',
    ],
  );
});

test('FR-003a: broken JSON lines are told by line, column and reason, and left out when that is asked', async () => {
  const lines = ['{"a":1}', '{"a":2', '', '{"a":1,"a":2}', '"x"', '{"a":"\\ud83d"}', '{"a":3}'];
  const issues = await refused(bench.accept('a.ndjson', lines.join('\n')), [
    { line: 2 },
    { line: 4 },
    { line: 5 },
    { line: 6 },
  ]);
  assert.deepEqual(
    issues.map(({ reason }) => reason),
    [
      'The object is not closed. (character 7)',
      'The key "a" is there twice. (character 9)',
      'The line is a value, not an object. (character 1)',
      'Half of a pair of \\u escapes stands alone. (character 13)',
    ],
  );
  const { facts, rows } = await taken(bench.accept('a.ndjson', lines.join('\n'), { badRows: 'skip' }));
  assert.deepEqual([facts.rows, facts.bad_rows, rows.map(({ a }) => a)], [2, 4, [1, 3]]);
  await refused(bench.accept('a.jsonl', '{"a":1,"b":2,"c":3}\n', { limits: { ...limits, columns: 2 } }), [
    { reason: 'There are more than 2 different keys up to here.' },
  ]);
});

test('FR-003a: the columns that a type needs are asked for, with their other names', async () => {
  const [issue] = await refused(bench.accept('a.csv', 'prompt,reply\nx,y\n', { type: 'sft_pair' }), [
    { line: 1, column: 'completion' },
  ]);
  assert.match(issue!.reason, /prompt \+ completion/);
  assert.match(issue!.fix, /completion: response, answer/);
  await refused(bench.accept('a.jsonl', '{"question":"x"}\n', { type: 'rag_qa' }), [{ column: 'contexts' }]);
  await taken(bench.accept('a.csv', 'Prompt,Response\nx,y\n', { type: 'sft_pair' }));
  await taken(bench.accept('a.jsonl', '{"messages":[{"role":"user","content":"x"}]}\n', { type: 'sft_pair' }));
});

test('FR-003a: what is written by the rules comes out as it was, through DuckDB too', async () => {
  const cell = fc.string({
    unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', '한', ';', "'", '\\', '#', '\t', '0', 'NULL'),
    maxLength: 8,
  });
  const table = fc
    .integer({ min: 1, max: 6 })
    .chain((width) =>
      fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 20, maxLength: 100 }),
    );
  await fc.assert(
    fc.asyncProperty(
      table,
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom(',', ';', '\t'),
      async (rows, newline, delimiter) => {
        const names = rows[0]!.map((_, at) => `c${at}`);
        const quoted = names.map(() => true);
        const csv = [names, ...rows].map((fields) => writeRecord({ fields, quoted }, delimiter)).join(newline);
        const { rows: read } = await taken(bench.accept('a.csv', csv));
        assert.deepEqual(
          read.map((row) => names.map((name) => row[name])),
          rows,
        );
      },
    ),
    { numRuns: 15, seed: 5 },
  );
});

test('FR-003a: JSON lines come out with the values that were written', async () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.dictionary(fc.constantFrom('a', 'b c', 'd"e', '한글'), value), { minLength: 20, maxLength: 60 }),
      async (rows) => {
        const lines = rows.map((row) => JSON.stringify(row));
        if (lines.some((line) => /\\ud[89a-f]/i.test(line)) || lines.every((line) => line === '{}')) return;
        const { facts, rows: read } = await taken(bench.accept('a.jsonl', lines.join('\n')));
        const json = new Set(
          facts.columns.filter(({ type }) => ['list', 'object', 'mixed'].includes(type)).map(({ name }) => name),
        );
        for (const [at, row] of rows.entries())
          for (const { name } of facts.columns) {
            const cell = read[at]![name] as string | null;
            const got = json.has(name) && cell !== null ? (JSON.parse(cell) as unknown) : cell;
            assert.equal(JSON.stringify(got ?? null), JSON.stringify(row[name] ?? null));
          }
      },
    ),
    { numRuns: 6, seed: 5 },
  );
});

test('FR-003a: garbage of any name is refused or taken, and never ends the work', async () => {
  const names = fc.constantFrom('a.csv', 'a.jsonl', 'a.parquet', 'a.csv.gz', 'a.jsonl.gz');
  const head = fc.constantFrom('', 'PAR1', '\u001f\u008b\u0008\u0000', 'a,b\n', '{"a":1}\n', '\u00ff\u00fe', '"');
  await fc.assert(
    fc.asyncProperty(
      names,
      head,
      fc.uint8Array({ maxLength: 400 }),
      fc.constantFrom('refuse' as const, 'skip' as const),
      async (name, start, bytes, badRows) => {
        const content = Buffer.concat([
          Buffer.from(start, 'latin1'),
          bytes,
          Buffer.from(start === 'PAR1' ? 'PAR1' : ''),
        ]);
        const { facts, issues, issueCount } = await bench.accept(name, content, { badRows });
        if (facts === null) assert.ok(issueCount > 0 && issues.length > 0);
        assert.equal((await bench.left()).length, facts === null ? 0 : 1);
      },
    ),
    { numRuns: 150, seed: 11 },
  );
});
