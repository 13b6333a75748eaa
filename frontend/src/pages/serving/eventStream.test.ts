import { expect, test } from 'vitest';
import { createEventParser, readEvents } from './eventStream.ts';

test('FR-006d: events come out whole, however the bytes were cut', () => {
  const stream = 'data: {"a":1}\n\n: a comment\nevent: x\ndata: first\ndata: second\n\ndata: [DONE]\n\n';
  for (let size = 1; size < stream.length; size += 1) {
    const parse = createEventParser();
    const events: string[] = [];
    for (let at = 0; at < stream.length; at += size)
      events.push(...parse(stream.slice(at, at + size)).map(({ data }) => data));
    expect(events).toEqual(['{"a":1}', 'first\nsecond', '[DONE]']);
  }
});

test('FR-006d: line ends of every kind, split pairs too', () => {
  const parser = createEventParser();
  const parse = (text: string) => parser(text).map(({ data }) => data);
  expect(parse('data: a\r')).toEqual([]);
  expect(parse('\n\r\ndata:b\r\rdata: c')).toEqual(['a', 'b']);
  expect(parse('\n\n')).toEqual(['c']);
});

test('FR-006d: letters of several bytes survive being cut', async () => {
  const bytes = new TextEncoder().encode('data: 안녕하세요 👋\n\n');
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events: string[] = [];
  for await (const event of readEvents(body)) events.push(event);
  expect(events).toEqual(['안녕하세요 👋']);
});

test('FR-006h: events have their names, and a name holds for one event alone', () => {
  const parse = createEventParser();
  expect(parse(': beat\n\nevent: line\ndata: {}\n\ndata: x\n\nevent: end\n\n')).toEqual([
    { name: 'line', data: '{}' },
    { name: 'message', data: 'x' },
  ]);
});
