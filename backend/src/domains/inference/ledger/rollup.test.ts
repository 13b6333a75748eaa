import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageEvent } from '../usage.ts';
import { bounds, bucketOf } from './histogram.ts';
import { createRollup, type RolledUp } from './rollup.ts';

const event = (changes: Partial<UsageEvent>): UsageEvent => ({
  id: '0192f0e5-6c00-7000-8000-000000000000',
  at: '2026-01-31T10:20:30.500Z',
  request_id: 'r',
  gateway: 'g',
  user_id: 'rita',
  team: 'search',
  project: null,
  api_key_id: null,
  route: 'chat',
  environment: 'prod',
  endpoint_id: 'e',
  model_id: 'm',
  model_name: 'assistant',
  model_version: '1',
  provider: 'vllm',
  revision: 1,
  operation: 'chat',
  streamed: false,
  status: 200,
  error_code: null,
  forwarded: true,
  prompt_tokens: 10,
  completion_tokens: 5,
  estimated: false,
  cached: false,
  cost: '0.1',
  price: null,
  latency_ms: 100,
  first_token_ms: null,
  finish_reason: 'stop',
  attempts: 1,
  trace_id: null,
  decision: null,
  ...changes,
});

function rollUp(events: readonly UsageEvent[]): RolledUp {
  const rollup = createRollup();
  for (const one of events) rollup.add(one);
  return rollup.rows();
}

test('FR-009: refused is what the gateway itself refused, an error is 500 and more, a client that went is neither', () => {
  const { minutes, hours } = rollUp([
    event({}),
    event({ status: 429, forwarded: false, cost: '0' }),
    event({ status: 400 }),
    event({ status: 499 }),
    event({ status: 499, forwarded: false }),
    event({ status: 502 }),
    event({ status: 598 }),
    event({ cached: true, forwarded: false, cost: '0', first_token_ms: 3 }),
  ]);
  assert.equal(minutes.length, 1);
  const { requests, errors, refused, cached, prompt_tokens: tokens, cost, latency, first_token: first } = minutes[0]!;
  assert.deepEqual(
    { requests, errors, refused, cached, tokens, cost },
    { requests: 8, errors: 2, refused: 1, cached: 1, tokens: 80, cost: '0.6' },
  );
  assert.equal(minutes[0]!.minute, '2026-01-31T10:20:00.000Z');
  assert.equal(hours[0]!.hour, '2026-01-31T10:00:00.000Z');
  assert.equal(hours[0]!.latency_ms, 800);
  // answers alone tell how fast it is: the good one, the upstream's 400 and 502, and the one from the cache
  assert.equal(latency[bucketOf(100)], 4);
  assert.equal(latency.length, bounds.length);
  assert.equal(first[bucketOf(3)], 1);
});

test('SC-003, FR-009: what a gateway died with is its own loss, and no error of the endpoint that was answering', () => {
  const [row] = rollUp([event({}), event({ status: 502 }), event({ status: 499 }), event({ status: 598 })]).endpoints;
  assert.deepEqual([row!.requests, row!.errors, row!.lost], [2, 1, 1]);
  const alone = rollUp([event({ status: 598 })]).endpoints;
  assert.deepEqual([alone.length, alone[0]!.requests, alone[0]!.lost], [1, 0, 1]);
});

test('FR-009: sums are exact to the last digit, and nothing is one when it is not', () => {
  const { hours } = rollUp([
    event({ cost: '0.1' }),
    event({ cost: '0.2' }),
    event({ cost: '999999999999.000000000001' }),
    event({ team: null }),
    event({ team: '' }),
    event({ project: 'search', team: null }),
    event({ model_name: 'chat', route: 'assistant' }),
  ]);
  assert.equal(hours.length, 5);
  assert.ok(hours.some(({ cost }) => cost === '999999999999.300000000001'));
});

test('REL, FR-009: rows come in one order whatever that of the events, so that gateways do not deadlock', () => {
  const events = ['b', 'a', 'c'].flatMap((route) => [
    event({ route, endpoint_id: route }),
    event({ route, at: '2026-01-31T10:19:00Z' }),
  ]);
  const order = ({ minutes, hours, endpoints }: RolledUp) => [
    minutes.map(({ minute, route }) => minute + route),
    hours.map(({ hour, route }) => hour + route),
    endpoints.map(({ hour, endpoint_id: id }) => hour + id),
  ];
  assert.deepEqual(order(rollUp(events)), order(rollUp(events.toReversed())));
});
