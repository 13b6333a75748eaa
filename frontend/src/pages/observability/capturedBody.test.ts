import { describe, expect, it, test } from 'vitest';
import { readCaptured } from './capturedBody.ts';
import { readJson, shortened } from './partialJson.ts';

const read = (request: unknown, response: unknown = null, truncated = false) =>
  readCaptured({
    request: typeof request === 'string' ? request : JSON.stringify(request),
    response: response === null || typeof response === 'string' ? response : JSON.stringify(response),
    redacted: 0,
    truncated,
  });
const pixel = 'data:image/png;base64,iVBORw0KGgo=';

describe('FR-006d: a captured chat is read as a conversation', () => {
  it('roles, texts, settings and the answer', () => {
    const captured = read(
      {
        model: 'gpt',
        temperature: 0.2,
        messages: [
          { role: 'system', content: 'Be short.' },
          { role: 'user', name: 'kim', content: [{ type: 'text', text: 'Hello' }] },
        ],
      },
      { choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }] },
    );
    expect(captured.asked.map(({ role, name, parts }) => [role, name, parts])).toEqual([
      ['system', null, [{ kind: 'text', text: 'Be short.' }]],
      ['user', 'kim', [{ kind: 'text', text: 'Hello' }]],
    ]);
    expect(captured.answered).toMatchObject([{ role: 'assistant', parts: [{ text: 'Hi.' }], finish: 'stop' }]);
    expect(captured.settings).toEqual({ model: 'gpt', temperature: 0.2 });
    expect([captured.cut, captured.error, captured.rawRequest, captured.rawResponse]).toEqual([
      false,
      null,
      null,
      null,
    ]);
  });
  it('calls of tools with their arguments, and what answers them', () => {
    const captured = read(
      {
        messages: [
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{"q":"a","n":2}' } }],
          },
          { role: 'tool', tool_call_id: 'c1', content: '[]' },
          { role: 'assistant', content: null, function_call: { name: 'old', arguments: '{"broken": tr' } },
        ],
        tools: [
          { type: 'function', function: { name: 'find', description: 'Finds.', parameters: { type: 'object' } } },
        ],
      },
      {
        choices: [
          {
            message: { tool_calls: [{ id: 'c2', function: { name: 'now', arguments: '' } }] },
            finish_reason: 'tool_calls',
          },
        ],
      },
    );
    expect(captured.asked[0]?.calls).toEqual([{ id: 'c1', name: 'find', arguments: { q: 'a', n: 2 }, broken: false }]);
    expect(captured.asked[0]?.parts).toEqual([]);
    expect(captured.asked[1]?.answers).toBe('c1');
    expect(captured.asked[2]?.calls).toEqual([{ id: null, name: 'old', arguments: {}, broken: true }]);
    expect(captured.answered[0]?.calls).toEqual([{ id: 'c2', name: 'now', arguments: {}, broken: false }]);
    expect(captured.tools).toEqual([{ name: 'find', description: 'Finds.', parameters: { type: 'object' } }]);
  });
  it('pictures are drawn only when they are in the message', () => {
    const [turn] = read({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: pixel } },
            { type: 'image_url', image_url: { url: 'https://evil.example/track.png' } },
            { type: 'image_url', image_url: { url: 'data:image/svg+xml;base64,PHN2Zz4=' } },
            { type: 'image_url', image_url: { url: 'data:text/html;base64,PHNjcmlwdD4=' } },
            { type: 'input_image', image_url: pixel },
          ],
        },
      ],
    }).asked;
    expect(turn?.parts.map((part) => part.kind === 'image' && [part.src, part.address])).toEqual([
      [pixel, 'data:image/png'],
      [null, 'https://evil.example/track.png'],
      [null, 'data:image/svg+xml'],
      [null, 'data:text/html'],
      [pixel, 'data:image/png'],
    ]);
  });
  it('the answer in the envelope of the platform, and failures in both faces', () => {
    expect(read({}, { status: 'success', data: { choices: [{ message: { content: 'Hi' } }] } }).answered).toHaveLength(
      1,
    );
    expect(read({}, { error: { message: 'No.', type: 'x', code: null } }).error).toEqual({ message: 'No.', code: 'x' });
    expect(read({}, { status: 'fail', message: 'No.', data: { code: 'upstream_failed' } }).error).toEqual({
      message: 'No.',
      code: 'upstream_failed',
    });
    expect(read({}, { error: 'model not found' }).error).toEqual({ message: 'model not found', code: null });
  });
  it('completions and embeddings', () => {
    const completion = read({ prompt: ['a', 'b'] }, { choices: [{ text: ' c', finish_reason: 'length' }] });
    expect(completion.asked.map(({ parts }) => parts)).toEqual([
      [{ kind: 'text', text: 'a' }],
      [{ kind: 'text', text: 'b' }],
    ]);
    expect(completion.answered).toMatchObject([{ parts: [{ text: ' c' }], finish: 'length' }]);
    const embedding = read({ input: [1, 2, 3] }, { data: [{ embedding: [0.1, 0.2] }, { embedding: [0.3, 0.4] }] });
    expect(embedding.asked[0]?.parts).toEqual([{ kind: 'other', value: [1, 2, 3] }]);
    expect(embedding.vectors).toEqual({ count: 2, dimensions: 2, first: [0.1, 0.2] });
    expect(read({ input: 'a' }, { data: [{ embedding: btoa('x'.repeat(16)) }] }).vectors).toMatchObject({
      dimensions: 4,
    });
  });
});

describe('FR-006d: bodies that are broken are shown as far as they go', () => {
  const body = {
    model: 'gpt',
    messages: [
      { role: 'system', content: 'Say "no"\\ \u00e9 👋' },
      { role: 'user', content: [{ type: 'text', text: 'x' }], n: -1.5e3, ok: true, nothing: null },
    ],
  };
  it('cut off at any place', () => {
    const text = JSON.stringify(body);
    for (let length = 1; length < text.length; length += 1) {
      const captured = read(text.slice(0, length), null, true);
      expect(captured.cut).toBe(true);
      expect(captured.rawRequest, text.slice(0, length)).toBeNull();
      const said = captured.asked[0]?.parts[0];
      if (said?.kind === 'text') expect('Say "no"\\ \u00e9 👋'.startsWith(said.text.replace(/\ud83d$/, ''))).toBe(true);
    }
    expect(read(text.slice(0, -4), null, true).asked).toHaveLength(2);
  });
  it('cut off in the middle of an escaped letter', () => {
    for (const cut of ['\\', '\\u', '\\u00', '\\u00e']) expect(readJson(`{"a":"b${cut}`)?.value).toEqual({ a: 'b' });
    expect(readJson('{"a":"b\\\\')?.value).toEqual({ a: 'b\\' });
  });
  it.each(['', 'nonsense', '<html>', '{"a":1}}', '[1,2]x', '"text"', 'null'])('%j is shown as it came', (text) => {
    const captured = read(text, text);
    expect(captured.rawRequest).toBe(text);
    expect(captured.rawResponse).toBe(text === '' ? null : text);
  });
  it('nothing of a wrong shape breaks the page', () => {
    const shapes = [null, 1, 'x', [], {}, [null], [1], [{}], [[[]]], { a: 1 }];
    for (const shape of shapes) {
      expect(() =>
        read(
          { messages: shape, prompt: shape, input: shape, tools: shape, functions: shape },
          { choices: shape, data: shape, error: shape },
        ),
      ).not.toThrow();
      const nested = { role: shape, content: shape, tool_calls: shape, function_call: shape, name: shape };
      expect(() => read({ messages: [nested] }, { choices: [{ message: nested, text: shape }] })).not.toThrow();
    }
  });
});

test('FR-006d: long values are shortened where they are shown as JSON', () => {
  expect(() => read(`{"messages":${'['.repeat(20_000)}`, null)).not.toThrow();
  expect(() => read(`{"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, null)).not.toThrow();
  expect(shortened({ a: ['x'.repeat(1000)], b: 1 })).toEqual({ a: [`${'x'.repeat(400)}… (1000)`], b: 1 });
});
