import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { providers } from '../../../adapters/provider/index.ts';
import { factsOfAnswer } from './facts.ts';
import { createReasonTeller, translateReasons } from './reasons.ts';

const { words } = providers.tgi.finishReasons!;
/** An answer as text-generation-inference 3 writes it. */
const answer = (text: string, reason: string): Buffer =>
  Buffer.from(
    `{"id":"","object":"chat.completion","created":1,"model":"m","system_fingerprint":"3.3.6-native","choices":[{"index":0,"message":{"role":"assistant","content":${JSON.stringify(text)}},"logprobs":null,"finish_reason":${reason}}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`,
  );

test("FR-006d, FR-009: of a whole answer the reason to finish alone is told in OpenAI's word, to the client and in the ledger", () => {
  const texts = fc.oneof(fc.string(), fc.constantFrom('"finish_reason":"eos_token"', 'finish_reason', '\\"'));
  fc.assert(
    fc.property(texts, (text) => {
      for (const reason of ['"eos_token"', '"stop_sequence"']) {
        const told = translateReasons(answer(text, reason), words);
        assert.deepEqual(told, answer(text, '"stop"'));
        assert.equal(factsOfAnswer(told, false)?.finishReason, 'stop');
      }
      for (const reason of ['"stop"', '"length"', '"tool_calls"', 'null', '"something new"']) {
        const plain = answer(text, reason);
        assert.equal(translateReasons(plain, words), plain);
      }
    }),
  );
  const several = '{"choices":[{"finish_reason" : "eos_token"},{"finish_reason":"length"},{"finish_reason":""}]}';
  assert.equal(
    translateReasons(Buffer.from(several), words).toString(),
    '{"choices":[{"finish_reason" : "stop"},{"finish_reason":"length"},{"finish_reason":null}]}',
  );
});

test('parsers: no bytes crash or hang the translation, and what it gives is not translated again', () => {
  const piece = fc.constantFrom('"finish_reason"', ':', '"eos_token"', '""', ' ', '\\', '"', 'x', '\n\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const once = translateReasons(Buffer.from(pieces.join('')), words);
      assert.equal(translateReasons(once, words), once);
    }),
    { numRuns: 10_000 },
  );
});

test('FR-006d: an answer that calls tools ended for that, whatever text-generation-inference says; a text about it does not', () => {
  const teller = () => createReasonTeller(providers.tgi.finishReasons!);
  const called =
    '{"choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"0","type":"function","function":{"description":null,"name":"weather","arguments":"{}"}}]},"logprobs":null,"finish_reason":REASON}]}';
  const reason = (text: string): Buffer => Buffer.from(called.replace('REASON', JSON.stringify(text)));
  for (const own of ['stop', 'eos_token', 'stop_sequence', 'tool_calls'])
    assert.deepEqual(teller().tell(reason(own)), reason('tool_calls'));
  assert.deepEqual(teller().tell(reason('length')), reason('length'));
  const about = answer('{"tool_calls":[{}]}', '"eos_token"');
  assert.deepEqual(teller().tell(about), answer('{"tool_calls":[{}]}', '"stop"'));
});
