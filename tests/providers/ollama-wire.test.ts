import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import OpenAI from 'openai';
import { providers } from '../../backend/src/adapters/provider/index.ts';
import type { Failure } from '../../backend/src/platform/errors/index.ts';
import type { Operation } from '../../backend/src/ports/provider.ts';
import { startOllama, TEXT } from './ollama.server.ts';

const { ollama } = providers;
const dialect = ollama.dialect!;
const operations: Record<string, Operation> = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completion',
  '/v1/embeddings': 'embedding',
};

let upstream: Awaited<ReturnType<typeof startOllama>>;
let door: Server;
let client: OpenAI;

/** The shortest way from OpenAI's API to a provider with a dialect. */
async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const fail = (status: number, message: string): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message } }));
  const operation = operations[request.url!]!;
  const asked = JSON.parse(Buffer.concat(await request.toArray()).toString());
  try {
    const answer = await fetch(`${ollama.baseUrl(upstream)}${ollama.path(operation)}`, {
      method: 'POST',
      body: JSON.stringify(dialect.request(operation, asked)),
    });
    if (!answer.ok) return fail(answer.status, ((await answer.json()) as { error: string }).error);
    if (asked.stream !== true) {
      const value = dialect.response(operation, Buffer.from(await answer.arrayBuffer()), asked);
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const stream = dialect.stream(operation);
    for await (const chunk of answer.body!) response.write(stream.push(Buffer.from(chunk)));
    response.end(stream.end());
  } catch (error) {
    if (response.headersSent)
      return void response.end(`data: ${JSON.stringify({ error: { message: (error as Error).message } })}\n\n`);
    fail((error as Failure).status, (error as Failure).issues?.[0]?.path ?? '');
  }
}

before(async () => {
  upstream = await startOllama();
  door = createServer((request, response) => void pass(request, response)).listen(0, '127.0.0.1');
  await new Promise((resolve) => door.once('listening', resolve));
  const baseURL = `http://127.0.0.1:${(door.address() as AddressInfo).port}/v1`;
  client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
});
beforeEach(() => void upstream.asked.splice(0));
after(() => {
  door.closeAllConnections();
  door.close();
  upstream.close();
});

const hi = [{ role: 'user' as const, content: 'hi' }];

test('FR-006d: the official client chats with Ollama, streamed and not, for the same text and the same tokens', async () => {
  const answer = await client.chat.completions.create({ model: 'qwen3', messages: hi, reasoning_effort: 'low' });
  assert.equal(answer.choices[0]!.message.content, TEXT);
  assert.equal((answer.choices[0]!.message as any).reasoning, 'Hm.');
  assert.equal(answer.choices[0]!.finish_reason, 'stop');
  assert.deepEqual(answer.usage, { prompt_tokens: 26, completion_tokens: 7, total_tokens: 33 });
  assert.match(answer.id, /^chatcmpl-\w+$/);
  assert.equal(upstream.last().body.stream, false);

  const stream = await client.chat.completions.create({
    model: 'qwen3',
    messages: hi,
    reasoning_effort: 'low',
    stream: true,
  });
  let text = '';
  let thoughts = '';
  let usage: unknown;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    thoughts += (chunk.choices[0]?.delta as any)?.reasoning ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.deepEqual([text, thoughts, usage], [TEXT, 'Hm.', answer.usage]);
  assert.equal(upstream.last().path, '/api/chat');
});

test('FR-006d: tools are called through Ollama, two at once, streamed and not, and their results come back to it', async () => {
  const tool = (name: string) => ({
    type: 'function' as const,
    function: { name, parameters: { type: 'object', properties: {} } },
  });
  const tools = [tool('weather'), tool('news')];
  const whole = await client.chat.completions.create({ model: 'qwen3', messages: hi, tools });
  const { message, finish_reason } = whole.choices[0]!;
  assert.deepEqual([finish_reason, message.content], ['tool_calls', null]);
  const shown = (calls: any[]) => calls.map(({ function: called }) => [called.name, JSON.parse(called.arguments)]);
  const wanted = [
    ['weather', { city: 'Zürich', days: 3 }],
    ['news', { city: 'Zürich', days: 3 }],
  ];
  assert.deepEqual(shown(message.tool_calls!), wanted);
  assert.equal(message.tool_calls![0]!.id, 'call_of_ollama');
  assert.match(message.tool_calls![1]!.id, /^call_\w{32}$/);

  const runner = client.chat.completions.stream({ model: 'qwen3', messages: hi, tools });
  const final = (await runner.finalChatCompletion()).choices[0]!;
  assert.deepEqual([shown(final.message.tool_calls!), final.finish_reason], [wanted, 'tool_calls']);

  const results = message.tool_calls!.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: '9 °C' }));
  await client.chat.completions.create({ model: 'qwen3', messages: [...hi, message, ...results] });
  const { messages } = upstream.last().body;
  assert.deepEqual(messages[1].tool_calls[0].function.arguments, { city: 'Zürich', days: 3 });
  assert.deepEqual([messages[2].tool_name, messages[3].tool_name], ['weather', 'news']);
});

test('FR-006d: a stream that Ollama breaks off with an error is an error for the client, after what came', async () => {
  const stream = await client.chat.completions.create({ model: 'broken', messages: hi, stream: true });
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  }, /runner process has terminated/);
  assert.equal(text, 'Grüße, ');
  await assert.rejects(client.chat.completions.create({ model: 'missing', messages: hi }), { status: 404 });
  await assert.rejects(client.chat.completions.create({ model: 'qwen3', messages: hi, n: 2 }), {
    status: 400,
    message: /\bn$/,
  });
});

test('FR-006d: completions with a suffix, streamed and not', async () => {
  const ask = { model: 'code', prompt: 'def f(', suffix: 'return x', max_tokens: 5 };
  const answer = await client.completions.create(ask);
  assert.deepEqual([answer.choices[0]!.text, answer.choices[0]!.finish_reason], [TEXT, 'length']);
  assert.equal(answer.usage!.total_tokens, 22);
  assert.deepEqual([upstream.last().path, upstream.last().body.suffix], ['/api/generate', 'return x']);
  let text = '';
  for await (const chunk of await client.completions.create({ ...ask, stream: true }))
    text += chunk.choices[0]?.text ?? '';
  assert.equal(text, TEXT);
});

test('FR-006d: embeddings of one text and of many, as numbers and as the Base64 that the client asks for itself', async () => {
  const one = await client.embeddings.create({ model: 'nomic', input: 'abcd', encoding_format: 'float' });
  assert.deepEqual(one.data, [{ object: 'embedding', index: 0, embedding: [4, 0.1, -1.5] }]);
  assert.deepEqual(one.usage, { prompt_tokens: 4, total_tokens: 4 });
  // without a format this client asks for Base64 and unpacks it
  const many = await client.embeddings.create({ model: 'nomic', input: ['a', 'bcd'] });
  assert.deepEqual(
    many.data.map(({ index, embedding }) => [index, embedding]),
    [
      [0, [1, Math.fround(0.1), -1.5]],
      [1, [3, Math.fround(0.1), -1.5]],
    ],
  );
  const raw = (await client.post('/embeddings', {
    body: { model: 'nomic', input: 'a', encoding_format: 'base64' },
  })) as any;
  assert.equal(raw.data[0].embedding, 'AACAP83MzD0AAMC/');
  const short = await client.embeddings.create({ model: 'nomic', input: 'a', dimensions: 2, encoding_format: 'float' });
  assert.equal(short.data[0]!.embedding.length, 2);
  await assert.rejects(client.embeddings.create({ model: 'nomic', input: 'a', dimensions: 9 }), { status: 400 });
});

test('FR-006d: what is no answer of Ollama is none', () => {
  const none = (operation: Operation, answer: unknown, asked: Record<string, unknown> = {}) =>
    assert.equal(
      dialect.response(operation, Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer)), asked),
      null,
    );
  none('chat', '<html>');
  none('chat', 'null');
  none('chat', { message: { content: 'half' }, done: false });
  none('chat', { done: true });
  none('completion', { done: true });
  none('embedding', { embeddings: [[1]] }, { input: ['a', 'b'] });
  none('embedding', { embeddings: [[null]] }, { input: 'a' });
  none('embedding', { embeddings: [[]] }, { input: 'a' });
  const bare = dialect.response('embedding', Buffer.from('{"embeddings":[[1]]}'), { input: 'a', model: 'm' });
  assert.deepEqual([bare!['model'], 'usage' in bare!], ['m', false]);
});
