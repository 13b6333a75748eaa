import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { createInferenceMetrics, type InferenceMetrics } from './inference.ts';

export type { GatewayState, InferenceMetrics, InferenceSeries, Observation, SeriesLabels } from './inference.ts';

export interface Metrics {
  registry: Registry;
  http(request: { method: string; route: string; status: number; seconds: number }): void;
  /** A request to a Kubernetes API; `status` 0: no answer. */
  cluster(request: { method: string; status: number }): void;
  inference: InferenceMetrics;
}

/** Prometheus metrics; labels are bounded: route patterns and names of the catalog, never ids or users. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'llmops_http_request_duration_seconds',
    help: 'Time to answer a request of the control plane.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const cluster = new Counter({
    name: 'llmops_cluster_requests_total',
    help: 'Requests to Kubernetes APIs; a watch counts once. Status 0: no answer.',
    labelNames: ['method', 'status'],
    registers: [registry],
  });
  return {
    registry,
    cluster: (request) => cluster.inc(request),
    http: ({ method, route, status, seconds }) => requests.observe({ method, route, status }, seconds),
    inference: createInferenceMetrics({ registry }),
  };
}
