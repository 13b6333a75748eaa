import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGathering, createTurns } from './turns.ts';

test('FR-006r, QS-2: what has begun is worked on before what has not, so that new deployments hold up neither a ready one nor one that serves', () => {
  const turns = createTurns<string>();
  for (let index = 0; index < 100; index += 1) turns.put(`new-${index}`, 'pending', { begun: false });
  turns.put('ready', 'starting', { begun: true });
  turns.put('serving', 'live', { begun: true });
  assert.deepEqual(turns.take(), { id: 'ready', item: 'starting' });
  // applied by somebody else meanwhile: it is no newcomer any more
  turns.put('new-7', 'starting', { begun: true });
  assert.equal(turns.size(), 101);
  const order = Array.from({ length: 101 }, () => turns.take()!.id);
  assert.deepEqual(order.slice(0, 5), ['serving', 'new-7', 'new-0', 'new-1', 'new-2']);
  assert.equal(new Set(order).size, 101, 'each has one turn');
  assert.equal(turns.take(), null);
});

test('FR-006r: who waits keeps the place and is worked on as last seen', () => {
  const turns = createTurns<number>();
  turns.put('a', 1, { begun: true });
  turns.put('b', 1, { begun: true });
  turns.put('a', 2, { begun: true });
  assert.deepEqual([turns.take(), turns.take(), turns.take()], [{ id: 'a', item: 2 }, { id: 'b', item: 1 }, null]);
});

test('QS-2: reads that are asked for together are one, and none is answered with what was read before it was asked for', async () => {
  const reads: { ids: readonly string[]; end(answer: number): void; fail(error: Error): void }[] = [];
  const read = createGathering<number>(
    (ids) =>
      new Promise((resolve, reject) => {
        reads.push({ ids, end: resolve, fail: reject });
      }),
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const first = [read('a'), read('b'), read('a')];
  await turn();
  assert.deepEqual(
    reads.map(({ ids }) => ids),
    [['a', 'b']],
  );
  const second = Array.from({ length: 16 }, (_, index) => read(`c-${index}`));
  const again = read('a');
  await turn();
  assert.equal(reads.length, 1, 'one at a time');
  reads[0]!.end(1);
  assert.deepEqual(await Promise.all(first), [1, 1, 1]);
  await turn();
  assert.equal(reads.length, 2);
  assert.equal(reads[1]!.ids.length, 17);
  reads[1]!.fail(new Error('the database is away'));
  for (const one of [...second, again]) await assert.rejects(one, /away/);
  const third = read('a');
  await turn();
  reads[2]!.end(3);
  assert.equal(await third, 3, 'a failure is not kept');
});
