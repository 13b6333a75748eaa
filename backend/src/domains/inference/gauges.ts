import type { RouteTarget } from '#domains/serving';
import type { InferenceMetrics, InferenceSeries } from '#platform/metrics';

interface Labels {
  route: string;
  environment: string;
  provider: string;
  operation: string;
}

/** What this gateway counts of itself. */
export interface Gauges {
  began(): void;
  ended(): void;
  inFlight(): number;
  series(target: RouteTarget, labels: Labels): InferenceSeries;
}

const mostKept = 5_000;

/** Looks a target's series up by labels once, then by one text. */
export function createGauges(metrics: Pick<InferenceMetrics, 'series'>): Gauges {
  const known = new Map<string, InferenceSeries>();
  let inFlight = 0;
  return {
    began: () => void (inFlight += 1),
    ended: () => void (inFlight -= 1),
    inFlight: () => inFlight,
    series(target, labels) {
      const key = `${target.revisionId} ${labels.operation} ${labels.environment} ${labels.route}`;
      const there = known.get(key);
      if (there !== undefined) return there;
      if (known.size >= mostKept) known.clear();
      const made = metrics.series({ ...labels, model: target.modelName });
      known.set(key, made);
      return made;
    },
  };
}
