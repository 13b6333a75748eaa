import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reservation, Spend } from '../../backend/src/domains/inference/index.ts';
import { parseMoney } from '../../backend/src/platform/money/index.ts';
import { codeOf, eventually, nobody, openGround, type Gateway, type Ground } from './ground.ts';

let ground: Ground;
before(async () => (ground = await openGround()));
after(() => ground.close());
afterEach(() => ground.clear());

/** The same numbers for the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const timing = { pollMs: 40, idleMs: 150, refusalMs: 20 };
const limits = { amount: '0.003', tokens: 2_400, requests: 350 };
const seeds = process.env.FUZZ_SEEDS?.split(',').map(Number) ?? [1, 2, 3, 4];

for (const seed of seeds) {
  test(`FR-011: whatever happens in whatever order, no more is spent than a budget allows and none of it is lost (seed ${seed})`, async () => {
    const wide = await ground.budget({ limit: limits });
    const narrow = await ground.budget({ scope: { type: 'user', id: 'ada' }, limit: { requests: 150 } });
    const random = randomFrom(seed);
    let ended = false;
    const tally = { passed: 0, refused: 0, crashes: 0, killed: 0 };

    async function check(): Promise<void> {
      await ground.checkLeases();
      for (const [id, limit] of [
        [wide.id, limits],
        [narrow.id, { requests: 150 }],
      ] as const) {
        const { spent } = await ground.current(id);
        const told = JSON.stringify(spent);
        assert.ok(spent.requests <= limit.requests, told);
        if (!('tokens' in limit)) continue;
        assert.ok(spent.tokens <= limit.tokens && parseMoney(spent.amount) <= parseMoney(limit.amount), told);
      }
    }

    async function live(name: string): Promise<Gateway> {
      let gateway = await eventually(() => ground.gateway(name, { timing, release: false }).catch(() => null));
      let open: { reservation: Reservation; wished: Spend; facts: typeof nobody }[] = [];
      const part = (wished: Spend): Spend =>
        random(5) === 0
          ? { amount: 0n, tokens: 0, requests: 0 }
          : { amount: (wished.amount * BigInt(random(101))) / 100n, tokens: random(wished.tokens + 1), requests: 1 };
      const end = (): void => {
        const one = open.splice(random(open.length), 1)[0];
        if (one !== undefined) gateway.settle(one.reservation, part(one.wished), one.facts);
      };
      const charge = () => gateway.charge().catch((error: Error) => assert.match(error.message, /database|terminat/));

      for (let step = 0; step < 120; step += 1) {
        const what = step === 100 ? 19 : random(20);
        if (what < 12) {
          const facts = random(2) === 0 ? nobody : { ...nobody, user: 'bob' };
          const wished = { amount: BigInt(random(40)) * 1_000_003n, tokens: random(30), requests: 1 };
          const ask = async (): Promise<void> => {
            try {
              open.push({ reservation: await gateway.cost.spending.reserve(facts, wished), wished, facts });
              tally.passed += 1;
            } catch (error) {
              assert.equal(codeOf(error), 'budget_exhausted', String(error));
              tally.refused += 1;
            }
          };
          await Promise.all(Array.from({ length: 1 + random(6) }, ask));
        } else if (what < 15) for (let count = random(8); count > 0; count -= 1) end();
        else if (what < 18) await charge();
        else if (what === 18) await sleep(random(60));
        else if (random(4) === 0 || step === 100) {
          // as `kill -9` leaves it: what was under way is in the journal and settles as far as it came
          for (const { reservation, wished, facts } of open)
            gateway.journal.push(gateway.event(reservation, part(wished), facts));
          open = [];
          const { journal } = gateway;
          await gateway.crash();
          tally.crashes += 1;
          const start = () => ground.gateway(name, { timing, journal, release: false });
          gateway = await eventually(() => start().catch(() => null));
          // while the journal of the one before is being charged, the new one is already asked
          if (random(2) === 0)
            await Promise.allSettled(
              [1, 2, 3].map(async () => {
                const reservation = await gateway.cost.spending.reserve(nobody, { amount: 1n, tokens: 1, requests: 1 });
                open.push({ reservation, wished: { amount: 1n, tokens: 1, requests: 1 }, facts: nobody });
              }),
            );
          await eventually(() =>
            gateway.charge().then(
              () => true,
              () => false,
            ),
          );
          await eventually(() =>
            gateway.cost.releaseLeftovers().then(
              () => true,
              () => false,
            ),
          );
        }
      }
      while (open.length > 0) end();
      return gateway;
    }

    const observing = (async () => {
      while (!ended) {
        await check();
        if (tally.killed === 0 || random(8) === 0) {
          // connections break in the middle of things
          const { rowCount } = await ground.db.pool.query(`
            select pg_terminate_backend(pid) from pg_stat_activity
            where application_name = 'gateway' and query ~ 'budget_|usage_event' and random() < 0.5`);
          tally.killed += rowCount ?? 0;
        }
        await sleep(10);
      }
    })();
    const gateways = await Promise.all(['a', 'b', 'c'].map(live));
    ended = true;
    await observing;
    for (const gateway of gateways)
      await eventually(() =>
        gateway.charge().then(
          () => gateway.journal.length === 0,
          () => false,
        ),
      );
    await check();
    assert.ok(tally.passed > 100 && tally.refused > 0 && tally.crashes > 0 && tally.killed > 0, JSON.stringify(tally));

    // what nobody holds any more goes back, and one gateway can then have all that is left
    await eventually(async () => {
      const { rows } = await ground.db.pool.query(
        'select 1 from budget_period where leased_requests + leased_tokens + leased_amount > 0',
      );
      return rows.length === 0;
    });
    const { spent } = await ground.current(wide.id);
    const rest: Spend = {
      amount: parseMoney(limits.amount) - parseMoney(spent.amount),
      tokens: limits.tokens - spent.tokens,
      requests: limits.requests - spent.requests,
    };
    // all requests are used up by chance: no event could take the tokens that are left
    if (rest.requests === 0) return;
    // a connection that broke a moment ago may not be noticed yet
    const whole = await eventually(async () => {
      try {
        return await gateways[1]!.cost.spending.reserve({ ...nobody, user: 'bob' }, rest);
      } catch {
        return null;
      }
    });
    whole.settle(rest);
    for (let index = 0; index < rest.requests; index += 1) {
      const part = index === 0 ? rest : { amount: 0n, tokens: 0, requests: 1 };
      gateways[1]!.journal.push(gateways[1]!.event(whole, part, { ...nobody, user: 'bob' }));
    }
    await gateways[1]!.charge();
    const last = await ground.current(wide.id);
    assert.deepEqual([last.spent, last.leased.requests], [limits, 0]);
  });
}
