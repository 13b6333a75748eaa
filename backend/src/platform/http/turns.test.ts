import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { databaseUnavailable } from '#platform/db';
import { isFailure } from '#platform/errors';
import { createTurns } from './turns.ts';

const refused = (error: unknown) => isFailure(error, 'database_unavailable');

/** Time that goes on only where the test lets it: how busy the machine is does not matter. */
function clock({ mock }: TestContext) {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  const now = (): number => Date.now();
  return {
    now,
    sleep: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
    async until<T>(wanted: Promise<T>): Promise<T> {
      let settled = false;
      const set = (): void => void (settled = true);
      wanted.then(set, set);
      for (let passed = 0; passed < 10_000; passed += 5) {
        await turn();
        if (settled) return wanted;
        mock.timers.tick(5);
      }
      throw new Error('It does not come to an end within ten seconds.');
    },
  };
}

test('FR-006: a hundred changes at once have their turns one after the other, the first first, and none fails', async (context) => {
  const { now, sleep, until } = clock(context);
  const turns = createTurns({ width: 3, patienceMs: 100, now });
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
  const began = now();
  await until(Promise.all(Array.from({ length: 100 }, (_, index) => change(index))));
  assert.equal(most, 3);
  assert.ok(now() - began > 100, 'longer than anybody has patience with none ending');
  assert.ok(
    done.every((index, at) => Math.abs(index - at) < 3),
    done.join(' '),
  );
});

test('REL: where none comes to an end, who waits is told so in time, and later ones have their turn', async (context) => {
  const { now, until } = clock(context);
  const turns = createTurns({ width: 1, patienceMs: 100, now });
  const { promise: stuck, resolve: free } = Promise.withResolvers<void>();
  const first = turns.take(() => stuck);
  const began = now();
  await assert.rejects(until(turns.take(async () => 'late')), refused);
  assert.equal(now() - began, 100);
  free();
  await first;
  assert.equal(await turns.take(async () => 'done'), 'done');
});

test('REL: a database that is away does not count as progress; a change that is refused does', async (context) => {
  const { now, sleep, until } = clock(context);
  const turns = createTurns({ width: 1, patienceMs: 120, limitMs: 400, now });
  const fails = (error: Error) => async () => {
    await sleep(50);
    throw error;
  };
  const last = (error: Error) => {
    for (let index = 0; index < 20; index++) turns.take(fails(error)).catch(() => {});
    const began = now();
    const taken = turns.take(async () => {});
    return until(taken).then(
      () => assert.fail('it had a turn'),
      (reason: unknown) => ({ reason, waited: now() - began }),
    );
  };
  const away = await last(databaseUnavailable(new Error('away')));
  assert.ok(refused(away.reason) && away.waited < 350, `${away.waited} ms`);
  await until(sleep(100));
  const busy = await last(new Error('not allowed'));
  assert.ok(refused(busy.reason) && busy.waited >= 395, `${busy.waited} ms`);
});
