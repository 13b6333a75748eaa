import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import pino from 'pino';
import { createPython } from '../../backend/src/adapters/runtime/local/index.ts';
import type { Address, Runtime } from '../../backend/src/ports/runtime.ts';
import type { Endpoint } from '../../contracts/index.ts';
import { provisionPython } from '../../scripts/provision/python.ts';
import { startPlatform } from '../journeys/harness.ts';
import * as harness from '../ports/runtime.harness.ts';
import { ANSWER, tinyGguf } from '../ports/runtime.model.ts';

/** The whole server with the real local engine, through its public API. */
async function platform(t: { after(work: () => Promise<void>): void }) {
  const settings = { SERVING_DRAIN_SECONDS: '1' };
  let running = await startPlatform(settings);
  t.after(() => running.stop());
  const headers = { 'x-user-id': 'olga', 'x-user-roles': 'admin' };
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const form = body instanceof FormData;
    const answer = await fetch(`${running.api}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined || form ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    });
    const { status, message, data } = (await answer.json()) as { status: string; message: string; data: T };
    assert.equal(status, 'success', `${method} ${path}: ${message} ${JSON.stringify(data)}`);
    return data;
  }
  async function approved(file: Buffer, version: string): Promise<string> {
    const card = { description: 'Says the alphabet.', intended_use: 'tests', license: 'Apache-2.0' };
    const model = { name: 'alphabet', version, type: 'base', owner_team: 'search', metadata: card };
    const { id } = await call<{ id: string }>('POST', '/catalog/models', model);
    const form = new FormData();
    form.append('files', new Blob([new Uint8Array(file)]), 'model.gguf');
    await call('POST', `/catalog/models/${id}/upload`, form);
    await call('PATCH', `/catalog/models/${id}/status`, { status: 'under_review' });
    await call('PATCH', `/catalog/models/${id}/status`, { status: 'approved' });
    return id;
  }
  async function until(id: string, wanted: (endpoint: Endpoint) => boolean): Promise<Endpoint> {
    for (const end = Date.now() + 60_000; ;) {
      const endpoint = await call<Endpoint>('GET', `/serving/endpoints/${id}`);
      if (wanted(endpoint)) return endpoint;
      assert.ok(Date.now() < end, `still ${JSON.stringify(endpoint, null, 1)}\n${running.log.slice(-20).join('\n')}`);
      await sleep(100);
    }
  }
  const chat = async (route: string) => {
    const answer = await fetch(`${running.api}/serve/${route}/chat`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'go' }], max_tokens: 40, temperature: 0 }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  return {
    call,
    approved,
    until,
    chat,
    dataDir: running.dataDir,
    /** The server dies without a word and is started again on the same data. */
    async killAndStart() {
      await running.kill();
      running = await startPlatform(settings, running.dataDir);
    },
  };
}

test('FR-006, FR-006j, DEP-4: with the real engine: deploy, rollout and rollback under load lose no request; a killed engine comes back', async (t) => {
  const p = await platform(t);
  const modelId = await p.approved(tinyGguf(), '1');
  const { id } = await p.call<Endpoint>('POST', '/serving/endpoints', {
    modelId,
    environment: 'dev',
    route: '/alphabet',
    useGpu: false,
  });
  await p.until(id, ({ status }) => status === 'healthy');
  const said = await p.call<{ ok: boolean; completion: string; latencyMs: number }>(
    'POST',
    `/serving/endpoints/${id}/verify`,
    {},
  );
  assert.equal(said.ok, true);
  assert.equal(said.completion.slice(0, 5), ANSWER.slice(0, 5));
  assert.ok(said.latencyMs < 3_000, 'DEP-6: within 3 s');

  let running = true;
  const answers: { status: number; text: string }[] = [];
  const clients = [1, 2].map(async () => {
    while (running) answers.push(await p.chat('alphabet'));
  });
  await p.call('POST', `/serving/endpoints/${id}/redeploy`, { contextLength: 512 });
  await p.until(id, ({ revision, status }) => revision === 2 && status === 'healthy');
  await p.call('POST', `/serving/endpoints/${id}/rollback`, {});
  await p.until(id, ({ revision, status }) => revision === 3 && status === 'healthy');
  await sleep(2_000);
  running = false;
  await Promise.all(clients);
  assert.deepEqual(answers.filter(({ status }) => status !== 200).slice(0, 3), []);
  assert.ok(answers.length >= 100, `${answers.length} requests`);

  // what cannot be loaded gets no traffic
  const broken = await p.approved(tinyGguf({ architecture: 'unheard-of' }), '2');
  await p.call('POST', `/serving/endpoints/${id}/redeploy`, { modelId: broken });
  const after = await p.until(id, ({ conditions }) => conditions[0]?.type === 'RolloutFailed');
  assert.deepEqual([after.status, after.revision, after.targetRevision, after.version], ['healthy', 3, 3, '1']);
  assert.match(after.conditions[0]!.message, /unheard-of/);
  assert.equal((await p.chat('alphabet')).status, 200);

  // its process is killed
  const folder = join(p.dataDir, 'engines');
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.json')) continue;
    const { pid } = JSON.parse(await readFile(join(folder, name), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
  }
  const down = await p.until(id, ({ status }) => status === 'degraded' || status === 'failed');
  assert.notEqual(down.conditions.length, 0);
  assert.ok(down.conditions.every(({ message, remedy }) => message !== '' && remedy !== ''));
  await p.until(id, ({ status }) => status === 'healthy');
  assert.equal((await p.chat('alphabet')).status, 200);
});

test('FR-006: a server killed in a rollout, in a rollback and in a delete ends each of them when it is back, with one engine left or none', async (t) => {
  const p = await platform(t);
  const modelId = await p.approved(tinyGguf(), '1');
  const wanted = { modelId, environment: 'dev', route: '/killed', useGpu: false };
  const { id } = await p.call<Endpoint>('POST', '/serving/endpoints', wanted);
  await p.killAndStart();
  await p.until(id, ({ status, revision }) => status === 'healthy' && revision === 1);
  await p.call('POST', `/serving/endpoints/${id}/redeploy`, { contextLength: 512 });
  await sleep(300);
  await p.killAndStart();
  await p.until(id, ({ status, revision }) => status === 'healthy' && revision === 2);
  await p.call('POST', `/serving/endpoints/${id}/rollback`, {});
  await sleep(900);
  await p.killAndStart();
  await p.until(id, ({ status, revision }) => status === 'healthy' && revision === 3);
  assert.equal((await p.chat('killed')).status, 200);
  const history = async () =>
    p.call<{ number: number; state: string }[]>('GET', `/serving/endpoints/${id}/deployments`);
  for (let waited = 0; (await history()).filter(({ state }) => state !== 'retired').length > 1; waited += 1) {
    assert.ok(waited < 100, JSON.stringify(await history()));
    await sleep(100);
  }
  const records = async () =>
    (await readdir(join(p.dataDir, 'engines'), { recursive: true })).filter((name) => name.endsWith('.json'));
  assert.equal((await records()).length, 1);
  await p.call('DELETE', `/serving/endpoints/${id}`);
  await p.killAndStart();
  for (let waited = 0; (await p.call<Endpoint[]>('GET', '/serving/endpoints')).length > 0; waited += 1) {
    assert.ok(waited < 150, 'not deleted');
    await sleep(100);
  }
  assert.deepEqual(await records(), []);
});

/** Engines of the sample model and of the one whose answers are known, without a platform around them. */
let place: harness.Place;
let runtime: Runtime;
let sample: Address;
let alphabet: Address;

before(async () => {
  place = await harness.createPlace();
  const interpreter = await provisionPython(join(harness.trainer, 'requirements-convert.txt'));
  const log = pino({ level: 'silent' });
  const dataDir = join(place.folder, 'data');
  const python = createPython({ root: harness.trainer, dataDir, interpreter, log });
  runtime = await harness.createRuntime(place, { python });
  const folder = join(import.meta.dirname, '../../examples/models/glossary-llama');
  const files: Record<string, Buffer> = {};
  for (const name of await readdir(folder)) files[name] = await readFile(join(folder, name));
  const serve = async (id: string, of: Record<string, Buffer>): Promise<Address> => {
    const spec = await harness.createSpec(place, of, { revisionId: id });
    await runtime.apply(runtime.plan(spec), spec);
    await harness.until(runtime, id, harness.ready, 60_000);
    return harness.addressOf(runtime, id);
  };
  sample = await serve('sample', files);
  alphabet = await serve('alphabet', { 'tiny.gguf': tinyGguf() });
});
after(async () => {
  await runtime.close();
  await place.remove();
});

interface Embeddings {
  object: string;
  model: string;
  data: { object: string; index: number; embedding: number[] }[];
  usage: { prompt_tokens: number; total_tokens: number };
  error: { message: string; code: string; param: string };
}

async function embed(address: Address, body: unknown): Promise<Embeddings & { status: number }> {
  const response = await harness.post(address, '/embeddings', body);
  return { ...((await response.json()) as Embeddings), status: response.status };
}

const cosine = (a: number[], b: number[]): number => {
  const dot = (x: number[], y: number[]) => x.reduce((sum, value, index) => sum + value * y[index]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

test('FR-006l: the sample model embeds: the same text always gives the same vector of length 1, another text another', async () => {
  const texts = ['What is a route?', 'What is a revision?', 'What is a route?'];
  const { object, data, usage, model } = await embed(sample, { model: 'tiny', input: texts });
  assert.deepEqual([object, model], ['list', 'tiny']);
  assert.deepEqual(
    data.map(({ object: kind, index }) => [kind, index]),
    [
      ['embedding', 0],
      ['embedding', 1],
      ['embedding', 2],
    ],
  );
  const [route, revision, again] = data.map(({ embedding }) => embedding);
  assert.deepEqual(route, again);
  assert.ok(Math.abs(cosine(route!, again!) - 1) < 1e-6);
  assert.ok(cosine(route!, revision!) < 0.999, `${cosine(route!, revision!)}`);
  assert.ok(Math.abs(Math.hypot(...route!) - 1) < 1e-6);
  const { hidden_size: width } = JSON.parse(
    await readFile(join(import.meta.dirname, '../../examples/models/glossary-llama/config.json'), 'utf8'),
  ) as { hidden_size: number };
  assert.equal(route!.length, width);

  const single = await embed(sample, { input: texts[0], dimensions: width });
  assert.deepEqual(single.data[0]!.embedding, route, 'alone or with others');
  assert.equal(usage.prompt_tokens, usage.total_tokens);
  const second = await embed(sample, { input: texts[1] });
  assert.equal(usage.prompt_tokens, 2 * single.usage.prompt_tokens + second.usage.prompt_tokens);
});

test('FR-006l: embeddings in Base64 are those in numbers, tokens those of their text, and many at once keep their order', async () => {
  const key = sample.headers['authorization']!.slice('Bearer '.length);
  const client = new OpenAI({ baseURL: sample.baseUrl, apiKey: key, maxRetries: 0 });
  const numbers = await embed(sample, { input: 'token budget', encoding_format: 'float' });
  // without a format this client asks for Base64 and unpacks it
  const unpacked = await client.embeddings.create({ model: 'tiny', input: 'token budget' });
  assert.deepEqual(unpacked.data[0]!.embedding, numbers.data[0]!.embedding);

  // the model of known answers has a token a byte, and adds no marks
  const bytes = [...Buffer.from('alphabet')];
  const text = await embed(alphabet, { input: 'alphabet' });
  assert.equal(text.usage.prompt_tokens, 8);
  assert.deepEqual((await embed(alphabet, { input: bytes })).data, text.data);
  const lists = await embed(alphabet, { input: [bytes, [...Buffer.from('ab')]] });
  assert.deepEqual(lists.data[0]!.embedding, text.data[0]!.embedding);
  assert.equal(lists.usage.prompt_tokens, 10);

  const words = Array.from({ length: 40 }, (_, index) => `word ${index}`);
  const [all, ...each] = await Promise.all([
    embed(alphabet, { input: words }),
    ...words.slice(0, 10).map((word) => embed(alphabet, { input: word })),
  ]);
  for (const [index, one] of each.entries()) assert.deepEqual(one.data[0]!.embedding, all!.data[index]!.embedding);
  assert.deepEqual(
    all!.data.map(({ index }) => index),
    words.map((_, index) => index),
  );
});

test('FR-006l: embeddings that cannot be given are refused with the field, and nothing else suffers', async () => {
  const refused = async (body: unknown): Promise<string[]> => {
    const { status, error } = await embed(alphabet, body);
    assert.equal(status, 400, JSON.stringify(error));
    return [error.code, error.param];
  };
  assert.deepEqual(await refused({ input: 'a', dimensions: 3 }), ['invalid_request', 'dimensions']);
  assert.deepEqual(await refused({ input: 'a', encoding_format: 'int8' }), ['invalid_request', 'encoding_format']);
  assert.deepEqual(await refused({ input: '' }), ['invalid_request', 'input']);
  assert.deepEqual(await refused({ input: ['a', ''] }), ['invalid_request', 'input.1']);
  assert.deepEqual(await refused({ input: [320] }), ['invalid_request', 'input']);
  for (const input of [[], [[]], [-1], ['a', 1], null, Array.from({ length: 2049 }, () => 'a')]) {
    const [code, param] = await refused({ input });
    assert.equal(code, 'invalid_request');
    assert.match(param!, /^input/);
  }
  const long = await embed(alphabet, { input: ['a', 'x'.repeat(2048)] });
  assert.deepEqual([long.status, long.error.code, long.error.param], [400, 'context_length_exceeded', 'input.1']);
  assert.match(long.error.message, /2047 tokens, but input\.1 has 2048 tokens/);
  assert.deepEqual(await refused({ input: 'x'.repeat(3_000_000) }), ['context_length_exceeded', 'input']);
  const longest = await embed(alphabet, { input: 'x'.repeat(2047) });
  assert.equal(longest.usage.prompt_tokens, 2047);
});

test('FR-006l: a client that leaves ends its embeddings, and chat goes on beside them', async () => {
  const abort = new AbortController();
  const before = (await harness.healthOf(alphabet)) as harness.Health & { promptTokens: number };
  const input = Array.from({ length: 2048 }, () => 'x'.repeat(2000));
  const left = harness.post(alphabet, '/embeddings', { input }, abort.signal);
  while ((await harness.healthOf(alphabet)).active < 1) await sleep(5);
  const messages = [{ role: 'user', content: 'hi' }];
  const answer = await harness.complete(alphabet, '/chat/completions', { messages, temperature: 0 });
  assert.equal(answer.choices[0]!.message.content, ANSWER);
  abort.abort();
  await assert.rejects(left, { name: 'AbortError' });
  for (let waited = 0; (await harness.healthOf(alphabet)).active > 0; waited += 1) {
    assert.ok(waited < 200, 'it goes on');
    await sleep(10);
  }
  const { promptTokens } = (await harness.healthOf(alphabet)) as harness.Health & { promptTokens: number };
  assert.ok(promptTokens - before.promptTokens < 2048, 'nothing of it counts');
});

test('FR-006l, FR-009: a stream tells in every chunk what it has cost so far when asked, so that a cancelled one can be charged', async () => {
  const messages = [{ role: 'user', content: 'hi' }];
  const options = { include_usage: true, continuous_usage_stats: true };
  const ask = { messages, temperature: 0, stream: true, stream_options: options };
  const chunks = await harness.events(await harness.post(alphabet, '/chat/completions', ask));
  const counts = chunks.map(({ usage }) => usage.completion_tokens);
  // the role, 26 letters of a token each, the end mark with the reason, and the same in a chunk of its own
  assert.deepEqual(counts, [0, ...Array.from({ length: 26 }, (_, index) => index + 1), 27, 27]);
  for (const { usage } of chunks)
    assert.deepEqual([usage.prompt_tokens, usage.total_tokens], [21, 21 + usage.completion_tokens]);
  const { usage } = await harness.complete(alphabet, '/chat/completions', { messages, temperature: 0 });
  assert.equal(chunks.at(-1)!.usage.total_tokens, usage.total_tokens, 'a stream costs what the whole costs');

  // cut in the middle: the last chunk that came is right
  const abort = new AbortController();
  const forever = { ...ask, messages: [{ role: 'user', content: 'count' }] };
  const response = await harness.post(alphabet, '/chat/completions', forever, abort.signal);
  let text = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.length > 20_000) break;
  }
  abort.abort();
  const seen = text
    .split('\n\n')
    .slice(0, -1)
    .map((entry) => JSON.parse(entry.slice('data: '.length)) as harness.Completion);
  const shown = seen.map(({ choices }) => choices[0]!.delta.content ?? '').join('');
  assert.equal(seen.at(-1)!.usage.completion_tokens, shown.length, 'a digit is a token');

  const without = { ...ask, stream_options: { continuous_usage_stats: true } };
  const last = (await harness.events(await harness.post(alphabet, '/completions', { ...without, prompt: '0' }))).at(
    -1,
  )!;
  assert.deepEqual([last.choices.length, last.usage.completion_tokens], [1, 16], 'no chunk of its own');
});
