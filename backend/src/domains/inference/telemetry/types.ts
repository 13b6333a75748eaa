import type { Operation } from '#ports/provider';
import type { TokenUsage } from '../usage.ts';

/** A request's place in a distributed trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits */
  traceId: string;
  /** 16 hexadecimal digits: the span that will be made of this request; where none is recorded, the caller's */
  spanId: string;
  /** the caller's span; null: this one begins the trace, or none is recorded */
  parentSpanId: string | null;
  /** whether `end` makes a span */
  recorded: boolean;
  /** for the upstream: names this span, or the caller's unchanged where none is recorded */
  traceparent: string;
  /** for the upstream, unchanged; null: the caller sent none */
  tracestate: string | null;
  /** both as they are written to the upstream: lines with their CRLF */
  headers: string;
}

/** One request to a model, after its last byte. Of the body no content is read, parameters only. */
export interface InferenceFacts {
  operation: Operation;
  /** `gen_ai.provider.name`: `telemetryName` of the provider */
  provider: string;
  /** the model asked for, as the upstream knows it */
  requestModel: string;
  /** the model and the id that the answer names; null: it names none */
  responseModel: string | null;
  responseId: string | null;
  /** of each choice; null: it ended without one */
  finishReasons: readonly (string | null)[];
  /** of the upstream; null: none was reached */
  baseUrl: string | null;
  route: string;
  environment: string;
  endpointId: string | null;
  revision: number | null;
  body: Readonly<Record<string, unknown>>;
  /** when it was sent, with all tries from the first */
  startedAt: Date;
  /** ms */
  latencyMs: number;
  /** ms; null: not streamed, or it ended before */
  firstTokenMs: number | null;
  /** HTTP status answered; 499: the client went away */
  status: number;
  /** of the catalogue of errors, or the upstream's; null: it did not fail */
  errorCode: string | null;
  usage: TokenUsage;
  /** decimal, in the platform's currency */
  cost: string;
}

/** Spans and metrics of inference for an OpenTelemetry collector. Never waits and never fails a request. */
export interface Telemetry {
  readonly enabled: boolean;
  /** From the caller's headers. null: there is no trace to record or to pass on. */
  begin(traceparent: string | undefined, tracestate?: string): TraceContext | null;
  /** Once a request that was sent on, after its answer: counts it, and makes its span where one is recorded. */
  end(trace: TraceContext | null, facts: InferenceFacts): void;
  /** Sends what is left, for at most 3 s. */
  close(): Promise<void>;
}
