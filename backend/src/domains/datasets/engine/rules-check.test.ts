import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ColumnRule } from '@llm-ops/contracts';
import { isFailure } from '#platform/errors';
import { checkRules, ruleAdvice } from './rules-check.ts';
import { ruleTypes } from './rules-check/conditions.ts';
import { createRows, type Rows } from './rows.fixture.ts';
import type { FoundLine, RowsFile } from './tasks.ts';

describe('rules for columns', () => {
  let rows: Rows;
  before(async () => void (rows = await createRows()));
  after(() => rows.close());

  async function check(files: RowsFile[], rules: (Partial<ColumnRule> & { name: string })[]) {
    const lines: FoundLine[] = [];
    const runs: [number, number][][] = [];
    const result = await checkRules(
      await rows.open(files),
      files,
      rules.map((rule) => ColumnRule.parse(rule)),
      {
        run() {
          const places: [number, number][] = [];
          runs.push(places);
          return {
            add(kind, type, fileIndex, row, line) {
              const made = line();
              assert.deepEqual([made.kind, made.type, made.file, made.row], [kind, type, files[fileIndex]!.path, row]);
              places.push([fileIndex, row]);
              lines.push(made);
            },
            flush: async () => {},
          };
        },
        excerpt: (value) => `${value.slice(0, 3)}…`,
        fingerprint: (what, parts) => JSON.stringify([what, ...parts]),
      },
    );
    for (const places of runs) {
      assert.deepEqual(
        places,
        places.toSorted(([a, m], [b, n]) => a - b || m - n),
      );
    }
    return { ...result, found: lines.map(({ type, file, row, column }) => `${type} ${column} ${file}:${row}`), lines };
  }

  it('FR-003c: every kind of rule, on a CSV, with file and row', async () => {
    const file = await rows.make(
      'a.csv',
      `select * from (values
         ('1', 'ann@example.com', 'low', '10', 'abc'),
         ('2', 'nobody', 'mid', '101', 'abcdef'),
         ('2', null, 'none', '-1', ''),
         ('x', 'bob@example.com', 'high', '1.5', 'abcd'),
         ('5', 'c@d.e', 'low', 'many', null)) t(id, mail, level, score, note)`,
      { id: 'string', mail: 'string', level: 'string', score: 'string', note: 'string' },
    );
    const { found, broken, without, lines } = await check(
      [file],
      [
        { name: 'id', type: 'integer', unique: true },
        { name: 'mail', nullable: false, pattern: '^[^@]+@[^@]+$' },
        { name: 'level', values: ['low', 'mid', 'high'] },
        { name: 'score', type: 'number', minimum: 0, maximum: 100 },
        { name: 'note', min_length: 1, max_length: 5 },
        { name: 'absent' },
        { name: 'optional', required: false, nullable: false },
      ],
    );
    assert.deepEqual(found, [
      'schema_required absent a.csv:0',
      'schema_pattern mail a.csv:1',
      'schema_maximum score a.csv:1',
      'schema_max_length note a.csv:1',
      'schema_unique id a.csv:2',
      'schema_null mail a.csv:2',
      'schema_values level a.csv:2',
      'schema_minimum score a.csv:2',
      'schema_min_length note a.csv:2',
      'schema_type id a.csv:3',
      'schema_type score a.csv:4',
    ]);
    // ten breaks, and a column that all five rows lack
    assert.deepEqual([broken, without], [15, 5]);
    assert.equal(lines.find(({ type }) => type === 'schema_pattern')?.excerpt, 'nob…');
    assert.ok(!JSON.stringify(lines.map(({ message, excerpt }) => [message, excerpt])).includes('nobody'));
  });

  it('FR-003c: types of JSON and Parquet are their own', async () => {
    const file = await rows.make(
      'b.jsonl',
      `select i::bigint as n, i / 2 as half, case i when 0 then '"a"' when 1 then '1' when 2 then '[1]' else '{"k":1}' end::json as any,
              '{"a":' || i || '}' as text, [i] as items, date '2024-01-01' as day
       from range(4) t(i)`,
      { n: 'integer', half: 'number', any: 'mixed', text: 'string', items: 'list', day: 'date' },
    );
    const of = async (name: string, type: ColumnRule['type']): Promise<number[]> =>
      (await check([file], [{ name, type }])).lines.map(({ row }) => row);
    assert.deepEqual(await of('n', 'integer'), []);
    assert.deepEqual(await of('n', 'number'), []);
    assert.deepEqual(await of('n', 'string'), [0, 1, 2, 3]);
    assert.deepEqual(await of('half', 'integer'), [1, 3]);
    assert.deepEqual(await of('any', 'string'), [1, 2, 3]);
    assert.deepEqual(await of('any', 'integer'), [0, 2, 3]);
    assert.deepEqual(await of('any', 'list'), [0, 1, 3]);
    assert.deepEqual(await of('any', 'object'), [0, 1, 2]);
    assert.deepEqual(await of('any', 'mixed'), []);
    assert.deepEqual(await of('text', 'object'), []);
    assert.deepEqual(await of('text', 'list'), [0, 1, 2, 3]);
    assert.deepEqual(await of('items', 'list'), []);
    assert.deepEqual(await of('day', 'datetime'), []);
    assert.deepEqual(await of('day', 'integer'), [0, 1, 2, 3]);
    const values = await check([file], [{ name: 'any', values: ['a', '1'] }]);
    assert.deepEqual(
      values.lines.map(({ row }) => row),
      [2, 3],
    );
  });

  it('FR-003c: several files: unique over all of them, a column that one lacks', async () => {
    const one = await rows.make('1.csv', `select i::varchar as id, 'x' as a from range(3) t(i)`, {
      id: 'integer',
      a: 'string',
    });
    const two = await rows.make('2.csv', `select (i + 2)::varchar as id from range(3) t(i)`, { id: 'integer' });
    const { found, broken, without } = await check(
      [one, two],
      [
        { name: 'id', unique: true },
        { name: 'a', nullable: false },
      ],
    );
    assert.deepEqual(found, ['schema_required a 2.csv:0', 'schema_unique id 2.csv:0']);
    assert.deepEqual([broken, without], [4, 3]);
  });

  it('FR-003c: a pattern that RE2 cannot read is told, and every finding has advice', async () => {
    const file = await rows.make('c.csv', `select 'x' as a`, { a: 'string' });
    await assert.rejects(check([file], [{ name: 'a', pattern: '(?=x)' }]), (error) => {
      assert.ok(isFailure(error, 'validation_failed'));
      return error.message.includes('"a"') && error.remedy.includes('RE2');
    });
    assert.deepEqual(Object.keys(ruleAdvice), [...ruleTypes]);
  });

  it('FR-003c: counts are exact over many rows and many rules', async () => {
    const names = Array.from({ length: 120 }, (_, at) => `c${at}`);
    const select = names.map((name, at) => `(i % ${at + 2})::varchar as ${name}`).join(', ');
    const file = await rows.make(
      'd.csv',
      `select ${select} from range(500) t(i)`,
      Object.fromEntries(names.map((name) => [name, 'integer' as const])),
    );
    const { broken, lines } = await check(
      [file],
      names.map((name) => ({ name, minimum: 1 })),
    );
    const expected = names.reduce((sum, _, at) => sum + Math.ceil(500 / (at + 2)), 0);
    assert.deepEqual([broken, lines.length], [expected, expected]);
  });
});
