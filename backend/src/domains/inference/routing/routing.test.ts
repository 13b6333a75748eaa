import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RouteTarget } from '#domains/serving';
import { createTally } from '#platform/tally';
import { createBreakers } from './breaker.ts';
import { chooseDestination, keyOf, type ChoiceWorld } from './choice.ts';
import { causeOfError, causeOfStatus, leftToTry } from './retry.ts';

const target = (name: string, over: Partial<RouteTarget> = {}, replicas = 1): RouteTarget => ({
  endpointId: name,
  revisionId: name,
  revisionNumber: 1,
  modelId: name,
  modelName: name,
  version: '1',
  external: false,
  promptPolicyId: null,
  addresses: Array.from({ length: replicas }, (_, index) => ({
    baseUrl: `http://127.0.0.1:${9000 + index}/v1`,
    provider: 'custom' as const,
    headers: {},
    model: name,
  })),
  weight: 100,
  priority: 0,
  rank: 0,
  timeouts: {},
  ...over,
});

const world = (over: Partial<ChoiceWorld> = {}): ChoiceWorld => ({
  available: () => true,
  load: () => 0,
  tried: [],
  random: Math.random,
  ...over,
});

test('FR-006l: of targets of one priority each gets its weight, and the next priority only what is left', () => {
  const targets = [target('a', { weight: 80 }), target('b', { weight: 20 }), target('c', { priority: 1, rank: 10 })];
  const counts: Record<string, number> = {};
  for (let step = 0; step < 1000; step += 1) {
    const found = chooseDestination(targets, world({ random: () => step / 1000 }))!;
    counts[found.target.endpointId] = (counts[found.target.endpointId] ?? 0) + 1;
  }
  assert.deepEqual(counts, { a: 800, b: 200 });
  const without = (...names: string[]): ChoiceWorld =>
    world({ available: (key) => !names.includes(key.split(' ')[0]!) });
  assert.equal(chooseDestination(targets, without('a', 'b'))?.target.endpointId, 'c');
  assert.equal(chooseDestination(targets, without('a', 'b', 'c')), null);
});

test('FR-006l: what a request tried already is not tried again, and healthy ones come before degraded ones', () => {
  const degraded = target('degraded', { rank: 1 });
  const healthy = target('healthy');
  const first = chooseDestination([degraded, healthy], world())!;
  assert.equal(first.target.endpointId, 'healthy');
  const second = chooseDestination([degraded, healthy], world({ tried: [first.key] }))!;
  assert.equal(second.target.endpointId, 'degraded');
  assert.equal(chooseDestination([degraded, healthy], world({ tried: [first.key, second.key] })), null);
});

test('FR-006l: of several replicas the less busy of two is taken, so that load stays even', () => {
  const replicas = target('a', {}, 8);
  const loads = createTally();
  const spread = (pick: (key: string) => number): number => {
    const fresh = createTally();
    for (let count = 0; count < 800; count += 1) {
      const { key } = chooseDestination([replicas], world({ load: (one) => (pick(one), fresh.of(one)) }))!;
      fresh.began(key);
    }
    const all = replicas.addresses.map((address) => fresh.of(keyOf(replicas, address)));
    return Math.max(...all) - Math.min(...all);
  };
  assert.ok(spread(loads.of) <= 10, 'a hundred each, give or take a few');
  loads.began('x');
  loads.ended('x');
  assert.equal(loads.of('x'), 0);
});

test('REL: five failures in a row open a breaker, one trial closes it, and it waits longer each time', () => {
  let now = 0;
  const breakers = createBreakers(() => now);
  const about = { endpointId: 'e', address: 'h:1' };
  for (let count = 0; count < 4; count += 1) breakers.failed('a', about);
  breakers.succeeded('a');
  for (let count = 0; count < 4; count += 1) breakers.failed('a', about);
  assert.equal(breakers.state('a'), 'closed', 'not in a row');
  breakers.failed('a', about);
  assert.equal(breakers.state('a'), 'open');
  assert.equal(breakers.retryInMs(['a']), 2000);
  assert.deepEqual(breakers.open(), [{ ...about, until: 2000 }]);
  now = 2000;
  assert.equal(breakers.state('a'), 'trial');
  breakers.begin('a');
  assert.equal(breakers.state('a'), 'open', 'one at a time');
  breakers.abandoned('a');
  assert.equal(breakers.state('a'), 'trial', 'its client went away');
  breakers.begin('a');
  breakers.failed('a', about);
  assert.equal(breakers.retryInMs(['a']), 4000);
  now = 6000;
  breakers.begin('a');
  breakers.succeeded('a');
  assert.deepEqual([breakers.state('a'), breakers.state('b'), breakers.open()], ['closed', 'closed', []]);
});

test('FR-006l: only what is safe is tried again, unless the route says otherwise', () => {
  const error = (kind: 'connect' | 'reset' | 'timeout', waitedFor: 'connection' | 'first byte' | null = null) =>
    causeOfError({ kind, waitedFor });
  assert.deepEqual(
    [error('connect'), error('reset'), error('timeout', 'connection'), error('timeout', 'first byte')],
    ['connect', 'error', 'connect', 'timeout'],
  );
  assert.deepEqual([429, 503, 500, 502, 504, 400, 401, 404].map(causeOfStatus), [
    'busy',
    'busy',
    'error',
    'error',
    'error',
    null,
    null,
    null,
  ]);
  const targets = [{ priority: 0 }, { priority: 0 }, { priority: 1 }];
  const left = (
    ...asked: [Parameters<typeof leftToTry>[1], number, ('connect' | 'busy' | 'error')[], number]
  ): number =>
    leftToTry(targets, asked[0], { attempts: asked[1], on: asked[2] }, { within: asked[3], priority: 0 }).length;
  assert.equal(left('busy', 1, ['connect', 'busy'], 1), 3);
  assert.equal(left('busy', 1, ['connect', 'busy'], 2), 1, 'as often as the route says, then a fallback in any case');
  assert.equal(left('error', 1, ['connect', 'busy'], 1), 0, 'it may have cost something');
  assert.equal(left(null, 5, ['error'], 1), 0);
});

test('FR-006l: however targets fail, a request is sent to each replica at most once and ends', () => {
  const anyTarget = fc.record({
    priority: fc.nat(3),
    weight: fc.integer({ min: 1, max: 100 }),
    replicas: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(anyTarget, { minLength: 1, maxLength: 6 }), fc.nat(5), (shapes, attempts) => {
      const targets = shapes.map(({ priority, weight, replicas }, index) =>
        target(String(index), { priority, weight, rank: priority * 10 }, replicas),
      );
      const tried: string[] = [];
      let tries = { within: 0, priority: -1 };
      let rank = -1;
      for (;;) {
        const left = tried.length === 0 ? targets : leftToTry(targets, 'busy', { attempts, on: ['busy'] }, tries);
        const found = chooseDestination(left, world({ tried }));
        if (found === null) break;
        assert.ok(!tried.includes(found.key));
        assert.ok(found.target.rank >= rank, 'never back to an earlier priority');
        rank = found.target.rank;
        tries =
          found.target.priority === tries.priority
            ? { ...tries, within: tries.within + 1 }
            : { within: 1, priority: found.target.priority };
        assert.ok(tries.within <= attempts + 1);
        tried.push(found.key);
      }
      assert.ok(tried.length > 0);
    }),
  );
});
