import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI, { APIError } from 'openai';
import {
  ask,
  healthyEndpoint,
  people,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';
import { externalModel } from '../journeys/provider.ts';
import { startInstalledOllama, type InstalledOllama } from './installed.ts';

/** A real Ollama behind the gateway, asked by OpenAI's own client. */
let ollama: InstalledOllama;
let platform: RunningPlatform;
let client: OpenAI;

before(async () => {
  ollama = await startInstalledOllama();
  console.log(`Ollama ${ollama.version}`);
  platform = await startPlatform();
  for (const name of ['glossary', 'caller', 'absent']) {
    const model = await externalModel(platform.api, name, {
      provider: 'ollama',
      endpoint: ollama.endpoint,
      api_key: undefined,
    });
    await healthyEndpoint(platform.api, model.id, `/${name}`);
  }
  client = new OpenAI({
    baseURL: `${platform.url}/v1`,
    apiKey: 'unused',
    defaultHeaders: people.developer,
    maxRetries: 0,
  });
});
after(async () => {
  await platform?.stop();
  await ollama?.stop();
});

const question = { messages: [{ role: 'user' as const, content: 'What is a token?' }], temperature: 0, seed: 1 };

/** Its newest entry in the request log. */
const logged = (route: string, more = ''): Promise<Json> =>
  until('its entry', async () => {
    const rows = await ask(
      platform.api,
      people.admin,
      'GET',
      `/governance/observability/requests?route=${route}${more}`,
    );
    return rows[0];
  });

test('FR-006d, FR-009: Ollama answers a chat, streamed as unstreamed, with the same text, end and tokens, which are in the ledger', async () => {
  for (const max_tokens of [8, 200]) {
    const whole = await client.chat.completions.create({ model: 'glossary', ...question, max_tokens });
    const stream = await client.chat.completions.create({
      model: 'glossary',
      ...question,
      max_tokens,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let finish: string | null = null;
    let usage: Json = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    const [choice] = whole.choices;
    assert.deepEqual([text, finish], [choice!.message.content, choice!.finish_reason]);
    assert.ok(text.length > 0);
    assert.deepEqual(
      [usage.prompt_tokens, usage.completion_tokens],
      [whole.usage!.prompt_tokens, whole.usage!.completion_tokens],
    );
    if (max_tokens === 8) assert.deepEqual([finish, usage.completion_tokens], ['length', 8]);
    const entry = await until('it is in the log', async () => {
      const found = await logged('glossary');
      return found.streamed ? found : null;
    });
    assert.deepEqual(
      [entry.prompt_tokens, entry.completion_tokens, entry.finish_reason, entry.estimated],
      [usage.prompt_tokens, usage.completion_tokens, finish, false],
    );
  }
});

test('FR-006d: completions, logprobs and embeddings', async () => {
  const prompt = { model: 'glossary', prompt: 'A token is', max_tokens: 6, temperature: 0, seed: 1 };
  const whole = await client.completions.create(prompt);
  let text = '';
  for await (const chunk of await client.completions.create({ ...prompt, stream: true }))
    text += chunk.choices[0]?.text ?? '';
  assert.equal(text, whole.choices[0]!.text);
  assert.equal(whole.usage!.completion_tokens, 6);

  const probable = await client.chat.completions.create({
    model: 'glossary',
    ...question,
    max_tokens: 4,
    logprobs: true,
    top_logprobs: 2,
  });
  const { content } = probable.choices[0]!.logprobs!;
  assert.equal(content!.length, 4);
  assert.ok(content!.every(({ logprob, top_logprobs: top }) => logprob <= 0 && top.length === 2));

  const input = ['a token', 'a route', 'a much longer text about budgets'];
  const floats = await client.embeddings.create({ model: 'glossary', input, encoding_format: 'float' });
  const packed = await client.embeddings.create({ model: 'glossary', input });
  assert.equal(floats.data.length, 3);
  assert.ok(floats.usage.prompt_tokens > 3);
  for (const [index, { embedding }] of packed.data.entries())
    assert.ok(embedding.every((value, at) => Math.abs(value - floats.data[index]!.embedding[at]!) < 1e-6));
  await assert.rejects(
    client.embeddings.create({ model: 'glossary', input, dimensions: 100_000 }),
    refused(/dimensions/),
  );
});

const refused = (why: RegExp) => (error: unknown) =>
  error instanceof APIError && error.status === 400 && why.test(error.message);

test('FR-006d: tools go to a model that takes them, and one that does not says so', async () => {
  const tools = [
    {
      type: 'function' as const,
      function: {
        name: 'weather',
        description: 'of a city',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      },
    },
  ];
  const plain = await client.chat.completions.create({ model: 'caller', ...question, max_tokens: 4 });
  const told = await client.chat.completions.create({ model: 'caller', ...question, max_tokens: 4, tools });
  assert.ok(told.usage!.prompt_tokens > plain.usage!.prompt_tokens + 20, 'the tools are in the prompt');
  const answered = await client.chat.completions.create({
    model: 'caller',
    max_tokens: 4,
    tools,
    messages: [
      ...question.messages,
      {
        role: 'assistant',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
    ],
  });
  assert.equal(answered.choices.length, 1);
  await assert.rejects(
    client.chat.completions.create({ model: 'glossary', ...question, tools }),
    refused(/does not support tools/),
  );
});

test('FR-006d: what Ollama refuses is told in its words: a model that it does not have, a prompt that is too long, a format that is none', async () => {
  await assert.rejects(
    client.chat.completions.create({ model: 'absent', ...question }),
    (error) => error instanceof APIError && /absent.*not found/.test(error.message),
  );
  const long = 'token '.repeat(3_000);
  for (const stream of [false, true]) {
    await assert.rejects(
      client.chat.completions.create({ model: 'glossary', messages: [{ role: 'user', content: long }], stream }),
      refused(/exceeds the context length/),
    );
  }
  await assert.rejects(
    client.embeddings.create({ model: 'glossary', input: long }),
    refused(/exceeds the context length/),
  );
  // a mistake of one client's does not make the engine look ill to all
  for (let count = 0; count < 8; count += 1) {
    await assert.rejects(
      client.chat.completions.create({
        model: 'glossary',
        ...question,
        response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'nonsense' } } },
      }),
      refused(/invalid JSON schema/),
    );
  }
  const json = await client.chat.completions.create({
    model: 'glossary',
    ...question,
    max_tokens: 120,
    response_format: {
      type: 'json_schema',
      json_schema: {
        name: 'answer',
        schema: {
          type: 'object',
          properties: { yes: { type: 'boolean' } },
          required: ['yes'],
          additionalProperties: false,
        },
      },
    },
  });
  const { yes } = JSON.parse(json.choices[0]!.message.content!) as { yes: unknown };
  assert.equal(typeof yes, 'boolean');
});

test('FR-006l, FR-009: a client that leaves ends the work of Ollama, and is charged what was produced', async () => {
  const stream = await client.chat.completions.create({
    model: 'glossary',
    messages: [{ role: 'user', content: 'Go on and on.' }],
    temperature: 1.5,
    max_tokens: 100_000,
    stream: true,
  });
  let pieces = 0;
  for await (const chunk of stream) {
    pieces += chunk.choices[0]?.delta.content ? 1 : 0;
    if (pieces >= 5) break;
  }
  const entry = await until('its entry', async () => {
    const found = await logged('glossary');
    return found.status === 499 ? found : null;
  });
  assert.ok(entry.completion_tokens >= 5, JSON.stringify(entry));
  await sleep(200);
  const began = performance.now();
  await client.chat.completions.create({ model: 'glossary', ...question, max_tokens: 1 });
  assert.ok(performance.now() - began < 10_000, 'its place is free');
});
