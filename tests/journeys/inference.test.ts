import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import {
  ask,
  approvedModel,
  call,
  healthyEndpoint,
  people,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from './harness.ts';

/** A provider with OpenAI's published wire format, whose behaviour the asked model name chooses. */
async function startProvider() {
  const seen: { path: string; authorization: string | undefined; body: string; closed: boolean }[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const entry = { path: request.url ?? '', authorization: request.headers.authorization, body, closed: false };
    seen.push(entry);
    response.once('close', () => (entry.closed = true));
    const asked = body === '' ? {} : (JSON.parse(body) as Json);
    const word = String(asked.messages?.at(-1)?.content ?? '');
    if (word === 'refuse')
      return void json(response, 400, {
        error: { message: 'No such tool.', type: 'invalid_request_error', code: 'tools' },
      });
    if (word === 'fail') return void json(response, 500, { error: { message: 'boom' } });
    if (word === 'key') return void json(response, 401, { error: { message: 'Incorrect API key provided.' } });
    if (word === 'nonsense') return void response.writeHead(200, { 'content-type': 'application/json' }).end('<html>');
    if (asked.stream !== true) {
      return void json(response, 200, {
        id: 'x',
        object: 'chat.completion',
        model: asked.model,
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      });
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const chunk = (value: unknown) => response.write(`data: ${JSON.stringify(value)}\n\n`);
    chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' } }] });
    if (word === 'break') return void setTimeout(() => response.destroy(), 50);
    if (word === 'endless') {
      const timer = setInterval(() => chunk({ choices: [{ index: 0, delta: { content: '.' } }] }), 20);
      response.once('close', () => clearInterval(timer));
      return;
    }
    chunk({ choices: [{ index: 0, delta: { content: 'lo.' } }] });
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    if (asked.stream_options?.include_usage === true)
      chunk({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } });
    response.end('data: [DONE]\n\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, seen, close: () => (server.closeAllConnections(), server.close()) };
}

const json = (response: ServerResponse, status: number, value: unknown) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

let provider: Awaited<ReturnType<typeof startProvider>>;
let platform: RunningPlatform;

before(async () => {
  provider = await startProvider();
  platform = await startPlatform({ SERVING_LOCAL_BASE_URL: provider.url });
  const model = await ask(platform.api, people.researcher, 'POST', '/catalog/models', {
    name: 'gpt',
    version: '1',
    type: 'external',
    owner_team: 'platform',
    metadata: {
      description: 'A provider.',
      provider: 'openai',
      model_name: 'gpt-test',
      api_key: 'sk-journey',
      base_url: `${provider.url}/v1`,
    },
  });
  await ask(platform.api, people.researcher, 'PATCH', `/catalog/models/${model.id}/status`, {
    status: 'pending_review',
  });
  await ask(platform.api, people.reviewer, 'POST', `/catalog/models/${model.id}/versions/1/approve`, {
    decision: 'approve',
  });
  await healthyEndpoint(platform.api, model.id, '/gpt');
});
after(async () => {
  await platform.stop();
  provider.close();
});

const send = (content: string, extra = '', signal?: AbortSignal): Promise<Response> =>
  fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: `{"model":"gpt","messages":[{"role":"user","content":"${content}"}]${extra}}`,
    ...(signal === undefined ? {} : { signal }),
  });
const usage = async (): Promise<Json> =>
  (await ask(platform.api, people.developer, 'GET', '/governance/observability/usage?group_by=model')).find(
    (row: Json) => row.key === 'gpt',
  ) ?? { requests: 0, errors: 0, completion_tokens: 0 };

test('FR-006d: an external model is called with its key and name; what the gateway need not change arrives byte for byte', async () => {
  const answer = await send(
    'hi',
    ', "seed": 12345678901234567890, "tools" : [{"type":"function","function":{"name":"f","parameters":{"z":1,"a":2}}}],"unknown":1.0',
  );
  assert.equal(answer.status, 200);
  assert.equal(((await answer.json()) as Json).choices[0].message.content, 'Hello.');
  const { path, authorization, body } = provider.seen.at(-1)!;
  assert.deepEqual([path, authorization], ['/v1/chat/completions', 'Bearer sk-journey']);
  assert.ok(body.startsWith('{"model":"gpt-test","messages"'), body);
  assert.ok(
    body.includes(
      '"seed": 12345678901234567890, "tools" : [{"type":"function","function":{"name":"f","parameters":{"z":1,"a":2}}}],"unknown":1.0',
    ),
    body,
  );
});

test('FR-006d, FR-008: whatever the provider does wrong is told in both faces, with its words and never its key trouble as ours', async () => {
  const cases: [string, number, string, RegExp][] = [
    ['refuse', 400, 'upstream_refused', /No such tool/],
    ['fail', 502, 'upstream_failed', /boom/],
    ['key', 502, 'upstream_failed', /Incorrect API key/],
    ['nonsense', 502, 'upstream_failed', /not JSON/],
  ];
  for (const [word, status, code, said] of cases) {
    const openai = await send(word);
    const { error } = (await openai.json()) as Json;
    assert.deepEqual([openai.status, error.code], [status, code], word);
    assert.match(error.message, said);
    const envelope = await call(platform.api, people.developer, 'POST', '/serve/gpt/chat', {
      messages: [{ role: 'user', content: word }],
    });
    assert.deepEqual([envelope.status, envelope.body.status, envelope.body.data.code], [status, 'fail', code], word);
    assert.match(envelope.body.message, said);
    assert.ok(envelope.body.data.remedy.length > 5);
  }
});

test('FR-006l: a stream that breaks off says so in the stream; usage is asked for but shown only to who wanted it', async () => {
  const whole = await (await send('hi', ',"stream":true')).text();
  assert.ok(!whole.includes('"usage"') && whole.endsWith('data: [DONE]\n\n'), whole);
  assert.ok(provider.seen.at(-1)!.body.includes('"include_usage":true'));
  const wanted = await (await send('hi', ',"stream":true,"stream_options":{"include_usage":true}')).text();
  assert.match(wanted, /"completion_tokens":2/);
  const broken = await send('break', ',"stream":true');
  assert.equal(broken.status, 200);
  assert.match(await broken.text(), /Hel[^]*"error":\{"message":[^]*"code":"upstream_failed"/);
});

test('FR-006l, FR-009: a client that goes away ends the upstream at once, and is recorded with what was produced', async () => {
  const earlier = (await usage()).requests;
  const gone = new AbortController();
  const response = await send('endless', ',"stream":true', gone.signal);
  const reader = response.body!.getReader();
  for (let chunks = 0; chunks < 5; chunks += 1) await reader.read();
  gone.abort();
  await until('the upstream is ended', async () => provider.seen.at(-1)!.closed, 3000);
  const after = await until<Json>('recorded', async () => ((await usage()).requests > earlier ? usage() : null), 5000);
  assert.ok(after.completion_tokens >= 5);
});

test('FR-006l: bad bodies are refused in OpenAI’s shape before anything is sent', async () => {
  const raw = (body: string, type = 'application/json'): Promise<Response> =>
    fetch(`${platform.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...people.developer, 'content-type': type },
      body,
    });
  const cases: [Promise<Response>, number, string][] = [
    [raw('{"model":'), 400, 'body_malformed'],
    [raw('[]'), 400, 'body_malformed'],
    [raw('{"model":1,"messages":[]}'), 400, 'validation_failed'],
    [raw('x', 'text/plain'), 415, 'media_type_unsupported'],
    [
      raw(`{"model":"gpt","messages":[{"role":"user","content":"${'x'.repeat(33 * 1024 * 1024)}"}]}`),
      413,
      'payload_too_large',
    ],
    [raw(`{"model":"gpt","messages":${'['.repeat(20_000)}${']'.repeat(20_000)}}`), 200, ''],
  ];
  const before = provider.seen.length;
  for (const [sent, status, code] of cases.slice(0, 5)) {
    const answer = await sent;
    assert.deepEqual([answer.status, ((await answer.json()) as Json).error.code], [status, code]);
  }
  assert.ok(provider.seen.length <= before + 1);
  assert.ok((await cases[5]![0]).status < 500, 'deep nesting passes or is refused, it breaks nothing');
});

test('FR-006l: SERVING_LOCAL_BASE_URL sends internal models there instead', async () => {
  const model = await approvedModel(platform.api, 'internal');
  await healthyEndpoint(platform.api, model.id, '/internal');
  const answer = await fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: '{"model":"internal","messages":[{"role":"user","content":"hi"}]}',
  });
  assert.equal(((await answer.json()) as Json).choices[0].message.content, 'Hello.');
  assert.equal(provider.seen.at(-1)!.path, '/v1/chat/completions');
});
