import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { InferenceMetrics, InferenceSeries } from '#platform/metrics';
import type { Operation } from '#ports/provider';

type Where = Pick<ResolvedRoute, 'routeName' | 'environment'>;

/** What this gateway counts of itself. */
export interface Gauges {
  began(): void;
  ended(): void;
  inFlight(): number;
  series(target: RouteTarget, route: Where, provider: string, operation: Operation): InferenceSeries;
}

/** Looks a target's series up by labels once: a target belongs to one route, and is the same object as long as nothing changed. */
export function createGauges(metrics: Pick<InferenceMetrics, 'series'>): Gauges {
  const known = new WeakMap<RouteTarget, Map<string, InferenceSeries>>();
  let inFlight = 0;
  return {
    began: () => void (inFlight += 1),
    ended: () => void (inFlight -= 1),
    inFlight: () => inFlight,
    series(target, { routeName, environment }, provider, operation) {
      let of = known.get(target);
      if (of === undefined) known.set(target, (of = new Map()));
      let series = of.get(operation);
      if (series === undefined) {
        series = metrics.series({ route: routeName, environment, provider, operation, model: target.modelName });
        of.set(operation, series);
      }
      return series;
    },
  };
}
