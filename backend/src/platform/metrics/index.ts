import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

export interface Metrics {
  registry: Registry;
  http(request: { method: string; route: string; status: number; seconds: number }): void;
  inference(request: {
    route: string;
    environment: string;
    model: string;
    status: number;
    seconds: number;
    promptTokens: number;
    completionTokens: number;
    firstTokenSeconds: number | null;
  }): void;
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
  const inference = new Histogram({
    name: 'llmops_inference_duration_seconds',
    help: 'Time to answer an inference request, to its last byte.',
    labelNames: ['route', 'environment', 'model', 'status'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120],
    registers: [registry],
  });
  const firstToken = new Histogram({
    name: 'llmops_inference_first_token_seconds',
    help: 'Time to the first byte of a streamed answer.',
    labelNames: ['route', 'environment', 'model'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
    registers: [registry],
  });
  const tokens = new Counter({
    name: 'llmops_inference_tokens_total',
    help: 'Tokens in and out.',
    labelNames: ['route', 'environment', 'model', 'direction'],
    registers: [registry],
  });
  return {
    registry,
    http: ({ method, route, status, seconds }) => requests.observe({ method, route, status }, seconds),
    inference(request) {
      const { route, environment, model } = request;
      inference.observe({ route, environment, model, status: request.status }, request.seconds);
      if (request.firstTokenSeconds !== null)
        firstToken.observe({ route, environment, model }, request.firstTokenSeconds);
      tokens.inc({ route, environment, model, direction: 'in' }, request.promptTokens);
      tokens.inc({ route, environment, model, direction: 'out' }, request.completionTokens);
    },
  };
}
