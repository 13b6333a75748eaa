import { sendableName } from './fileName.ts';
import { type DatasetType, datasetTypes } from '@llm-ops/contracts';
import { ApiError } from '@llm-ops/sdk';
import { describe, expect, it } from 'vitest';
import { columnsOfType } from '../../../../../backend/src/domains/datasets/columns-of-type.ts';
import { problemOf } from './fileChecks.ts';
import { inspectFile } from './inspectFile.ts';
import { issuesOf, standingOf } from './issues.ts';
import { fits, shapes } from './requiredColumns.ts';

const file = (name: string, ...parts: BlobPart[]) => new File(parts, name);
const bytes = (...values: number[]) => new Uint8Array(values);
const utf16 = (text: string) => {
  const units = new Uint8Array(2 + text.length * 2);
  units.set([0xff, 0xfe]);
  for (let at = 0; at < text.length; at++) new DataView(units.buffer).setUint16(2 + at * 2, text.charCodeAt(at), true);
  return units;
};
const gzip = async (text: string) =>
  new Uint8Array(
    await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer(),
  );
/** '이름' in CP949 */
const korean = bytes(0xc0, 0xcc, 0xb8, 0xa7);

describe('FR-003a: files are looked at before they are sent', () => {
  it.each([
    ['data.csv', ['id,text\n1,a\n'], ['id', 'text']],
    ['data.csv', ['id;"a;b";c\n'], ['id', 'a;b', 'c']],
    ['data.csv', ['\ufeff"id","long\nname"\r\n'], ['id', 'long\nname']],
    ['data.csv', [utf16('id\ttext\n')], ['id', 'text']],
    ['data.csv', [korean, ',b\n'], ['이름', 'b']],
    ['data.jsonl', ['{"a":1}\n\n{"b":2}'], ['a', 'b']],
    ['data.ndjson', ['{"a":1}\r\n'], ['a']],
    ['DATA.PARQUET', ['PAR1 … PAR1'], null],
  ] as const)('%s holding %j has the columns %j', async (name, parts, columns) => {
    const look = await inspectFile(file(name, ...(parts as unknown as BlobPart[])));
    expect([look.problem, look.columns]).toEqual([null, columns]);
  });
  it('a compressed one is looked into', async () => {
    expect(await inspectFile(file('a.jsonl.gz', await gzip('{"text":"x"}\n')))).toMatchObject({ columns: ['text'] });
    expect(await inspectFile(file('a.jsonl.gz', '{"text":"x"}\n'))).toMatchObject({ problem: { key: 'notGzip' } });
    expect(await inspectFile(file('a.jsonl', await gzip('{"text":"x"}\n')))).toMatchObject({
      problem: { key: 'gzip' },
    });
    expect(await inspectFile(file('a.parquet.gz', 'x'))).toMatchObject({ problem: { key: 'gzParquet' } });
  });
  it.each([
    ['notes.xlsx', 'PK', 'ending'],
    ['my data.csv', 'a\n', 'name'],
    ['data.csv', '', 'empty'],
    ['data.csv', 'PK\u0003\u0004…', 'zip'],
    ['data.csv', 'PAR1…', 'isParquet'],
    ['data.jsonl', '%PDF-1.7', 'pdf'],
    [
      'data.csv',
      '\u0000\u0001\u0000\u0000\u0002\u0000\u0000\u0000\u0003\u0000\u0000\u0000\u0004\u0000\u0000',
      'binary',
    ],
    ['data.csv', '\n1,2\n', 'noHeader'],
    ['data.csv', '{"a":1}\n', 'isJson'],
    ['data.csv', 'id,,text\n', 'emptyColumn'],
    ['data.csv', 'id,text,ID\n', 'twice'],
    ['data.jsonl', '[{"a":1}]', 'array'],
    ['data.jsonl', '{\n  "a": 1\n}', 'pretty'],
    ['data.jsonl', '{"a":1}\n{"a":\n', 'brokenLine'],
    ['data.jsonl', '{"a":1}\n[1]\n', 'notObject'],
    ['data.jsonl', '\n\n', 'empty'],
    ['data.parquet', 'PAR1 cut off', 'notParquet'],
  ])('%s holding %j: %s', async (name, text, key) => {
    expect((await inspectFile(file(name, text))).problem?.key).toBe(key);
  });
  it('a broken line is named by its number', async () => {
    const look = await inspectFile(file('a.jsonl', '{"a":1}\n\n{"a":2}\nnonsense\n'));
    expect(look.problem).toEqual({ key: 'brokenLine', values: { line: 4 }, ofLines: true });
  });
  it('broken lines do not hinder a file where they are left out; what is wrong with all of it does', async () => {
    const broken = await inspectFile(file('a.jsonl', 'nonsense\n{"text":"a"}\n[1]\n'));
    expect(problemOf(broken, 'pretrain_corpus')).toMatchObject({ key: 'brokenLine', values: { line: 1 } });
    expect(problemOf(broken, 'pretrain_corpus', 'skip')).toBeNull();
    expect(problemOf(broken, 'sft_pair', 'skip')).toMatchObject({ key: 'missing' });
    expect(problemOf(await inspectFile(file('a.jsonl', '\n\n')), null, 'skip')).toMatchObject({ key: 'empty' });
  });
  it('a line that goes on beyond what was read is not called broken, nor is one behind it', async () => {
    const long = `{"text":"${'x'.repeat(300_000)}"}\n`;
    expect(await inspectFile(file('a.jsonl', long, 'nonsense'))).toMatchObject({ problem: null });
    const cut = `{"text":"a"}\n{"text":"${'가'.repeat(100_000)}"}\n`;
    expect(await inspectFile(file('a.jsonl', cut))).toMatchObject({ problem: null, columns: ['text'] });
  });
});

describe('FR-003a: columns that a type needs are asked for at once', () => {
  it('by their usual names', async () => {
    const look = await inspectFile(file('a.csv', 'question,answers_given\n'));
    expect(problemOf(look, null)).toBeNull();
    expect(problemOf(look, 'sft_pair')).toEqual({
      key: 'missing',
      values: { wanted: 'messages; instruction + output; prompt + completion', found: 'question, answers_given' },
    });
    expect(problemOf(await inspectFile(file('a.csv', 'Question,Answer\n')), 'sft_pair')).toBeNull();
  });
  it('as the platform asks for them: every name, left out one by one', () => {
    const types: readonly DatasetType[] = datasetTypes;
    for (const type of types) {
      const names = [...new Set(shapes[type].flat().flatMap((part) => part.names))];
      const sets = [names, [], ...names.map((name) => [name.toUpperCase()])];
      for (const one of names) {
        sets.push(names.filter((name) => name !== one));
        for (const other of names) for (const third of names) sets.push([one, other, third]);
      }
      for (const columns of sets)
        expect([type, columns, fits(type, columns)]).toEqual([type, columns, columnsOfType(type, columns) !== null]);
    }
  });
});

describe('FR-003a: a refusal is told by line', () => {
  const issue = { file: 'a.csv', line: 7, column: 'text', reason: 'It has 3 fields, not 2.', fix: 'Quote the comma.' };
  it('with the exact count when the list was cut', () => {
    const data = { code: 'dataset_rejected', issues: [{ path: 'a.csv:7', message: '…', ...issue }], issue_count: 812 };
    const found = issuesOf(new ApiError(400, 'a.csv:7: …', data));
    expect(found).toMatchObject({ issues: [issue], count: 812 });
  });
  it('other failures have no lines', () => {
    expect(issuesOf(new ApiError(409, 'There is one.', { code: 'dataset_file_exists' }))).toBeNull();
    expect(issuesOf(new Error('x'))).toBeNull();
  });
  it.each([
    [[], 'none'],
    [['ready', 'checking'], 'moving'],
    [['ready', 'refused'], 'refused'],
    [['ready', 'ready'], 'ready'],
  ] as const)('files that are %j: %s', (statuses, standing) => {
    expect(standingOf(statuses.map((status) => ({ status })))).toBe(standing);
  });
});

it('FR-003a: a file with a name of its country is sent under plain letters, never under that of another', () => {
  expect(sendableName('support_1.csv', ['support_1.csv'])).toBe('support_1.csv');
  expect(sendableName('고객상담 데이터(최종).csv')).toBe('gogaeksangdam-deiteo-choejong.csv');
  expect(sendableName('없음.csv'.normalize('NFD'))).toBe('eopeum.csv');
  expect(sendableName('données été.jsonl.gz')).toBe('donnees-ete.jsonl.gz');
  expect(sendableName('データ.parquet')).toBe('file.parquet');
  expect(sendableName('a b.csv', ['A-B.csv', 'a-b-2.csv'])).toBe('a-b-3.csv');
  expect(sendableName(`${'긴'.repeat(200)}.csv`).length).toBeLessThanOrEqual(128);
});
