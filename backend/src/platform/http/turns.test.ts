import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseUnavailable } from '#platform/db';
import { isFailure } from '#platform/errors';
import { createTurns } from './turns.ts';

const refused = (error: unknown) => isFailure(error, 'database_unavailable');

test('FR-006: a hundred changes at once have their turns one after the other, the first first, and none fails', async () => {
  const turns = createTurns({ width: 3, patienceMs: 100 });
  const done: number[] = [];
  let inside = 0;
  let most = 0;
  const change = (index: number) =>
    turns.take(async () => {
      most = Math.max(most, ++inside);
      await sleep(5);
      inside--;
      done.push(index);
    });
  const began = performance.now();
  await Promise.all(Array.from({ length: 100 }, (_, index) => change(index)));
  assert.equal(most, 3);
  assert.ok(performance.now() - began > 100, 'longer than anybody has patience with none ending');
  assert.ok(
    done.every((index, at) => Math.abs(index - at) < 3),
    done.join(' '),
  );
});

test('REL: where none comes to an end, who waits is told so in time, and later ones have their turn', async () => {
  const turns = createTurns({ width: 1, patienceMs: 100 });
  const { promise: stuck, resolve: free } = Promise.withResolvers<void>();
  const first = turns.take(() => stuck);
  const began = performance.now();
  await assert.rejects(
    turns.take(async () => 'late'),
    refused,
  );
  const waited = performance.now() - began;
  assert.ok(waited >= 95 && waited < 1_000, `${waited} ms`);
  free();
  await first;
  assert.equal(await turns.take(async () => 'done'), 'done');
});

test('REL: a database that is away does not count as progress; a change that is refused does', async () => {
  const turns = createTurns({ width: 1, patienceMs: 120, limitMs: 400 });
  const fails = (error: Error) => async () => {
    await sleep(50);
    throw error;
  };
  const last = (error: Error) => {
    for (let index = 0; index < 20; index++) turns.take(fails(error)).catch(() => {});
    const began = performance.now();
    return turns
      .take(async () => {})
      .then(
        () => assert.fail('it had a turn'),
        (reason: unknown) => ({ reason, waited: performance.now() - began }),
      );
  };
  const away = await last(databaseUnavailable(new Error('away')));
  assert.ok(refused(away.reason) && away.waited < 350, `${away.waited} ms`);
  await sleep(100);
  const busy = await last(new Error('not allowed'));
  assert.ok(refused(busy.reason) && busy.waited >= 395, `${busy.waited} ms`);
});
