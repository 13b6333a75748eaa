import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { spliceMembers } from './splice.ts';

test('FR-006l: what the gateway does not change reaches the upstream byte for byte', () => {
  const body = '{ "seed": 12345678901234567890, "model" : "a",\n "tools":[{"x":"\\"}"}], "temperature": 1.0 }';
  assert.equal(
    spliceMembers(body, { model: 'b' }),
    '{ "seed": 12345678901234567890, "model" : "b",\n "tools":[{"x":"\\"}"}], "temperature": 1.0 }',
  );
  assert.equal(spliceMembers('{}', { model: 'b' }), '{"model":"b"}');
  assert.equal(spliceMembers('{"a":1}', { model: 'b' }), '{"a":1,"model":"b"}');
  assert.equal(spliceMembers('{"template":"x"}', { template: null }), '{}');
  assert.equal(spliceMembers('{"a":1,"template":"x"}', { template: null }), '{"a":1}');
});

test('FR-006l: splicing equals assigning, for any object', () => {
  const keys = fc.constantFrom('model', 'stream_options', 'x', '"', 'é', '\\');
  fc.assert(
    fc.property(
      fc.dictionary(keys, fc.jsonValue()),
      fc.constantFrom(undefined, 2),
      fc.constantFrom<unknown>('name', null, { a: [1] }),
      (object, indent, value) => {
        const expected: Record<string, unknown> = { ...object, model: value };
        if (value === null) delete expected['model'];
        assert.deepEqual(
          JSON.parse(spliceMembers(JSON.stringify(object, null, indent), { model: value })),
          JSON.parse(JSON.stringify(expected)),
        );
      },
    ),
    { numRuns: 2000 },
  );
});
