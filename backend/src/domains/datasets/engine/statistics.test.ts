import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chiSquared, cramersV, kolmogorov, kolmogorovSmirnov, logGamma, upperGamma } from './statistics.ts';

/** Relative, or absolute below 1e-290. */
function near(actual: number | null, expected: number, tolerance = 1e-9): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= tolerance * Math.abs(expected) + 1e-290,
    `${actual}, not ${expected}`,
  );
}

/** x → (1664525 x + 1013904223) mod 2³², as fractions; the same few lines made the samples for SciPy. */
function fractions(length: number, seed: number): Float64Array {
  let x = seed;
  return Float64Array.from({ length }, () => (x = (Math.imul(1664525, x) + 1013904223) >>> 0) / 2 ** 32);
}

describe('two-sample tests (figures of SciPy 1.17.1)', () => {
  it('FR-003-cmp: the distribution of Kolmogorov: scipy.special.kolmogorov', () => {
    const known = [
      [0.2, 0.999999999999495],
      [0.5, 0.9639452436648751],
      [0.8, 0.5441424115741981],
      [1, 0.26999967167735456],
      [1.17, 0.12939004218561884],
      [1.19, 0.11774229287977166],
      [1.36, 0.049485876755377876],
      [1.63, 0.009846364888486529],
      [2.5, 7.453306344157342e-6],
      [4, 2.532833109818835e-14],
    ] as const;
    for (const [lambda, expected] of known) near(kolmogorov(lambda), expected);
    assert.equal(kolmogorov(0), 1);
  });

  it('FR-003-cmp: Kolmogorov-Smirnov with ties: ks_2samp, and kstwobign.sf of its statistic', () => {
    const small = kolmogorovSmirnov(
      Float64Array.of(9.4, 1.1, 2.5, 3.7, 2.5, 4.2, 5, 6.1, 7.7, 8),
      Float64Array.of(0.3, 2.5, 3, 3.1, 3.3, 3.9, 4),
    );
    near(small.statistic, 0.6);
    // the exact p-value is 0.0716: the asymptotic one is on the safe side
    near(small.pValue, 0.1031371209516405);
    const large = kolmogorovSmirnov(
      fractions(1000, 1),
      fractions(800, 2).map((value) => value ** 1.2),
    );
    near(large.statistic, 0.066);
    near(large.pValue, 0.04163301319257662);
    // ks_2samp(method='exact')
    near(large.pValue, 0.03984864017275823, 0.05);
  });

  it('FR-003-cmp: the same values do not differ, and nothing cannot be compared', () => {
    const values = fractions(100, 3);
    assert.deepEqual(kolmogorovSmirnov(values, values), { statistic: 0, pValue: 1 });
    assert.deepEqual(kolmogorovSmirnov(values, new Float64Array()), { statistic: 0, pValue: null });
    assert.deepEqual(chiSquared([1, 2], [0, 0]), { statistic: 0, pValue: null, total: 3 });
    assert.deepEqual(chiSquared([7], [9]), { statistic: 0, pValue: 1, total: 16 });
  });

  it('FR-003-cmp: chi-squared and Cramér’s V: chi2_contingency(correction=False), contingency.association', () => {
    const known = [
      [[10, 20, 30], [15, 15, 40], 2.3877551020408165, 0.30304391468510006, 0.1355261854357877],
      [[100, 5], [90, 30], 17.461063372717504, 2.9325265289587845e-5, 0.27857624827139643],
      [[500, 300, 200, 0], [480, 310, 190, 20], 20.828507947945887, 0.00011427162809546132, 0.1020502521994578],
      [[90, 60, 104, 95], [30, 50, 51, 20], 23.170168115752993, 3.721555949741595e-5, 0.2152680566909684],
    ] as const;
    for (const [before, after, statistic, pValue, association] of known) {
      const found = chiSquared(before, after);
      near(found.statistic, statistic);
      near(found.pValue, pValue);
      near(cramersV(found.statistic, found.total), association);
    }
    const absent = chiSquared([10, 0, 20, 30], [15, 0, 15, 40]);
    near(absent.pValue, 0.30304391468510006);
  });

  it('FR-003-cmp: the gamma functions: scipy.special.gammaincc and gammaln', () => {
    const known = [
      [0.5, 0.5, 0.31731050786291115],
      [0.5, 20, 2.5396285894708634e-10],
      [2, 1, 0.7357588823428847],
      [10, 10, 0.4579297144718523],
      [24.5, 60, 6.876961427062773e-8],
      [24.5, 5, 0.999999999638892],
      [500, 480, 0.8137180268096754],
      [1, 700, 9.85967654375939e-305],
    ] as const;
    for (const [a, x, expected] of known) near(upperGamma(a, x), expected, 1e-8);
    const logarithms = [
      [0.1, 2.252712651734206],
      [0.5, 0.5723649429247],
      [3.7, 1.428072326665388],
      [100, 359.1342053695754],
      [1e5, 1051287.7089736569],
    ] as const;
    for (const [x, expected] of logarithms) near(logGamma(x), expected, 1e-12);
    assert.ok(Math.abs(logGamma(1)) < 1e-12);
  });
});
