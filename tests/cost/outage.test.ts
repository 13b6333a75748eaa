import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reservation } from '../../backend/src/domains/inference/index.ts';
import { codeOf, eventually, nobody, openGround, wish, type Gateway, type Ground } from './ground.ts';

let ground: Ground;
before(async () => (ground = await openGround()));
after(() => ground.close());

async function reserveAll(gateway: Gateway, count: number, facts = nobody) {
  const passed: Reservation[] = [];
  const refused: any[] = [];
  for (let index = 0; index < count; index += 1) {
    try {
      passed.push(await gateway.cost.spending.reserve(facts, wish()));
    } catch (error) {
      refused.push(error);
    }
  }
  return { passed, refused };
}

test('FR-011: without the database a gateway spends its slice, then stop denies and warn goes on; nothing is lost when it is back', async () => {
  const stop = await ground.budget({ limit: { requests: 400 } });
  const warn = await ground.budget({ limit: { requests: 5 }, action: 'warn', scope: { type: 'user', id: 'wanda' } });
  const gateway = await ground.gateway('a', { timing: { refusalMs: 50 } });
  const wanda = { ...nobody, team: 'other', user: 'wanda' };
  const before = await reserveAll(gateway, 10);
  assert.equal(before.passed.length, 10);
  await eventually(async () => (await ground.current(stop.id)).leased.requests > 10);
  await sleep(200);
  await ground.checkLeases();
  const slice = (await ground.current(stop.id)).leased.requests - 10;

  await ground.postgres.halt();
  const began = performance.now();
  const { passed, refused } = await reserveAll(gateway, 100);
  assert.equal(passed.length, slice, 'the slice is spent');
  const [first] = refused;
  assert.equal(codeOf(first), 'budget_exhausted');
  assert.match(first.message, /cannot be checked just now/);
  assert.deepEqual([first.status, first.headers['retry-after'], first.data.budget], [429, '5', stop.id]);
  assert.ok(performance.now() - began < 4_000, 'refusals do not wait for each other');
  assert.equal((await reserveAll(gateway, 50, wanda)).passed.length, 50);

  for (const reservation of [...before.passed, ...passed]) gateway.settle(reservation, wish());
  await assert.rejects(gateway.charge(), (error) => codeOf(error) === 'database_unavailable');
  await ground.postgres.start();
  await eventually(
    () =>
      gateway.charge().then(
        () => true,
        () => false,
      ),
    20_000,
  );
  await eventually(async () => (await reserveAll(gateway, 1)).passed.length === 1, 20_000);
  const { spent } = await ground.current(stop.id);
  assert.equal(spent.requests, 10 + slice);
  assert.equal((await ground.current(warn.id)).spent.requests, 0, 'unsettled');
  await ground.checkLeases();
  const rest = await reserveAll(gateway, 400);
  assert.equal(rest.passed.length, 400 - 10 - slice - 1);
  await ground.clear();
});

test('FR-011: what a gateway holds is not spent once it was cut off for so long that others may have taken it', async () => {
  const budget = await ground.budget({ limit: { requests: 400 } });
  const gateway = await ground.gateway('c', { timing: { goneMs: 1_000, renewMs: 100, refusalMs: 50 } });
  const { passed } = await reserveAll(gateway, 10);
  await eventually(async () => (await ground.current(budget.id)).leased.requests > 10);
  await ground.postgres.halt();
  assert.equal((await reserveAll(gateway, 1)).passed.length, 1, 'for a while it is');
  await sleep(1_300);
  const { refused } = await reserveAll(gateway, 1);
  assert.match(refused[0]?.message, /cannot be checked just now/);
  await ground.postgres.start();
  // nobody took it, so it is there again
  await eventually(async () => (await reserveAll(gateway, 1)).passed.length === 1, 20_000);
  for (const reservation of passed) gateway.settle(reservation, wish());
  await gateway.charge();
  assert.equal((await ground.current(budget.id)).spent.requests, 10);
  await ground.checkLeases();
  await ground.clear();
});

test('FR-011: a gateway that cannot read its budgets does not start', async () => {
  const gateway = await ground.gateway('b');
  await gateway.cost.stop();
  await ground.postgres.halt();
  await assert.rejects(gateway.cost.start(), (error) => codeOf(error) === 'database_unavailable');
  await ground.postgres.start();
});
