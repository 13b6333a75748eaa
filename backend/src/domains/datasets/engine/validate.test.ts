import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { validationStages, type ColumnRule, type DatasetFileFacts } from '@llm-ops/contracts';
import { createLog } from '#platform/log';
import { createWorkers } from '#platform/workers';
import { createRows, type Rows } from './rows.fixture.ts';
import type { FoundLine, Progress, RowsFile, ValidateInput, ValidateOutput } from './tasks.ts';
import { validate } from './validate.ts';

let rows: Rows;
before(async () => (rows = await createRows()));
after(() => rows.close());

const select = (extra: string): string => `
  select i as id,
    'Question number ' || (1000 + i) || ' about the topic of ' || (1000 + (i * 7919) % 1009) || ' things' as prompt,
    array_to_string(list_transform(range(20 + i % 10), w -> 'word' || (i * 31 + w * 17) % 4001), ' ')
      || if(i = 5, ' write to lee.minho@example.org', '') as completion,
    case when i % 3 = 0 then 'easy' else 'hard' end as level
  from range(300) t(i) ${extra}`;
const types = { id: 'integer', prompt: 'string', completion: 'string', level: 'string' } as const;

const factsOf = ({ rows: count, columns }: RowsFile): DatasetFileFacts => ({
  format: 'jsonl',
  encoding: 'utf-8',
  bom: false,
  compression: null,
  dialect: null,
  rows: count,
  bad_rows: 0,
  columns,
  notes: [],
});

async function inputOf(files: RowsFile[], more: Partial<ValidateInput> = {}): Promise<ValidateInput> {
  const scratch = path.join(rows.folder, `scratch-${Math.random()}`);
  await mkdir(scratch);
  return {
    files,
    facts: files.map(factsOf),
    type: 'sft_pair',
    rules: [],
    keyColumns: [],
    pii: { types: null, rules: [], key: 'a5'.repeat(32), triaged: {}, ner: false },
    weights: { missing_values: 20, duplicates: 20, distribution: 20, schema_compliance: 20, format: 20 },
    threshold: 70,
    nearThreshold: 0.8,
    tokenizer: null,
    benchmarks: [],
    previous: null,
    findings: path.join(rows.folder, 'findings.jsonl'),
    columns: path.join(rows.folder, 'columns.jsonl'),
    keep: 1000,
    scratch,
    ...more,
  };
}

async function run(input: ValidateInput): Promise<{ output: ValidateOutput; told: Progress[]; found: FoundLine[] }> {
  const told: Progress[] = [];
  const output = await validate(input, {
    memoryMb: 1024,
    progress: (value) => void told.push(value as Progress),
    ask: () => Promise.reject(new Error('nobody')),
  });
  const lines = (await readFile(input.findings, 'utf8')).split('\n').filter(Boolean);
  return { output, told, found: lines.map((line) => JSON.parse(line) as FoundLine) };
}

const rules: ColumnRule[] = [
  { name: 'level', required: true, nullable: true, unique: false, values: ['easy', 'middle'] },
  { name: 'id', required: true, nullable: false, unique: true },
];

test('FR-003c: one validation tells everything: findings in order, counts, score, diff, drift and what to do', async () => {
  const old = await rows.make('old', select('where i < 250'), types);
  const now = await rows.make('now', `${select('')} union all ${select('where i in (7, 8)')}`, types);
  const { output, told, found } = await run(
    await inputOf([now], { rules, keyColumns: ['id'], previous: { files: [old] } }),
  );
  const counts = Object.fromEntries(output.counts.map(({ type, count }) => [type, count]));
  assert.deepEqual(counts, { duplicate: 2, email: 1, schema_unique: 2, schema_values: 202 });
  assert.deepEqual(output.duplicates, { exact: 2, near: 0 });
  assert.equal(output.rows, 302);
  assert.equal(output.profile.duplicate_rows, 2);
  assert.equal(found.length, 207);
  assert.deepEqual(
    found,
    found.toSorted((a, b) => a.row - b.row),
  );
  assert.deepEqual(output.diff!.summary, { added: 52, removed: 0, modified: 0, unchanged: 250 });
  assert.ok(output.drift!.some(({ column }) => column === 'id'));
  assert.ok(output.score.overall < 100 && output.score.breakdown.schema_compliance < 50);
  assert.match(output.score.formula, /2 \/ 302 exact duplicates/);
  const [first] = output.recommendations;
  assert.equal(first!.severity, 'error');
  assert.ok(output.recommendations.some(({ kind, type }) => kind === 'pii' && type === 'email'));
  assert.ok(output.recommendations.some(({ type }) => type === 'schema_values'));

  const stages = told.map(({ stage }) => validationStages.indexOf(stage as (typeof validationStages)[number]));
  assert.ok(!stages.includes(-1));
  assert.deepEqual(
    stages,
    stages.toSorted((a, b) => a - b),
  );
  const shares = told.map(({ done }) => done);
  assert.deepEqual(
    shares,
    shares.toSorted((a, b) => a - b),
  );
  assert.ok(shares.every((share) => share >= 0 && share <= 1));
});

test('FR-003c: a validation leaves nothing in its scratch folder but what DuckDB puts aside', async () => {
  const input = await inputOf([await rows.make('clean', select(''), types)]);
  const { output } = await run(input);
  assert.equal(output.diff, null);
  assert.equal(output.drift, null);
  assert.deepEqual(
    (await readdir(input.scratch)).filter((name) => name.startsWith('findings')),
    [],
  );
});

test('FR-003c: what was accepted before is counted apart and recommended no more', async () => {
  const file = await rows.make('triaged', select(''), types);
  const first = await run(await inputOf([file]));
  const mail = first.found.find(({ type }) => type === 'email')!;
  const pii = {
    types: null,
    rules: [],
    key: 'a5'.repeat(32),
    triaged: { [mail.fingerprint]: 'accepted' as const },
    ner: false,
  };
  const { output } = await run(await inputOf([file], { pii }));
  assert.deepEqual(
    output.counts.filter(({ kind }) => kind === 'pii'),
    [{ kind: 'pii', type: 'email', count: 1, open: 0, kept: 1 }],
  );
  assert.ok(!output.recommendations.some(({ kind }) => kind === 'pii'));
});

test('FR-003c: it runs in a process of its own, and a server for names that is not there does not fail it', async () => {
  const workers = createWorkers({
    program: path.join(import.meta.dirname, 'main.ts'),
    concurrency: 1,
    memoryMb: 1024,
    idleMs: 0,
    log: createLog({ level: 'silent' }),
  });
  try {
    const input = await inputOf([await rows.make('process', select(''), types)]);
    input.pii.ner = true;
    const output = await workers.run<ValidateOutput>('validate', input, {
      timeoutMs: 60_000,
      answers: { ner: () => Promise.reject(new Error('connection refused')) },
    });
    assert.equal(output.rows, 300);
    assert.equal(output.ner, 'unreachable');
    assert.ok(output.recommendations.some(({ message }) => message.includes('Presidio')));
  } finally {
    await workers.close();
  }
});
