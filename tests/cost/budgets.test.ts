import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reservation } from '../../backend/src/domains/inference/index.ts';
import { codeOf, eventually, nobody, openGround, wish, type Gateway, type Ground } from './ground.ts';

let ground: Ground;
before(async () => (ground = await openGround()));
after(() => ground.close());
afterEach(() => ground.clear());

/** What passed, and what each refusal was. */
async function flood(gateways: readonly Gateway[], count: number, one = wish()) {
  const passed: { gateway: Gateway; reservation: Reservation }[] = [];
  const refused: Error[] = [];
  const all: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const gateway = gateways[index % gateways.length]!;
    const ask = async (): Promise<void> => {
      try {
        passed.push({ gateway, reservation: await gateway.cost.spending.reserve(nobody, one) });
      } catch (error) {
        refused.push(error as Error);
      }
    };
    all.push(ask());
  }
  await Promise.all(all);
  return { passed, refused };
}

test('FR-011: 1,000 requests at once over three gateways against a budget of 100: exactly 100 pass', async () => {
  const budget = await ground.budget();
  const gateways = await Promise.all(['a', 'b', 'c'].map((name) => ground.gateway(name)));
  const { passed, refused } = await flood(gateways, 1000);
  assert.equal(passed.length, 100);
  assert.equal(refused.length, 900);
  assert.ok(refused.every((error) => codeOf(error) === 'budget_exhausted'));
  await ground.checkLeases();
  for (const { gateway, reservation } of passed) gateway.settle(reservation, wish());
  await Promise.all(gateways.map((gateway) => gateway.charge()));
  const { spent, leased, state } = await ground.current(budget.id);
  assert.deepEqual([spent.requests, leased.requests, state], [100, 0, 'exhausted']);
});

/** Until so many statements of gateways wait for a lock. */
const waiting = (count: number) =>
  eventually(async () => {
    const { rows } = await ground.db.pool.query(
      `select 1 from pg_stat_activity where application_name = 'gateway' and wait_event_type = 'Lock'`,
    );
    return rows.length >= count;
  });

test('FR-011: gateways that ask at the very same time get no more than is left together', async () => {
  const budget = await ground.budget();
  const gateways = await Promise.all(['a', 'b', 'c'].map((name) => ground.gateway(name)));
  await flood(gateways, 3);
  const blocker = await ground.db.pool.connect();
  await blocker.query('begin');
  await blocker.query('select 1 from budget_period for update');
  const flooding = flood(gateways, 600);
  await waiting(3);
  // all three have begun and know the budget as it was; meanwhile most of it is spent
  await blocker.query('update budget_period set spent_requests = spent_requests + 60');
  await blocker.query('commit');
  blocker.release();
  await flooding;
  const { spent, leased } = await ground.current(budget.id);
  assert.deepEqual([spent.requests, leased.requests], [60, 40]);
  await ground.checkLeases();
});

test('FR-011: what goes back while it is being charged goes back once', async () => {
  const budget = await ground.budget({ limit: { requests: 1000 } });
  const gateway = await ground.gateway('a', { timing: { idleMs: 200 } });
  const { passed } = await flood([gateway], 20);
  for (const { reservation } of passed.slice(0, 15)) gateway.settle(reservation, wish());
  let after = (): void => {};
  await ground.db.kysely.transaction().execute(async (trx) => {
    after = await gateway.cost.charge(trx, await ground.insert(trx, gateway.journal.splice(0)));
    for (const { reservation } of passed.slice(15)) reservation.settle(wish(0));
    await waiting(1);
  });
  after();
  await eventually(async () => (await ground.current(budget.id)).leased.requests === 0);
  await ground.checkLeases();
  assert.equal((await flood([gateway], 10)).passed.length, 10);
  assert.equal((await ground.current(budget.id)).spent.requests, 15);
});

test('FR-011: a refusal names the budget, its limit and when its period ends, and says when to try again', async () => {
  const budget = await ground.budget({ name: 'Search a day', period: 'daily', limit: { amount: '1.5', requests: 2 } });
  const gateway = await ground.gateway('a');
  const first = await gateway.cost.spending.reserve(nobody, wish(1, 10, 1_000_000_000_000n));
  const ask = async () => gateway.cost.spending.reserve(nobody, wish(1, 10, 1_000_000_000_000n));
  await assert.rejects(ask, (error: any) => {
    assert.equal(codeOf(error), 'budget_exhausted');
    assert.equal(error.status, 429);
    const midnight = new Date(Math.ceil(Date.now() / 86_400_000) * 86_400_000).toISOString();
    assert.equal(
      error.message,
      `The budget "Search a day" has no room for this request: its daily limit of 1.5 EUR would be exceeded. Its period ends at ${midnight}. It may take up to 1 EUR; left: 0.5 EUR.`,
    );
    assert.deepEqual(error.data, { budget: budget.id, period_end: midnight });
    const seconds = Number(error.headers['retry-after']);
    assert.ok(seconds >= 1 && seconds <= 3600, String(seconds));
    return true;
  });
  // what takes nothing of the limit that is short is not held up, and what ended gives back what it did not take
  await gateway.cost.spending.reserve(nobody, wish(1, 10, 0n));
  await assert.rejects(async () => gateway.cost.spending.reserve(nobody, wish(1)), /daily limit of 2 requests/);
  gateway.settle(first, wish(1, 10, 200_000_000_000n));
  await assert.rejects(ask, /daily limit of 2 requests would be exceeded/);
  await gateway.charge();
  const { spent } = await ground.current(budget.id);
  assert.deepEqual(spent, { amount: '0.2', tokens: 10, requests: 1 });
});

test('FR-011: of several budgets all are taken from or none', async () => {
  const wide = await ground.budget({ limit: { requests: 100 } });
  const narrow = await ground.budget({ scope: { type: 'user', id: nobody.user }, limit: { requests: 1 } });
  const other = await ground.budget({ scope: { type: 'user', id: 'somebody else' }, limit: { requests: 0 } });
  const gateway = await ground.gateway('a', { timing: { idleMs: 0 } });
  const { passed, refused } = await flood([gateway], 20);
  assert.deepEqual([passed.length, refused.length], [1, 19]);
  assert.match(refused[0]!.message, new RegExp(narrow.name));
  gateway.settle(passed[0]!.reservation, wish());
  await gateway.charge();
  await eventually(async () => (await ground.current(wide.id)).leased.requests === 0);
  assert.deepEqual((await ground.current(wide.id)).spent.requests, 1);
  assert.deepEqual((await ground.current(other.id)).spent.requests, 0);
});

test('FR-011: each scope finds its requests, and no others', async () => {
  const scopes = [
    { type: 'team', id: 'search' },
    { type: 'project', id: 'search/assistant' },
    { type: 'user', id: 'ada' },
    { type: 'endpoint', id: nobody.endpoint.toUpperCase() },
    { type: 'model', id: nobody.model },
    { type: 'global' },
  ];
  const gateway = await ground.gateway('a');
  for (const scope of scopes) {
    const budget = await ground.budget({ scope, limit: { requests: 0 } });
    await eventually(async () => {
      try {
        (await gateway.cost.spending.reserve(nobody, wish())).settle(wish(0));
        return false;
      } catch (error) {
        return (error as Error).message.includes(budget.name);
      }
    });
    const stranger = { team: 'x', project: 'assistant', user: 'x', key: null, endpoint: budget.id, model: budget.id };
    if (scope.type !== 'global') (await gateway.cost.spending.reserve(stranger, wish())).settle(wish(0));
    await ground.call('deleteBudget', { params: { id: budget.id } });
    await eventually(async () => {
      try {
        (await gateway.cost.spending.reserve(nobody, wish())).settle(wish(0));
        return true;
      } catch {
        return false;
      }
    });
  }
});

test('FR-011: slices are got ahead of need, are a tenth of what is left at most, and go back when nobody asks', async () => {
  const budget = await ground.budget({ limit: { requests: 1000 } });
  const gateway = await ground.gateway('a', { timing: { idleMs: 300 } });
  let waited = 0;
  for (let index = 0; index < 300; index += 1) {
    const reserved = gateway.cost.spending.reserve(nobody, wish());
    if (reserved instanceof Promise) waited += 1;
    gateway.settle(await reserved, wish());
    if (index % 10 === 9) await sleep(5);
  }
  assert.ok(waited < 20, `${waited} of 300 waited for the database`);
  const { leased } = await ground.current(budget.id);
  assert.ok(leased.requests >= 300 && leased.requests <= 300 + 2 * 100, String(leased.requests));
  await gateway.charge();
  await eventually(async () => (await ground.current(budget.id)).leased.requests === 0);
  assert.equal((await ground.current(budget.id)).spent.requests, 300);
});

test('FR-011: a flood of refused requests asks the database no more than twice a second, until room comes free here', async () => {
  const budget = await ground.budget({ limit: { requests: 1 } });
  const gateway = await ground.gateway('a', { timing: { pollMs: 60_000, refusalMs: 500 } });
  const held = await gateway.cost.spending.reserve(nobody, wish());
  await flood([gateway], 10);
  let queries = 0;
  gateway.db.pool.on('acquire', () => (queries += 1));
  const until = Date.now() + 400;
  let refused = 0;
  while (Date.now() < until) {
    refused += (await flood([gateway], 20)).refused.length;
    await sleep(1);
  }
  assert.ok(refused > 100 && queries <= 1, `${refused} refusals, ${queries} questions`);
  held.settle(wish(0));
  const { passed } = await flood([gateway], 3);
  assert.equal(passed.length, 1, 'what was given back is there at once');
  assert.equal((await ground.current(budget.id)).leased.requests, 1);
});

test('FR-011: a threshold is told once a period, in the log and as an event; a raised limit makes it ready again', async () => {
  const budget = await ground.budget({ limit: { requests: 10 }, thresholds: [100, 50, 80, 50], action: 'warn' });
  assert.deepEqual(budget.thresholds, [50, 80, 100]);
  const gateway = await ground.gateway('a');
  const spend = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1)
      gateway.settle(await gateway.cost.spending.reserve(nobody, wish()), wish());
    await gateway.charge();
  };
  const told = () =>
    ground.published.filter(({ payload }) => payload.budgetId === budget.id).map(({ payload }) => payload.threshold);
  await spend(4);
  assert.deepEqual([told(), (await ground.current(budget.id)).state], [[], 'ok']);
  await spend(1);
  await spend(2);
  assert.deepEqual([told(), (await ground.current(budget.id)).state], [[50], 'warning']);
  await spend(5);
  const { reached, ratio, state } = await ground.current(budget.id);
  assert.deepEqual(
    [told(), reached.map(({ threshold }) => threshold), ratio, state],
    [[50, 80, 100], [50, 80, 100], 1.2, 'exhausted'],
  );
  await ground.call('updateBudget', { params: { id: budget.id }, body: { limit: { requests: 20 } } });
  assert.deepEqual(
    (await ground.current(budget.id)).reached.map(({ threshold }) => threshold),
    [50],
  );
  await spend(4);
  assert.deepEqual(told(), [50, 80, 100, 80]);
  assert.ok(ground.published.every(({ type }) => type === 'budget.threshold'));
});

test('FR-011: what was spent before a budget was made counts, each request once, while others are being charged', async () => {
  const gateway = await ground.gateway('a');
  const second = await ground.gateway('b');
  let made = 0;
  let ended = false;
  const charging = [gateway, second].map(async (one) => {
    while (!ended) {
      for (let index = 0; index < 7; index += 1)
        one.settle(await one.cost.spending.reserve(nobody, wish(1, 3, 5n)), wish(1, 3, 5n));
      made += 7;
      await one.charge();
    }
  });
  const budgets: string[] = [];
  for (let index = 0; index < 12; index += 1) {
    const action = index % 2 === 0 ? 'warn' : 'stop';
    const scope = index % 3 === 0 ? { type: 'global' } : { type: 'project', id: 'search/assistant' };
    const limit = { requests: 1_000_000, amount: '100' };
    budgets.push((await ground.budget({ action, scope, limit, period: index % 4 === 0 ? 'monthly' : 'total' })).id);
  }
  ended = true;
  await Promise.all(charging);
  for (const id of budgets) {
    const { spent } = await ground.current(id);
    assert.deepEqual(spent, {
      amount: ((made * 5) / 1e12).toFixed(12).replace(/0+$/, ''),
      tokens: made * 3,
      requests: made,
    });
  }
  await ground.checkLeases();
});

test('FR-011: a budget that is made while a charge is under way waits for it, and counts it', async () => {
  const gateway = await ground.gateway('a');
  gateway.settle(await gateway.cost.spending.reserve(nobody, wish()), wish());
  let making: Promise<{ id: string }> | null = null;
  await ground.db.kysely.transaction().execute(async (trx) => {
    await gateway.cost.charge(trx, await ground.insert(trx, gateway.journal.splice(0)));
    making = ground.budget();
    await sleep(150);
  });
  const { id } = (await making)! as { id: string };
  assert.equal((await ground.current(id)).spent.requests, 1);
});

test('FR-011: while a budget is off nothing is refused or charged; when it is on again, all of its period counts', async () => {
  const budget = await ground.budget({ limit: { requests: 5 }, enabled: false });
  const gateway = await ground.gateway('a');
  for (let index = 0; index < 8; index += 1)
    gateway.settle(await gateway.cost.spending.reserve(nobody, wish()), wish());
  await gateway.charge();
  assert.equal((await ground.current(budget.id)).spent.requests, 0);
  const on = await ground.call('updateBudget', { params: { id: budget.id }, body: { enabled: true } });
  assert.deepEqual([on.current.spent.requests, on.current.state], [8, 'exhausted']);
  assert.deepEqual(
    on.current.reached.map(({ threshold }) => threshold),
    [80, 100],
  );
  await eventually(async () => (await flood([gateway], 1)).refused.length === 1);
  await ground.call('updateBudget', { params: { id: budget.id }, body: { action: 'warn' } });
  await eventually(async () => (await flood([gateway], 1)).passed.length === 1);
});

test('FR-011: a lowered limit is in force in every gateway, and takes what they hold ready', async () => {
  const budget = await ground.budget({ limit: { requests: 1000 } });
  const gateways = await Promise.all(['a', 'b'].map((name) => ground.gateway(name)));
  const { passed } = await flood(gateways, 10);
  await ground.call('updateBudget', { params: { id: budget.id }, body: { limit: { requests: 12 } } });
  await eventually(async () => (await ground.current(budget.id)).leased.requests === 10);
  for (const { gateway, reservation } of passed) gateway.settle(reservation, wish());
  await Promise.all(gateways.map((gateway) => gateway.charge()));
  const more = await flood(gateways, 40);
  assert.equal(more.passed.length, 2);
  await ground.call('updateBudget', { params: { id: budget.id }, body: { limit: { requests: 20 } } });
  await eventually(async () => (await flood(gateways, 2)).passed.length > 0);
});

test('FR-011: what a gateway held when it died is there again once its journal is charged, and not before', async () => {
  const budget = await ground.budget({ limit: { requests: 50 } });
  const gateway = await ground.gateway('a');
  const { passed } = await flood([gateway], 20);
  // half of them ended, the others go down with the gateway and settle as orphans
  for (const { reservation } of passed.slice(0, 10)) gateway.settle(reservation, wish());
  for (const { reservation } of passed.slice(10)) gateway.journal.push(gateway.event(reservation, wish()));
  await gateway.crash();
  const other = await ground.gateway('b');
  const again = await ground.gateway('a', { journal: gateway.journal, release: false });
  const before = (await ground.current(budget.id)).leased.requests;
  assert.ok(before >= 20, 'kept');
  const between = await flood([again], 5);
  await again.charge();
  await again.cost.releaseLeftovers();
  await again.cost.releaseLeftovers();
  assert.equal((await ground.current(budget.id)).spent.requests, 20);
  await ground.checkLeases();
  const rest = await flood([again, other], 100);
  assert.equal(between.passed.length + rest.passed.length, 30);
});

test('FR-011: what a gateway that is gone holds is taken back by whoever runs short; it does not spend it when it comes back', async () => {
  const budget = await ground.budget({ limit: { requests: 100 } });
  const gone = await ground.gateway('gone', { timing: { pollMs: 60_000, renewMs: 0 } });
  const held = await flood([gone], 10);
  const other = await ground.gateway('b', { timing: { contactMs: 0, refusalMs: 0 } });
  assert.ok((await flood([other], 100)).passed.length <= 90, 'those of a living one are not taken');
  await ground.db.pool.query(
    `update budget_lease set renewed_at = renewed_at - interval '16 minutes' where gateway = 'gone'`,
  );
  const { passed } = await flood([other], 100);
  assert.ok(passed.length > 0);
  await ground.checkLeases();
  const { leased } = await ground.current(budget.id);
  assert.equal(leased.requests, 100);
  // it comes back: what it was answering is charged all the same; what it held ready is not there any more
  await ground.db.pool.query(`select pg_notify('cost', '')`);
  await sleep(1_000);
  for (const { reservation } of held.passed) gone.settle(reservation, wish());
  await gone.charge();
  assert.equal((await flood([gone], 10)).passed.length, 0);
  assert.equal((await ground.current(budget.id)).spent.requests, 10);
  await ground.checkLeases();
});

test('FR-011: a request that went to another model than it was reserved for is charged there', async () => {
  const fallback = {
    ...nobody,
    model: '01990000-0000-7000-8000-0000000000f2',
    endpoint: '01990000-0000-7000-8000-0000000000e2',
  };
  const first = await ground.budget({ scope: { type: 'model', id: nobody.model }, limit: { requests: 3 } });
  const second = await ground.budget({ scope: { type: 'model', id: fallback.model }, limit: { requests: 3 } });
  const gateway = await ground.gateway('a');
  const reserve = async () => gateway.cost.spending.reserve(nobody, wish());
  for (let index = 0; index < 2; index += 1) {
    const reservation = await reserve();
    reservation.settle(wish(), fallback);
    gateway.journal.push(gateway.event(reservation, wish(), fallback));
  }
  await gateway.charge();
  assert.deepEqual(
    [(await ground.current(first.id)).spent.requests, (await ground.current(second.id)).spent.requests],
    [0, 2],
  );
  assert.equal((await flood([gateway], 10)).passed.length, 3);
  const there = await Promise.allSettled([1, 2, 3].map(async () => gateway.cost.spending.reserve(fallback, wish())));
  assert.equal(there.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('FR-011: refused requests are free; a cached answer is one request', async () => {
  const budget = await ground.budget({ limit: { requests: 10, tokens: 100, amount: '1' } });
  const gateway = await ground.gateway('a');
  const take = async () => gateway.cost.spending.reserve(nobody, wish(1, 10, 1000n));
  const [refused, cached, plain] = [await take(), await take(), await take()];
  refused.settle(wish(0));
  gateway.journal.push(gateway.event(refused, wish(1, 9, 9n), nobody, { forwarded: false }));
  cached.settle(wish(1));
  gateway.journal.push(gateway.event(cached, wish(1, 9, 0n), nobody, { cached: true }));
  gateway.settle(plain, wish(1, 7, 7n));
  await gateway.charge();
  assert.deepEqual((await ground.current(budget.id)).spent, { amount: '0.000000000007', tokens: 7, requests: 2 });
  const later = await ground.budget({ limit: { requests: 10 } });
  assert.deepEqual(
    later.current.spent,
    { amount: '0.000000000007', tokens: 7, requests: 2 },
    'counted afterwards as when it was charged',
  );
});

test('FR-011: by the database’s clock a new period begins with all of its limit; what was begun in the old one is charged to that', async () => {
  // the session's own clock_timestamp() comes before the server's
  await ground.db.pool.query(`
    create schema if not exists shifted;
    create table if not exists shifted.shift (by interval not null);
    truncate shifted.shift; insert into shifted.shift values ('0');
    create or replace function shifted.clock_timestamp() returns timestamptz language sql volatile as
      'select pg_catalog.clock_timestamp() + by from shifted.shift';`);
  const query = `&options=${encodeURIComponent('-c search_path=shifted,pg_catalog,public')}`;
  // this machine's clock is wrong by an hour and a half, which does not matter
  const now = () => new Date(Date.now() + 5_400_000);
  const gateway = await ground.gateway('a', { query, now });
  const budget = await ground.budget({ period: 'daily', limit: { requests: 10 } });
  await eventually(async () => {
    const { passed } = await flood([gateway], 1);
    for (const { reservation } of passed) reservation.settle(wish(0));
    return (await ground.current(budget.id)).leased.requests > 0;
  });
  const before = await flood([gateway], 40);
  assert.equal(before.passed.length, 10);
  await ground.db.pool.query(`update shifted.shift set by = '1 day'`);
  const after = await eventually(async () => {
    const found = await flood([gateway], 40);
    return found.passed.length === 10 ? found : null;
  });
  for (const { reservation } of [...before.passed, ...after.passed]) gateway.settle(reservation, wish());
  await gateway.charge();
  const { rows } = await ground.db.pool.query(
    `select spent_requests::int as spent, leased_requests::int as leased from budget_period where budget_id = $1 order by period_start`,
    [budget.id],
  );
  assert.equal(rows[0].spent, before.passed.length);
  assert.equal(rows[1].spent, 10);
  await eventually(async () => {
    const { rows: left } = await ground.db.pool.query('select 1 from budget_period where leased_requests > 0');
    return left.length === 0;
  });
  await ground.checkLeases();
});
