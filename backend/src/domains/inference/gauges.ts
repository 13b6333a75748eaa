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

/** Looks a target's series up by labels once: a target belongs to one route, and is the same object as long as nothing changed. */
export function createGauges(metrics: Pick<InferenceMetrics, 'series'>): Gauges {
  const known = new WeakMap<RouteTarget, Map<string, InferenceSeries>>();
  let inFlight = 0;
  return {
    began: () => void (inFlight += 1),
    ended: () => void (inFlight -= 1),
    inFlight: () => inFlight,
    series(target, labels) {
      let of = known.get(target);
      if (of === undefined) known.set(target, (of = new Map()));
      let series = of.get(labels.operation);
      if (series === undefined)
        of.set(labels.operation, (series = metrics.series({ ...labels, model: target.modelName })));
      return series;
    },
  };
}
