import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { provisionS3, type S3Server } from '../../scripts/provision/s3.ts';
import { startPlane, type Plane } from '../cluster/plane.ts';
import {
  approvedModel,
  ask,
  people,
  projectRoot,
  startPlatform,
  until,
  untilStatus,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';
import { externalModel } from '../journeys/provider.ts';
import { installedVllm, type InstalledVllm } from './installed.ts';
import { startKubelet, type Kubelet } from './kubelet.ts';

/**
 * A real vLLM as a pod: the platform's Deployment is scheduled by the real scheduler, its container's command line and environment are run
 * as they stand (only the address is this machine's), it reads the model from a real S3 server, and is asked through the gateway.
 */
const image = 'public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.32.0';
const patience = 15 * 60_000;
let vllm: InstalledVllm;
let plane: Plane;
let s3: S3Server;
let kubelet: Kubelet;
let platform: RunningPlatform;
let client: OpenAI;
let engine: string;

before(async () => {
  vllm = await installedVllm();
  const port = await freePort();
  engine = `http://127.0.0.1:${port}`;
  [plane, s3] = await Promise.all([startPlane(), provisionS3()]);
  // a host by its name, as stores have them: by an address buckets are found in another way
  const store = s3.endpoint.replace('127.0.0.1', 'localhost');
  await s3.createBucket('models');
  kubelet = await startKubelet({
    plane,
    port,
    place({ words: [program, ...args], environment }) {
      assert.equal(program, 'vllm');
      // of a flag that is given twice vLLM takes the last
      const here = ['--host', '127.0.0.1', '--port', String(port)];
      const [command, ...before] = vllm.program;
      return { command, args: [...before, ...args, ...here], environment: { ...environment, ...vllm.environment } };
    },
  });
  platform = await startPlatform({
    KUBECONFIG_PATH: plane.kubeconfig,
    OBJECT_STORE_ENDPOINT: store,
    OBJECT_STORE_ACCESS_KEY: s3.accessKey,
    OBJECT_STORE_SECRET_KEY: s3.secretKey,
    OBJECT_STORE_BUCKET: 'models',
    SERVING_LOCAL_BASE_URL: engine,
    SERVING_RUNTIME_IMAGE: image,
  });
  const model = await approvedModel(platform.api, 'glossary');
  const made = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    route: '/glossary',
    useGpu: false,
    env: { VLLM_CPU_KVCACHE_SPACE: '1' },
    args: [
      '--enable-auto-tool-choice',
      '--tool-call-parser=hermes',
      // the model is too small to stop making blanks where a schema lets it
      '--structured-outputs-config={"backend": "xgrammar", "disable_any_whitespace": true}',
    ],
  });
  const since = Date.now();
  await untilStatus(platform.api, made.id, 'healthy', patience).catch((error: Error) => {
    throw new Error(`${error.message}\n${[...kubelet.logs.values()].flat().join('').slice(-6_000)}`);
  });
  console.log(`vLLM serves the sample model after ${Math.round((Date.now() - since) / 1000)} s.`);
  const { key } = await ask(platform.api, people.developer, 'POST', '/governance/api-keys', {
    name: 'drill',
    team: 'platform',
    roles: ['developer'],
  });
  client = new OpenAI({ apiKey: key, baseURL: `${platform.url}/v1`, maxRetries: 0, timeout: 120_000 });
});
after(async () => {
  await platform?.stop();
  await kubelet?.stop();
  await s3?.stop();
  await plane?.stop();
  vllm?.remove();
});

const messages = [{ role: 'user' as const, content: 'What is a revision?' }];
const asked = { model: 'glossary', messages, temperature: 0, max_tokens: 24 };

test('FR-006m, FR-006n: the pod’s command line and environment are those of the plan, read from the object store', () => {
  const [{ words, environment }] = kubelet.started as [Kubelet['started'][0]];
  assert.deepEqual(words.slice(0, 2), ['vllm', 'serve']);
  assert.match(words[2]!, /^s3:\/\/models\//);
  assert.ok(words.includes('runai_streamer'));
  assert.match(environment['AWS_ENDPOINT_URL']!, /^http:\/\/localhost:/);
  assert.equal(environment['VLLM_CPU_KVCACHE_SPACE'], '1');
});

test('FR-006l: chat through the gateway, whole and streamed, says the same and costs the same', async () => {
  const models = await client.models.list();
  assert.deepEqual(
    models.data.map(({ id }) => id),
    ['glossary'],
  );
  const whole = await client.chat.completions.create(asked);
  const text = whole.choices[0]!.message.content!;
  assert.match(text, /^A revision is an immutable record/);
  assert.equal(whole.usage!.total_tokens, whole.usage!.prompt_tokens + whole.usage!.completion_tokens);
  const stream = await client.chat.completions.create({
    ...asked,
    stream: true,
    stream_options: { include_usage: true },
  });
  let streamed = '';
  let usage: OpenAI.CompletionUsage | null | undefined;
  let finish: string | null | undefined;
  for await (const chunk of stream) {
    streamed += chunk.choices[0]?.delta.content ?? '';
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(streamed, text);
  assert.equal(finish, whole.choices[0]!.finish_reason);
  assert.deepEqual(
    [usage?.prompt_tokens, usage?.completion_tokens],
    [whole.usage!.prompt_tokens, whole.usage!.completion_tokens],
  );
  // a client that did not ask for usage gets none
  const plain = await client.chat.completions.create({ ...asked, stream: true });
  for await (const chunk of plain) assert.equal(chunk.usage ?? null, null);
});

test('FR-006l: logprobs, completions, several choices and stops are vLLM’s own', async () => {
  const chat = await client.chat.completions.create({ ...asked, max_tokens: 3, logprobs: true, top_logprobs: 2 });
  const [first] = chat.choices[0]!.logprobs!.content!;
  assert.equal(first!.token, 'A');
  assert.equal(first!.top_logprobs.length, 2);
  const two = await client.chat.completions.create({ ...asked, temperature: 0.1, n: 2, stop: [' immutable'] });
  assert.deepEqual(
    two.choices.map(({ message, finish_reason: reason }) => [message.content, reason]),
    Array.from({ length: 2 }, () => ['A revision is an', 'stop']),
  );
  const completion = await client.completions.create({
    model: 'glossary',
    prompt: 'A revision',
    max_tokens: 4,
    logprobs: 1,
  });
  assert.equal(completion.choices[0]!.logprobs!.tokens!.length, 4);
});

/** Tokens of the sample model that are a blank, a tab or a line's end. */
const withoutBlanks = { 200: -100, 201: -100, 204: -100, 223: -100 };

test('FR-006l: tools are called, whole and streamed, and schemas are kept', async () => {
  const parameters = {
    type: 'object',
    properties: { term: { type: 'string', enum: ['revision', 'route'] } },
    required: ['term'],
    additionalProperties: false,
  };
  const tools = [{ type: 'function' as const, function: { name: 'define', strict: true, parameters } }];
  const choice = { type: 'function' as const, function: { name: 'define' } };
  const request = { ...asked, max_tokens: 64, tools, tool_choice: choice, logit_bias: withoutBlanks };
  const isCall = (text: string) => assert.ok(['revision', 'route'].includes(JSON.parse(text).term), text);
  const whole = await client.chat.completions.create(request);
  const [call] = whole.choices[0]!.message.tool_calls!;
  assert.ok(call?.type === 'function' && call.function.name === 'define');
  isCall(call.function.arguments);
  let name = '';
  let given = '';
  for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
    const [piece] = chunk.choices[0]?.delta.tool_calls ?? [];
    name += piece?.function?.name ?? '';
    given += piece?.function?.arguments ?? '';
  }
  assert.equal(name, 'define');
  isCall(given);
  const kept = await client.chat.completions.create({
    ...asked,
    max_tokens: 64,
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: parameters, strict: true } },
  });
  isCall(kept.choices[0]!.message.content!);
});

test('FR-006l: what vLLM refuses reaches the client as its refusal', async () => {
  const long = 'revision '.repeat(2_000);
  await assert.rejects(
    client.chat.completions.create({ ...asked, messages: [{ role: 'user', content: long }] }),
    (error) => error instanceof OpenAI.BadRequestError && /context|maximum|tokens|length/i.test(error.message),
  );
  await assert.rejects(
    client.chat.completions.create({ ...asked, temperature: -1 }),
    (error) => error instanceof OpenAI.BadRequestError && /temperature/.test(error.message),
  );
  await assert.rejects(
    client.embeddings.create({ model: 'glossary', input: 'a' }),
    (error) => error instanceof OpenAI.APIError && error.status! >= 400 && error.status! < 500,
  );
});

const metrics = async () => (await fetch(`${engine}/metrics`)).text();
const running = async () => Number(/^vllm:num_requests_running\{[^}]*\} ([\d.]+)$/m.exec(await metrics())![1]);

test('FR-006l: a client that leaves ends its request in vLLM', async () => {
  const stream = await client.chat.completions.create({
    ...asked,
    max_tokens: 400,
    stream: true,
    ...({ ignore_eos: true } as object),
  });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  stream.controller.abort();
  await until('nothing runs', async () => (await running()) === 0, 20_000);
});

test('FR-006, DEP-7: every metric of vLLM that autoscaling, alerts and dashboards name is one that it has', async () => {
  const text = await metrics();
  const named = new Set<string>();
  for (const file of globSync('infra/**/*.{yaml,json,md}', { cwd: projectRoot }))
    for (const [name] of readFileSync(join(projectRoot, file), 'utf8').matchAll(/vllm:[a-z_]+/g)) named.add(name);
  assert.ok(named.has('vllm:num_requests_waiting') && named.has('vllm:num_requests_running'));
  const missing = [...named].filter((name) => !new RegExp(`^${name}[{ ]`, 'm').test(text));
  assert.deepEqual(missing, []);
});

test('FR-006d: the same vLLM as an external model answers through its own route', async () => {
  const model = await externalModel(platform.api, 'glossary-outside', {
    base_url: `${engine}/v1`,
    model_name: 'glossary',
    api_key: 'not-asked-for',
  });
  const made = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    route: '/outside',
  });
  await untilStatus(platform.api, made.id, 'healthy');
  const here = await client.chat.completions.create({ ...asked, model: 'outside' });
  const there = await client.chat.completions.create(asked);
  assert.equal(here.choices[0]!.message.content, there.choices[0]!.message.content);
  assert.deepEqual(here.usage, there.usage);
});

test('FR-009: the ledger has counted each request to the token that vLLM said', async () => {
  const answer = await client.chat.completions.create(asked);
  const entry: Json = await until('the request is in the log', async () => {
    const rows = await ask(
      platform.api,
      people.admin,
      'GET',
      '/governance/observability/requests?route=glossary&limit=1',
    );
    return rows[0]?.completion_tokens === answer.usage!.completion_tokens ? rows[0] : null;
  });
  assert.equal(entry.prompt_tokens, answer.usage!.prompt_tokens);
  assert.deepEqual([entry.estimated, entry.provider, entry.finish_reason], [false, 'vllm', 'length']);
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
