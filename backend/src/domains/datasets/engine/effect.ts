import type { DistributionChange } from '@llm-ops/contracts';
import { cramersV } from './statistics.ts';

/** With enough rows any difference is significant; below this size it is none that matters. */
const least = 0.1;
const significant = 0.01;

/** How large a change is, 0 to 1, whatever the number of rows: the distance of Kolmogorov-Smirnov, or Cramér's V. */
export function effectOf({ test, statistic, before, after }: DistributionChange): number {
  if (test === 'ks') return statistic;
  return cramersV(
    statistic,
    [...before, ...after].reduce((sum, { count }) => sum + count, 0),
  );
}

/** Whether a column drifted: the change is no chance (p < 0.01) and not small (0.1 or more). */
export const isDrift = (change: DistributionChange): boolean =>
  change.p_value !== null && change.p_value < significant && effectOf(change) >= least;
