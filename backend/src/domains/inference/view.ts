import type { GatewayView } from '@llm-ops/contracts';
import { formatMoney, parseMoney } from '#platform/money';
import { emptyHistogram, percentile } from './ledger/histogram.ts';
import type { TrafficBucket, TrafficSums } from './store.ts';

const steps = [60, 120, 300, 600, 900];
const maxPoints = 120;

/** Whole steps that hold the last `minutes` until `now`: at most 120 of them. */
export function windowOf(now: Date, minutes: number): { from: Date; to: Date; stepSeconds: number } {
  const stepSeconds = steps.find((step) => Math.ceil((minutes * 60) / step) < maxPoints) ?? steps.at(-1)!;
  const step = stepSeconds * 1000;
  const from = Math.floor((now.getTime() - minutes * 60_000) / step) * step;
  return { from: new Date(from), to: new Date((Math.floor(now.getTime() / step) + 1) * step), stepSeconds };
}

type Figures = Omit<TrafficSums, 'route' | 'environment' | 'at'>;
interface Histograms {
  latency: number[];
  first_token: number[];
}

/** The total, each route with the busiest first, and every step, empty ones as zeros. */
export function trafficView(
  routes: { sums: readonly TrafficSums[]; buckets: readonly TrafficBucket[] },
  series: { sums: readonly TrafficSums[]; buckets: readonly TrafficBucket[] },
  window: { from: Date; to: Date; stepSeconds: number },
): Pick<GatewayView, 'total' | 'routes' | 'series'> {
  const routeOf = ({ route, environment }: { route: string; environment: string }) =>
    JSON.stringify([route, environment]);
  const byRoute = histogramsOf(routes.buckets, routeOf);
  const byStep = histogramsOf(series.buckets, ({ at }) => String(at.getTime()));
  const sumsAt = new Map(series.sums.map((sums) => [sums.at.getTime(), sums]));
  const points: GatewayView['series'] = [];
  for (let at = window.from.getTime(); at < window.to.getTime(); at += window.stepSeconds * 1000) {
    const { requests, errors, prompt_tokens, completion_tokens } = sumsAt.get(at) ?? nothing;
    const { latency } = byStep(String(at));
    points.push({
      at: new Date(at).toISOString(),
      requests,
      errors,
      prompt_tokens,
      completion_tokens,
      p50_ms: percentile(latency, 0.5),
      p95_ms: percentile(latency, 0.95),
    });
  }
  const total = routes.sums.reduce<Figures>(plus, nothing);
  return {
    total: figures(total, added(routes.sums.map((sums) => byRoute(routeOf(sums))))),
    routes: routes.sums
      .toSorted((a, b) => b.requests - a.requests)
      .map((sums) => ({ route: sums.route, environment: sums.environment, ...figures(sums, byRoute(routeOf(sums))) })),
    series: points,
  };
}

const nothing: Figures = {
  requests: 0,
  errors: 0,
  refused: 0,
  cached: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  cost: '0',
};

const plus = (a: Figures, b: Figures): Figures => ({
  requests: a.requests + b.requests,
  errors: a.errors + b.errors,
  refused: a.refused + b.refused,
  cached: a.cached + b.cached,
  prompt_tokens: a.prompt_tokens + b.prompt_tokens,
  completion_tokens: a.completion_tokens + b.completion_tokens,
  cost: formatMoney(parseMoney(a.cost) + parseMoney(b.cost)),
});

function histogramsOf<K extends TrafficBucket>(
  buckets: readonly K[],
  keyOf: (bucket: K) => string,
): (key: string) => Histograms {
  const found = new Map<string, Histograms>();
  const at = (key: string): Histograms =>
    found.get(key) ?? { latency: emptyHistogram(), first_token: emptyHistogram() };
  for (const bucket of buckets) {
    const histograms = at(keyOf(bucket));
    histograms[bucket.kind][bucket.place - 1]! += bucket.count;
    found.set(keyOf(bucket), histograms);
  }
  return at;
}

function added(all: readonly Histograms[]): Histograms {
  const sum: Histograms = { latency: emptyHistogram(), first_token: emptyHistogram() };
  for (const one of all)
    for (const kind of ['latency', 'first_token'] as const)
      for (const [place, count] of one[kind].entries()) sum[kind][place]! += count;
  return sum;
}

function figures(sums: Figures, histograms: Histograms): GatewayView['total'] {
  const { requests, errors, refused, cached, prompt_tokens, completion_tokens, cost } = sums;
  return {
    requests,
    errors,
    refused,
    cached,
    prompt_tokens,
    completion_tokens,
    cost,
    p50_ms: percentile(histograms.latency, 0.5),
    p95_ms: percentile(histograms.latency, 0.95),
    p99_ms: percentile(histograms.latency, 0.99),
    first_token_p50_ms: percentile(histograms.first_token, 0.5),
  };
}
