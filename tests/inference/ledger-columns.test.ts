import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { floats, integers, texts, times, uuids } from '../../backend/src/domains/inference/ledger/columns.ts';
import { openGround, type Ground } from './ground.ts';

let ground: Ground;
before(async () => {
  ground = await openGround();
});
after(async () => {
  await ground?.close();
});

interface Filled<T> {
  add(value: T): void;
  bytes(): Buffer;
}

function filled<T>(make: (count: number) => Filled<T>, values: readonly T[]): Buffer {
  const column = make(values.length);
  for (const value of values) column.add(value);
  return column.bytes();
}

test('FR-009: columns arrive in PostgreSQL as they were, at their borders too', async () => {
  const { pool } = await ground.database();
  const ask = async (type: string, bytes: Buffer): Promise<unknown[]> => {
    const { rows } = await pool.query(`select one::text as one from unnest($1::${type}[]) as one`, [bytes]);
    return rows.map(({ one }) => one);
  };
  const whole = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)];
  assert.deepEqual(await ask('integer', filled(integers, whole)), whole.map(String));
  assert.throws(() => filled(integers, [2 ** 31]), RangeError);
  assert.deepEqual(await ask('float8', filled(floats, [0.1, null, -2.5, 1e300])), ['0.1', null, '-2.5', '1e+300']);
  const moments = [
    0,
    1,
    946_684_799_999,
    946_684_800_000,
    Date.UTC(2026, 10, 28, 14, 31, 56, 789),
    Date.UTC(2199, 0, 1),
  ];
  const { rows } = await pool.query(`select one from unnest($1::timestamptz[]) as one`, [filled(times, moments)]);
  assert.deepEqual(
    rows.map(({ one }) => one.getTime()),
    moments,
  );
  const ids = [
    '0192f0e5-6c00-7000-8000-0000000000e1',
    'ffffffff-ffff-7fff-bfff-ffffffffffff',
    '00000000-0000-7000-8000-000000000000',
  ];
  assert.deepEqual(await ask('uuid', filled(uuids, ids)), ids);
  const said = [
    '',
    'null',
    'NULL',
    'a,b {c}',
    'say "\\"',
    'ü',
    '가나다',
    '🙂'.repeat(9),
    'x'.repeat(50_000),
    null,
    'end',
  ];
  assert.deepEqual(await ask('text', filled(texts, said)), said);
  // of a journal that was damaged: it must not hold up the others
  assert.deepEqual(await ask('text', filled(texts, [7, true, { a: ['"'] }, undefined])), [
    '7',
    'true',
    '{"a":["\\""]}',
    null,
  ]);
  for (const empty of [filled(integers, []), filled(texts, []), filled(texts, [null, null])])
    assert.deepEqual(await ask(empty.readInt32BE(8) === 23 ? 'integer' : 'text', empty), []);
});

test('FR-009: a column without any text is filled up with nulls beside the others', async () => {
  const { pool } = await ground.database();
  const { rows } = await pool.query(
    'select number, name from unnest($1::integer[], $2::text[]) as one (number, name)',
    [filled(integers, [1, 2, 3]), filled(texts, [null, null, null])],
  );
  assert.deepEqual(
    rows.map(({ number, name }) => [number, name]),
    [
      [1, null],
      [2, null],
      [3, null],
    ],
  );
});
