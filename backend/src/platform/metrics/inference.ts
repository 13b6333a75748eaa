import { Counter, Gauge, type Registry } from 'prom-client';
import type { ErrorCode } from '#platform/errors';
import { noLabels, showCounter, showHistogram, type Labels } from './render.ts';
import { createTally, statusLabels, statusSlot, tally, type Tally } from './tally.ts';

/** Names of the catalog and of routes, never ids or users. */
export interface SeriesLabels {
  route: string;
  environment: string;
  model: string;
  provider: string;
  operation: string;
}

export interface Observation {
  /** HTTP status answered; 499: the client went away */
  status: number;
  /** to the last byte */
  seconds: number;
  /** null: not streamed, or ended before the first token */
  firstTokenSeconds: number | null;
  promptTokens: number;
  completionTokens: number;
  /** from the cache; null: the route has none */
  cached: boolean | null;
  /** in 10⁻¹² of the currency */
  costPico: bigint | number;
}

export interface InferenceSeries {
  /** Only adds numbers: no label is read, nothing is allocated. */
  observe(observation: Observation): void;
}

/** What a gateway says of itself when it is asked. */
export interface GatewayState {
  inFlight(): number;
  /** requests in the journal that are not in the database yet */
  unsettled(): number;
  breakers(): Iterable<{ route?: string; endpoint: string; open: boolean }>;
}

export interface InferenceMetrics {
  /** Looked up once for each target and kept by the caller. Beyond the bound of series it counts under `other`. */
  series(labels: SeriesLabels): InferenceSeries;
  /** A request that the gateway refused itself. */
  refused(code: ErrorCode): void;
  /** Shows the gauges of this process's gateway; once. */
  watch(gateway: GatewayState): void;
}

interface State {
  labels: Labels;
  /** by slot of the status; null until one ended so */
  durations: (null | { labels: Labels; counts: Tally })[];
  firstToken: Tally;
  perToken: Tally;
  /** in, out, cost, hits, misses */
  totals: Float64Array;
  /** since the last look, which alone knows the time */
  touched: boolean;
  /** ms since the epoch */
  seen: number;
  dropped: boolean;
}

const bounds = {
  duration: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
  firstToken: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
  perToken: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5],
};
const labelNames = ['route', 'environment', 'model', 'provider', 'operation'];
const other: SeriesLabels = {
  route: 'other',
  environment: 'other',
  model: 'other',
  provider: 'other',
  operation: 'other',
};
const extras = {
  in: { direction: 'in' },
  out: { direction: 'out' },
  hit: { result: 'hit' },
  miss: { result: 'miss' },
};
const mostSeries = 2000;
const day = 86_400_000;

/**
 * Prometheus metrics of the inference path. prom-client hashes the labels at each observation; here they are looked up once and an
 * observation takes well under a microsecond. At most 2,000 sets of labels are kept, those not seen for a day are dropped.
 */
export function createInferenceMetrics(deps: { registry: Registry; now?: () => number }): InferenceMetrics {
  const { registry, now = Date.now } = deps;
  const states = new Map<string, State>();
  const overflow = createState(other, now());

  const sweep = (): void => {
    const at = now();
    for (const [key, state] of states) {
      if (state.touched) state.seen = at;
      state.touched = false;
      if (at - state.seen < day) continue;
      state.dropped = true;
      states.delete(key);
    }
  };
  const attach = (labels: SeriesLabels): State => {
    const key = JSON.stringify(labelNames.map((name) => labels[name as keyof SeriesLabels]));
    const there = states.get(key);
    if (there !== undefined) return there;
    if (states.size >= mostSeries) sweep();
    if (states.size >= mostSeries) return overflow;
    const state = createState(labels, now());
    states.set(key, state);
    return state;
  };
  const all = (): State[] => (overflow.touched ? [...states.values(), overflow] : [...states.values()]);

  show(registry, all, sweep);
  const refusals = new Counter({
    name: 'llmops_inference_refused_total',
    help: 'Requests that the gateway refused itself, by error code.',
    labelNames: ['code'],
    registers: [registry],
  });
  return {
    series(labels) {
      let state: State | null = null;
      return {
        observe(observation) {
          if (state === null || state.dropped) state = attach(labels);
          observe(state, observation);
        },
      };
    },
    refused: (code) => refusals.inc({ code }),
    watch: (gateway) => watch(registry, gateway),
  };
}

function createState(labels: SeriesLabels, seen: number): State {
  const { route, environment, model, provider, operation } = labels;
  return {
    labels: { route, environment, model, provider, operation },
    durations: statusLabels.map(() => null),
    firstToken: createTally(bounds.firstToken),
    perToken: createTally(bounds.perToken),
    totals: new Float64Array(5),
    touched: false,
    seen,
    dropped: false,
  };
}

function observe(state: State, seen: Observation): void {
  const { seconds, firstTokenSeconds, completionTokens } = seen;
  state.touched = true;
  const slot = statusSlot(seen.status);
  state.durations[slot] ??= {
    labels: { ...state.labels, status: statusLabels[slot]! },
    counts: createTally(bounds.duration),
  };
  tally(state.durations[slot].counts, bounds.duration, seconds);
  if (firstTokenSeconds !== null) {
    tally(state.firstToken, bounds.firstToken, firstTokenSeconds);
    if (completionTokens > 1)
      tally(state.perToken, bounds.perToken, (seconds - firstTokenSeconds) / (completionTokens - 1));
  }
  const { totals } = state;
  add(totals, 0, seen.promptTokens);
  add(totals, 1, completionTokens);
  add(totals, 2, Number(seen.costPico));
  if (seen.cached !== null) add(totals, seen.cached ? 3 : 4, 1);
}

function add(totals: Float64Array, at: number, value: number): void {
  if (value > 0) totals[at] = totals[at]! + value;
}

function show(registry: Registry, all: () => State[], sweep: () => void): void {
  showHistogram({
    registry,
    name: 'llmops_inference_duration_seconds',
    help: 'Time to answer an inference request, to its last byte.',
    labelNames: [...labelNames, 'status'],
    bounds: bounds.duration,
    read() {
      // Once a scrape, before the first of these metrics is written.
      sweep();
      return all().flatMap((state) => state.durations.filter((duration) => duration !== null));
    },
  });
  showHistogram({
    registry,
    name: 'llmops_inference_first_token_seconds',
    help: 'Time to the first token of a streamed answer.',
    labelNames,
    bounds: bounds.firstToken,
    read: () => counted(all(), (state) => state.firstToken),
  });
  showHistogram({
    registry,
    name: 'llmops_inference_time_per_output_token_seconds',
    help: 'Time between tokens of a streamed answer: from the first to the end, by the tokens after the first.',
    labelNames,
    bounds: bounds.perToken,
    read: () => counted(all(), (state) => state.perToken),
  });
  showCounter({
    registry,
    name: 'llmops_inference_tokens_total',
    help: 'Tokens in and out.',
    labelNames: [...labelNames, 'direction'],
    read: () =>
      all().flatMap(({ labels, totals }) => [
        { labels, extra: extras.in, value: totals[0]! },
        { labels, extra: extras.out, value: totals[1]! },
      ]),
  });
  showCounter({
    registry,
    name: 'llmops_inference_cost_total',
    help: "Cost, in the platform's currency.",
    labelNames,
    read: () => all().map(({ labels, totals }) => ({ labels, extra: noLabels, value: totals[2]! / 1e12 })),
  });
  showCounter({
    registry,
    name: 'llmops_inference_cache_total',
    help: 'Requests of routes with a cache: answered from it (hit) or not (miss).',
    labelNames: [...labelNames, 'result'],
    read: () =>
      all()
        .filter(({ totals }) => totals[3]! + totals[4]! > 0)
        .flatMap(({ labels, totals }) => [
          { labels, extra: extras.hit, value: totals[3]! },
          { labels, extra: extras.miss, value: totals[4]! },
        ]),
  });
}

/** Those that counted anything. */
function counted(states: State[], of: (state: State) => Tally): { labels: Labels; counts: Tally }[] {
  return states
    .map((state) => ({ labels: state.labels, counts: of(state) }))
    .filter(({ counts }) => counts.some((count) => count > 0));
}

function watch(registry: Registry, gateway: GatewayState): void {
  const registers = [registry];
  void new Gauge({
    name: 'llmops_inference_in_flight',
    help: 'Inference requests under way.',
    registers,
    collect() {
      this.set(gateway.inFlight());
    },
  });
  void new Gauge({
    name: 'llmops_gateway_journal_unsettled',
    help: 'Requests in the usage journal that are not in the database yet.',
    registers,
    collect() {
      this.set(gateway.unsettled());
    },
  });
  void new Gauge({
    name: 'llmops_gateway_breaker_open',
    help: 'Circuit breaker of an endpoint: 1 open, 0 closed.',
    labelNames: ['route', 'endpoint'],
    registers,
    collect() {
      this.reset();
      for (const { open, ...labels } of gateway.breakers()) this.set(labels, open ? 1 : 0);
    },
  });
}
