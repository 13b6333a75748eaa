import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bounds, bucketOf, emptyHistogram, percentile } from './histogram.ts';

const counted = (values: readonly number[]): number[] => {
  const counts = emptyHistogram();
  for (const value of values) counts[bucketOf(value)]! += 1;
  return counts;
};

/** The value of that rank: what share of all is at most it. */
const truth = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)]!;

test('FR-009: bounds rise by about an eighth, and every whole number lies in its bucket', () => {
  for (const [place, bound] of bounds.entries()) {
    assert.equal(bucketOf(bound), place);
    const next = bounds[place + 1];
    if (next === undefined) continue;
    assert.ok(next > bound);
    assert.ok(bound === 0 || (next - 1) / bound <= 1.15, `${bound} to ${next}`);
    assert.equal(bucketOf(next - 1), place);
  }
  assert.equal(bucketOf(10_000_000), bounds.length - 1);
});

test('FR-009: percentiles are within a tenth of the truth for latencies as they are', () => {
  // sums of exponentials, lognormals and mixtures: an engine that answers at once, one that queues, and both
  let state = 7;
  const random = (): number => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const kinds: [string, () => number][] = [
    ['exponential', () => -Math.log(random()) * 300],
    ['lognormal', () => Math.exp(6 + normal())],
    ['narrow', () => 2_000 + normal() * 150],
    ['uniform', () => random() * 60_000],
    ['two kinds', () => (random() < 0.8 ? 40 + normal() * 8 : 5_000 + normal() * 900)],
    ['slow', () => 60_000 + -Math.log(random()) * 90_000],
  ];
  for (const [name, next] of kinds) {
    const values = Array.from({ length: 20_000 }, () => Math.max(0, Math.round(next())));
    const counts = counted(values);
    for (const share of [0.5, 0.95, 0.99]) {
      const [found, exact] = [percentile(counts, share)!, truth(values, share)];
      assert.ok(Math.abs(found - exact) <= Math.max(1, exact * 0.1), `${name} p${share * 100}: ${found} for ${exact}`);
    }
  }
});

test('FR-009: a percentile is never outside of the bucket of the truth, whatever the values', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 900_000 }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.5, 0.95, 0.99),
      (values, share) => {
        const found = percentile(counted(values), share)!;
        assert.equal(bucketOf(found), bucketOf(truth(values, share)));
      },
    ),
    { numRuns: 500 },
  );
  assert.equal(percentile(emptyHistogram(), 0.5), null);
});
