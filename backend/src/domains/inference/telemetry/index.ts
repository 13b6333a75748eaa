import type { OtlpOptions } from './otlp.ts';
import { createTracing, passOn } from './trace-context.ts';
import type { Telemetry } from './types.ts';

export interface TelemetryOptions extends Omit<OtlpOptions, 'endpoint'> {
  /** undefined: nothing is recorded, the caller's trace is passed on */
  endpoint: string | undefined;
  /** 0 to 1: share of requests that get a span, where the caller did not decide */
  sampleRatio: number;
}

/** Spans and metrics of inference by the GenAI conventions, over OTLP/HTTP. OpenTelemetry's libraries are loaded only where it is on. */
export async function createTelemetry({ endpoint, sampleRatio, ...options }: TelemetryOptions): Promise<Telemetry> {
  if (endpoint === undefined) return { enabled: false, begin: passOn, end() {}, async close() {} };
  const { createOtlp } = await import('./otlp.ts');
  const otlp = createOtlp({ ...options, endpoint });
  return {
    enabled: true,
    begin: createTracing(sampleRatio),
    end(trace, facts) {
      otlp.record(facts);
      if (trace?.recorded === true) otlp.span(trace, facts);
    },
    close: otlp.close,
  };
}

/** Headers as OTEL_EXPORTER_OTLP_HEADERS writes them: `name=value,…`, values percent-encoded where they must be. */
export function parseOtlpHeaders(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at <= 0 ? [] : [[pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())] as const];
  });
  return Object.fromEntries(pairs);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
