import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createOllamaDialect } from '../../backend/src/adapters/provider/ollama/dialect.ts';
import { isFailure } from '../../backend/src/platform/errors/index.ts';
import type { Operation } from '../../backend/src/ports/provider.ts';

const open = (operation: Operation = 'chat') => {
  let ids = 0;
  return createOllamaDialect({ newId: () => `id${(ids += 1)}`, now: () => 7 }).stream(operation);
};

/** Everything that comes out, and what is thrown in the end. */
function run(pieces: Buffer[], operation: Operation = 'chat'): { out: string; error: string | null } {
  const stream = open(operation);
  const out: Buffer[] = [];
  try {
    for (const piece of pieces) out.push(stream.push(piece));
    out.push(stream.end());
  } catch (error) {
    assert.ok(isFailure(error, 'upstream_failed'), String(error));
    return { out: Buffer.concat(out).toString(), error: error.message };
  }
  return { out: Buffer.concat(out).toString(), error: null };
}

const eventsOf = (out: string): any[] =>
  out
    .split('\n\n')
    .filter((entry) => entry !== '' && entry !== 'data: [DONE]')
    .map((entry) => JSON.parse(entry.slice('data: '.length)));

const lines = (...values: unknown[]): Buffer =>
  Buffer.from(values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join(''));
const said = (message: object, rest: object = {}) => ({
  model: 'qwen3',
  created_at: '2026-01-02T03:04:05.678Z',
  message: { role: 'assistant', content: '', ...message },
  done: false,
  ...rest,
});
const end = (rest: object = {}) =>
  said({}, { done: true, done_reason: 'stop', prompt_eval_count: 3, eval_count: 2, ...rest });

test('FR-006d: Ollama: a stream has role, text, finish reason, usage and an end, under one id', () => {
  const { out, error } = run([
    lines(said({ content: 'a' }), said({ content: 'b' }), end({ prompt_eval_cached_count: 1 })),
  ]);
  assert.equal(error, null);
  assert.ok(out.endsWith('data: [DONE]\n\n'));
  const events = eventsOf(out);
  assert.deepEqual(
    events.map(({ choices }) => [choices[0]?.delta, choices[0]?.finish_reason]),
    [
      [{ role: 'assistant', content: '' }, null],
      [{ content: 'a' }, null],
      [{ content: 'b' }, null],
      [{}, 'stop'],
      [undefined, undefined],
    ],
  );
  assert.deepEqual(events.at(-1).usage, {
    prompt_tokens: 3,
    completion_tokens: 2,
    total_tokens: 5,
    prompt_tokens_details: { cached_tokens: 1 },
  });
  for (const event of events)
    assert.deepEqual(
      [event.id, event.object, event.created, event.model],
      ['chatcmpl-id1', 'chat.completion.chunk', 1767323045, 'qwen3'],
    );
});

test('FR-006d: Ollama: calls in several lines are several calls, and end as tool_calls', () => {
  const call = (name: string, args: unknown, id?: string) => ({
    ...(id && { id }),
    function: { name, arguments: args },
  });
  const first = said({ tool_calls: [call('weather', { city: 'Zürich' }, 'call_1'), call('time', {})] });
  const { out } = run([lines(first, said({ tool_calls: [call('late', '{"as":"text"}')] }), end())]);
  const calls = eventsOf(out).flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
  assert.deepEqual(
    calls.map(({ index, id, type, function: { name, arguments: args } }: any) => [index, id, type, name, args]),
    [
      [0, 'call_1', 'function', 'weather', '{"city":"Zürich"}'],
      [1, 'call_id2', 'function', 'time', '{}'],
      [2, 'call_id3', 'function', 'late', '{"as":"text"}'],
    ],
  );
  assert.equal(eventsOf(out).at(-2).choices[0].finish_reason, 'tool_calls');
  const cut = run([lines(first, end({ done_reason: 'length' }))]);
  assert.equal(eventsOf(cut.out).at(-2).choices[0].finish_reason, 'length');
});

test('FR-006d: Ollama: thoughts, log probabilities and the reasons of old versions', () => {
  const logprobs = [
    { token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [{ token: 'b', logprob: -1 }] },
    { token: 'c', logprob: -2 },
  ];
  const { out } = run([
    lines(said({ thinking: 'Hm' }), said({ content: 'ac' }, { logprobs }), end({ done_reason: 'load' })),
  ]);
  const events = eventsOf(out);
  assert.deepEqual(events[1].choices[0].delta, { reasoning: 'Hm' });
  assert.deepEqual(events[2].choices[0].logprobs, {
    content: [
      { token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [{ token: 'b', logprob: -1, bytes: null }] },
      { token: 'c', logprob: -2, bytes: null, top_logprobs: [] },
    ],
    refusal: null,
  });
  assert.equal(events[3].choices[0].finish_reason, 'stop');
  assert.equal(eventsOf(run([lines(end({ done_reason: undefined }))]).out).at(-2).choices[0].finish_reason, 'stop');

  const word = (response: string, rest: object = {}) => ({ model: 'm', response, done: false, ...rest });
  const texts = run([lines(word('Hi '), word('ac', { logprobs }), word('', { done: true }))], 'completion');
  assert.deepEqual(
    eventsOf(texts.out).map(({ choices, created, object }) => [choices[0]?.text, created, object]),
    [
      ['Hi ', 7, 'text_completion'],
      ['ac', 7, 'text_completion'],
      ['', 7, 'text_completion'],
    ],
  );
  assert.deepEqual(eventsOf(texts.out)[1].choices[0].logprobs, {
    tokens: ['a', 'c'],
    token_logprobs: [-0.5, -2],
    top_logprobs: [{ b: -1 }, {}],
    text_offset: [3, 4],
  });
});

test('FR-006d, FR-009: Ollama: usage that it does not know is left out, never guessed', () => {
  const usage = (...values: unknown[]) => eventsOf(run([lines(...values)]).out).find((event) => event.usage)?.usage;
  // the prompt was cached, in old versions
  assert.equal(usage(said({ content: 'a' }), end({ prompt_eval_count: undefined })), undefined);
  assert.equal(usage(said({ content: 'a' }), end({ eval_count: undefined })), undefined);
  // a count of zero is left out by all versions
  assert.deepEqual(usage(end({ eval_count: undefined })), { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 });
  for (const lie of [-1, 1.5, '7', 1e300]) assert.equal(usage(end({ eval_count: lie })), undefined);
});

test('FR-006d: Ollama: hostile and broken streams end in an error after what came before, or without an end', () => {
  const before = said({ content: 'a' });
  const failing = (...values: unknown[]) => {
    const { out, error } = run([lines(before, ...values)]);
    assert.equal(eventsOf(out).at(-1).choices[0].delta.content, 'a');
    assert.ok(!out.includes('[DONE]'));
    return error ?? '';
  };
  assert.match(failing({ error: 'llama runner process has terminated' }), /Ollama says: llama runner process/);
  assert.match(failing({ error: { message: 'as an object' } }, end()), /as an object/);
  assert.match(failing('<html>gateway</html>'), /not JSON: <html>/);
  assert.match(failing('[1,2]'), /no object/);
  assert.match(failing('null'), /no object/);
  assert.match(failing(`"${'x'.repeat(5_000_000)}"`), /longer than 4194304 bytes/);
  assert.match(
    failing(`{"message":{"tool_calls":[{"function":{"name":"x","arguments":${'['.repeat(9e5)}${']'.repeat(9e5)}}}]}}`),
    /cannot be read/,
  );
  assert.equal(failing(), '', 'it just ended');

  const stream = open();
  stream.push(lines(before, { error: 'out of memory' }));
  for (const next of [() => stream.push(lines(end())), () => stream.end()]) assert.throws(next, /out of memory/);
  assert.throws(() => open().push(lines({ error: 'at once' })), /at once/);
  assert.throws(() => open().push(Buffer.alloc(5_000_000, 'x')), /longer than/);

  // a cut line is nothing, a whole one without its end counts, empty ones and what follows the end do not
  assert.equal(run([lines(before), Buffer.from('{"model":"q","mess')]).error, null);
  const last = run([Buffer.from(`\r\n${JSON.stringify(before)}\r\n\n${JSON.stringify(end())}`)]);
  assert.ok(last.out.endsWith('[DONE]\n\n'));
  assert.equal(run([lines(before, end(), 'garbage', { error: 'late' })]).error, null);
  assert.equal(run([]).out, '');
  assert.throws(() => createOllamaDialect().stream('embedding'), /not streamed/);
});

test('FR-006d: Ollama: lines of odd members never break the translation', () => {
  const odd = fc.record(
    {
      message: fc.oneof(
        fc.jsonValue(),
        fc.record(
          { content: fc.jsonValue(), thinking: fc.jsonValue(), tool_calls: fc.jsonValue() },
          { requiredKeys: [] },
        ),
      ),
      response: fc.jsonValue(),
      logprobs: fc.oneof(
        fc.jsonValue(),
        fc.array(fc.record({ token: fc.jsonValue(), logprob: fc.jsonValue(), top_logprobs: fc.jsonValue() })),
      ),
      created_at: fc.oneof(fc.jsonValue(), fc.constant({ toString: 1, valueOf: 2 })),
      model: fc.jsonValue(),
      done: fc.boolean(),
      done_reason: fc.jsonValue(),
      eval_count: fc.jsonValue(),
      prompt_eval_count: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      fc.array(odd, { maxLength: 4 }),
      fc.constantFrom<Operation>('chat', 'completion'),
      (values, operation) => {
        const { out, error } = run([lines(...values)], operation);
        assert.equal(error, null);
        assert.equal(
          out.includes('[DONE]'),
          values.some(({ done }) => done === true),
        );
        for (const event of eventsOf(out)) assert.ok(Array.isArray(event.choices));
      },
    ),
    { numRuns: 1000 },
  );
});

test('FR-006d: Ollama: however the network cuts the bytes, the events and the error are the same', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom('Grüße', '世界', '🙂', '\n', '"}\\'),
  );
  const call = fc.record({ function: fc.record({ name: text, arguments: fc.dictionary(text, fc.jsonValue()) }) });
  const line = fc.oneof(
    { weight: 8, arbitrary: text.map((content) => JSON.stringify(said({ content }))) },
    {
      weight: 2,
      arbitrary: fc.array(call, { maxLength: 3 }).map((tool_calls) => JSON.stringify(said({ tool_calls }))),
    },
    { weight: 1, arbitrary: fc.constantFrom('', ' \r', JSON.stringify(end()), '{"error":"x"}', 'nonsense', '[1]') },
  );
  const body = fc
    .tuple(fc.array(line, { maxLength: 8 }), fc.boolean())
    .map(([all, ended]) => Buffer.from(all.join('\n') + (ended ? '\n' : '')));
  fc.assert(
    fc.property(
      body,
      fc.array(fc.nat(), { maxLength: 40 }),
      fc.constantFrom<Operation>('chat', 'completion'),
      (bytes, cuts, operation) => {
        const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
        const pieces = [0, ...at].map((from, index) => Buffer.from(bytes.subarray(from, at[index] ?? bytes.length)));
        const stream = open(operation);
        const whole = run([bytes], operation);
        assert.deepEqual(run(pieces, operation), whole);
        // the reader's memory may be used again as soon as push is back
        let out = '';
        const reused = Buffer.alloc(bytes.length);
        try {
          for (const piece of pieces) {
            piece.copy(reused);
            out += stream.push(reused.subarray(0, piece.length)).toString();
            reused.fill(0x5b);
          }
          out += stream.end().toString();
        } catch (error) {
          assert.equal((error as Error).message, whole.error);
        }
        assert.equal(out, whole.out);
      },
    ),
    { numRuns: 3000 },
  );
});
