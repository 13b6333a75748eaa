import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { ColumnType } from '@llm-ops/contracts';
import { createPiiScanner } from '../../pii/index.ts';
import { literal, openDuckDb } from '../duckdb.ts';
import { maskedText } from '../findings/describe.ts';
import { createFindingSink } from '../findings/sink.ts';
import { profile } from '../profile.ts';
import { createRowHashes } from '../profile/rowHashes.ts';
import { createRows, type Rows } from '../rows.fixture.ts';
import type { FoundLine, PiiOptions, RowsFile, ValidateInput } from '../tasks.ts';
import { createNames } from './names.ts';
import { inspectRows } from './index.ts';

let rows: Rows;
before(async () => (rows = await createRows()));
after(() => rows.close());

const key = '5a'.repeat(32);
const scanner = createPiiScanner({ types: null, rules: [] });
let made = 0;

/** Rows as a file of rows has them; lists and objects become JSON. */
async function fileOf(
  name: string,
  data: Record<string, unknown>[],
  types: Record<string, ColumnType>,
): Promise<RowsFile> {
  const columns = Object.entries(types);
  const cell = (value: unknown, type: ColumnType): string => {
    if (value === null || value === undefined) return 'null';
    if (type === 'string') return literal(String(value));
    return type === 'integer' ? String(value) : `${literal(JSON.stringify(value))}::json`;
  };
  const values = data.map((row) => `(${columns.map(([column, type]) => cell(row[column], type)).join(', ')})`);
  const names = columns.map(([column]) => `"${column}"`).join(', ');
  const file = await rows.make(`rows${made++}`, `select * from (values ${values.join(', ')}) as t(${names})`, types);
  return { ...file, path: name };
}

async function inspect(
  files: RowsFile[],
  options: Partial<Omit<ValidateInput, 'pii'>> & {
    pii?: Partial<PiiOptions>;
    threads?: number;
    prompts?: number;
    ask?: () => Promise<unknown>;
  } = {},
) {
  const { threads = 2, ask, pii, prompts, ...given } = options;
  const benchmarks = given.benchmarks ?? [];
  const read = [...files, ...benchmarks.flatMap((each) => each.files)].map(({ local }) => local);
  const db = await openDuckDb({ memoryMb: 512, read, write: [], scratch: rows.folder, threads });
  const input = {
    files,
    facts: [],
    type: null,
    rules: [],
    keyColumns: [],
    threshold: 0,
    nearThreshold: 0.8,
    tokenizer: null,
    benchmarks,
    previous: null,
    findings: path.join(rows.folder, 'found.jsonl'),
    columns: path.join(rows.folder, 'columns.jsonl'),
    keep: 100,
    scratch: rows.folder,
    weights: { missing_values: 1, duplicates: 1, distribution: 1, schema_compliance: 1, format: 1 },
    ...given,
    pii: { types: null, rules: [], key, triaged: {}, ner: false, ...pii },
  } satisfies ValidateInput;
  const settled = new Set(Object.keys(input.pii.triaged));
  const sink = createFindingSink({ scratch: rows.folder, keep: input.keep, settled });
  const names = createNames();
  const hashes = createRowHashes(db);
  try {
    const inspected = await inspectRows({
      db,
      input,
      prompts,
      sink,
      scanner: createPiiScanner({ types: input.pii.types, rules: input.pii.rules }),
      names,
      masker: createPiiScanner({ types: null, rules: input.pii.rules }),
      hashes,
      profile: await profile(db, files, { hashes, mask: (value) => maskedText(scanner, value) }),
      context: { ask: (ask ?? (() => Promise.reject(new Error('nobody')))) as never, memoryMb: 512 },
      onProgress: () => {},
    });
    await sink.finish(input.findings, names.conceal);
    const text = await readFile(input.findings, 'utf8');
    const found = text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as FoundLine);
    const counts = Object.fromEntries(sink.counts().map(({ type, count }) => [type, count]));
    return { ...inspected, found, counts, all: sink.counts(), text };
  } finally {
    await sink.close();
    db.close();
  }
}

const chat = (question: string, answer: string): unknown => [
  { role: 'user', content: question },
  { role: 'assistant', content: answer },
];
const long = (at: number): string =>
  Array.from({ length: 40 }, (_, word) => `word${(at * 31 + word * 7) % 997}x${at}`).join(' ');

test('FR-003c: conversations: personal data, duplicates, faults and languages, each in its row and in order', async () => {
  const file = await fileOf(
    'train.jsonl',
    [
      { messages: chat('How are you?', `It is "fine".\n${long(1)}`) },
      { messages: chat('Who wrote this?', 'Write to "anna.kim@example.org"\nor call +82 10-9876-5432 please.') },
      { messages: chat('How are you?', `It is "fine".\n${long(1)}`) },
      { messages: chat('How are you?', `It is "fine".\n${long(1)} indeed`) },
      { messages: [{ role: 'user', content: 'Is there anybody?' }] },
      { messages: chat('요약해 주세요', '이 글은 데이터의 품질을 검사하는 방법을 설명합니다. <|im_end|>') },
    ],
    { messages: 'list' },
  );
  const { found, counts, duplicates, languages, certainFaults, text } = await inspect([file], { type: 'sft_pair' });
  assert.deepEqual(counts, {
    chat_no_assistant: 1,
    chat_prompt_repeated: 1,
    chat_template_marker: 1,
    duplicate: 1,
    near_duplicate: 1,
    email: 1,
    phone: 1,
  });
  assert.deepEqual(duplicates, { exact: 1, near: 1 });
  assert.equal(certainFaults, 2);
  assert.deepEqual(
    found.map(({ row, type }) => `${row} ${type}`),
    [
      '1 email',
      '1 phone',
      '2 duplicate',
      '3 chat_prompt_repeated',
      '3 near_duplicate',
      '4 chat_no_assistant',
      '5 chat_template_marker',
    ],
  );
  assert.deepEqual(languages, [
    { language: 'en', rows: 5 },
    { language: 'ko', rows: 1 },
  ]);
  const messages = found.map(({ message }) => message);
  assert.equal(messages[2], 'It is the same as row 1.');
  assert.match(messages[4]!, /^Its text is 9\d % the same as that of row 1\.$/);
  // Places are those of the cell as it is written, and nothing personal is told.
  const cell = JSON.stringify(
    chat('Who wrote this?', 'Write to "anna.kim@example.org"\nor call +82 10-9876-5432 please.'),
  );
  assert.equal(cell.slice(found[0]!.start!, found[0]!.end!), 'anna.kim@example.org');
  assert.ok(!text.includes('anna.kim') && !text.includes('9876'));
  for (const { fingerprint } of found) assert.match(fingerprint, /^[0-9a-f]{32}$/);
});

test('FR-003c: odd lengths are those that the profile counts', async () => {
  const text = "repeat('abc 😀', 20 + i % 7)";
  const select = `select case i when 3 then 'x' when 9 then repeat('y z', 9000) else ${text} end as text from range(400) t(i)`;
  const file = await rows.make('lengths', select, { text: 'string' });
  const db = await rows.open([file]);
  const { columns } = await profile(db, [file], { mask: (value) => value });
  const { found } = await inspect([file]);
  const lengths = found.filter(({ type }) => type === 'text_short' || type === 'text_long');
  assert.deepEqual(
    lengths.map(({ row, type }) => [row, type]),
    [
      [3, 'text_short'],
      [9, 'text_long'],
    ],
  );
  assert.equal(columns[0]!.outliers, 2);
});

test('FR-003c: the same input makes the same findings, whatever the number of threads', async () => {
  const words = "list_transform(range(30), w -> 'w' || ((i % 1700) * 31 + w * 7) % 997 || 'x' || i % 1700)";
  const select = `select array_to_string(${words}, ' ') || if(i % 3 = 0, ' ' || i, '') as text, i as id from range(5000) t(i)`;
  const file = await rows.make('many', select, { text: 'string', id: 'integer' });
  const results = [];
  for (const threads of [1, 2, 4]) results.push(await inspect([file], { type: 'pretrain_corpus', threads }));
  assert.ok(results[0]!.duplicates.near > 3000);
  for (const { text, all } of results.slice(1)) {
    assert.equal(text, results[0]!.text);
    assert.deepEqual(all, results[0]!.all);
  }
});

test('FR-003c: several files are one dataset; of each type the first findings are kept and all are counted', async () => {
  const data = Array.from({ length: 30 }, (_, at) => ({ note: `mail user${at}@example.com`, more: `10.1.2.${at}` }));
  const types = { note: 'string', more: 'string' } as const;
  const files = [await fileOf('b.csv', data, types), await fileOf('a.csv', [...data, ...data.slice(0, 3)], types)];
  const { found, counts, duplicates } = await inspect(files, { keep: 7 });
  assert.equal(counts['email'], 63);
  assert.deepEqual(duplicates, { exact: 33, near: 0 });
  const emails = found.filter(({ type }) => type === 'email');
  assert.deepEqual(
    emails.map(({ file, row }) => [file, row]),
    Array.from({ length: 7 }, (_, at) => ['b.csv', at]),
  );
  const repeated = found.filter(({ type }) => type === 'duplicate');
  assert.deepEqual(
    [repeated.length, repeated[0]!.file, repeated[0]!.message],
    [7, 'a.csv', 'It is the same as row 1 of b.csv.'],
  );
  const sorted = found.toSorted((a, b) => (a.file === b.file ? a.row - b.row : a.file === 'b.csv' ? -1 : 1));
  assert.deepEqual(found, sorted);
});

test('FR-003c: numbers of people are found in columns of numbers, in whatever type they are stored', async () => {
  const select = `select * from (values
    (4111111111111111::double, 1012345678::double, 5555555555554444.00::decimal(20, 2), [{'card': 378282246310005::double}], 501013000004::bigint),
    (12.5, 821012345678, 3.25, [{'card': 2.5}], 7),
    (null, 14155552671, null, null, null),
    (9007199254740992, 2, 1.00, [], null)) t(card, phone, paid_by, cards, rrn)`;
  const file = await rows.make('numbers-of-people', select, {
    card: 'number',
    phone: 'number',
    paid_by: 'number',
    cards: 'list',
    rrn: 'integer',
  });
  const { found, text } = await inspect([file]);
  assert.deepEqual(
    found.map(({ row, type, column, start, end }) => [row, type, column, start, end]),
    [
      [0, 'credit_card', 'cards', 9, 24],
      [0, 'credit_card', 'card', 0, 16],
      [0, 'phone', 'phone', 0, 10],
      [0, 'credit_card', 'paid_by', 0, 16],
      [0, 'kr_rrn', 'rrn', 0, 12],
      [1, 'phone', 'phone', 0, 12],
      [2, 'phone', 'phone', 0, 11],
    ],
  );
  assert.ok(!/1012345678|411111111/.test(text));
  const csv = `select * from (values ('4111111111111111', '+821012345678'), ('12.5', '3'), ('4111111111111111.5', null)) t(card, tel)`;
  const asText = await inspect([await rows.make('as-text', csv, { card: 'number', tel: 'number' })]);
  assert.deepEqual(
    asText.found.map(({ row, type, column, start, end }) => [row, type, column, start, end]),
    [
      [0, 'credit_card', 'card', 0, 16],
      [0, 'phone', 'tel', 0, 13],
    ],
  );
  const [, , national, , , foreign] = found;
  const written = await fileOf('written.csv', [{ n: '010-1234-5678' }], { n: 'string' });
  const [same] = (await inspect([written])).found;
  assert.deepEqual([national!.fingerprint, foreign!.fingerprint], [same!.fingerprint, same!.fingerprint]);
});

test('FR-003c: measurements are nobody’s numbers', async () => {
  // fixed seeds: the same values at every run
  const drawn = (salt: number): string => `(hash(i * 31 + ${salt}) / 18446744073709551616.0)`;
  const select = `select round(${drawn(1)} * 1e5, 2) as price, (round(${drawn(2)} * 4e9))::double as bytes, ${drawn(3)} * 180 - 90 as latitude,
    (1.6e12 + round(${drawn(4)} * 2e11))::double as sent_ms, (1.6e15 + round(${drawn(5)} * 2e14))::double as sent_us, round(${drawn(6)} * 9e8)::double as population,
    (${drawn(7)} * 1e6)::decimal(18, 2) as amount, round(${drawn(8)} * 1e13)::double as distance_mm, round(${drawn(12)} * 9e15)::double as counter, round(${drawn(9)} * 9e9)::double as visits,
    {'watts': round(${drawn(10)} * 9e9)::double, 'ratio': ${drawn(11)}} as meter from range(20000) t(i)`;
  const names = [
    'price',
    'bytes',
    'latitude',
    'sent_ms',
    'sent_us',
    'population',
    'amount',
    'distance_mm',
    'counter',
    'visits',
  ];
  const types = { ...Object.fromEntries(names.map((name) => [name, 'number'] as const)), meter: 'object' } as const;
  const file = await rows.make('measurements', select, types);
  const { all } = await inspect([file]);
  // random numbers of sixteen digits pass for cards, one of thirty; of thirteen for resident numbers, one of six hundred
  assert.deepEqual(
    all.filter(({ kind }) => kind === 'pii'),
    [],
  );
  const cards = `select if(i % 10 = 0, 4111111111111111, 1.6e15 + round(${drawn(5)} * 2e14))::double as number from range(5000) t(i)`;
  const mixed = await inspect([await rows.make('some-cards', cards, { number: 'number' })]);
  assert.equal(mixed.counts['credit_card'], 500, 'where more are cards than chance makes');
});

test('FR-003c: what was decided to be harmless before is counted apart, by its content', async () => {
  const types = { note: 'string' } as const;
  const first = await inspect([await fileOf('1.csv', [{ note: 'ask info@example.com' }], types)]);
  const again = await fileOf('2.csv', [{ note: 'x' }, { note: 'INFO@example.com' }, { note: 'a@b.org' }], types);
  const triaged = { [first.found[0]!.fingerprint]: 'accepted' as const };
  const { all } = await inspect([again], { pii: { triaged } });
  assert.deepEqual(all, [{ kind: 'pii', type: 'email', count: 2, open: 1, kept: 2 }]);
});

test('FR-003c: what was judged harmless takes no room from what is open, so judging goes on to the end', async () => {
  const file = await fileOf(
    'mails.csv',
    Array.from({ length: 25 }, (_, at) => ({ note: `user${at}@example.com` })),
    { note: 'string' },
  );
  const triaged: Record<string, 'accepted'> = {};
  const listed: [open: number | undefined, lines: number, first: number | undefined][] = [];
  for (let round = 0; round < 4; round++) {
    const { found, all } = await inspect([file], { keep: 10, pii: { triaged } });
    const open = found.filter(({ fingerprint }) => !(fingerprint in triaged));
    assert.equal(all[0]!.kept, found.length);
    listed.push([all[0]!.open, found.length, open[0]?.row]);
    for (const { fingerprint } of open) triaged[fingerprint] = 'accepted';
  }
  assert.deepEqual(listed, [
    [25, 10, 0],
    [15, 20, 10],
    [5, 15, 20],
    [0, 10, undefined],
  ]);
});

test('FR-003c: rows with items of a benchmark are named with them', async () => {
  const question =
    'A train leaves the station at nine and travels eighty kilometres each hour until it reaches the sea';
  const types = { input: 'string', reference: 'string' } as const;
  const benchmark = {
    id: 'b1',
    name: 'trains 1',
    columns: ['input', 'reference'],
    files: [
      await fileOf(
        'test.jsonl',
        [
          { input: 'Short?', reference: '1' },
          { input: question, reference: '2' },
        ],
        types,
      ),
    ],
  };
  const file = await fileOf(
    'train.csv',
    [
      { prompt: 'Say something', completion: 'Something' },
      { prompt: `Tell me. ${question}. How far?`, completion: 'Far' },
    ],
    { prompt: 'string', completion: 'string' },
  );
  const { found, contamination } = await inspect([file], { type: 'sft_pair', benchmarks: [benchmark] });
  assert.deepEqual(contamination, [{ benchmark_id: 'b1', name: 'trains 1', items: 1, rows: 1 }]);
  const hit = found.find(({ kind }) => kind === 'contamination');
  assert.equal(hit!.row, 1);
  assert.equal(hit!.column, 'prompt');
  assert.deepEqual(hit!.said, {
    code: 'finding.contaminated.text',
    values: { item: 2, name: 'trains 1', row: 2, file: 'test.jsonl' },
  });
  assert.match(hit!.message, /item 2 of the benchmark trains 1 \(row 2 of test\.jsonl\)/);
  assert.equal(`Tell me. ${question}. How far?`.slice(hit!.start!, hit!.end!), question);
});

test('FR-003c: pairs, questions and items are checked by their form; other rows by their texts alone', async () => {
  const text = { prompt: 'string', chosen: 'string', rejected: 'string' } as const;
  const pairs = await fileOf(
    'p.csv',
    [
      { prompt: 'Q', chosen: 'A', rejected: 'A' },
      { prompt: 'Q', chosen: 'A', rejected: 'B' },
    ],
    text,
  );
  assert.deepEqual((await inspect([pairs], { type: 'rlhf_pair' })).counts, { chat_chosen_is_rejected: 1 });
  const rag = await fileOf('r.jsonl', [{ question: 'Q', contexts: [], answer: 'A' }], {
    question: 'string',
    contexts: 'list',
    answer: 'string',
  });
  assert.deepEqual((await inspect([rag], { type: 'rag_qa' })).counts, { chat_contexts_empty: 1 });
  const items = await fileOf('i.jsonl', [{ input: 'Q', choices: ['A', 'B'], reference: 4 }], {
    input: 'string',
    choices: 'list',
    reference: 'integer',
  });
  assert.deepEqual((await inspect([items], { type: 'benchmark' })).counts, { chat_reference_no_choice: 1 });
  const plain = await fileOf('t.csv', [{ text: `<p>${long(1)}</p>` }, { text: 'ha '.repeat(300) }], { text: 'string' });
  const { all } = await inspect([plain], { type: 'pretrain_corpus' });
  assert.deepEqual(
    all.map(({ kind, type }) => `${kind} ${type}`),
    ['outlier text_gibberish', 'outlier text_html', 'outlier text_repetition'],
  );
});

test('FR-003c: a conversation in a cell of a CSV is read too, and long ones are counted in tokens', async () => {
  const tokenizer = path.join(import.meta.dirname, '../../../../../../examples/models/glossary-llama/tokenizer.json');
  const data = [
    { messages: JSON.stringify(chat('Hi', 'Hello')) },
    { messages: JSON.stringify(chat('Hi', long(3))) },
    { messages: 'no list' },
  ];
  const file = await fileOf('c.csv', data, { messages: 'string' });
  const { counts, tokens } = await inspect([file], {
    type: 'sft_pair',
    tokenizer: { json: tokenizer, config: null, maxTokens: 50 },
  });
  assert.deepEqual(counts, { chat_messages_invalid: 1, chat_prompt_repeated: 1, chat_too_long: 1 });
  assert.ok(
    tokens!.longest > 50 && tokens!.total > tokens!.longest && tokens!.over_limit === 1 && tokens!.limit === 50,
  );
});

test("FR-003c: what was not asked for is masked all the same, and rules of one's own are told by name", async () => {
  const note = 'Ticket 4711: write to anna@example.com, write to anna@example.com';
  const file = await fileOf('m.csv', [{ note }, { note }], { note: 'string' });
  const rules = [{ name: 'ticket', pattern: 'Ticket \\d+', context: [], confidence: 0.9 }];
  const { counts, text, found } = await inspect([file], { pii: { types: ['custom:ticket'], rules } });
  assert.deepEqual(counts, { 'custom:ticket': 2, duplicate: 1 });
  assert.equal(found[0]!.message, 'It matches the rule ticket.');
  assert.deepEqual(found[0]!.said, { code: 'finding.custom.text', values: { rule: 'ticket' } });
  assert.ok(!text.includes('anna@') && !text.includes('4711'), text);
});

test('FR-003c: names come from the parent process; when it cannot be reached the validation goes on', async () => {
  const file = await fileOf('n.csv', [{ note: 'Ask Anna Kim at anna@example.com' }, { note: null }], {
    note: 'string',
  });
  const pii = { ner: true };
  const off = await inspect([file], { pii });
  assert.deepEqual([off.ner, off.counts], ['unreachable', { email: 1 }]);
  const asked: unknown[] = [];
  const on = await inspect([file], {
    pii,
    ask: (...question: unknown[]) => {
      asked.push(question);
      return Promise.resolve([
        { index: 0, type: 'person', start: 4, end: 12, confidence: 0.85 },
        { index: 0, type: 'person', start: 16, end: 20, confidence: 0.6 },
      ]);
    },
  });
  assert.deepEqual(asked, [['ner', { texts: ['Ask Anna Kim at anna@example.com'] }]]);
  assert.deepEqual([on.ner, on.counts], ['used', { email: 1, person: 1 }]);
  assert.ok(!on.text.includes('Anna') && !on.text.includes('Kim'));
});

test('FR-003c: what is a name in one row is shown in no finding about another', async () => {
  const said = 'Ask Anna Kim about the invoice of last month, she knows where it is kept.';
  const file = await fileOf('n.csv', [{ note: said }, { note: said }, { note: 'Anna Kim' }], { note: 'string' });
  const { found, text } = await inspect([file], {
    pii: { ner: true },
    // the server sees the name only where it stands alone
    ask: () => Promise.resolve([{ index: 2, type: 'person', start: 0, end: 8, confidence: 0.85 }]),
  });
  const twin = found.find(({ kind }) => kind === 'duplicate');
  assert.match(twin?.excerpt ?? '', /^Ask A\S+ about the invoice/);
  assert.ok(!text.includes('Kim'), text);
});

test('FR-003c: a table of 450 columns is read in groups and its findings stay in order', async () => {
  const names = Array.from({ length: 450 }, (_, at) => `c${at}`);
  const types = Object.fromEntries(names.map((name) => [name, 'string'])) as Record<string, ColumnType>;
  const data = Array.from({ length: 4 }, (_, row) =>
    Object.fromEntries(names.map((name, at) => [name, at % 150 === 5 ? `a${row}b${at}@example.com` : `${row}`])),
  );
  const { found, counts } = await inspect([await fileOf('w.csv', data, types)], { keep: 5 });
  assert.equal(counts['email'], 12);
  assert.deepEqual(
    found.filter(({ type }) => type === 'email').map(({ row, column }) => `${row} ${column}`),
    ['0 c5', '0 c155', '0 c305', '1 c5', '1 c155'],
  );
});

test('FR-003c: no rows, no columns of text', async () => {
  const none = await inspect([await rows.make('none', "select 'x' as text where false", { text: 'string' })]);
  assert.deepEqual([none.found, none.languages, none.duplicates], [[], [], { exact: 0, near: 0 }]);
  const numbers = await fileOf('n.jsonl', [{ n: 1 }, { n: 2 }, { n: 1 }], { n: 'integer' });
  const { counts, duplicates, found } = await inspect([numbers]);
  assert.deepEqual([counts, duplicates], [{ duplicate: 1 }, { exact: 1, near: 0 }]);
  assert.equal(found[0]!.excerpt, null);
});

test('FR-003c: when no more prompts can be remembered the report says how many rows were not compared', async () => {
  const asked = [1, 2, 3, 4, 5, 1, 5, 5];
  const data = asked.map((at, row) => ({ prompt: `What is ${at}?`, completion: long(row) }));
  const file = await fileOf('many.jsonl', data, { prompt: 'string', completion: 'string' });
  const all = await inspect([file], { type: 'sft_pair' });
  assert.deepEqual([all.counts['chat_prompt_repeated'], all.notes], [3, []]);
  const some = await inspect([file], { type: 'sft_pair', prompts: 3 });
  assert.equal(some.counts['chat_prompt_repeated'], 1);
  assert.match(some.notes.map(({ message }) => message).join(), /among the first 3 different ones; 4 examples/);
});
