import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTelemetry, parseOtlpHeaders } from '../../backend/src/domains/inference/telemetry/index.ts';
import type { InferenceFacts } from '../../backend/src/domains/inference/telemetry/types.ts';
import { createLog } from '../../backend/src/platform/log/index.ts';

const startedAt = new Date('2026-05-06T07:08:09.123Z');
const secret = 'the patient is called Erika';

const chat: InferenceFacts = {
  operation: 'chat',
  provider: 'openai',
  requestModel: 'gpt-small',
  responseModel: 'gpt-small-2026',
  responseId: 'chatcmpl-1',
  finishReasons: ['stop'],
  baseUrl: 'https://api.example.com/v1',
  route: 'support',
  environment: 'prod',
  endpointId: '0197-e',
  revision: 3,
  body: {
    model: 'support',
    messages: [{ role: 'user', content: secret }],
    tools: [{ type: 'function', function: { name: secret } }],
    stop: [secret],
    user: secret,
    metadata: { note: secret },
    reasoning_effort: secret,
    service_tier: 'flex',
    response_format: { type: 'json_schema', json_schema: { name: secret } },
    stream: true,
    max_tokens: 100,
    temperature: 0.25,
    top_p: 0.5,
    top_k: 40,
    frequency_penalty: 0.125,
    presence_penalty: -0.5,
    seed: 7,
    n: 2,
  },
  startedAt,
  latencyMs: 1500.5,
  firstTokenMs: 250,
  status: 200,
  errorCode: null,
  usage: { prompt_tokens: 120, completion_tokens: 30 },
  cost: '0.0125',
};

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  status: { code?: number; message?: string };
  events: unknown[];
}

interface Point {
  attributes: Record<string, unknown>;
  count?: number;
  sum?: number;
  explicitBounds?: number[];
  bucketCounts?: number[];
  asInt?: string | number;
  asDouble?: number;
}

interface Metric {
  name: string;
  unit: string;
  points: Point[];
  monotonic: boolean | undefined;
}

/** A collector: takes what the exporters send, as OTLP's JSON, and reads it. */
async function collector(
  t: TestContext,
  { status = () => 200, answer = async () => {} }: { status?: () => number; answer?: () => Promise<void> } = {},
) {
  const requests: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      requests.push({ url: request.url!, headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      void answer().then(() => response.writeHead(status(), { 'content-type': 'application/json' }).end('{}'));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const of = (url: string) => requests.filter((request) => request.url === url).map(({ body }) => JSON.parse(body));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    resource: () => values(of('/v1/traces')[0].resourceSpans[0].resource.attributes),
    spans: (): Span[] =>
      of('/v1/traces')
        .flatMap((body) => body.resourceSpans)
        .flatMap((resource) => resource.scopeSpans)
        .flatMap((scope) => scope.spans)
        .map((span) => ({ ...span, attributes: values(span.attributes) })),
    metrics: (): Metric[] =>
      of('/v1/metrics')
        .flatMap((body) => body.resourceMetrics)
        .flatMap((resource) => resource.scopeMetrics)
        .flatMap((scope) => scope.metrics)
        .map((metric) => ({
          name: metric.name,
          unit: metric.unit,
          monotonic: metric.sum?.isMonotonic,
          points: (metric.histogram ?? metric.sum).dataPoints.map((point: any) => ({
            ...point,
            attributes: values(point.attributes),
          })),
        })),
  };
}

function values(attributes: { key: string; value: any }[]): Record<string, unknown> {
  const read = (value: any): unknown => {
    if ('stringValue' in value) return value.stringValue;
    if ('intValue' in value) return Number(value.intValue);
    if ('doubleValue' in value) return value.doubleValue;
    if ('boolValue' in value) return value.boolValue;
    if ('arrayValue' in value) return value.arrayValue.values.map(read);
    throw new Error(`unknown value ${JSON.stringify(value)}`);
  };
  return Object.fromEntries(attributes.map(({ key, value }) => [key, read(value)]));
}

function logged() {
  const lines: { level: string; msg: string; reason?: string }[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { lines, log: createLog({ level: 'info' }, sink) };
}

const options = (endpoint: string | undefined, log = logged().log) => ({
  endpoint,
  headers: {},
  serviceName: 'gateway-test',
  version: '9.8.7',
  sampleRatio: 1,
  exportTimeoutMs: 300,
  log,
});

test('FR-009, QS-obs: a chat becomes a client span with the attributes of the GenAI conventions, and no content', async (t) => {
  const there = await collector(t);
  const telemetry = await createTelemetry({
    ...options(`${there.endpoint}/`),
    headers: parseOtlpHeaders('authorization=Bearer%20t0ken, x-tenant=a=b,broken'),
  });
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const trace = telemetry.begin(parent, 'vendor=1,other=2')!;
  telemetry.end(trace, chat);
  await telemetry.close();

  const spans = there.spans();
  assert.equal(spans.length, 1);
  const span = spans[0]!;
  assert.equal(span.name, 'chat gpt-small');
  assert.equal(span.kind, 3, 'SPAN_KIND_CLIENT');
  assert.equal(span.traceId, '0af7651916cd43dd8448eb211c80319c');
  assert.equal(span.parentSpanId, 'b7ad6b7169203331');
  assert.equal(span.spanId, trace.spanId, 'the span that the upstream was told of');
  assert.equal(span.traceState, 'vendor=1,other=2');
  assert.equal(span.startTimeUnixNano, `${BigInt(startedAt.getTime()) * 1_000_000n}`);
  assert.equal(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano), 1_500_500_000n);
  assert.equal(span.status.code ?? 0, 0);
  assert.deepEqual(span.events, []);
  assert.deepEqual(span.attributes, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-small',
    'gen_ai.response.model': 'gpt-small-2026',
    'gen_ai.response.id': 'chatcmpl-1',
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.response.time_to_first_chunk': 0.25,
    'gen_ai.request.stream': true,
    'gen_ai.request.max_tokens': 100,
    'gen_ai.request.temperature': 0.25,
    'gen_ai.request.top_p': 0.5,
    'gen_ai.request.top_k': 40,
    'gen_ai.request.frequency_penalty': 0.125,
    'gen_ai.request.presence_penalty': -0.5,
    'gen_ai.request.seed': 7,
    'gen_ai.request.choice.count': 2,
    'gen_ai.output.type': 'json',
    'gen_ai.usage.input_tokens': 120,
    'gen_ai.usage.output_tokens': 30,
    'openai.api.type': 'chat_completions',
    'openai.request.service_tier': 'flex',
    'server.address': 'api.example.com',
    'server.port': 443,
    'llmops.route': 'support',
    'llmops.environment': 'prod',
    'llmops.endpoint_id': '0197-e',
    'llmops.revision': 3,
    'llmops.cost': 0.0125,
  });
  const resource = there.resource();
  assert.equal(resource['service.name'], 'gateway-test');
  assert.equal(resource['service.version'], '9.8.7');
  assert.match(String(resource['service.instance.id']), /^[\da-f-]{36}$/);
  for (const request of there.requests) {
    assert.equal(request.headers['content-type'], 'application/json');
    assert.equal(request.headers['authorization'], 'Bearer t0ken');
    assert.equal(request.headers['x-tenant'], 'a=b');
    assert.ok(!request.body.includes(secret), 'no content');
  }
});

test('FR-009: embeddings and failed requests have the attributes that apply to them', async (t) => {
  const there = await collector(t);
  const telemetry = await createTelemetry(options(there.endpoint));
  const end = (facts: Partial<InferenceFacts>): void =>
    telemetry.end(telemetry.begin(undefined), { ...chat, ...facts });
  end({
    operation: 'embedding',
    provider: 'vllm',
    requestModel: 'embedder',
    responseModel: null,
    baseUrl: 'http://[::1]:8000/v1',
    body: { input: secret, encoding_format: 'base64', dimensions: 256 },
    firstTokenMs: null,
    usage: { prompt_tokens: 8, completion_tokens: 0 },
    endpointId: null,
    revision: null,
  });
  end({
    operation: 'completion',
    provider: 'vllm',
    body: { prompt: secret, n: 1, response_format: { type: 'constructor' }, temperature: '1', max_tokens: null },
    status: 504,
    errorCode: 'upstream_timeout',
    finishReasons: [null],
    responseModel: null,
    responseId: null,
    firstTokenMs: null,
    usage: { prompt_tokens: 0, completion_tokens: 0 },
    baseUrl: null,
    cost: '0',
  });
  end({ status: 499, finishReasons: [null], body: { max_completion_tokens: 5, max_tokens: 9 } });
  await telemetry.close();

  const [embedding, completion, gone] = there.spans();
  assert.deepEqual(
    [embedding!.name, completion!.name, gone!.name],
    ['embeddings embedder', 'text_completion gpt-small', 'chat gpt-small'],
  );
  assert.equal(embedding!.parentSpanId || undefined, undefined, 'begins its trace');
  assert.deepEqual(embedding!.attributes, {
    'gen_ai.operation.name': 'embeddings',
    'gen_ai.provider.name': 'vllm',
    'gen_ai.request.model': 'embedder',
    'gen_ai.request.encoding_formats': ['base64'],
    'gen_ai.embeddings.dimension.count': 256,
    'gen_ai.usage.input_tokens': 8,
    'server.address': '::1',
    'server.port': 8000,
    'llmops.route': 'support',
    'llmops.environment': 'prod',
    'llmops.cost': 0.0125,
  });
  assert.equal(completion!.status.code, 2, 'STATUS_CODE_ERROR');
  assert.deepEqual(completion!.attributes, {
    'gen_ai.operation.name': 'text_completion',
    'gen_ai.provider.name': 'vllm',
    'gen_ai.request.model': 'gpt-small',
    'error.type': 'upstream_timeout',
    'gen_ai.response.finish_reasons': ['error'],
    'llmops.route': 'support',
    'llmops.environment': 'prod',
    'llmops.endpoint_id': '0197-e',
    'llmops.revision': 3,
    'llmops.cost': 0,
  });
  assert.equal(gone!.attributes['error.type'], '499');
  assert.equal(gone!.attributes['gen_ai.usage.output_tokens'], 30, 'what was produced');
  assert.equal(gone!.attributes['gen_ai.request.max_tokens'], 5);
  assert.deepEqual(gone!.attributes['gen_ai.response.finish_reasons'], ['error']);
});

test('FR-009: client metrics of the GenAI conventions: names, units, boundaries, attributes and sums', async (t) => {
  const there = await collector(t);
  const telemetry = await createTelemetry({ ...options(there.endpoint), sampleRatio: 0 });
  telemetry.end(telemetry.begin(undefined), chat);
  telemetry.end(null, {
    ...chat,
    latencyMs: 100,
    firstTokenMs: null,
    usage: { prompt_tokens: 5, completion_tokens: 0 },
  });
  telemetry.end(null, {
    ...chat,
    latencyMs: 20,
    firstTokenMs: null,
    status: 502,
    errorCode: 'upstream_failed',
    responseModel: null,
    usage: { prompt_tokens: 0, completion_tokens: 0 },
  });
  telemetry.end(null, {
    ...chat,
    operation: 'completion',
    status: 499,
    usage: { prompt_tokens: 7, completion_tokens: 2 },
  });
  telemetry.end(null, {
    ...chat,
    operation: 'embedding',
    firstTokenMs: null,
    usage: { prompt_tokens: 9, completion_tokens: 0 },
  });
  await telemetry.close();

  assert.deepEqual(there.spans(), [], 'none was sampled, all are counted');
  const metrics = new Map(there.metrics().map((metric) => [metric.name, metric]));
  assert.deepEqual([...metrics.keys()].toSorted(), [
    'gen_ai.client.embeddings.duration',
    'gen_ai.client.embeddings.operation.input_tokens',
    'gen_ai.client.inference.duration',
    'gen_ai.client.inference.operation.input_tokens',
    'gen_ai.client.inference.operation.output_tokens',
    'gen_ai.client.inference.time_to_first_chunk',
    'gen_ai.client.inference.usage.input_tokens',
    'gen_ai.client.inference.usage.output_tokens',
  ]);
  const common = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-small',
    'gen_ai.response.model': 'gpt-small-2026',
    'server.address': 'api.example.com',
    'server.port': 443,
  };
  const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
  const tokens = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];
  const point = (name: string, wanted: Record<string, unknown>): Point => {
    const found = metrics
      .get(name)!
      .points.filter((one) => Object.entries(wanted).every(([key, value]) => one.attributes[key] === value));
    assert.equal(found.length, 1, `${name} ${JSON.stringify(wanted)}`);
    return found[0]!;
  };

  const duration = point('gen_ai.client.inference.duration', {
    'gen_ai.operation.name': 'chat',
    'error.type': undefined,
  });
  assert.deepEqual(duration.attributes, common);
  assert.deepEqual(duration.explicitBounds, seconds);
  assert.equal(duration.count, 2);
  assert.ok(Math.abs(duration.sum! - 1.6005) < 1e-9);
  assert.deepEqual(duration.bucketCounts, [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const failed = point('gen_ai.client.inference.duration', { 'error.type': 'upstream_failed' });
  assert.equal(failed.count, 1);
  assert.equal(metrics.get('gen_ai.client.inference.duration')!.unit, 's');

  const first = point('gen_ai.client.inference.time_to_first_chunk', { 'gen_ai.operation.name': 'chat' });
  assert.deepEqual([first.count, first.sum, first.explicitBounds], [1, 0.25, seconds], 'streamed ones alone');

  const inputs = point('gen_ai.client.inference.operation.input_tokens', {});
  assert.deepEqual([inputs.count, inputs.sum, inputs.explicitBounds], [2, 125, tokens], 'not of what failed');
  assert.deepEqual(inputs.attributes, common);
  assert.equal(point('gen_ai.client.inference.operation.output_tokens', {}).sum, 30);

  const used = metrics.get('gen_ai.client.inference.usage.input_tokens')!;
  assert.deepEqual([used.unit, used.monotonic], ['{token}', true]);
  const number = ({ asInt, asDouble }: Point): number => Number(asInt ?? asDouble);
  const chatted = point(used.name, { 'gen_ai.operation.name': 'chat' });
  assert.deepEqual(chatted.attributes, { ...common, 'gen_ai.token.modality': 'unknown' });
  assert.equal(number(chatted), 125);
  const completed = point(used.name, { 'gen_ai.operation.name': 'text_completion' });
  assert.equal(completed.attributes['gen_ai.token.modality'], 'text');
  assert.equal(number(completed), 7, 'also what a cancelled request used');
  assert.equal(number(point('gen_ai.client.inference.usage.output_tokens', { 'gen_ai.operation.name': 'chat' })), 30);

  assert.equal(point('gen_ai.client.embeddings.duration', {}).count, 1);
  assert.equal(point('gen_ai.client.embeddings.operation.input_tokens', {}).sum, 9);
});

test('FR-009: off, nothing of OpenTelemetry is loaded and a trace is passed on as it came', async () => {
  const telemetry = await createTelemetry(options(undefined));
  assert.equal(telemetry.enabled, false);
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  assert.equal(telemetry.begin(parent, 'a=1')?.headers, `traceparent: ${parent}\r\ntracestate: a=1\r\n`);
  assert.equal(telemetry.begin(undefined), null);
  telemetry.end(telemetry.begin(parent), chat);
  await telemetry.close();

  const module = new URL('../../backend/src/domains/inference/telemetry/index.ts', import.meta.url).href;
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { createTelemetry } = await import(${JSON.stringify(module)});
    const options = { headers: {}, serviceName: 's', version: '1', sampleRatio: 1, log: { info() {}, warn() {} } };
    await createTelemetry({ ...options, endpoint: undefined });
    const off = loaded.filter((url) => url.includes('opentelemetry')).length;
    await createTelemetry({ ...options, endpoint: 'http://127.0.0.1:9' });
    const on = loaded.filter((url) => url.includes('opentelemetry')).length;
    console.log(JSON.stringify({ off, on }));
    process.exit(0);`;
  const { off, on } = JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
  );
  assert.equal(off, 0);
  assert.ok(on > 10, 'the test sees what is loaded');
});

test('QS-obs: with the collector away one line says so, however much is to be sent', async () => {
  const { lines, log } = logged();
  const gone = createTcpServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  const telemetry = await createTelemetry(options(`http://127.0.0.1:${port}`, log));
  for (let round = 0; round < 10; round += 1) {
    for (let index = 0; index < 200; index += 1) telemetry.end(telemetry.begin(undefined), chat);
    await sleep(20);
  }
  await telemetry.close();
  assert.equal(lines.length, 1, JSON.stringify(lines));
  assert.equal(lines[0]!.level, 'warn');
  assert.match(lines[0]!.msg, /OpenTelemetry collector .* OTEL_EXPORTER_OTLP_ENDPOINT/);
  assert.match(lines[0]!.reason!, /ECONNREFUSED/);
});

test('QS-obs: a collector that takes connections and never answers does not hold up the end', async (t) => {
  const open: Socket[] = [];
  const silent = createTcpServer((socket) => open.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  const telemetry = await createTelemetry({ ...options(`http://127.0.0.1:${port}`), exportTimeoutMs: 4500 });
  for (let index = 0; index < 300; index += 1) telemetry.end(telemetry.begin(undefined), chat);
  const started = performance.now();
  await telemetry.close();
  assert.ok(open.length > 0);
  assert.ok(performance.now() - started < 4000);
});

test('QS-obs: while the collector is slow no more than 4,096 spans wait; all of those arrive', async (t) => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const there = await collector(t, { answer: () => released });
  const { lines, log } = logged();
  const telemetry = await createTelemetry({ ...options(there.endpoint, log), exportTimeoutMs: 20_000 });
  for (let round = 0; round < 20; round += 1) {
    for (let index = 0; index < 500; index += 1) telemetry.end(telemetry.begin(undefined), chat);
    await sleep(1);
  }
  release();
  await telemetry.close();
  assert.equal(there.spans().length, 4096 + 128, 'with the batch that was under way');
  assert.deepEqual(lines, []);
  assert.equal(
    there.metrics().find(({ name }) => name === 'gen_ai.client.inference.duration')?.points[0]?.count,
    10_000,
  );
});

test('QS-obs: when the collector is back spans arrive again, and the log says so', async (t) => {
  const { lines, log } = logged();
  let status = 400;
  const there = await collector(t, { status: () => status });
  const telemetry = await createTelemetry(options(there.endpoint, log));
  const fill = (): void => {
    for (let index = 0; index < 128; index += 1) telemetry.end(telemetry.begin(undefined), chat);
  };
  const until = async (what: () => boolean): Promise<void> => {
    for (let tries = 0; tries < 200 && !what(); tries += 1) await sleep(20);
  };
  fill();
  await until(() => lines.length === 1);
  fill();
  await until(() => there.requests.length === 2);
  status = 200;
  fill();
  await until(() => lines.length === 2);
  await telemetry.close();
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['warn', 'info'],
  );
  assert.equal(there.spans().length, 3 * 128);
});
