import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { debtAfter, debtAt, stateOf, waitMs, type Level } from './rules.ts';

const bucket = (perMinute: number, take: number) => ({ key: 'k', perMinute, take });

/** one bucket in time: answers what passed when */
function runOf(perMinute: number, steps: readonly { afterMs: number; take: number }[]) {
  const level: Level = { debt: 0, at: 0, perMinute };
  const passed: { at: number; take: number }[] = [];
  for (const { afterMs, take } of steps) {
    const now = level.at + afterMs;
    level.debt = debtAt(level, perMinute, now);
    level.at = now;
    if (waitMs(level.debt, bucket(perMinute, take)) > 0) continue;
    level.debt = debtAfter(level.debt, take);
    passed.push({ at: now, take });
  }
  return { level, passed };
}

const perMinutes = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 1_000_000_000 }));
const runs = perMinutes.chain((perMinute) =>
  fc.record({
    perMinute: fc.constant(perMinute),
    steps: fc.array(
      fc.record({ afterMs: fc.nat({ max: 20_000 }), take: fc.integer({ min: 1, max: Math.ceil(perMinute * 1.3) }) }),
      { maxLength: 40 },
    ),
  }),
);

test('FR-006l: in no window passes more than a bucket holds and what flows back meanwhile', () => {
  fc.assert(
    fc.property(runs, ({ perMinute, steps }) => {
      const { passed } = runOf(perMinute, steps);
      for (let first = 0; first < passed.length; first++) {
        let sum = 0;
        for (let last = first; last < passed.length; last++) {
          const { at, take } = passed[last]!;
          sum += take;
          // whoever wants more than the bucket holds had to wait until it was full
          const most = Math.max(perMinute, take) * 60_000 + (at - passed[first]!.at) * perMinute;
          assert.ok(sum * 60_000 <= most, `${sum} passed from ${passed[first]!.at} to ${at} ms`);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('FR-006l: what is refused passes when it was told to come back, and not a millisecond sooner', () => {
  fc.assert(
    fc.property(runs, fc.double({ min: 0.001, max: 1.3, noNaN: true }), ({ perMinute, steps }, share) => {
      const { level } = runOf(perMinute, steps);
      const wish = bucket(perMinute, Math.ceil(perMinute * share));
      const wait = waitMs(level.debt, wish);
      const after = (ms: number) => waitMs(debtAt(level, perMinute, level.at + ms), wish);
      assert.equal(after(wait), 0);
      if (wait > 0) assert.equal(after(wait - 1), 1);
    }),
    { numRuns: 500 },
  );
});

test('FR-006l: units left are those that would pass, and the bucket is full when it says so', () => {
  fc.assert(
    fc.property(runs, ({ perMinute, steps }) => {
      const { level } = runOf(perMinute, steps);
      const { remaining, resetMs } = stateOf(level.debt, perMinute);
      if (remaining > 0) assert.equal(waitMs(level.debt, bucket(perMinute, remaining)), 0);
      if (remaining < perMinute) assert.ok(waitMs(level.debt, bucket(perMinute, Math.max(remaining, 0) + 1)) > 0);
      assert.equal(stateOf(debtAt(level, perMinute, level.at + resetMs), perMinute).remaining, perMinute);
      if (resetMs > 0) assert.ok(debtAt(level, perMinute, level.at + resetMs - 1) > 0);
    }),
    { numRuns: 500 },
  );
});

test('FR-006l: taking and giving back in any order ends where it began, and never above full', () => {
  fc.assert(
    fc.property(perMinutes, fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 200 }), (perMinute, takes) => {
      const taken = takes.reduce((debt, take) => debtAfter(debt, take), 0);
      const back = takes.toReversed().reduce((debt, take) => debtAfter(debt, -take), taken);
      assert.deepEqual(stateOf(back, perMinute), { remaining: perMinute, resetMs: 0 });
      assert.equal(debtAfter(back, -1), 0);
    }),
  );
});

test('FR-006l: a limit that is changed keeps the share that was used; a clock that is set back gives nothing', () => {
  const used: Level = { debt: debtAfter(0, 600_000), at: 1_000, perMinute: 1_000_000 };
  assert.equal(stateOf(debtAt(used, 1_000, 1_000), 1_000).remaining, 400);
  assert.equal(stateOf(debtAt(used, 2_000_000, 1_000), 2_000_000).remaining, 800_000);
  assert.equal(debtAt(used, 1_000_000, 0), used.debt);
});
