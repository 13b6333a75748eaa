import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { createMetrics } from './index.ts';
import { createInferenceMetrics, type Observation, type SeriesLabels } from './inference.ts';

const day = 86_400_000;
const labels: SeriesLabels = {
  route: 'support',
  environment: 'prod',
  model: 'small',
  provider: 'openai',
  operation: 'chat',
};
const seen: Observation = {
  status: 200,
  seconds: 1.5,
  firstTokenSeconds: 0.3,
  promptTokens: 10,
  completionTokens: 5,
  cached: null,
  costPico: 2_500_000_000n,
};
const duration = 'llmops_inference_duration_seconds';

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Reads the text as Prometheus does; throws on a line that is none. */
function parse(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(line);
      assert.ok(match, `not a sample: ${line}`);
      const pairs = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [
        name!,
        value!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
      ]);
      const value = match[3] === '+Inf' ? Infinity : Number(match[3]);
      assert.ok(!Number.isNaN(value) || match[3] === 'Nan', `not a number: ${line}`);
      return { name: match[1]!, labels: Object.fromEntries(pairs) as Record<string, string>, value };
    });
}

function find(samples: Sample[], name: string, wanted: Record<string, string> = {}): number | undefined {
  const found = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(wanted).every(([label, value]) => sample.labels[label] === value),
  );
  assert.ok(found.length < 2, `${name} ${JSON.stringify(wanted)} is there ${found.length} times`);
  return found[0]?.value;
}

function ground(registry = new Registry()) {
  const clock = { now: 0 };
  const metrics = createInferenceMetrics({ registry, now: () => clock.now });
  return { metrics, clock, scrape: async () => parse(await registry.metrics()) };
}

/** bounds of buckets among them: what is as large as a bound belongs to its bucket */
const times = fc.oneof(
  fc.double({ min: 0, max: 1000, noNaN: true }),
  fc.constantFrom(0, 0.01, 0.05, 0.1, 0.5, 1, 2, 30, 300),
);
const observations = fc.record({
  status: fc.constantFrom(200, 400, 429, 499, 502, 598),
  seconds: times,
  firstTokenSeconds: fc.option(times),
  promptTokens: fc.nat(100_000),
  completionTokens: fc.nat(10_000),
  cached: fc.option(fc.boolean()),
  costPico: fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 14n }), fc.nat()),
});
const close = (found: number | undefined, wanted: number, what: string): void =>
  assert.ok(
    found !== undefined && Math.abs(found - wanted) <= 1e-9 * Math.max(1, wanted),
    `${what}: ${found}, ${wanted}`,
  );

test('FR-009, QS-obs: what a scrape shows adds up to what was observed, for any requests of any routes', async () => {
  const request = fc.tuple(fc.constantFrom('a', 'b "quoted" \\ and\nbroken', 'größer'), observations);
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 60 }), async (requests) => {
      const { metrics, scrape } = ground();
      for (const [route, one] of requests) metrics.series({ ...labels, route }).observe(one);
      const samples = await scrape();
      for (const route of new Set(requests.map(([name]) => name))) {
        const mine = requests.filter(([name]) => name === route).map(([, one]) => one);
        const sum = (of: (one: Observation) => number): number => mine.reduce((all, one) => all + of(one), 0);
        close(
          find(samples, 'llmops_inference_tokens_total', { route, direction: 'in' }),
          sum((one) => one.promptTokens),
          'in',
        );
        close(
          find(samples, 'llmops_inference_tokens_total', { route, direction: 'out' }),
          sum((one) => one.completionTokens),
          'out',
        );
        close(
          find(samples, 'llmops_inference_cost_total', { route }),
          sum((one) => Number(one.costPico)) / 1e12,
          'cost',
        );
        if (mine.some((one) => one.cached !== null))
          close(
            find(samples, 'llmops_inference_cache_total', { route, result: 'hit' }),
            mine.filter((one) => one.cached).length,
            'hits',
          );
        for (const status of new Set(mine.map((one) => one.status))) {
          const ended = mine.filter((one) => one.status === status);
          histogram(
            samples,
            duration,
            { route, status: String(status) },
            ended.map((one) => one.seconds),
          );
        }
        const first = mine.map((one) => one.firstTokenSeconds).filter((value) => value !== null);
        if (first.length > 0) histogram(samples, 'llmops_inference_first_token_seconds', { route }, first);
        const streamed = mine.filter((one) => one.firstTokenSeconds !== null && one.completionTokens > 1);
        const paces = streamed.map((one) =>
          Math.max((one.seconds - one.firstTokenSeconds!) / (one.completionTokens - 1), 0),
        );
        if (paces.length > 0) histogram(samples, 'llmops_inference_time_per_output_token_seconds', { route }, paces);
      }
    }),
    { numRuns: 60 },
  );
});

/** Buckets are cumulative, end with all of them, and `_sum` and `_count` are theirs. */
function histogram(samples: Sample[], name: string, wanted: Record<string, string>, values: number[]): void {
  close(
    find(samples, `${name}_sum`, wanted),
    values.reduce((all, value) => all + value, 0),
    `${name}_sum`,
  );
  assert.equal(find(samples, `${name}_count`, wanted), values.length);
  const buckets = samples.filter(
    (sample) =>
      sample.name === `${name}_bucket` &&
      Object.entries(wanted).every(([label, value]) => sample.labels[label] === value),
  );
  assert.equal(buckets.at(-1)?.labels['le'], '+Inf');
  for (const {
    labels: { le },
    value,
  } of buckets)
    assert.equal(
      value,
      le === '+Inf' ? values.length : values.filter((one) => one <= Number(le)).length,
      `${name} le=${le}`,
    );
}

test('QS-obs: statuses are a bounded set: those that the gateway answers, the rest by class', async () => {
  const { metrics, scrape } = ground();
  const series = metrics.series(labels);
  for (const status of [200, 418, 204, 504, 599, 999, -1, Number.NaN]) series.observe({ ...seen, status });
  const samples = await scrape();
  const shown = samples
    .filter(({ name }) => name === `${duration}_count`)
    .map((one) => [one.labels['status'], one.value]);
  assert.deepEqual(Object.fromEntries(shown), { other: 3, '2xx': 1, '4xx': 1, '5xx': 1, 200: 1, 504: 1 });
});

test('QS-obs: numbers that are none never spoil a sum', async () => {
  const { metrics, scrape } = ground();
  const series = metrics.series(labels);
  series.observe(seen);
  series.observe({
    ...seen,
    seconds: Number.NaN,
    promptTokens: -5,
    completionTokens: Number.NaN,
    costPico: -1n,
    firstTokenSeconds: -1,
  });
  const samples = await scrape();
  assert.equal(find(samples, `${duration}_sum`), 1.5);
  assert.equal(find(samples, `${duration}_count`), 2);
  assert.equal(find(samples, 'llmops_inference_tokens_total', { direction: 'in' }), 10);
  assert.equal(find(samples, 'llmops_inference_tokens_total', { direction: 'out' }), 5);
  assert.equal(find(samples, 'llmops_inference_cost_total'), 0.0025);
});

test('QS-obs: at most 2,000 series, the rest counts under other and nothing is lost', async () => {
  const { metrics, scrape } = ground();
  for (let index = 0; index < 2100; index += 1) metrics.series({ ...labels, route: `route-${index}` }).observe(seen);
  metrics.series({ ...labels, route: 'route-7' }).observe(seen);
  const samples = await scrape();
  const counts = samples.filter(({ name }) => name === `${duration}_count`);
  assert.equal(counts.length, 2001);
  assert.equal(find(counts, `${duration}_count`, { route: 'route-7' }), 2);
  assert.equal(find(counts, `${duration}_count`, { route: 'other', model: 'other', operation: 'other' }), 100);
});

test('QS-obs: a series not seen for a day is dropped, and begins anew when its route is used again', async () => {
  const { metrics, clock, scrape } = ground();
  const kept = metrics.series(labels);
  const idle = metrics.series({ ...labels, route: 'idle' });
  kept.observe(seen);
  idle.observe(seen);
  assert.equal(find(await scrape(), `${duration}_count`, { route: 'idle' }), 1);
  clock.now = day - 1;
  kept.observe(seen);
  assert.equal(find(await scrape(), `${duration}_count`, { route: 'idle' }), 1);
  clock.now = day;
  const samples = await scrape();
  assert.equal(find(samples, `${duration}_count`, { route: 'idle' }), undefined);
  assert.equal(find(samples, `${duration}_count`, { route: 'support' }), 2);
  idle.observe(seen);
  assert.equal(find(await scrape(), `${duration}_count`, { route: 'idle' }), 1);
});

test('QS-obs: without a scrape, series of yesterday make room for those of today', async () => {
  const { metrics, clock, scrape } = ground();
  for (let index = 0; index < 2000; index += 1) metrics.series({ ...labels, route: `old-${index}` }).observe(seen);
  await scrape();
  clock.now += day;
  metrics.series({ ...labels, route: 'new' }).observe(seen);
  const samples = await scrape();
  assert.equal(find(samples, `${duration}_count`, { route: 'new' }), 1);
  assert.equal(find(samples, `${duration}_count`, { route: 'other' }), undefined);
});

test('QS-obs: refusals by code, and the gauges of the gateway, are asked at the scrape', async () => {
  const { metrics, scrape } = ground();
  assert.equal(find(await scrape(), 'llmops_inference_in_flight'), undefined);
  const state = { inFlight: 3, unsettled: 7, open: true };
  metrics.watch({
    inFlight: () => state.inFlight,
    unsettled: () => state.unsettled,
    breakers: () => [
      { endpoint: 'e1', open: state.open },
      ...(state.open ? [{ route: 'r', endpoint: 'e2', open: false }] : []),
    ],
  });
  metrics.refused('budget_exhausted');
  metrics.refused('budget_exhausted');
  metrics.refused('rate_limited');
  const samples = await scrape();
  assert.equal(find(samples, 'llmops_inference_refused_total', { code: 'budget_exhausted' }), 2);
  assert.equal(find(samples, 'llmops_inference_refused_total', { code: 'rate_limited' }), 1);
  assert.equal(find(samples, 'llmops_inference_in_flight'), 3);
  assert.equal(find(samples, 'llmops_gateway_journal_unsettled'), 7);
  assert.equal(find(samples, 'llmops_gateway_breaker_open', { endpoint: 'e1' }), 1);
  assert.equal(find(samples, 'llmops_gateway_breaker_open', { endpoint: 'e2', route: 'r' }), 0);
  Object.assign(state, { inFlight: 0, open: false });
  const later = await scrape();
  assert.equal(find(later, 'llmops_inference_in_flight'), 0);
  assert.equal(find(later, 'llmops_gateway_breaker_open', { endpoint: 'e2' }), undefined);
});

test('QS-obs: OpenMetrics text has its own counter names and its end', async () => {
  const registry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const { metrics } = ground(registry);
  metrics.series(labels).observe({ ...seen, cached: true });
  metrics.series({ ...labels, route: 'b' }).observe(seen);
  for (let scrapes = 0; scrapes < 2; scrapes += 1) {
    const text = await registry.metrics();
    assert.ok(text.endsWith('\n# EOF\n'));
    assert.match(text, /^# TYPE llmops_inference_tokens counter$/m);
    assert.match(text, /^# TYPE llmops_inference_duration_seconds histogram$/m);
    const samples = parse(text);
    assert.equal(find(samples, 'llmops_inference_tokens_total', { route: 'support', direction: 'in' }), 10);
    assert.equal(find(samples, 'llmops_inference_tokens_total', { route: 'b', direction: 'out' }), 5);
    assert.equal(find(samples, 'llmops_inference_cost_total', { route: 'b' }), 0.0025);
    assert.equal(find(samples, `${duration}_bucket`, { route: 'b', le: '2' }), 1);
    assert.deepEqual(
      samples.filter(({ name }) => /_total_total/.test(name)),
      [],
    );
  }
});

test('QS-obs: what prom-client measures of the process, and requests of the control plane, are still there', async () => {
  const metrics = createMetrics();
  metrics.http({ method: 'GET', route: '/llm-ops/v1/models', status: 200, seconds: 0.01 });
  metrics.inference.series(labels).observe(seen);
  const text = await metrics.registry.metrics();
  const samples = parse(text);
  for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds', 'process_resident_memory_bytes'])
    assert.ok(
      samples.some((sample) => sample.name === name),
      name,
    );
  assert.equal(find(samples, 'llmops_http_request_duration_seconds_count', { route: '/llm-ops/v1/models' }), 1);
  assert.equal(find(samples, `${duration}_bucket`, { ...labels, status: '200', le: '1' }), 0);
  assert.equal(find(samples, `${duration}_bucket`, { ...labels, status: '200', le: '2' }), 1);
  assert.equal(text.match(/^# TYPE llmops_inference_duration_seconds histogram$/gm)?.length, 1);
  const json = await metrics.registry.getMetricsAsJSON();
  const values = json.find(({ name }) => name === duration)?.values;
  assert.ok(values?.some((one) => one.labels['le'] === '+Inf' && one.labels['route'] === 'support' && one.value === 1));
});
