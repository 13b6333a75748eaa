import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { onward, during } from './during.ts';
import { openDuckDb } from './duckdb.ts';

test('FR-003c: what is told of a statement under way lies between the ends of its work and never goes back', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const told: number[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  const seen = [0.25, null, 0.75, 0, 0.5, 1];
  const tell = onward((done) => void told.push(done));
  const work = during({ progress: () => seen.shift()! }, { from: 0.2, to: 0.6, tell }, () => promise);
  for (let at = 0; at < 5; at++) t.mock.timers.tick(500);
  assert.deepEqual(told, [0.3, 0.5]);
  resolve('done');
  assert.equal(await work, 'done');
  assert.deepEqual(told.slice(2), [0.6]);
  t.mock.timers.tick(5_000);
  assert.equal(told.length, 3, 'nothing is told after the end');
  const failing = during({ progress: () => 1 }, { from: 0, to: 1, tell }, () => Promise.reject(new Error('x')));
  await assert.rejects(failing, /x/);
  assert.equal(told.length, 3, 'what failed did not come to its end');
});

test('FR-003c: DuckDB says how far a statement is', async () => {
  const db = await openDuckDb({ memoryMb: 512, read: [], write: [], scratch: null, threads: 1 });
  try {
    assert.equal(db.progress(), null);
    await db.run('create table numbers as select i from range(3000000) t(i)');
    const seen: number[] = [];
    let over = false;
    const work = db.one('select max(length(repeat(md5(i::text), 20))) as n from numbers').finally(() => (over = true));
    while (!over) {
      const done = db.progress();
      if (done !== null) seen.push(done);
      await sleep(5);
    }
    await work;
    assert.ok(
      seen.some((done) => done > 0 && done <= 1),
      `${seen.length} looks`,
    );
  } finally {
    db.close();
  }
});
