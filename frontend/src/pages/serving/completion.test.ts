import { ApiError } from '@llm-ops/sdk';
import { expect, test } from 'vitest';
import { pieceOf, tokensPerSecond } from './completion.ts';

test('FR-006d: text, the reason of the end and the usage are read from the events', () => {
  expect(
    pieceOf('{"choices":[{"delta":{"role":"assistant","content":"A"},"finish_reason":null}],"usage":null}'),
  ).toEqual({
    text: 'A',
    finish: null,
    usage: null,
  });
  expect(pieceOf('{"choices":[{"delta":{},"finish_reason":"length"}]}')).toEqual({
    text: '',
    finish: 'length',
    usage: null,
  });
  expect(pieceOf('{"choices":[],"usage":{"prompt_tokens":15,"completion_tokens":5}}')?.usage).toMatchObject({
    completion_tokens: 5,
  });
  expect(pieceOf('[DONE]')).toBeNull();
});

test('FR-006d: a stream that says it failed is an error with its message', () => {
  const read = () => pieceOf('{"error":{"message":"The engine ended.","code":"upstream_failed"}}');
  expect(read).toThrow(ApiError);
  expect(read).toThrow('The engine ended.');
});

test('FR-006d: speed counts what came after the first token', () => {
  const usage = { prompt_tokens: 3, completion_tokens: 11 };
  expect(tokensPerSecond({ usage, firstTokenMs: 100, totalMs: 600, finish: 'stop' })).toBe(20);
  expect(tokensPerSecond({ usage: null, firstTokenMs: 100, totalMs: 600, finish: 'stop' })).toBeNull();
  expect(tokensPerSecond({ usage, firstTokenMs: null, totalMs: 600, finish: null })).toBeNull();
});
