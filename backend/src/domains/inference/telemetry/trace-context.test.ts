import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createTracing, isSampled, parseTraceparent, passOn } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const sampled = `00-${traceId}-${spanId}-01`;
const unsampled = `00-${traceId}-${spanId}-00`;
const state = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';

const broken = [
  '',
  'nonsense',
  `${sampled}, ${sampled}`,
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-01-more`,
  `ff-${traceId}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  `00-${traceId}0-${spanId}-01`,
  ` ${sampled}`,
  `01-${traceId}-${spanId}-01-a\r\nx-injected: 1`,
  `${sampled}\n`,
];

test('FR-009: a traceparent is read as W3C Trace Context says, those of versions to come too', () => {
  assert.deepEqual(parseTraceparent(sampled), { traceId, spanId, sampled: true, flags: 1 });
  assert.deepEqual(parseTraceparent(unsampled), { traceId, spanId, sampled: false, flags: 0 });
  assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-ff`), { traceId, spanId, sampled: true, flags: 3 });
  assert.equal(
    parseTraceparent(`cc-${traceId}-${spanId}-01-what the future: brings`.replaceAll(' ', '_'))?.traceId,
    traceId,
  );
  for (const header of broken) assert.equal(parseTraceparent(header), null, header);
});

test('FR-009: no header is ever taken for a trace that could not be written again', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/)),
      (header) => {
        const parent = parseTraceparent(header);
        if (parent === null) return;
        assert.match(parent.traceId, /^(?!0{32})[\da-f]{32}$/);
        assert.match(parent.spanId, /^(?!0{16})[\da-f]{16}$/);
        assert.match(header, /^[\x21-\x7e]+$/);
      },
    ),
  );
});

test('FR-009: with telemetry off a valid trace is passed on unchanged, anything else is not', () => {
  const context = passOn(sampled, state);
  assert.deepEqual(context, {
    traceId,
    spanId,
    parentSpanId: null,
    recorded: false,
    traceparent: sampled,
    tracestate: state,
    headers: `traceparent: ${sampled}\r\ntracestate: ${state}\r\n`,
  });
  assert.equal(passOn(sampled, undefined)?.headers, `traceparent: ${sampled}\r\n`);
  assert.equal(passOn(undefined, state), null);
  for (const header of broken) assert.equal(passOn(header, state), null, header);
});

test('FR-009: the caller decides whether its trace is sampled, whatever the ratio', () => {
  for (const ratio of [0, 0.5, 1]) {
    const begin = createTracing(ratio);
    const mine = begin(sampled, state);
    assert.ok(mine?.recorded);
    assert.equal(mine.traceId, traceId);
    assert.equal(mine.parentSpanId, spanId);
    assert.match(mine.spanId, /^[\da-f]{16}$/);
    assert.notEqual(mine.spanId, spanId);
    assert.equal(mine.traceparent, `00-${traceId}-${mine.spanId}-01`);
    assert.equal(mine.headers, `traceparent: ${mine.traceparent}\r\ntracestate: ${state}\r\n`);
    assert.deepEqual(begin(unsampled, state), passOn(unsampled, state));
  }
});

test('FR-009: without a valid traceparent a new trace begins, and a tracestate without one is not passed on', () => {
  const begin = createTracing(1);
  const seen = new Set<string>();
  for (const header of [undefined, ...broken]) {
    const context = begin(header, state);
    assert.ok(context?.recorded);
    assert.equal(context.parentSpanId, null);
    assert.equal(context.tracestate, null);
    assert.notEqual(parseTraceparent(context.traceparent), null);
    assert.notEqual(context.traceId, traceId);
    seen.add(context.traceId).add(context.spanId);
  }
  assert.equal(seen.size, 2 * (broken.length + 1));
});

test('FR-009: a tracestate that is no text of one line is left out', () => {
  for (const bad of ['', 'a=1\r\nx-injected: 1', 'a=ü'])
    assert.equal(createTracing(1)(sampled, bad)?.headers.split('\r\n').length, 2, bad);
});

test('FR-009: the ratio samples by trace id, always the same ones, in its share', () => {
  const begin = createTracing(1);
  const ids = Array.from({ length: 4000 }, () => begin(undefined, undefined)!.traceId);
  assert.equal(new Set(ids).size, ids.length);
  for (const ratio of [0.1, 0.5, 0.9]) {
    const share = ids.filter((id) => isSampled(id, ratio)).length / ids.length;
    // five standard deviations: one run in a million
    assert.ok(Math.abs(share - ratio) < 5 * Math.sqrt((ratio * (1 - ratio)) / ids.length), `${ratio}: ${share}`);
  }
  // who is sampled at a small ratio is at every greater one
  assert.ok(ids.filter((id) => isSampled(id, 0.1)).every((id) => isSampled(id, 0.2)));
  assert.ok(ids.every((id) => isSampled(id, 1) && !isSampled(id, 0)));
  assert.ok(Array.from({ length: 100 }, () => createTracing(0)(undefined, undefined)).every((one) => one === null));
  const begun = Array.from({ length: 400 }, () => createTracing(0.5)(undefined, undefined)).filter(
    (one) => one !== null,
  );
  assert.ok(begun.length > 100 && begun.length < 300);
  assert.ok(begun.every((one) => isSampled(one.traceId, 0.5)));
});
