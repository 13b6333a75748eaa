import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketOf } from './ledger/histogram.ts';
import { spansOf } from './store.ts';
import { trafficView, windowOf } from './view.ts';

test('FR-009: a series has at most 120 points, ends with now and reaches back as far as asked', () => {
  for (let minutes = 1; minutes <= 1_440; minutes += 1) {
    const now = new Date(Date.UTC(2026, 0, 31, 10, 20, 30) + minutes * 12_345);
    const { from, to, stepSeconds } = windowOf(now, minutes);
    const points = (to.getTime() - from.getTime()) / stepSeconds / 1000;
    assert.ok(Number.isInteger(points) && points <= 120, `${minutes} minutes: ${points} points`);
    assert.ok(to > now && now.getTime() - from.getTime() >= minutes * 60_000);
    assert.equal(from.getTime() % (stepSeconds * 1000), 0);
  }
});

test('FR-009: the view adds routes to a total, sorts them, and fills empty steps with zeros', () => {
  const window = { from: new Date(0), to: new Date(180_000), stepSeconds: 60 };
  const sums = { errors: 1, refused: 2, cached: 3, prompt_tokens: 4, completion_tokens: 5, cost: '0.000000000001' };
  const names = { environment: 'prod' as const, at: new Date(0) };
  const bucket = (route: string, ms: number, count: number) => ({
    ...names,
    route,
    kind: 'latency' as const,
    place: bucketOf(ms) + 1,
    count,
  });
  const view = trafficView(
    {
      sums: [
        { ...names, ...sums, route: 'a', requests: 10 },
        { ...names, ...sums, route: 'b', requests: 90 },
      ],
      buckets: [bucket('a', 1_000, 10), bucket('b', 9, 90), { ...bucket('b', 3, 1), kind: 'first_token' }],
    },
    {
      sums: [{ ...names, ...sums, route: '', at: new Date(60_000), requests: 100 }],
      buckets: [{ ...bucket('', 9, 100), at: new Date(60_000) }],
    },
    window,
  );
  assert.deepEqual(
    view.routes.map(({ route, requests, p50_ms: p50 }) => [route, requests, p50]),
    [
      ['b', 90, 9],
      ['a', 10, 1_060],
    ],
  );
  assert.deepEqual(
    { ...view.total },
    {
      requests: 100,
      errors: 2,
      refused: 4,
      cached: 6,
      prompt_tokens: 8,
      completion_tokens: 10,
      cost: '0.000000000002',
      p50_ms: 9,
      p95_ms: 1_060,
      p99_ms: 1_107,
      first_token_p50_ms: 3,
    },
  );
  assert.deepEqual(
    view.series.map(({ requests, p50_ms: p50 }) => [requests, p50]),
    [
      [0, null],
      [100, 9],
      [0, null],
    ],
  );
});

test('FR-009: a time is whole hours and what is left at both ends, without gap or overlap', () => {
  const at = (text: string): Date => new Date(`2026-01-${text}Z`);
  assert.deepEqual(spansOf(at('31T10:20:30'), at('31T12:40:00'), null), {
    hours: { from: at('31T11:00:00'), to: at('31T12:00:00') },
    events: [
      { from: at('31T10:20:30'), to: at('31T11:00:00') },
      { from: at('31T12:00:00'), to: at('31T12:40:00') },
    ],
  });
  assert.deepEqual(spansOf(at('31T10:20:00'), at('31T10:40:00'), null).events, [
    { from: at('31T10:20:00'), to: at('31T10:40:00') },
  ]);
  assert.deepEqual(spansOf(at('31T10:00:00'), at('31T12:00:00'), null).events, []);
  const archived = Date.UTC(2026, 0, 10) / 86_400_000;
  assert.deepEqual(spansOf(at('05T10:20:00'), at('06T10:20:00'), archived), {
    hours: { from: at('05T10:00:00'), to: at('06T11:00:00') },
    events: [],
  });
  assert.deepEqual(spansOf(at('05T10:20:00'), at('20T10:20:00'), archived), {
    hours: { from: at('05T10:00:00'), to: at('20T10:00:00') },
    events: [{ from: at('20T10:00:00'), to: at('20T10:20:00') }],
  });
});
