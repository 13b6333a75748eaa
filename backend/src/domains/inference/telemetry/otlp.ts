import { randomUUID } from 'node:crypto';
import {
  createTraceState,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type HrTime,
  type SpanContext,
} from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Logger } from '#platform/log';
import { errorType, spanAttributes, spanName } from './attributes.ts';
import { createRecording } from './recording.ts';
import type { InferenceFacts, TraceContext } from './types.ts';

export interface OtlpOptions {
  /** of the collector; `/v1/traces` and `/v1/metrics` are below it */
  endpoint: string;
  headers: Record<string, string>;
  serviceName: string;
  version: string;
  /** ms that one export may take, with its retries */
  exportTimeoutMs?: number;
  log: Logger;
}

interface Otlp {
  span(trace: TraceContext, facts: InferenceFacts): void;
  record(facts: InferenceFacts): void;
  close(): Promise<void>;
}

const closeMs = 3000;
/** Spans: each batch is written as JSON in one go, and requests wait for that. */
const batchSize = 128;
/** Kept while the collector is away or slow, then spans are dropped. At the end all go at once, beside the one under way. */
const batches = 32;

/** Everything of OpenTelemetry's libraries: 10 MB of memory, so this module is loaded only where there is a collector. */
export function createOtlp(options: OtlpOptions): Otlp {
  const { headers, log, version, exportTimeoutMs: timeoutMillis = 5000 } = options;
  const base = options.endpoint.replace(/\/+$/, '');
  const resource = defaultResource().merge(
    resourceFromAttributes({
      'service.name': options.serviceName,
      'service.version': version,
      // Several gateways count under one name: without it their sums would be taken for one that jumps.
      'service.instance.id': randomUUID(),
    }),
  );
  // The origin: the rest may hold a key.
  const outages = createOutages(log, new URL(base).origin);
  const spans = new OTLPTraceExporter({
    url: `${base}/v1/traces`,
    headers,
    timeoutMillis,
    concurrencyLimit: batches + 1,
  });
  outages.watch('spans', spans);
  const processor = new BatchSpanProcessor({
    exporter: spans,
    maxExportBatchSize: batchSize,
    maxQueueSize: batches * batchSize,
  });
  const metrics = new OTLPMetricExporter({ url: `${base}/v1/metrics`, headers, timeoutMillis });
  outages.watch('metrics', metrics);
  const meters = new MeterProvider({ resource, readers: [new PeriodicExportingMetricReader({ exporter: metrics })] });
  const scope = { name: 'llm-ops', version };
  return {
    span: (trace, facts) => processor.onEnd(spanOf(trace, facts, resource, scope)),
    record: createRecording(meters.getMeter(scope.name, version)),
    async close() {
      const sent = Promise.allSettled([processor.shutdown(), meters.shutdown()]);
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise((resolve) => (timer = setTimeout(resolve, closeMs)));
      await Promise.race([sent, enough]);
      clearTimeout(timer);
    },
  };
}

/** A span of times that have passed, with the id that the upstream already has. The SDK's tracer makes only spans of now. */
function spanOf(
  trace: TraceContext,
  facts: InferenceFacts,
  resource: Resource,
  instrumentationScope: ReadableSpan['instrumentationScope'],
): ReadableSpan {
  const { traceId, spanId, parentSpanId, tracestate } = trace;
  const startTime = hrTime(facts.startedAt.getTime());
  const duration = hrTime(Math.max(facts.latencyMs, 0));
  const state = tracestate === null ? {} : { traceState: createTraceState(tracestate) };
  const context: SpanContext = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, ...state };
  return {
    name: spanName(facts),
    // The conventions know no span of a gateway: it is the client of a model server.
    kind: SpanKind.CLIENT,
    spanContext: () => context,
    ...(parentSpanId === null
      ? {}
      : { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: TraceFlags.SAMPLED, isRemote: true } }),
    startTime,
    duration,
    endTime: sum(startTime, duration),
    status: { code: errorType(facts) === null ? SpanStatusCode.UNSET : SpanStatusCode.ERROR },
    attributes: spanAttributes(facts),
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds of so many milliseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return sum([seconds, Math.round((ms - seconds * 1000) * 1e6)], [0, 0]);
}

function sum([seconds, nanos]: HrTime, [moreSeconds, moreNanos]: HrTime): HrTime {
  const all = nanos + moreNanos;
  return [seconds + moreSeconds + Math.floor(all / 1e9), all % 1e9];
}

interface Exporter<Items> {
  export(items: Items, done: (result: { code: number; error?: Error }) => void): void;
}

/** Says once that the collector is away, and once that it is back. */
function createOutages(log: Logger, endpoint: string) {
  const failing = new Set<string>();
  return {
    watch<Items>(what: string, exporter: Exporter<Items>): void {
      const send = exporter.export.bind(exporter);
      exporter.export = (items, done) =>
        send(items, (result) => {
          if (result.code === 0) {
            if (failing.delete(what) && failing.size === 0)
              log.info({ endpoint }, 'the OpenTelemetry collector answers again');
          } else {
            if (failing.size === 0)
              log.warn(
                { endpoint, reason: result.error?.message },
                'the OpenTelemetry collector does not take spans and metrics; they are dropped: check OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS',
              );
            failing.add(what);
          }
          done(result);
        });
    },
  };
}
