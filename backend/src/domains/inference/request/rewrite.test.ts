import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBody } from './body.ts';
import { rewriteBody } from './rewrite.ts';

const rewrite = (text: string, over: Partial<Parameters<typeof rewriteBody>[1]> = {}): string =>
  Buffer.concat(
    rewriteBody(parseBody(Buffer.from(text)), { model: 'up', askUsage: false, continuous: false, drop: [], ...over }),
  ).toString();

test('FR-006l: the model is replaced where it stands, and not a byte beside it', () => {
  const cases: [string, string][] = [
    ['{"model":"a","seed":12345678901234567890}', '{"model":"up","seed":12345678901234567890}'],
    ['{ "x" : 1.0, "model" : "가", "y":[ ] }', '{ "x" : 1.0, "model" : "up", "y":[ ] }'],
    ['{"model":"a\\/b","z":1}', '{"model":"up","z":1}'],
    ['{"messages":[{"model":"inner"}],"model":"a"}', '{"messages":[{"model":"inner"}],"model":"up"}'],
    ['{"content":"\\"model\\"","model":"a"}', '{"content":"\\"model\\"","model":"up"}'],
  ];
  for (const [given, sent] of cases) assert.equal(rewrite(given), sent);
});

test('SEC: a second model hidden in the body does not reach the upstream', () => {
  for (const text of [
    '{"model":"a","model":"b"}',
    '{"model":"a","\\u006dodel":"b"}',
    '{"\\u006dodel":"b","model":"a"}',
  ]) {
    assert.deepEqual(Object.values(JSON.parse(rewrite(text)) as object), ['up'], text);
    assert.ok(!/"[ab]"/.test(rewrite(text)), rewrite(text));
  }
});

test('FR-009: streams are asked for usage, whatever the client asked for', () => {
  const asked = (text: string, continuous = false): unknown =>
    (JSON.parse(rewrite(text, { askUsage: true, continuous })) as { stream_options: unknown }).stream_options;
  const wanted = { include_usage: true };
  assert.deepEqual(asked('{"model":"a","stream":true}'), wanted);
  assert.deepEqual(asked('{"model":"a","stream_options":{"include_usage":false,"x":1}}'), { ...wanted, x: 1 });
  assert.deepEqual(asked('{"model":"a","stream_options":null}'), wanted);
  assert.deepEqual(asked('{"stream":true}', true), { ...wanted, continuous_usage_stats: true });
  const same = '{"model":"up","stream_options":{"include_usage":true}}';
  assert.equal(rewrite(same, { askUsage: true }), same);
});

test('FR-006l: members that are the gateway’s own do not go on', () => {
  assert.equal(rewrite('{"variables":{"a":1},"messages":[]}', { drop: ['variables'] }), '{"messages":[],"model":"up"}');
  assert.equal(rewrite('{"messages":[]}', { drop: ['variables'] }), '{"model":"up","messages":[]}');
});

test('FR-006l: whatever the body, what arrives is the same but for model and options', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), fc.boolean(), fc.nat(3), (value, model, stream, spaces) => {
      const body = { a: value, model, stream, b: { model, nested: [value] } };
      const sent = JSON.parse(rewrite(JSON.stringify(body, null, spaces), { askUsage: stream })) as Record<
        string,
        unknown
      >;
      const { stream_options: options, ...rest } = sent;
      assert.deepEqual(rest, JSON.parse(JSON.stringify({ ...body, model: 'up' })));
      assert.deepEqual(options, stream ? { include_usage: true } : undefined);
    }),
    { numRuns: 5000 },
  );
});
