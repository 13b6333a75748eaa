/** Two-sample tests, as pure functions. The figures of their tests come from SciPy. */

export interface TestResult {
  statistic: number;
  /** null: nothing to compare */
  pValue: number | null;
}

/**
 * Two-sample Kolmogorov-Smirnov: the greatest distance between the two empirical distributions, in any order of values. The p-value is the
 * asymptotic one: good from about 30 values on each side, and on the safe side (too large) below.
 */
export function kolmogorovSmirnov(before: Float64Array, after: Float64Array): TestResult {
  if (before.length === 0 || after.length === 0) return { statistic: 0, pValue: null };
  const [a, b] = [before.toSorted(), after.toSorted()];
  let statistic = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! <= value) i++;
    while (j < b.length && b[j]! <= value) j++;
    statistic = Math.max(statistic, Math.abs(i / a.length - j / b.length));
  }
  const effective = (a.length * b.length) / (a.length + b.length);
  return { statistic, pValue: kolmogorov(Math.sqrt(effective) * statistic) };
}

/** Q(λ): how likely a scaled distance of λ or more is by chance. Two series of the same function, each where it converges at once. */
export function kolmogorov(lambda: number): number {
  if (lambda <= 0) return 1;
  if (lambda < 1.18) {
    const step = Math.exp(-(Math.PI ** 2) / (8 * lambda ** 2));
    const sum = step + step ** 9 + step ** 25 + step ** 49;
    return Math.min(1, Math.max(0, 1 - (Math.sqrt(2 * Math.PI) / lambda) * sum));
  }
  const step = Math.exp(-2 * lambda ** 2);
  return Math.min(1, Math.max(0, 2 * (step - step ** 4 + step ** 9 - step ** 16)));
}

/**
 * Chi-squared test of homogeneity (without Yates' correction): do the counts of the same categories come from one distribution? Categories that
 * neither side has are left out. Returns the statistic with `categories − 1` degrees of freedom.
 */
export function chiSquared(before: readonly number[], after: readonly number[]): TestResult & { total: number } {
  const pairs = before.map((count, at) => [count, after[at] ?? 0] as const).filter(([a, b]) => a + b > 0);
  const sumA = pairs.reduce((sum, [a]) => sum + a, 0);
  const sumB = pairs.reduce((sum, [, b]) => sum + b, 0);
  const total = sumA + sumB;
  if (sumA === 0 || sumB === 0) return { statistic: 0, pValue: null, total };
  let statistic = 0;
  for (const [a, b] of pairs) {
    const [expectedA, expectedB] = [((a + b) * sumA) / total, ((a + b) * sumB) / total];
    statistic += (a - expectedA) ** 2 / expectedA + (b - expectedB) ** 2 / expectedB;
  }
  const freedom = pairs.length - 1;
  return { statistic, pValue: freedom === 0 ? 1 : upperGamma(freedom / 2, statistic / 2), total };
}

/** Cramér's V of two rows of counts: 0 the same, 1 nothing in common. Unlike the p-value it does not shrink with the number of rows. */
export const cramersV = (statistic: number, total: number): number => (total === 0 ? 0 : Math.sqrt(statistic / total));

/** Q(a, x), the regularised upper incomplete gamma function; a > 0, x ≥ 0. Series below a + 1, Lentz's continued fraction above. */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000 && term > sum * 1e-16; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return Math.max(0, 1 - front * sum);
  }
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / nonZero(an * d + b, tiny);
    c = nonZero(b + an / c, tiny);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return front * fraction;
}

const nonZero = (value: number, tiny: number): number => (Math.abs(value) < tiny ? tiny : value);

/** ln Γ(x) for x > 0: Lanczos' approximation with g = 7 and nine terms. */
export function logGamma(x: number): number {
  const terms = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const base = x + 6.5;
  const sum = terms.slice(1).reduce((total, term, at) => total + term / (x + at), terms[0]!);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(sum);
}
