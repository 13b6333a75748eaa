import { randomFillSync } from 'node:crypto';
import type { TraceContext } from './types.ts';

interface Parent {
  traceId: string;
  spanId: string;
  sampled: boolean;
  /** flags that a vendor who knows only these may pass on: sampled, and that the trace id is random */
  flags: number;
}

const form = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-[\x21-\x7e]*)?$/;
const printable = /^[\t\x20-\x7e]+$/;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** A `traceparent` header by W3C Trace Context 2, section 2.2 (and 2.2.2 for versions to come); null: not a valid one. */
export function parseTraceparent(header: string): Parent | null {
  const match = form.exec(header);
  if (match === null) return null;
  const [, version, traceId, spanId, flags, more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return null;
  if (traceId === noTrace || spanId === noSpan) return null;
  const bits = Number.parseInt(flags!, 16) & 3;
  return { traceId: traceId!, spanId: spanId!, sampled: (bits & 1) === 1, flags: bits };
}

/** Whether a new trace is among the share: by its id, so that everyone who asks gets the same answer. */
export const isSampled = (traceId: string, ratio: number): boolean =>
  ratio >= 1 || Number.parseInt(traceId.slice(-13), 16) < ratio * 2 ** 52;

/** The caller's trace, unchanged, for the upstream: nothing is recorded here. */
export function passOn(traceparent: string | undefined, tracestate: string | undefined): TraceContext | null {
  if (traceparent === undefined) return null;
  const parent = parseTraceparent(traceparent);
  return parent === null ? null : unrecorded(parent, traceparent, tracestate);
}

const unrecorded = ({ traceId, spanId }: Parent, traceparent: string, tracestate: string | undefined): TraceContext =>
  contextOf({ traceId, spanId, parentSpanId: null, recorded: false, traceparent }, tracestate);

/** Begins spans: the caller decides where it sent a valid traceparent, else the ratio does. */
export function createTracing(
  sampleRatio: number,
): (traceparent: string | undefined, tracestate: string | undefined) => TraceContext | null {
  const id = createIds();
  return (traceparent, tracestate) => {
    const parent = traceparent === undefined ? null : parseTraceparent(traceparent);
    if (parent?.sampled === false) return unrecorded(parent, traceparent!, tracestate);
    if (parent === null && sampleRatio <= 0) return null;
    const traceId = parent?.traceId ?? id(16);
    if (parent === null && !isSampled(traceId, sampleRatio)) return null;
    const spanId = id(8);
    const sent = `00-${traceId}-${spanId}-0${parent?.flags ?? 1}`;
    const parentSpanId = parent?.spanId ?? null;
    // A tracestate without its valid traceparent says nothing.
    const state = parent === null ? undefined : tracestate;
    return contextOf({ traceId, spanId, parentSpanId, recorded: true, traceparent: sent }, state);
  };
}

function contextOf(
  { traceId, spanId, parentSpanId, recorded, traceparent }: Omit<TraceContext, 'tracestate' | 'headers'>,
  tracestate: string | undefined,
): TraceContext {
  const state = tracestate !== undefined && printable.test(tracestate) ? tracestate : null;
  const headers = `traceparent: ${traceparent}\r\n${state === null ? '' : `tracestate: ${state}\r\n`}`;
  return { traceId, spanId, parentSpanId, recorded, traceparent, tracestate: state, headers };
}

/** Random hexadecimal ids of so many bytes, from a pool: asking the system for each takes longer than all the rest. */
function createIds(): (bytes: number) => string {
  const pool = Buffer.alloc(4096);
  let at = pool.length;
  return (bytes) => {
    if (at + bytes > pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    at += bytes;
    return pool.toString('hex', at - bytes, at);
  };
}
