import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDuckDb } from '../../duckdb.ts';
import { typesOf } from './types.ts';

test('FR-003a: a text is a number, a date or a truth value only where every reader says so', () => {
  const cases: [string, string][] = [
    ['0', 'integer number'],
    ['-20', 'integer number'],
    ['9223372036854775807', 'integer number'],
    ['9223372036854775808', 'number'],
    ['007', ''],
    ['-07', ''],
    ['00.5', ''],
    ['0.5', 'number'],
    ['-0', 'number'],
    ['+5', 'number'],
    ['+821012345678', ''],
    ['5.', 'number'],
    ['.5e-3', 'number'],
    ['1e400', ''],
    ['1,5', ''],
    [' 5', ''],
    ['-', ''],
    ['.', ''],
    ['1e', ''],
    ['0x10', ''],
    ['NaN', ''],
    ['True', 'boolean'],
    ['FALSE', 'boolean'],
    ['yes', ''],
    ['2024-02-29', 'date datetime'],
    ['2023-02-29', ''],
    ['2024-13-01', ''],
    ['2024-01-01 10:00', 'datetime'],
    ['2024-01-01T23:59:59.123Z', 'datetime'],
    ['2024-01-01 10:00:00+09:00', 'datetime'],
    ['2024-01-01 24:00:00', ''],
    ['2024-01-01x', ''],
    ['', ''],
    ['서울', ''],
  ];
  for (const [text, types] of cases) assert.equal(typesOf(text).join(' '), types, text);
});

test('FR-003a: DuckDB reads what is found to be a number or a date as that', async () => {
  const db = await openDuckDb({ memoryMb: 512, read: [], write: [], scratch: null });
  const texts = fc.sample(
    fc.string({
      unit: fc.constantFrom(
        '0',
        '1',
        '2',
        '9',
        '-',
        '+',
        '.',
        'e',
        ':',
        ' ',
        'T',
        'Z',
        '2024-0',
        '2024-02-2',
        '1999-12-31',
        '1-0',
        '12:3',
        '0:00',
      ),
      maxLength: 9,
    }),
    { numRuns: 20_000, seed: 3 },
  );
  const casts = { integer: 'bigint', number: 'double', date: 'date', datetime: 'timestamp' } as const;
  for (const [type, cast] of Object.entries(casts)) {
    const found = [...new Set(texts.filter((text) => typesOf(text).some((each) => each === type)))];
    assert.ok(found.length > 5, `${type}: ${found.length}`);
    const { wrong } = await db.one<{ wrong: string | null }>(
      `select min(value) as wrong from (select unnest(from_json($1, '["varchar"]')) as value) where try_cast(value as ${cast}) is null`,
      [JSON.stringify(found)],
    );
    assert.equal(wrong, null, type);
  }
  db.close();
});
