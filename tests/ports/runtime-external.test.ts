import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import pino from 'pino';
import { providers } from '../../backend/src/adapters/provider/index.ts';
import { createConnectionTest, createExternalRuntime } from '../../backend/src/adapters/runtime/external/index.ts';
import { createEgress, type Egress } from '../../backend/src/platform/egress/index.ts';
import type { RevisionSpec } from '../../backend/src/ports/runtime.ts';
import { complete, createPlace, createSpec } from './runtime.harness.ts';

const KEY = 'sk-canary-1';

/** Providers to their published formats: OpenAI's models and chat, Ollama's tags. */
const provider: RequestListener = (request, response) => {
  const send = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (request.url === '/api/tags')
    return send(200, { models: [{ name: 'qwen3:latest', size: 1, details: { family: 'qwen3' } }] });
  if (request.url === '/slow/models') return void response.writeHead(200).flushHeaders();
  if (request.url === '/page/models')
    return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
  if (!request.url?.startsWith('/v1/')) return send(404, { error: { message: 'not found' } });
  if (request.headers.authorization !== `Bearer ${KEY}`)
    return send(401, { error: { message: 'bad key', code: 'invalid_api_key' } });
  if (request.url === '/v1/models')
    return send(200, { object: 'list', data: [{ id: 'gpt-4o', object: 'model' }, { id: 'gpt-4o-mini' }] });
  send(200, { choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }] });
};

describe('runtime port, external', () => {
  let server: Server;
  let origin: string;
  let egress: Egress;
  let spec: RevisionSpec;
  const secret = async (modelId: string): Promise<string | null> => (modelId === 'm1' ? KEY : null);

  before(async () => {
    server = createServer(provider).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    egress = createEgress({ allow: [], allowLoopback: true, log: pino({ level: 'silent' }) });
    const place = await createPlace();
    spec = await createSpec(place, {});
    await place.remove();
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await egress.close();
  });

  const external = (metadata: Record<string, unknown>, id = 'm1'): RevisionSpec => ({
    ...spec,
    model: { ...spec.model, id, type: 'external', metadata },
  });

  test('FR-006d: OpenAI is ready at once, and answers at its address with the key of this model', async () => {
    const runtime = createExternalRuntime({ providers, secret, egress });
    const card = external({ provider: 'openai', model_name: 'gpt-4o', base_url: `${origin}/v1/` });
    const plan = runtime.plan(card);
    assert.ok(!JSON.stringify(plan).includes(KEY));
    await runtime.apply(plan, card);
    await runtime.apply(plan, card);
    assert.deepEqual(await runtime.observe('r1'), {
      phase: 'ready',
      replicas: { total: 1, ready: 1, available: 1 },
      conditions: [],
    });
    const address = runtime.address('r1')!;
    assert.deepEqual([address.provider, address.model, address.baseUrl], ['openai', 'gpt-4o', `${origin}/v1`]);
    const answer = await complete(address, '/chat/completions', { model: address.model, messages: [] });
    assert.equal(answer.choices[0]!.message.content, 'hello');
    assert.deepEqual(await runtime.list(), ['r1']);
    await runtime.remove('r1', 0);
    assert.equal((await runtime.observe('r1')).phase, 'absent');
    assert.equal(runtime.address('r1'), null);
  });

  test('FR-006d: a changed key is used without a restart, and a store that is down keeps the last one', async () => {
    let key: () => Promise<string | null> = async () => 'first';
    let at = 0;
    const runtime = createExternalRuntime({ providers, secret: () => key(), egress, now: () => new Date(at) });
    const card = external({ provider: 'openai', model_name: 'x' });
    await runtime.apply(runtime.plan(card), card);
    const seen = async (): Promise<string | undefined> => {
      at += 6_000;
      assert.equal((await runtime.observe('r1')).phase, 'ready');
      return runtime.address('r1')!.headers['authorization'];
    };
    const first = runtime.address('r1');
    assert.equal(await seen(), 'Bearer first');
    assert.equal(runtime.address('r1'), first, 'the same object as long as nothing changed');
    assert.deepEqual(runtime.addresses('r1'), [first]);
    key = async () => 'second';
    assert.equal(await seen(), 'Bearer second');
    assert.notEqual(runtime.address('r1'), first);
    key = () => Promise.reject(new Error('down'));
    assert.equal(await seen(), 'Bearer second');
  });

  test('FR-006d: without base_url it is OpenAI itself; engines are met below /v1, Ollama at its own API', async () => {
    const runtime = createExternalRuntime({ providers, secret, egress });
    const addressOf = async (metadata: Record<string, unknown>): Promise<string> => {
      await runtime.apply(runtime.plan(external(metadata)), external(metadata));
      return runtime.address('r1')!.baseUrl;
    };
    assert.equal(await addressOf({ provider: 'openai', model_name: 'x' }), 'https://api.openai.com/v1');
    for (const endpoint of ['http://h:11434/', 'http://h:11434/v1', 'http://h:11434/api'])
      assert.equal(await addressOf({ provider: 'ollama', model_name: 'x', endpoint }), 'http://h:11434/api');
    assert.equal(await addressOf({ provider: 'vllm', model_name: 'x', base_url: 'http://h:8000' }), 'http://h:8000/v1');
    assert.equal(runtime.address('r1')!.provider, 'vllm');
    assert.deepEqual((await runtime.observe('r1')).conditions, [], 'a key is not missed');
  });

  test('FR-006d: a card that leads nowhere fails with the field and a remedy', async () => {
    const runtime = createExternalRuntime({ providers, secret, egress });
    for (const [metadata, reason] of [
      [{ provider: 'toString' }, 'ProviderUnknown'],
      [{ provider: 'ollama', model_name: 'x' }, 'ProviderAddressInvalid'],
      [{ provider: 'openai' }, 'ProviderModelMissing'],
      [{ provider: 'vllm', model_name: 'x' }, 'ProviderAddressInvalid'],
    ] as const) {
      await runtime.apply(runtime.plan(external(metadata)), external(metadata));
      const { phase, conditions } = await runtime.observe('r1');
      assert.deepEqual([phase, conditions[0]?.reason], ['failed', reason]);
      assert.equal((await runtime.preflight(external(metadata))).level, 'red');
    }
  });

  test('DEP-7: preflight refuses addresses that must not be called, and a missing key', async () => {
    const runtime = createExternalRuntime({ providers, secret, egress });
    const level = async (metadata: Record<string, unknown>, id?: string): Promise<string> =>
      (await runtime.preflight(external({ model_name: 'x', ...metadata }, id))).level;
    assert.equal(await level({ provider: 'openai', base_url: origin }), 'green');
    assert.equal(await level({ provider: 'openai', base_url: origin }, 'other'), 'red');
    assert.equal(await level({ provider: 'ollama', endpoint: origin }, 'other'), 'green');
    assert.equal(await level({ provider: 'ollama', endpoint: 'http://169.254.169.254' }), 'red');
    await runtime.apply(
      runtime.plan(external({ provider: 'openai', model_name: 'x' }, 'other')),
      external({ provider: 'openai', model_name: 'x' }, 'other'),
    );
    assert.equal((await runtime.observe('r1')).conditions[0]?.reason, 'ProviderKeyMissing');
  });

  test('FR-001: the connection test tells what is right and what is wrong, in time, and never throws', async () => {
    const testConnection = createConnectionTest({ providers, egress, timeoutMs: 500 });
    const ask = (metadata: Record<string, unknown>, apiKey: string | null = KEY) =>
      testConnection({ metadata, apiKey });
    const good = await ask({ provider: 'openai', model_name: 'gpt-4o', base_url: `${origin}/v1` });
    assert.deepEqual([good.ok, good.models], [true, ['gpt-4o', 'gpt-4o-mini']]);
    const tags = await ask({ provider: 'ollama', model_name: 'qwen3', endpoint: origin }, null);
    assert.deepEqual([tags.ok, tags.models], [true, ['qwen3:latest']]);
    const again = await ask({ provider: 'ollama', model_name: 'qwen3', endpoint: `${origin}/v1/` }, null);
    assert.equal(again.ok, true);
    const told = async (metadata: Record<string, unknown>, key?: string): Promise<string> => {
      const { ok, message } = await ask({ provider: 'openai', model_name: 'gpt-4o', ...metadata }, key ?? KEY);
      assert.equal(ok, false);
      assert.ok(!message.includes(KEY));
      return message;
    };
    assert.match(await told({ base_url: `${origin}/v1`, model_name: 'nope' }), /does not know nope/);
    assert.match(await told({ base_url: `${origin}/v1` }, 'wrong'), /refuses the key \(401\)/);
    assert.match(await told({ base_url: `${origin}/elsewhere` }), /404/);
    assert.match(await told({ base_url: `${origin}/page` }), /not JSON/);
    assert.match(await told({ base_url: 'http://127.0.0.1:1/v1' }), /reached/i);
    assert.match(await told({ base_url: 'http://169.254.169.254/v1' }), /\w/);
    assert.match(await told({ provider: 'none' }), /openai, ollama/);
    assert.match(await told({ base_url: `${origin}/slow` }), /within 0.5 s/);
  });
});
