import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Spend } from '#domains/inference';
import fc from 'fast-check';
import {
  askFor,
  exhausted,
  fits,
  minus,
  nothing,
  periodAt,
  plus,
  ratioOf,
  reachedOf,
  scopesOf,
  spendOf,
  stateOf,
  surplusOf,
  type Limit,
} from './rules.ts';
import { change, charged, newSlice, settle, take, type Account, type Slice } from './slice.ts';

const whole = fc.integer({ min: -50, max: 1000 });
const some = fc.integer({ min: 0, max: 200 });
const spend = (figure: fc.Arbitrary<number>): fc.Arbitrary<Spend> =>
  fc.record({ amount: figure.map(BigInt), tokens: figure, requests: figure });
const limit: fc.Arbitrary<Limit> = fc.record({
  amount: fc.option(some.map(BigInt)),
  tokens: fc.option(some),
  requests: fc.option(some),
});

test('FR-011: periods are days and months of UTC, one after the other; a total never ends', () => {
  const moment = Date.UTC(2028, 1, 29, 23, 59, 59, 999);
  assert.deepEqual(periodAt('daily', moment), { start: Date.UTC(2028, 1, 29), end: Date.UTC(2028, 2, 1) });
  assert.deepEqual(periodAt('monthly', moment), { start: Date.UTC(2028, 1), end: Date.UTC(2028, 2) });
  assert.deepEqual(periodAt('total', moment), { start: 0, end: Infinity });
  fc.assert(
    fc.property(fc.constantFrom('daily', 'monthly'), fc.integer({ min: 0, max: 4e12 }), (kind, at) => {
      const { start, end } = periodAt(kind, at);
      assert.ok(start <= at && at < end);
      assert.equal(periodAt(kind, end).start, end);
      assert.deepEqual(periodAt(kind, end - 1), { start, end });
    }),
  );
});

test('FR-011: what is asked for lets every wish pass, and the least lets one pass', () => {
  fc.assert(
    fc.property(limit, spend(whole), fc.array(spend(some), { minLength: 1, maxLength: 5 }), (limits, room, wishes) => {
      const { asked, least } = askFor(limits, room, wishes);
      let left = plus(room, asked);
      for (const wish of wishes) {
        assert.ok(fits(limits, left, wish));
        left = minus(left, wish);
      }
      // no wish fits with less than the least in any figure that it needs
      for (const wish of wishes)
        for (const figure of ['tokens', 'requests'] as const) {
          if (limits[figure] === null || least[figure] === 0) continue;
          assert.ok(!fits(limits, plus(room, { ...asked, [figure]: least[figure] - 1 }), wish));
        }
      const empty = { amount: null, tokens: null, requests: null };
      assert.deepEqual(askFor(empty, room, wishes).asked, nothing);
    }),
  );
});

test('FR-011: what goes back leaves what is worth keeping', () => {
  fc.assert(
    fc.property(limit, spend(whole), spend(some), (limits, room, keep) => {
      const back = surplusOf(limits, room, keep);
      const left = minus(room, back);
      for (const figure of ['amount', 'tokens', 'requests'] as const) {
        assert.ok(back[figure] >= 0);
        const kept = limits[figure] === null ? 0 : keep[figure];
        if (back[figure] > 0) assert.equal(Number(left[figure]), Number(kept));
        assert.ok(left[figure] <= 0 || Number(left[figure]) <= 2 * Number(kept));
      }
    }),
  );
});

test('FR-011: thresholds, ratio and state go by the limit that is used most, exactly', () => {
  const limits = { amount: 3_000_000_000_000_000_000_000_000n, tokens: 200, requests: null };
  const spent = (amount: bigint, tokens: number) => ({ amount, tokens, requests: 1e6 });
  const allButOne = limits.amount - 1n;
  assert.equal(stateOf(limits, spent(allButOne, 0), []), 'ok');
  assert.deepEqual(reachedOf(limits, spent(allButOne, 0), [99.9, 100]), [99.9]);
  assert.equal(stateOf(limits, spent(limits.amount, 0), [50]), 'exhausted');
  assert.equal(stateOf(limits, spent(0n, 100), [50]), 'warning');
  assert.equal(ratioOf(limits, spent(0n, 150)), 0.75);
  assert.equal(ratioOf(limits, spent(limits.amount * 2n, 150)), 2);
  assert.equal(stateOf({ amount: 0n, tokens: null, requests: null }, nothing, []), 'exhausted');
});

test('FR-011: a refusal of a total has no next period; Retry-After is between a second and an hour', () => {
  const named = {
    id: 'b',
    name: 'All',
    currency: 'EUR',
    kind: 'total' as const,
    limit: { amount: 1_500_000_000_000n, tokens: 7, requests: null },
  };
  const wish = { amount: 1n, tokens: 1, requests: 1 };
  const all = exhausted(named, periodAt('total', 0), nothing, wish, 0);
  assert.match(all.message, /its limit of 1\.5 EUR, 7 tokens would be exceeded\. It has no next period\./);
  const room = { amount: 80_000_000_000n, tokens: 7, requests: 9 };
  assert.match(
    exhausted(named, periodAt('total', 0), room, { amount: 121_500_000_000n, tokens: 3, requests: 1 }, 0).message,
    / It may take up to 0\.1215 EUR; left: 0\.08 EUR\.$/,
    'how much less would do',
  );
  assert.deepEqual(all.headers, { 'retry-after': '3600', 'x-should-retry': 'false' });
  assert.deepEqual(all.data, { budget: 'b', period_end: null });
  const day = { ...named, kind: 'daily' as const };
  const end = Date.UTC(2026, 0, 2);
  for (const [before, seconds] of [
    [1, '1'],
    [1500, '2'],
    [7_200_000, '3600'],
  ] as const) {
    const refused = exhausted(day, periodAt('daily', end - before), nothing, wish, end - before);
    assert.equal(refused.headers?.['retry-after'], seconds);
    assert.equal(refused.headers?.['x-should-retry'], seconds === '3600' ? 'false' : undefined, 'it soon may');
    assert.equal(refused.data?.period_end, '2026-01-02T00:00:00.000Z');
  }
});

test('FR-011: an event is charged by what it took; a request falls under each of its scopes', () => {
  const event = { forwarded: true, cached: false, cost: '0.5', prompt_tokens: 3, completion_tokens: 4 };
  assert.deepEqual(spendOf(event), { amount: 500_000_000_000n, tokens: 7, requests: 1 });
  assert.deepEqual(spendOf({ ...event, cached: true }), { amount: 0n, tokens: 0, requests: 1 });
  assert.deepEqual(spendOf({ ...event, forwarded: false }), nothing);
  const facts = { team: 't', project: 'p', user: 'u', key: null, endpoint: 'e', model: null };
  assert.deepEqual(
    scopesOf(facts).map(({ type, id }) => `${type} ${id}`),
    ['team t', 'project t/p', 'user u', 'endpoint e', 'global null'],
  );
});

type Step =
  | { do: 'grant'; spend: Spend }
  | { do: 'take'; spend: Spend }
  | { do: 'settle'; part: number }
  | { do: 'charge' }
  | { do: 'return' };

const step: fc.Arbitrary<Step> = fc.oneof(
  spend(some).map((one): Step => ({ do: 'grant', spend: one })),
  spend(some).map((one): Step => ({ do: 'take', spend: one })),
  fc.integer({ min: 0, max: 100 }).map((part): Step => ({ do: 'settle', part })),
  fc.constant<Step>({ do: 'charge' }),
  fc.constant<Step>({ do: 'return' }),
);

test('FR-011: whatever happens to a slice, what is granted is what is reserved, spent or free, and the lease covers it', () => {
  fc.assert(
    fc.property(limit, fc.array(step, { maxLength: 60 }), (limits, steps) => {
      const account = { budget: { limit: limits } } as Account;
      const slice: Slice = newSlice(account, periodAt('total', 0), 0, 0);
      let lease = nothing;
      const open: Spend[] = [];
      let unsettled: Spend[] = [];
      const sum = (all: readonly Spend[]) => all.reduce(plus, nothing);
      for (const one of steps) {
        if (one.do === 'grant') {
          const { amount, tokens, requests } = one.spend;
          const by = {
            amount: limits.amount === null ? 0n : amount,
            tokens: limits.tokens === null ? 0 : tokens,
            requests: limits.requests === null ? 0 : requests,
          };
          change(slice, by);
          lease = plus(lease, by);
        } else if (one.do === 'take' && fits(limits, slice.room, one.spend)) {
          take(slice, one.spend, 0);
          open.push(one.spend);
        } else if (one.do === 'settle' && open.length > 0) {
          const wish = open.shift()!;
          const actual = {
            amount: (wish.amount * BigInt(one.part)) / 100n,
            tokens: Math.floor((wish.tokens * one.part) / 100),
            requests: wish.requests,
          };
          settle(slice, minus(wish, actual), actual);
          unsettled.push(actual);
        } else if (one.do === 'charge') {
          const all = sum(unsettled);
          const leased = {
            amount: all.amount < lease.amount ? all.amount : lease.amount,
            tokens: Math.min(all.tokens, lease.tokens),
            requests: Math.min(all.requests, lease.requests),
          };
          lease = minus(lease, leased);
          charged(slice, all, leased);
          unsettled = [];
        } else if (one.do === 'return') {
          const back = surplusOf(limits, slice.room, nothing);
          change(slice, minus(nothing, back));
          lease = minus(lease, back);
        }
        assert.deepEqual(slice.granted, lease);
        assert.deepEqual(slice.unsettled, sum(unsettled));
        for (const figure of ['amount', 'tokens', 'requests'] as const) {
          const held = Number(sum(open)[figure]) + Number(sum(unsettled)[figure]);
          if (limits[figure] === null) continue;
          assert.equal(Number(slice.room[figure]), Number(lease[figure]) - held);
          assert.ok(Number(slice.room[figure]) >= 0, 'nothing is reserved that is not leased');
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('FR-011: what was settled otherwise than it is charged never makes room', () => {
  fc.assert(
    fc.property(spend(some), spend(some), (told, real) => {
      const limits = { amount: 1n, tokens: 1, requests: 1 };
      const slice = newSlice({ budget: { limit: limits } } as Account, periodAt('total', 0), 0, 0);
      const wish = { amount: 200n, tokens: 200, requests: 200 };
      change(slice, wish);
      take(slice, wish, 0);
      settle(slice, minus(wish, told), told);
      charged(slice, real, real);
      for (const figure of ['amount', 'tokens', 'requests'] as const)
        assert.ok(Number(slice.room[figure]) <= 200 - Number(real[figure]));
    }),
  );
});
