import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Runtime, RevisionSpec } from '../../backend/src/ports/runtime.ts';
import * as harness from './runtime.harness.ts';
import {
  addressOf,
  complete,
  createPlace,
  createRuntime,
  createSpec,
  events,
  healthOf,
  post,
  ready,
  until,
} from './runtime.harness.ts';
import { ANSWER, tinyGguf } from './runtime.model.ts';

const hi = [{ role: 'user', content: 'hi' }];
const count = [{ role: 'user', content: 'count' }];

describe('runtime port, local: a running engine', () => {
  let place: harness.Place;
  let runtime: Runtime;
  let spec: RevisionSpec;

  before(async () => {
    place = await createPlace();
    runtime = await createRuntime(place);
    spec = await createSpec(place, { 'tiny.gguf': tinyGguf() });
    await runtime.apply(runtime.plan(spec), spec);
    await until(runtime, 'r1', ready);
  });
  after(async () => {
    await runtime.close();
    await place.remove();
  });

  test('FR-006: apply twice starts one engine, which is listed and has an address', async () => {
    const { pid } = await healthOf(addressOf(runtime, 'r1'));
    await runtime.apply(runtime.plan(spec), spec);
    await delay(300);
    assert.equal((await healthOf(addressOf(runtime, 'r1'))).pid, pid);
    assert.deepEqual((await runtime.observe('r1')).replicas, { total: 1, ready: 1, available: 1 });
    assert.deepEqual(await runtime.list(), ['r1']);
  });

  test('FR-006: an unknown revision is absent, has no address, and may be removed', async () => {
    assert.equal((await runtime.observe('none')).phase, 'absent');
    assert.equal(runtime.address('none'), null);
    await runtime.remove('none', 0);
  });

  test('FR-006: the plan is pure, shows digests and holds no secret and no place of this machine', async () => {
    const plan = runtime.plan(spec);
    assert.deepEqual(runtime.plan(spec), plan);
    const text = JSON.stringify(plan);
    const key = addressOf(runtime, 'r1').headers['authorization']!.slice('Bearer '.length);
    assert.ok(!text.includes(key) && !text.includes(place.folder));
    assert.ok(text.includes(spec.model.files[0]!.sha256));
  });

  test("FR-006l: chat through the model's own template, greedy, with exact usage", async () => {
    const answer = await complete(addressOf(runtime, 'r1'), '/chat/completions', { messages: hi, temperature: 0 });
    assert.equal(answer.choices[0]!.message.content, ANSWER);
    assert.equal(answer.choices[0]!.finish_reason, 'stop');
    // <|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n: marks are one token each, bytes one each; the end mark counts
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    assert.deepEqual(
      { prompt_tokens, completion_tokens, total_tokens },
      { prompt_tokens: 21, completion_tokens: 27, total_tokens: 48 },
    );
  });

  test('FR-006l: a stream has role, text, finish reason, usage when asked, and an end', async () => {
    const body = { messages: hi, temperature: 0, stream: true, stream_options: { include_usage: true } };
    const chunks = await events(await post(addressOf(runtime, 'r1'), '/chat/completions', body));
    assert.deepEqual(chunks[0]!.choices[0]!.delta, { role: 'assistant', content: '' });
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), ANSWER);
    assert.equal(chunks.at(-2)!.choices[0]!.finish_reason, 'stop');
    assert.equal(chunks.at(-1)!.usage.completion_tokens, 27);
    const plain = await events(
      await post(addressOf(runtime, 'r1'), '/chat/completions', { ...body, stream_options: undefined }),
    );
    assert.ok(plain.every((chunk) => chunk.usage === undefined));
  });

  test('FR-006l: stop, max_tokens and the context end an answer', async () => {
    const address = addressOf(runtime, 'r1');
    const stopped = await complete(address, '/chat/completions', { messages: hi, temperature: 0, stop: ['zz', 'klm'] });
    assert.deepEqual([stopped.choices[0]!.message.content, stopped.choices[0]!.finish_reason], ['abcdefghij', 'stop']);
    const cut = await complete(address, '/chat/completions', { messages: hi, temperature: 0, max_tokens: 5 });
    assert.deepEqual([cut.choices[0]!.message.content, cut.choices[0]!.finish_reason], ['abcde', 'length']);
    assert.equal(cut.usage.completion_tokens, 5);
    const full = await complete(address, '/completions', { prompt: '0', temperature: 0, max_tokens: 4000 });
    assert.deepEqual([full.usage.total_tokens, full.choices[0]!.finish_reason], [2048, 'length']);
  });

  test('FR-006l: the same seed gives the same answer, another seed another', async () => {
    const address = addressOf(runtime, 'r1');
    const ask = async (seed: number): Promise<string> => {
      const body = { prompt: 'ab', temperature: 2, max_tokens: 60, seed };
      return (await complete(address, '/completions', body)).choices[0]!.text;
    };
    const first = await ask(7);
    assert.equal(await ask(7), first);
    assert.notEqual(await ask(8), first);
  });

  test('FR-006l: requests beyond the sequences wait, and all are answered', async () => {
    const address = addressOf(runtime, 'r1');
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => complete(address, '/chat/completions', { messages: hi, temperature: 0 })),
    );
    assert.ok(answers.every((answer) => answer.choices[0]!.message.content === ANSWER));
  });

  test('FR-006l: a client that leaves ends its request at once', async () => {
    const address = addressOf(runtime, 'r1');
    const abort = new AbortController();
    const before = (await healthOf(address)).completionTokens;
    const response = await post(
      address,
      '/chat/completions',
      { messages: count, temperature: 0, stream: true },
      abort.signal,
    );
    await response.body!.getReader().read();
    abort.abort();
    await delay(150);
    const health = await healthOf(address);
    assert.equal(health.active, 0);
    assert.ok(
      health.completionTokens - before < 1500,
      `${health.completionTokens - before} tokens were made for nobody`,
    );
  });

  test('FR-006b: the official openai client chats, streams and reads errors', async () => {
    const { baseUrl, headers } = addressOf(runtime, 'r1');
    const client = new OpenAI({
      baseURL: baseUrl,
      apiKey: headers['authorization']!.slice('Bearer '.length),
      maxRetries: 0,
    });
    const ask = { model: 'tiny', messages: [{ role: 'user' as const, content: 'hi' }], temperature: 0 };
    assert.equal((await client.chat.completions.create(ask)).choices[0]!.message.content, ANSWER);
    let text = '';
    for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    assert.equal(text, ANSWER);
    assert.deepEqual(
      (await client.models.list()).data.map(({ id }) => id),
      ['tiny'],
    );
    const long = [{ role: 'user' as const, content: 'x'.repeat(3_000_000) }];
    const tooLong = client.chat.completions.create({ ...ask, messages: long });
    await assert.rejects(tooLong, { status: 400, code: 'context_length_exceeded' });
  });

  test('FR-006: more replicas take turns; fewer are ended after what they answer', async () => {
    const two = { ...spec, revisionId: 'two', minReplicas: 2, maxReplicas: 2 };
    await runtime.apply(runtime.plan(two), two);
    await until(runtime, 'two', ready);
    const ports = new Set([1, 2, 3, 4].map(() => addressOf(runtime, 'two').baseUrl));
    assert.equal(ports.size, 2);
    const one = { ...two, minReplicas: 1 };
    await runtime.apply(runtime.plan(one), one);
    await until(runtime, 'two', ({ replicas }) => replicas.total === 1 && replicas.ready === 1);
    const none = { ...two, minReplicas: 0 };
    await runtime.apply(runtime.plan(none), none);
    await until(runtime, 'two', ({ phase }) => phase === 'stopped');
    assert.equal(runtime.address('two'), null);
    await runtime.remove('two', 0);
  });

  test('FR-006l: a client that leaves while it waits for a sequence is forgotten, and the others are answered', async () => {
    const address = addressOf(runtime, 'r1');
    const abort = new AbortController();
    const busy = Array.from({ length: 4 }, () =>
      complete(address, '/completions', { prompt: '0', temperature: 0, max_tokens: 600 }),
    );
    while ((await healthOf(address)).active < 4) await delay(2);
    const waiting = post(address, '/chat/completions', { messages: hi }, abort.signal);
    while ((await healthOf(address)).queued < 1) await delay(2);
    abort.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    while ((await healthOf(address)).queued > 0) await delay(2);
    assert.ok((await Promise.all(busy)).every((answer) => answer.usage.completion_tokens === 600));
    assert.equal((await healthOf(address)).active, 0);
  });

  test('FR-006l: an answer that must be JSON of a schema is', async () => {
    const schema = { type: 'object', properties: { verdict: { enum: ['good', 'bad'] }, sure: { type: 'boolean' } } };
    const response_format = { type: 'json_schema', json_schema: { name: 'verdict', schema } };
    const body = { messages: hi, temperature: 1, seed: 3, response_format };
    const answer = await complete(addressOf(runtime, 'r1'), '/chat/completions', body);
    const { verdict, sure } = JSON.parse(answer.choices[0]!.message.content) as Record<string, unknown>;
    assert.ok(['good', 'bad'].includes(String(verdict)) && typeof sure === 'boolean');
    assert.equal(answer.choices[0]!.finish_reason, 'stop');
  });

  test("FR-006l: refusals are in OpenAI's shape, with their status", async () => {
    const address = addressOf(runtime, 'r1');
    const refused = async (path: string, body: unknown, headers = address.headers): Promise<[number, string]> => {
      const response = await post({ ...address, headers }, path, body);
      return [response.status, ((await response.json()) as harness.Completion).error.code];
    };
    const long = [{ role: 'user', content: 'x'.repeat(3000) }];
    assert.deepEqual(await refused('/chat/completions', { messages: long }), [400, 'context_length_exceeded']);
    assert.deepEqual(await refused('/chat/completions', { messages: long, stream: true }), [
      400,
      'context_length_exceeded',
    ]);
    assert.deepEqual(await refused('/chat/completions', { messages: [] }), [400, 'invalid_request']);
    assert.deepEqual(await refused('/chat/completions', { messages: hi, n: 2 }), [400, 'invalid_request']);
    assert.deepEqual(await refused('/chat/completions', { messages: hi }, {}), [401, 'invalid_api_key']);
    assert.deepEqual(await refused('/completions', { prompt: '' }), [400, 'invalid_request']);
    assert.deepEqual(await refused('/completions', { prompt: [320] }), [400, 'invalid_request']);
    const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }];
    assert.deepEqual(await refused('/chat/completions', { messages: image }), [400, 'invalid_request']);
    assert.deepEqual(await refused('/models', {}), [405, 'method_not_allowed']);
    assert.deepEqual(await refused('/embeddings', {}), [400, 'invalid_request']);
    assert.deepEqual(await refused('/nothing', {}), [404, 'route_unknown']);
    const role = [{ role: 'forbidden', content: 'x' }];
    assert.deepEqual(await refused('/chat/completions', { messages: role }), [400, 'chat_template_refused']);
  });

  test('FR-006: the record that finds an engine again is readable by its owner alone', async () => {
    const folder = join(place.folder, 'data/engines/r1');
    const name = (await readdir(folder)).find((entry) => entry.endsWith('.json'))!;
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600);
    const record = JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(record).toSorted(), [
      'digest',
      'key',
      'model',
      'node',
      'pid',
      'port',
      'revisionId',
      'startTime',
    ]);
    assert.ok(!(await runtime.logs('r1', 100)).join('\n').includes(String(record['key'])));
  });

  test('FR-006r: a killed engine is restarted, and its condition names signal, last lines and remedy', async () => {
    const { pid } = await healthOf(addressOf(runtime, 'r1'));
    process.kill(pid, 'SIGKILL');
    const broken = await until(runtime, 'r1', ({ phase }) => phase === 'degraded');
    const condition = broken.conditions.find(({ reason }) => reason === 'EngineCrashed')!;
    assert.match(condition.message, /SIGKILL[^]*ready: llama/);
    assert.notEqual(condition.remedy, '');
    await until(runtime, 'r1', ready);
    const answer = await complete(addressOf(runtime, 'r1'), '/chat/completions', { messages: hi, temperature: 0 });
    assert.equal(answer.choices[0]!.message.content, ANSWER);
  });

  test('FR-006j: removal lets the requests in progress end, then ends the engine and forgets it', async () => {
    const address = addressOf(runtime, 'r1');
    const { pid } = await healthOf(address);
    const running = complete(address, '/chat/completions', { messages: count, temperature: 0 });
    while ((await healthOf(address)).active === 0) await delay(5);
    await runtime.remove('r1', 10_000);
    assert.equal((await running).choices[0]!.finish_reason, 'length');
    await harness.untilGone(pid);
    assert.equal((await runtime.observe('r1')).phase, 'absent');
    assert.deepEqual(await runtime.list(), []);
    assert.deepEqual(await readdir(join(place.folder, 'data/engines')), []);
  });
});

describe('runtime port, local: what cannot be served', () => {
  let place: harness.Place;
  let runtime: Runtime;

  before(async () => {
    place = await createPlace();
    runtime = await createRuntime(place);
  });
  after(async () => {
    await runtime.close();
    await place.remove();
  });

  async function failing(spec: RevisionSpec, reason: string): Promise<{ message: string; remedy: string }> {
    await runtime.apply(runtime.plan(spec), spec);
    const observation = await until(runtime, spec.revisionId, ({ phase }) => phase === 'failed');
    assert.equal(runtime.address(spec.revisionId), null);
    const condition = observation.conditions.find((entry) => entry.reason === reason);
    assert.ok(condition, JSON.stringify(observation));
    return condition;
  }

  test('FR-001: a changed byte is never served; put right, it heals by itself', async () => {
    const bytes = tinyGguf();
    const spec = await createSpec(place, { 'tiny.gguf': bytes }, { revisionId: 'changed' });
    const wrong = Buffer.from(bytes);
    wrong[wrong.length - 1] = wrong[wrong.length - 1]! ^ 1;
    await place.objects.put(`${harness.PREFIX}tiny.gguf`, Readable.from(wrong));
    const { message, remedy } = await failing(spec, 'DigestMismatch');
    assert.ok(message.includes('tiny.gguf') && message.includes(spec.model.files[0]!.sha256));
    assert.match(remedy, /approved again/);
    await place.objects.put(`${harness.PREFIX}tiny.gguf`, Readable.from(bytes));
    await until(runtime, 'changed', ready);
    await runtime.remove('changed', 0);
  });

  test('FR-006r: an unsupported architecture names those supported and is not tried again', async () => {
    const spec = await createSpec(place, { 'odd.gguf': tinyGguf({ architecture: 'oddity' }) }, { revisionId: 'odd' });
    const { message } = await failing(spec, 'ArchitectureUnsupported');
    assert.match(message, /"oddity".*Supported: .*llama.*qwen3/);
  });

  test('FR-006r: a file that is no GGUF, and a model without weights, say so', async () => {
    const noise = await createSpec(place, { 'noise.gguf': Buffer.alloc(5000, 7) }, { revisionId: 'noise' });
    assert.match((await failing(noise, 'ModelInvalid')).message, /GGUF/);
    const empty = await createSpec(place, { 'config.json': Buffer.from('{}') }, { revisionId: 'empty' });
    await failing(empty, 'ModelFilesMissing');
  });

  test('FR-006r: an engine over its memory limit is ended, and says so', async () => {
    const resources = { cpuRequest: '1', cpuLimit: '1', memoryRequest: '32Mi', memoryLimit: '32Mi' };
    const spec = await createSpec(place, { 'tiny.gguf': tinyGguf() }, { revisionId: 'big', resources });
    await runtime.apply(runtime.plan(spec), spec);
    const { conditions } = await until(runtime, 'big', (seen) =>
      seen.conditions.some(({ type }) => type === 'EngineCrashed'),
    );
    const condition = conditions.find(({ type }) => type === 'EngineCrashed')!;
    assert.equal(condition.reason, 'MemoryLimitExceeded');
    assert.match(condition.message, /over the limit of 32 MiB/);
    assert.match(condition.remedy, /memoryLimit/);
    await runtime.remove('big', 0);
  });
});
