import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { factsOfAnswer, factsOfValue } from './facts.ts';

test('FR-006l: usage found without reading an answer in full is what reading it gives', () => {
  const count = fc.oneof(fc.nat(), fc.double({ noNaN: true }), fc.constantFrom(-1, 1e9 + 1, '7', null, true));
  const detail = fc.dictionary(
    fc.constantFrom('prompt_tokens', 'completion_tokens', 'cached_tokens', '}', '{', 'a"b', '\\'),
    fc.oneof(count, fc.string()),
  );
  const usage = fc.oneof(
    fc.constant(null),
    fc.record(
      {
        prompt_tokens: count,
        prompt_tokens_details: detail,
        completion_tokens: count,
        completion_tokens_details: detail,
        total_tokens: count,
        note: fc.string(),
      },
      { requiredKeys: [] },
    ),
  );
  const answer = fc.record({
    id: fc.constant('chatcmpl-1'),
    choices: fc.array(fc.record({ message: fc.record({ content: fc.string() }), finish_reason: fc.constant('stop') }), {
      minLength: 1,
    }),
    usage,
  });
  fc.assert(
    fc.property(answer, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const text = JSON.stringify(value, null, space);
      const found = factsOfAnswer(Buffer.from(text), false);
      assert.deepEqual(found?.usage, factsOfValue(JSON.parse(text)).usage);
      assert.equal(found?.finishReason, 'stop');
    }),
    { numRuns: 10_000 },
  );
});
