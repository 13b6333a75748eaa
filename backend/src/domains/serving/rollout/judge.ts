import type { Said } from '#platform/words';
import { verdictWords } from '../sentences.ts';

/** What the requests of a revision came to; as the ledger has it. */
export interface Sample {
  revision: number;
  requests: number;
  errors: number;
  p50Ms: number | null;
  p95Ms: number | null;
  firstTokenP95Ms: number | null;
  /** answers slower than the p95 of the other and what is tolerated */
  slow: number;
}

export interface Comparison {
  from: Date;
  to: Date;
  stable: Sample;
  /** the newer revision */
  canary: Sample;
}

export interface Tolerance {
  /** on fewer requests no verdict but that errors are beyond all chance */
  minimumRequests: number;
  /** percentage points of errors above those of the stable revision */
  moreErrors: number;
  /** percent of p95 latency above that of the stable revision */
  slower: number;
}

export interface Verdict {
  level: 'good' | 'bad' | 'unsure';
  reason: 'AsGood' | 'MoreErrors' | 'Slower' | 'FewRequests';
  message: string;
  said: Said;
}

/** chance that a revision as good as the other is given up by one look; looks are many, so it is small */
const doubt = 0.001;
/** The same on fewer requests than a verdict needs: the gateway keeps them away from what always fails, so that it would never come to more. */
const hopeless = 1e-6;

/**
 * Whether the newer revision is worse than chance explains. Errors: the exact binomial tail over what the stable one errs plus the
 * tolerance, and Fisher's exact test against the stable sample, so that a small sample on either side convicts nobody. Latency: 5 % of
 * answers lie above the p95 of equals; the exact tail tells whether more do. Pure.
 */
export function judge({ stable, canary }: Comparison, tolerance: Tolerance): Verdict {
  const { minimumRequests, moreErrors, slower } = tolerance;
  const few = canary.requests < minimumRequests;
  const expected = stable.requests === 0 ? 0 : stable.errors / stable.requests;
  const chance = tailOfBinomial(canary.errors, canary.requests, Math.min(expected + moreErrors / 100, 1));
  const limit = few ? hopeless : doubt;
  const uncompared = !few && stable.requests === 0;
  if (chance < limit && (uncompared || tailOfFisher(canary, stable) < limit)) {
    return {
      level: 'bad',
      reason: 'MoreErrors',
      ...verdictWords.tell('errors', { ...told(canary, stable), chance: tiny(chance) }),
    };
  }
  if (few) {
    return {
      level: 'unsure',
      reason: 'FewRequests',
      ...verdictWords.tell('few', {
        revision: String(canary.revision),
        requests: canary.requests,
        minimum: minimumRequests,
      }),
    };
  }
  const answers = canary.requests - canary.errors;
  const comparable = stable.p95Ms !== null && stable.requests - stable.errors >= minimumRequests;
  if (comparable && answers >= minimumRequests) {
    const late = tailOfBinomial(canary.slow, answers, 0.05);
    const p95 = canary.p95Ms ?? 0;
    if (late < doubt && p95 > stable.p95Ms! * (1 + slower / 100)) {
      return {
        level: 'bad',
        reason: 'Slower',
        ...verdictWords.tell('slower', {
          revision: String(canary.revision),
          p95: Math.round(p95),
          stable: String(stable.revision),
          stableP95: Math.round(stable.p95Ms!),
          slow: canary.slow,
          answers,
          slower,
        }),
      };
    }
  }
  return {
    level: 'good',
    reason: 'AsGood',
    ...verdictWords.tell('good', told(canary, stable)),
  };
}

const told = (canary: Sample, stable: Sample) => ({
  errors: canary.errors,
  requests: canary.requests,
  revision: String(canary.revision),
  stableErrors: stable.errors,
  stableRequests: stable.requests,
  stable: String(stable.revision),
});
const tiny = (chance: number) => (chance < 1e-6 ? 'below one in a million' : chance.toPrecision(2));

/** P(X ≥ hits) of so many tries that each hit with that probability. */
export function tailOfBinomial(hits: number, tries: number, probability: number): number {
  if (hits <= 0) return 1;
  if (probability <= 0) return 0;
  if (probability >= 1) return 1;
  const [yes, no] = [Math.log(probability), Math.log1p(-probability)];
  return summed(hits, tries, (count) => choose(tries, count) + count * yes + (tries - count) * no);
}

/** One-sided: the chance of so many errors or more here, given the errors of both together. */
export function tailOfFisher(
  here: Pick<Sample, 'errors' | 'requests'>,
  there: Pick<Sample, 'errors' | 'requests'>,
): number {
  const errors = here.errors + there.errors;
  const all = choose(here.requests + there.requests, errors);
  return summed(
    here.errors,
    Math.min(here.requests, errors),
    (count) => choose(here.requests, count) + choose(there.requests, errors - count) - all,
  );
}

/** Of probabilities given by their logarithms; ends where further ones do not show. */
function summed(from: number, to: number, logOf: (count: number) => number): number {
  let sum = 0;
  let last = 0;
  for (let count = from; count <= to; count += 1) {
    const term = Math.exp(logOf(count));
    sum += term;
    if (term < last && term < sum * 1e-12) break;
    last = term;
  }
  return Math.min(sum, 1);
}

/** log C(n, k); −∞ where there is no way. */
const choose = (n: number, k: number) =>
  k < 0 || k > n ? Number.NEGATIVE_INFINITY : logFactorial(n) - logFactorial(k) - logFactorial(n - k);

const small: number[] = [0, 0];
for (let n = 2; n < 256; n += 1) small.push(small[n - 1]! + Math.log(n));

/** Stirling's series beyond the table: exact to 1e-12 there. */
function logFactorial(n: number): number {
  if (n < small.length) return small[n]!;
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3);
}
