import type { ObjectivesView } from '@llm-ops/contracts';
import { dateOf, dayOf } from './ledger/days.ts';
import { emptyHistogram, percentile } from './ledger/histogram.ts';
import type { EndpointBucket, EndpointDay } from './store.ts';

/** What endpoints are to reach. */
export interface Objective {
  /** percent of requests without an error of the endpoint's own */
  availability: number;
  /** ms within which half the answers come */
  answerMs: number;
}

type Row = ObjectivesView['endpoints'][number];

/** Each endpoint against the objective: what misses it first, then by how much was asked of it. */
export function objectivesOf(
  { days, buckets }: { days: readonly EndpointDay[]; buckets: readonly EndpointBucket[] },
  objective: Objective,
): Row[] {
  const answers = new Map<string, number[]>();
  for (const bucket of buckets) {
    const counts = answers.get(keyOf(bucket)) ?? emptyHistogram();
    counts[bucket.place - 1]! += bucket.count;
    answers.set(keyOf(bucket), counts);
  }
  return [...Map.groupBy(days, keyOf)]
    .map(([key, some]) => rowOf(some, answers.get(key) ?? emptyHistogram(), objective))
    .toSorted(
      (a, b) =>
        Number(b.available === false) - Number(a.available === false) ||
        Number(b.quick === false) - Number(a.quick === false) ||
        b.requests - a.requests,
    );
}

function rowOf(days: readonly EndpointDay[], answers: readonly number[], objective: Objective): Row {
  const inOrder = days.toSorted((a, b) => a.day.getTime() - b.day.getTime());
  const { endpoint_id, environment, route } = inOrder.at(-1)!;
  const requests = inOrder.reduce((sum, day) => sum + day.requests, 0);
  const errors = inOrder.reduce((sum, day) => sum + day.errors, 0);
  const lost = inOrder.reduce((sum, day) => sum + day.lost, 0);
  const half = percentile(answers, 0.5);
  return {
    endpoint_id,
    route,
    environment,
    requests,
    errors,
    lost,
    availability: requests === 0 ? null : (1 - errors / requests) * 100,
    seen_availability: requests + lost === 0 ? null : ((requests - errors) / (requests + lost)) * 100,
    budget_left: requests === 0 ? null : (1 - errors / (requests * (1 - objective.availability / 100))) * 100,
    answer_p50_ms: half,
    answer_p95_ms: percentile(answers, 0.95),
    // by counts: a share that is rounded may not tell
    available: requests === 0 ? null : errors * 100 <= requests * (100 - objective.availability) + 1e-6,
    quick: half === null ? null : half <= objective.answerMs,
    days: inOrder.map((day) => ({ day: dateOf(dayOf(day.day.getTime())), requests: day.requests, errors: day.errors })),
  };
}

const keyOf = (row: { endpoint_id: string; environment: string }): string => `${row.endpoint_id} ${row.environment}`;
