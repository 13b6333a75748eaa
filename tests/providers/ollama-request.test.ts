import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ollama } from '../../backend/src/adapters/provider/ollama/index.ts';
import { isFailure } from '../../backend/src/platform/errors/index.ts';
import type { Operation } from '../../backend/src/ports/provider.ts';

const { request, response } = ollama.dialect!;
const hi = [{ role: 'user', content: 'hi' }];
const chat = (body: Record<string, unknown>): any => request('chat', { model: 'qwen3', messages: hi, ...body });
const message = (entry: Record<string, unknown>): any => chat({ messages: [entry] }).messages[0];
const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } };

/** The field that an `upstream_refused` names, in its message and for clients. */
function refused(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(isFailure(error, 'upstream_refused'), String(error));
    const [issue] = error.issues!;
    assert.ok(error.message.includes(`"${issue!.path}"`) && issue!.message.endsWith('.'), error.message);
    return issue!.path;
  }
  return assert.fail('was not refused');
}

test('FR-006d: Ollama: sampling, limits and stops become options, what is left out stays as the model has it', () => {
  assert.deepEqual(chat({}), { model: 'qwen3', stream: false, truncate: false, options: {}, messages: hi });
  const asked = {
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0,
    top_p: 0.5,
    top_k: 7,
    min_p: 0.1,
    seed: 42,
    presence_penalty: 1,
    frequency_penalty: -1,
    max_tokens: 9,
    stop: 'END',
    user: 'olga',
    metadata: { a: 'b' },
    options: { num_gpu: 0 },
    keep_alive: 0,
    logit_bias: {},
    n: 1,
  };
  const { options, ...rest } = chat(asked);
  assert.deepEqual(rest, { model: 'qwen3', stream: true, truncate: false, messages: hi });
  assert.deepEqual(options, {
    temperature: 0,
    top_p: 0.5,
    min_p: 0.1,
    presence_penalty: 1,
    frequency_penalty: -1,
    seed: 42,
    top_k: 7,
    num_predict: 9,
    stop: ['END'],
  });
  assert.equal(chat({ max_tokens: 9, max_completion_tokens: 5 }).options.num_predict, 5);
  assert.deepEqual(chat({ stop: ['a', 'b'], temperature: null }).options, { stop: ['a', 'b'] });
});

test('FR-006d: Ollama: JSON, a schema, thinking and log probabilities are asked for in its own words', () => {
  const schema = { type: 'object', properties: { a: { type: 'integer' } } };
  assert.equal(chat({ response_format: { type: 'json_object' } }).format, 'json');
  assert.deepEqual(
    chat({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } }).format,
    schema,
  );
  assert.ok(!('format' in chat({ response_format: { type: 'text' } })));
  assert.equal(chat({ reasoning_effort: 'none' }).think, false);
  assert.equal(chat({ reasoning_effort: 'minimal' }).think, 'low');
  assert.equal(chat({ reasoning: { effort: 'high' } }).think, 'high');
  assert.equal(chat({ think: true, reasoning_effort: 'low' }).think, true);
  assert.ok(!('think' in chat({ reasoning_effort: null })));
  const { logprobs, top_logprobs } = chat({ logprobs: true, top_logprobs: 2 });
  assert.deepEqual([logprobs, top_logprobs], [true, 2]);
  assert.ok(!('logprobs' in chat({ logprobs: false, top_logprobs: 2 })));
});

test('FR-006d: Ollama: parts become a text and images, developers system, and null nothing', () => {
  const parts = [
    { type: 'text', text: 'What is' },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
    { type: 'image_url', image_url: { url: 'data:;base64,BBBB' } },
    { type: 'text', text: 'this?' },
  ];
  assert.deepEqual(message({ role: 'user', content: parts }), {
    role: 'user',
    content: 'What is\nthis?',
    images: ['AAAA', 'BBBB'],
  });
  assert.deepEqual(message({ role: 'developer', content: 'Be kind.' }), { role: 'system', content: 'Be kind.' });
  assert.deepEqual(message({ role: 'assistant', content: null }), { role: 'assistant', content: '' });
  assert.deepEqual(message({ role: 'assistant', content: null, refusal: 'No.' }), {
    role: 'assistant',
    content: 'No.',
  });
  assert.deepEqual(message({ role: 'assistant', content: 'a', reasoning_content: 'b' }), {
    role: 'assistant',
    content: 'a',
    thinking: 'b',
  });
  const image = (url: unknown) =>
    refused(() => message({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }));
  assert.equal(image('https://example.com/cat.png'), 'messages.0.content.0.image_url.url');
  assert.equal(image('data:image/png,raw'), 'messages.0.content.0.image_url.url');
  assert.equal(image(`data:${'x'.repeat(1_000_000)};base64,AAAA`), 'messages.0.content.0.image_url.url');
  assert.equal(
    refused(() => message({ role: 'user', content: [{ type: 'input_audio' }] })),
    'messages.0.content.0.type',
  );
  assert.equal(
    refused(() => message({ role: 'narrator', content: 'x' })),
    'messages.0.role',
  );
  assert.equal(
    refused(() => message({ role: 'user', content: 5 })),
    'messages.0.content',
  );
});

test('FR-006d: Ollama: calls carry objects, results the name of their tool', () => {
  const call = (id: string, name: string, args: string) => ({
    id,
    type: 'function',
    function: { name, arguments: args },
  });
  const { messages, tools } = chat({
    tools: [weather, { type: 'function', function: { name: 'bare', strict: true } }],
    parallel_tool_calls: true,
    messages: [
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [call('1', 'weather', '{"city":"Bern"}'), call('2', 'bare', '')],
      },
      { role: 'tool', tool_call_id: '2', content: [{ type: 'text', text: 'done' }] },
      { role: 'tool', tool_call_id: '1', content: '9 °C' },
      { role: 'assistant', content: '', function_call: { name: 'old', arguments: '{}' } },
      { role: 'function', name: 'old', content: 'x' },
      { role: 'tool', tool_call_id: 'unknown', content: 'y' },
    ],
  });
  assert.deepEqual(messages.slice(1), [
    {
      role: 'assistant',
      content: '',
      tool_calls: [
        { id: '1', function: { index: 0, name: 'weather', arguments: { city: 'Bern' } } },
        { id: '2', function: { index: 1, name: 'bare', arguments: {} } },
      ],
    },
    { role: 'tool', content: 'done', tool_name: 'bare', tool_call_id: '2' },
    { role: 'tool', content: '9 °C', tool_name: 'weather', tool_call_id: '1' },
    { role: 'assistant', content: '', tool_calls: [{ function: { index: 0, name: 'old', arguments: {} } }] },
    { role: 'tool', content: 'x', tool_name: 'old' },
    { role: 'tool', content: 'y', tool_call_id: 'unknown' },
  ]);
  assert.deepEqual(tools, [
    weather,
    { type: 'function', function: { name: 'bare', parameters: { type: 'object', properties: {} } } },
  ]);
  assert.ok(!('tools' in chat({ tools: [weather], tool_choice: 'none' })));
  assert.equal(chat({ tools: [weather], tool_choice: 'auto' }).tools.length, 1);
  const broken = { role: 'assistant', tool_calls: [call('1', 'weather', '{"city":')] };
  assert.equal(
    refused(() => message(broken)),
    'messages.0.tool_calls.0.function.arguments',
  );
});

test('FR-006d: Ollama: what would be ignored and changes the answer is refused by name', () => {
  const field = (body: Record<string, unknown>) => refused(() => chat(body));
  assert.equal(field({ n: 2 }), 'n');
  assert.equal(field({ logit_bias: { 5: 1 } }), 'logit_bias');
  assert.equal(field({ functions: [{ name: 'x' }] }), 'functions');
  assert.equal(field({ modalities: ['text', 'audio'] }), 'modalities');
  assert.equal(field({ web_search_options: {} }), 'web_search_options');
  assert.equal(field({ tools: [weather], tool_choice: 'required' }), 'tool_choice');
  assert.equal(
    field({ tools: [weather], tool_choice: { type: 'function', function: { name: 'weather' } } }),
    'tool_choice',
  );
  assert.equal(field({ tools: [weather], parallel_tool_calls: false }), 'parallel_tool_calls');
  assert.equal(field({ tools: [{ type: 'custom' }] }), 'tools.0.type');
  assert.equal(field({ response_format: { type: 'grammar' } }), 'response_format.type');
  assert.equal(field({ response_format: { type: 'json_schema' } }), 'response_format.json_schema.schema');
  assert.equal(field({ reasoning_effort: 'endless' }), 'reasoning_effort');
  assert.equal(field({ reasoning: { effort: 1 } }), 'reasoning.effort');
  assert.equal(field({ think: 'hard' }), 'think');
  assert.equal(field({ temperature: 'hot' }), 'temperature');
  // to Ollama these mean without end
  for (const tokens of [0, -1, 1.5]) assert.equal(field({ max_tokens: tokens }), 'max_tokens');
  assert.equal(field({ max_completion_tokens: -2 }), 'max_completion_tokens');
  assert.equal(field({ stop: [1] }), 'stop.0');
  assert.equal(field({ messages: [] }), 'messages');
  assert.equal(field({ messages: ['hi'] }), 'messages.0');
});

test('FR-006d: Ollama: completions with a suffix, one prompt each, without thoughts', () => {
  const ask = (body: Record<string, unknown>): any => request('completion', { model: 'code', ...body });
  assert.deepEqual(ask({ prompt: ['def f('], suffix: 'return x', max_tokens: 4, stream: true }), {
    model: 'code',
    prompt: 'def f(',
    suffix: 'return x',
    think: false,
    stream: true,
    truncate: false,
    options: { num_predict: 4 },
  });
  assert.equal(ask({ prompt: 'a', think: true }).think, true);
  assert.deepEqual(
    [ask({ prompt: 'a', logprobs: 3 }).logprobs, ask({ prompt: 'a', logprobs: 3 }).top_logprobs],
    [true, 3],
  );
  for (const prompt of [['a', 'b'], [1, 2], [[1]], '', undefined])
    assert.equal(
      refused(() => ask({ prompt })),
      'prompt',
    );
  assert.equal(
    refused(() => ask({ prompt: 'a', echo: true })),
    'echo',
  );
  assert.equal(
    refused(() => ask({ prompt: 'a', best_of: 2 })),
    'best_of',
  );
});

test('FR-006d: Ollama: embeddings of texts, never cut short without a word', () => {
  const ask = (body: Record<string, unknown>): any => request('embedding', { model: 'nomic', ...body });
  assert.deepEqual(ask({ input: 'a' }), { model: 'nomic', input: ['a'], truncate: false });
  assert.deepEqual(ask({ input: ['a', 'b'], dimensions: 2, encoding_format: 'base64', user: 'x' }), {
    model: 'nomic',
    input: ['a', 'b'],
    truncate: false,
    dimensions: 2,
  });
  for (const input of [[1, 2], [[1]], [], '', ['a', ''], undefined, Array.from({ length: 2049 }, () => 'a')])
    assert.equal(
      refused(() => ask({ input })),
      'input',
    );
  assert.equal(
    refused(() => ask({ input: 'a', encoding_format: 'int8' })),
    'encoding_format',
  );
  assert.equal(
    refused(() => ask({ input: 'a', dimensions: 0 })),
    'dimensions',
  );
});

test('FR-006d: Ollama: whatever a client sends is translated or refused, and an odd answer is one or none', () => {
  const any = fc.jsonValue();
  const loose = (names: string[], special: Record<string, fc.Arbitrary<unknown>> = {}) =>
    fc.record({ ...Object.fromEntries(names.map((name) => [name, any])), ...special }, { requiredKeys: [] });
  const part = loose(['text', 'image_url'], { type: fc.constantFrom('text', 'image_url', 'file') });
  const call = loose(['id'], { function: loose(['name', 'arguments']) });
  const entry = loose(['tool_call_id', 'function_call', 'name', 'reasoning', 'refusal'], {
    role: fc.constantFrom('user', 'assistant', 'tool', 'developer', 'toString'),
    content: fc.oneof(any, fc.array(part)),
    tool_calls: fc.oneof(any, fc.array(call)),
  });
  const fields =
    'prompt input tools tool_choice response_format stop seed n think reasoning reasoning_effort logprobs max_tokens';
  const more = 'top_logprobs modalities dimensions encoding_format logit_bias functions suffix parallel_tool_calls';
  const body = loose(`${fields} ${more}`.split(' '), { messages: fc.oneof(any, fc.array(fc.oneof(any, entry))) });
  const answer = loose(['response', 'logprobs', 'model', 'created_at', 'prompt_eval_count'], {
    message: fc.oneof(any, entry),
    embeddings: fc.oneof(any, fc.array(fc.array(fc.double()))),
    done: fc.boolean(),
  });
  const operations = fc.constantFrom<Operation>('chat', 'completion', 'embedding');
  fc.assert(
    fc.property(operations, body, fc.oneof(any, answer), (operation, asked, answered) => {
      try {
        request(operation, asked);
      } catch (error) {
        assert.ok(isFailure(error, 'upstream_refused'), String(error));
      }
      response(operation, Buffer.from(JSON.stringify(answered)), { input: 'a' });
    }),
    { numRuns: 2000 },
  );
});
