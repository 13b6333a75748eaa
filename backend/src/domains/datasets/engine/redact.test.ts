import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { ColumnType, DatasetFormat, RedactionMethod } from '@llm-ops/contracts';
import { isFailure } from '#platform/errors';
import type { TaskContext } from '#platform/workers';
import { createPiiScanner, fingerprintOf } from '../pii/index.ts';
import { labelledSet } from '../pii/labelled/index.ts';
import { accept } from './accept/index.ts';
import { literal } from './duckdb.ts';
import { redact } from './redact.ts';
import { createRows, type Rows } from './rows.fixture.ts';
import { scan } from './scan.ts';
import type { PiiOptions, RowsFile } from './tasks.ts';

let rows: Rows;
before(async () => (rows = await createRows()));
after(() => rows.close());

const key = '5a'.repeat(32);
const scanner = createPiiScanner({ types: null, rules: [] });
let made = 0;

const context = (ask: TaskContext['ask'] = () => Promise.reject(new Error('nobody'))): TaskContext => ({
  progress: () => {},
  ask,
  memoryMb: 512,
});

interface Options {
  method?: RedactionMethod;
  methods?: Record<string, RedactionMethod>;
  pii?: Partial<PiiOptions>;
  ask?: TaskContext['ask'];
}

async function redactedFile(
  file: RowsFile,
  format: DatasetFormat,
  { method = 'mask', methods = {}, pii, ask }: Options,
) {
  const folder = path.join(rows.folder, `redact-${made++}`);
  const scratch = path.join(folder, 'scratch');
  await mkdir(scratch, { recursive: true });
  const target = path.join(folder, `out.${format}`);
  const options = { types: null, rules: [], key, triaged: {}, ner: false, ...pii };
  const given = { files: [file], targets: [target], formats: [format], pii: options, method, methods, scratch };
  return { output: await redact(given, context(ask)), folder, scratch, target };
}

/** Redacts a file of rows, and takes the result in as a person's upload would be. */
async function redacted(file: RowsFile, format: DatasetFormat, options: Options = {}) {
  const { output, folder, scratch, target } = await redactedFile(file, format, options);
  const again = path.join(folder, 'rows.parquet');
  const limits = { columns: 30_000, line: 2 ** 28, expanded: 2 ** 30 };
  const { facts, issues } = await accept(
    { file: { path: `out.${format}`, local: target }, target: again, scratch, type: null, badRows: 'refuse', limits },
    context(),
  );
  assert.ok(facts !== null, JSON.stringify(issues));
  const taken: RowsFile = { path: 'out', local: again, rows: facts.rows, columns: facts.columns };
  return { output, target, taken };
}

/** All rows as text, and as JSON values where that is asked. */
async function read(file: RowsFile): Promise<Record<string, unknown>[]> {
  const db = await rows.open([file]);
  return db.all(`select * from read_parquet(${literal(file.local)}) order by __row`);
}

/** Everything personal that is left. */
async function left(file: RowsFile): Promise<string[]> {
  const found: string[] = [];
  for (const row of await read(file)) {
    for (const [name, cell] of Object.entries(row)) {
      if (name === '__row' || cell === null) continue;
      const json = file.columns.some((column) => column.name === name && /list|object|mixed/.test(column.type));
      const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
      (json ? scanner.scanJson : scanner.scan)(
        [text],
        (_, { type, start, end }) => found.push(`${type} ${text.slice(start, end)}`),
        name,
      );
    }
  }
  return found;
}

const texts = labelledSet(5, 400).map(({ text }) => text);
const inOrder = (list: readonly string[]): string => `[${list.map(literal).join(', ')}]`;
/** The labelled texts as a column of text, one of JSON, and columns that have nothing to hide. */
async function labelledFile(): Promise<RowsFile> {
  const chats = texts.map((text) =>
    JSON.stringify([
      { role: 'user', content: text },
      { role: 'assistant', content: 'Ja.' },
    ]),
  );
  const select = `select i as id, i * 1.5 as score, ${inOrder(texts)}[i + 1] as note, ${inOrder(chats)}[i + 1]::json as chat, i % 3 = 0 as odd from range(${texts.length}) t(i)`;
  return rows.make(`labelled${made++}`, select, {
    id: 'integer',
    score: 'number',
    note: 'string',
    chat: 'list',
    odd: 'boolean',
  });
}

for (const format of ['jsonl', 'parquet'] as const) {
  for (const method of ['mask', 'hash', 'pseudonym'] as const) {
    test(`FR-003c: ${format} redacted by ${method} has nothing personal left, and everything else as it was`, async () => {
      const file = await labelledFile();
      const { output, taken } = await redacted(file, format, { method });
      assert.equal(taken.rows, texts.length);
      assert.deepEqual(
        taken.columns.map(({ name, type }) => [name, type]),
        file.columns.map(({ name, type }) => [name, format === 'parquet' && type === 'list' ? 'mixed' : type]),
      );
      assert.deepEqual(await left(taken), []);
      const [was, is] = [await read(file), await read(taken)];
      let kept = 0;
      for (const [at, row] of is.entries()) {
        assert.equal(row['id'], was[at]!['id']);
        assert.equal(Number(row['score']), Number(was[at]!['score']));
        assert.equal(row['odd'], was[at]!['odd']);
        if (row['note'] === was[at]!['note']) kept++;
        const chat = JSON.parse(String(row['chat']));
        assert.equal(chat[0].content, row['note']);
        assert.equal(chat[1].content, 'Ja.');
      }
      assert.ok(kept > 100 && kept < 300, `${kept} rows had nothing`);
      assert.ok(
        output.rows === texts.length && output.replaced.some(({ type, count }) => type === 'phone' && count > 20),
      );
    });
  }
}

test('FR-003c: a CSV stays a CSV: quotes, line breaks, empty and missing cells, leading zeros', async () => {
  const select = `select * from (values ('007', 'say "hi" to a@b.kr, now', 'x' || chr(10) || 'y'), ('', null, '010-1234-5678'), (null, null, null)) t(code, note, more)`;
  const file = await rows.make('table', select, { code: 'string', note: 'string', more: 'string' });
  const { target } = await redacted(file, 'csv');
  assert.equal(
    await readFile(target, 'utf8'),
    'code,note,more\r\n007,"say ""hi"" to [EMAIL], now","x\ny"\r\n"",,[PHONE]\r\n,,\r\n',
  );
  const single = await rows.make('single', `select * from (values ('a@b.kr'), (null), ('x')) t(a)`, { a: 'string' });
  const { taken } = await redacted(single, 'csv');
  assert.deepEqual(
    (await read(taken)).map(({ a }) => a || null),
    ['[EMAIL]', null, 'x'],
  );
});

test('FR-003c: a whole number that is a personal one becomes text, the others of its column stay', async () => {
  const select = `select * from (values (4111111111111111, 1), (12, 2), (null, 3)) t(card, n)`;
  const file = await rows.make('numbers', select, { card: 'integer', n: 'integer' });
  const { target, taken } = await redacted(file, 'jsonl');
  assert.equal(
    await readFile(target, 'utf8'),
    '{"card":"[CREDIT_CARD]","n":1}\n{"card":12,"n":2}\n{"card":null,"n":3}\n',
  );
  assert.deepEqual(
    taken.columns.map(({ type }) => type),
    ['mixed', 'integer'],
  );
  const parquet = await redacted(file, 'parquet');
  assert.deepEqual(
    (await read(parquet.taken)).map(({ card, n }) => [card, n]),
    [
      ['[CREDIT_CARD]', 1],
      ['12', 2],
      [null, 3],
    ],
  );
});

test('FR-003c: numbers of people among fractions go, measurements stay as they are', async () => {
  const select = `select * from (values
    (4111111111111111::double, 0.5::double, 1012345678::double, {'card': 4111111111111111::double, 'kg': 71.5::double}, 1.50::decimal(18, 2)),
    (12.25, 4111111111111111.5, 2.0, {'card': 7.0, 'kg': 80.0}, 4111111111111111.00),
    (null, 'nan'::double, 1e300, null, null)) t(card, measured, phone, more, price)`;
  const types = { card: 'number', measured: 'number', phone: 'number', more: 'object', price: 'number' } as const;
  const file = await rows.make('fractions', select, types);
  const { target, taken } = await redacted(file, 'jsonl');
  assert.equal(
    await readFile(target, 'utf8'),
    '{"card":"[CREDIT_CARD]","measured":0.5,"phone":"[PHONE]","more":{"card":"[CREDIT_CARD]","kg":71.5},"price":1.50}\n' +
      '{"card":12.25,"measured":4111111111111111.5,"phone":2.0,"more":{"card":7.0,"kg":80.0},"price":"[CREDIT_CARD]"}\n' +
      '{"card":null,"measured":null,"phone":1e300,"more":null,"price":null}\n',
  );
  assert.deepEqual(await left(taken), []);
  const csv = await redacted(file, 'csv');
  const [, first, second] = (await readFile(csv.target, 'utf8')).split('\r\n');
  assert.match(first!, /^\[CREDIT_CARD\],0\.5,\[PHONE\],/);
  assert.match(second!, /^12\.25,4111111111111111\.5,2\.0,.*,\[CREDIT_CARD\]$/);
  const parquet = await redacted(file, 'parquet');
  const [kept] = await read(parquet.taken);
  assert.deepEqual([kept!['card'], kept!['measured'], kept!['phone']], ['[CREDIT_CARD]', 0.5, '[PHONE]']);
});

test('FR-003c: lists and objects of Parquet keep their types where they can', async () => {
  const select = `select i as id, [{'role': 'user', 'content': if(i = 1, 'call 010-1234-5678', 'hi')}] as messages, {'card': if(i = 2, 4111111111111111, 5), 'at': timestamp '2024-01-02 03:04:05'} as detail,
    map(['k'], [if(i = 0, 'a@b.kr', 'v')]) as tags, 1.25::decimal(9, 2) as price, uuid() as code, '\\x00\\xff'::blob as raw from range(3) t(i)`;
  const types: Record<string, ColumnType> = {
    id: 'integer',
    messages: 'list',
    detail: 'object',
    tags: 'object',
    price: 'number',
    code: 'string',
    raw: 'binary',
  };
  const file = await rows.make('nested', select, types);
  const { taken } = await redacted(file, 'parquet');
  assert.deepEqual(await left(taken), []);
  const [was, is] = [await read(file), await read(taken)];
  assert.deepEqual(
    is.map(({ messages }) => messages),
    [[{ role: 'user', content: 'hi' }], [{ role: 'user', content: 'call [PHONE]' }], [{ role: 'user', content: 'hi' }]],
  );
  assert.deepEqual(
    is.map(({ tags }) => tags),
    [{ k: '[EMAIL]' }, { k: 'v' }, { k: 'v' }],
  );
  for (const name of ['id', 'price', 'code', 'raw'])
    assert.deepEqual(
      is.map((row) => row[name]),
      was.map((row) => row[name]),
      name,
    );
  // its number had to go, so its type no longer fits or the number is gone
  assert.doesNotMatch(JSON.stringify(is), /4111111111111111/);
});

test('FR-003c: what was judged false or accepted stays, real and open findings go, methods differ by type', async () => {
  const cells = ['info@corp.kr', 'ok@corp.kr', 'real@corp.kr', 'open@corp.kr', '010-1234-5678', 'EMP-123'];
  const file = await rows.make('triaged', `select unnest(${inOrder(cells)}) as v`, { v: 'string' });
  const triaged = {
    [fingerprintOf(key, 'email', cells[0]!)]: 'false_positive',
    [fingerprintOf(key, 'email', cells[1]!)]: 'accepted',
    [fingerprintOf(key, 'email', cells[2]!)]: 'real',
  } as const;
  const rules = [{ name: 'emp', pattern: 'EMP-[0-9]+', context: [], confidence: 0.8 }];
  const { taken, output } = await redacted(file, 'jsonl', {
    pii: { triaged, rules },
    methods: { phone: 'keep', 'custom:emp': 'hash' },
  });
  const values = (await read(taken)).map(({ v }) => String(v));
  assert.deepEqual(values.slice(0, 5), ['info@corp.kr', 'ok@corp.kr', '[EMAIL]', '[EMAIL]', '010-1234-5678']);
  assert.match(values[5]!, /^emp_[0-9a-f]{16}$/);
  assert.deepEqual(output.replaced, [
    { type: 'email', count: 2 },
    { type: 'custom:emp', count: 1 },
  ]);
});

test('FR-003c: names that a Presidio server finds go too, and without its answer nothing is made', async () => {
  const chat = JSON.stringify([{ name: 'user', content: 'Ask Anna Kim or a@b.kr' }]);
  const select = `select 'Anna Kim was here' as note, ${literal(chat)}::json as chat, 7 as n`;
  const file = await rows.make('names', select, { note: 'string', chat: 'list', n: 'integer' });
  const ask = async (what: string, payload: unknown): Promise<never> => {
    assert.equal(what, 'ner');
    const { texts: asked } = payload as { texts: string[] };
    const found = asked.flatMap((text, index) =>
      ['Anna Kim', 'user', 'name":"user'].flatMap((name) => {
        const start = text.indexOf(name);
        return start < 0 ? [] : [{ index, type: 'person', start, end: start + name.length, confidence: 0.8 }];
      }),
    );
    return found as never;
  };
  const { target } = await redacted(file, 'jsonl', { pii: { ner: true }, ask });
  assert.equal(
    await readFile(target, 'utf8'),
    '{"note":"[PERSON] was here","chat":[{"name":"[PERSON]","content":"Ask [PERSON] or [EMAIL]"}],"n":7}\n',
  );
  await assert.rejects(redacted(file, 'jsonl', { pii: { ner: true } }), (error) =>
    isFailure(error, 'dataset_engine_failed'),
  );
});

test('FR-003c: hundreds of columns are redacted some rows at a time', async () => {
  const at = Array.from({ length: 450 }, (_, column) => column);
  const columns = at.map(
    (column) => `(${column === 420 ? `'u' || i || '@corp.kr'` : `i + ${column}`})::varchar as c${column}`,
  );
  const types = Object.fromEntries(at.map((column) => [`c${column}`, 'string' as const]));
  const file = await rows.make('wide', `select ${columns.join(', ')} from range(900) t(i)`, types);
  const { target } = await redactedFile(file, 'csv', {});
  const [head, ...lines] = (await readFile(target, 'utf8')).trimEnd().split('\r\n');
  assert.equal(head, at.map((column) => `c${column}`).join(','));
  assert.equal(lines.length, 900);
  for (const [row, line] of lines.entries())
    assert.equal(line, at.map((column) => (column === 420 ? '[EMAIL]' : row + column)).join(','));
});

test('FR-003c: a text can be tried with rules, and the answer shows no value', async () => {
  const rules = [{ name: 'emp', pattern: 'EMP-[0-9]+', context: [], confidence: 0.7 }];
  assert.deepEqual(await scan({ text: 'a@corp.kr EMP-123', rules }), {
    matches: [
      { type: 'email', start: 0, end: 9, confidence: 0.95, excerpt: 'a***@c***.kr' },
      { type: 'custom:emp', start: 10, end: 17, confidence: 0.7, excerpt: 'E***' },
    ],
  });
});
