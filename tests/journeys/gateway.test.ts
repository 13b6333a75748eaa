import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, call, people, startPlatform, until, type Json, type Person, type RunningPlatform } from './harness.ts';
import { externalEndpoint, startProvider, type Provider } from './provider.ts';

let provider: Provider;
let platform: RunningPlatform;
const endpoints: Record<string, Json> = {};

before(async () => {
  provider = await startProvider();
  platform = await startPlatform();
  for (const name of ['a', 'b', 'c']) endpoints[name] = await externalEndpoint(platform.api, provider, name);
});
after(async () => {
  await platform.stop();
  provider.close();
});
beforeEach(() => {
  for (const name of ['a', 'b', 'c']) provider.behave(name, {});
});

interface Sent {
  status: number;
  headers: Headers;
  text: string;
  json: Json;
}

/** One request to the OpenAI face, to its end. */
async function chat(
  model: string,
  more: Record<string, unknown> = {},
  headers: Record<string, string> = people.developer,
): Promise<Sent> {
  const response = await fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }], ...more }),
  });
  const text = await response.text();
  let json: Json = null;
  try {
    json = JSON.parse(text);
  } catch {
    // a stream
  }
  return { status: response.status, headers: response.headers, text, json };
}

const admin = (method: string, path: string, body?: unknown): Promise<Json> =>
  ask(platform.api, people.admin, method, path, body);

/** A route to the named endpoints, seen by the gateway. */
async function route(name: string, targets: Json[], more: Record<string, unknown> = {}): Promise<Json> {
  const made = await admin('POST', '/serving/routes', {
    name,
    environment: 'dev',
    targets: targets.map(({ to, ...target }) => ({ endpointId: endpoints[to].id, ...target })),
    ...more,
  });
  await until('the route is known', async () => (await chat(name)).status !== 404, 5000);
  provider.seen.length = 0;
  return made;
}

/** The newest entry of the request log for a route. */
const logged = (name: string, query = ''): Promise<Json> =>
  until(
    `an entry of ${name}`,
    async () => (await admin('GET', `/governance/observability/requests?route=${name}${query}`))[0],
    5000,
  );
const detail = async (name: string): Promise<Json> =>
  admin('GET', `/governance/observability/requests/${(await logged(name)).id}`);

const key = async (
  limits: Record<string, unknown> | null,
  team = 'platform',
): Promise<Person & { authorization: string }> => {
  const made = await admin('POST', '/governance/api-keys', { name: 'k', team, roles: ['developer'], limits });
  return { authorization: `Bearer ${made.key}`, 'x-key-id': made.id };
};

test('FR-006l: two targets share the traffic by weight; a busy one is passed over, and the answer says where it came from', async () => {
  await route('shared', [
    { to: 'a', weight: 50 },
    { to: 'b', weight: 50 },
    { to: 'c', priority: 1 },
  ]);
  for (let count = 0; count < 40; count += 1) await chat('shared');
  assert.ok(provider.of('a').length >= 8 && provider.of('b').length >= 8, 'both are asked');
  assert.equal(provider.of('c').length, 0, 'the fallback is not');
  provider.behave('a', { status: 503 });
  provider.behave('b', { status: 429 });
  const answer = await chat('shared');
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('x-llmops-route')!, new RegExp(`endpoint=${endpoints['c'].id}; .*attempts=2`));
  assert.equal(answer.json.model, 'c');
  const entry = await until<Json>('its entry', async () => {
    const found = await detail('shared');
    return found.attempts === 2 ? found : null;
  });
  assert.deepEqual(
    entry.decision.attempts.map((attempt: Json) => attempt.outcome),
    ['busy', 'answered'],
  );
  assert.equal(entry.model_name, 'c');
});

test('FR-006l: what may have cost something is tried again only where the route says so, and never after the first byte', async () => {
  provider.behave('a', { status: 500 });
  await route('safe', [{ to: 'a' }, { to: 'b', priority: 1 }]);
  assert.equal((await chat('safe')).status, 502);
  assert.equal(provider.of('b').length, 0);
  await route('bold', [{ to: 'a' }, { to: 'b', priority: 1 }], { retry: { attempts: 0, on: ['error', 'timeout'] } });
  assert.equal((await chat('bold')).json.model, 'b');
  provider.behave('a', { firstMs: 2_000 });
  await route(
    'late',
    [
      { to: 'a', timeouts: { firstTokenMs: 150 } },
      { to: 'b', priority: 1 },
    ],
    {
      retry: { attempts: 0, on: ['timeout'] },
      timeouts: { firstTokenMs: 5_000 },
    },
  );
  provider.behave('a', { resetAfter: 1 });
  const broken = await chat('bold', { stream: true });
  assert.equal(broken.status, 200);
  assert.match(broken.text, /"Hel"[^]*"code":"upstream_failed"/);
  assert.equal(provider.of('b').length, 0, 'the client has seen the beginning of another answer');
});

test('FR-006l, FR-009: an error that an engine tells of in its stream is one: before the first piece another target is tried, later it is in the ledger', async () => {
  await route('telling', [{ to: 'a' }, { to: 'b', priority: 1 }], { retry: { attempts: 0, on: ['error'] } });
  const vllm = { error: { message: 'CUDA out of memory', type: 'InternalServerError', code: 500 } };
  provider.behave('a', { failsAfter: { pieces: 0, event: vllm } });
  const other = await chat('telling', { stream: true });
  assert.match(other.text, /"Hel"[^]*"lo\."[^]*\[DONE\]/);
  assert.doesNotMatch(other.text, /CUDA/);
  const before = provider.of('b').length;
  const tgi = { error: 'Request failed during generation: CUDA out of memory', error_type: 'generation' };
  provider.behave('a', { gapMs: 50, failsAfter: { pieces: 1, event: tgi } });
  const told = await chat('telling', { stream: true });
  assert.equal(told.status, 200);
  assert.match(told.text, /"Hel"[^]*"error_type":"generation"[^]*\[DONE\]/);
  assert.equal(provider.of('b').length, before, 'the client has seen the beginning of another answer');
  const entry = await until<Json>('its entry', async () => {
    const found = await detail('telling');
    return found.error_code === 'upstream_failed' ? found : null;
  });
  assert.equal(entry.status, 502);
  assert.equal(entry.completion_tokens, 1);
  assert.equal(entry.decision.attempts.at(-1).outcome, 'error');
});

test('FR-006l: each target has its own time; a late one is given up, and a stalled stream too', async () => {
  await route('slow', [{ to: 'a', timeouts: { firstTokenMs: 150 } }], { timeouts: { idleMs: 150 } });
  provider.behave('a', { delayMs: 1_000 });
  const late = await chat('slow');
  assert.deepEqual([late.status, late.json.error.code], [504, 'upstream_timeout']);
  provider.behave('a', { gapMs: 1_000 });
  const stalled = await chat('slow', { stream: true });
  assert.match(stalled.text, /"Hel"[^]*"code":"upstream_timeout"/);
  assert.equal((await logged('slow', '&outcome=error')).error_code, 'upstream_timeout');
});

test('REL: an upstream that fails again and again is left alone for a while, and says when to come back', async () => {
  await route('ill', [{ to: 'b' }]);
  await route('ill-backed', [{ to: 'b' }, { to: 'a', priority: 1 }]);
  provider.behave('b', { status: 500 });
  for (let count = 0; count < 5; count += 1) await chat('ill');
  provider.seen.length = 0;
  const refused = await chat('ill');
  assert.deepEqual([refused.status, refused.json.error.code], [503, 'endpoint_unavailable']);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal(provider.seen.length, 0);
  const backed = await chat('ill-backed');
  assert.equal(backed.json.model, 'a');
  const view = await until<Json>('the breaker is shown', async () => {
    const { gateways } = await admin('GET', '/governance/observability/gateway');
    return gateways.find((one: Json) => one.open_breakers.length > 0);
  });
  assert.equal(view.alive, true);
  const { decision } = await until<Json>('its entry', async () => {
    const found = await detail('ill-backed');
    return found.model_name === 'a' ? found : null;
  });
  assert.deepEqual(
    decision.skipped.map((one: Json) => [one.endpoint_id, one.reason]),
    [[endpoints['b'].id, 'It failed again and again: for a while nothing is sent to it.']],
    'why it went to the fallback',
  );
  provider.behave('b', {});
  await until('it is asked again', async () => (await chat('ill')).status === 200, 10_000);
});

test('FR-006l: what an upstream sends that is no answer is told, whatever it is', async () => {
  const cases: [string, string, RegExp][] = [
    [
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"short":',
      'upstream_failed',
      /broke off/,
    ],
    ['HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nnone', 'upstream_failed', /./],
    ['<html>nothing</html>\r\n\r\n', 'upstream_failed', /./],
    ['HTTP/1.1 302 Found\r\nlocation: http://example.com/\r\ncontent-length: 0\r\n\r\n', 'upstream_failed', /302/],
    ['', 'upstream_failed', /./],
  ];
  for (const [raw, code, said] of cases) {
    provider.behave('c', { raw });
    const answer = await chat('c');
    assert.deepEqual([answer.status, answer.json.error.code], [502, code], raw);
    assert.match(answer.json.error.message, said);
    provider.behave('c', {});
    await until('the breaker lets it through', async () => (await chat('c')).status === 200, 10_000);
  }
  provider.behave('c', { noDone: true });
  assert.ok(
    (await chat('c', { stream: true })).text.endsWith('data: [DONE]\n\n'),
    'the end that was left out is added',
  );
});

test('FR-006l, FR-009: a key is held to its limits, told in the answer, and the refusal is in the log', async () => {
  const limited = await key({ requestsPerMinute: 2, tokensPerMinute: 100_000 });
  const first = await chat('a', { max_tokens: 10 }, limited);
  assert.equal(first.headers.get('x-ratelimit-limit-requests'), '2');
  assert.equal(first.headers.get('x-ratelimit-remaining-requests'), '1');
  assert.ok(Number(first.headers.get('x-ratelimit-remaining-tokens')) < 100_000);
  await chat('a', { max_tokens: 10 }, limited);
  const refused = await chat('a', { max_tokens: 10 }, limited);
  assert.deepEqual(
    [refused.status, refused.json.error.code, refused.json.error.type],
    [429, 'rate_limited', 'rate_limit_error'],
  );
  assert.ok(Number(refused.headers.get('retry-after')) >= 20);
  const entry = await logged('a', `&outcome=refused&api_key_id=${limited['x-key-id']}`);
  assert.deepEqual([entry.status, entry.error_code, entry.cost], [429, 'rate_limited', '0']);
  const { decision } = await admin('GET', `/governance/observability/requests/${entry.id}`);
  assert.equal(decision.failure.message, 'This API key may use 2 requests a minute.');
  assert.match(decision.failure.remedy, /^Try again in \d+ s, or ask/);
  await admin('PATCH', `/governance/api-keys/${limited['x-key-id']}`, { limits: { requestsPerMinute: 1000 } });
  await until('the higher limit holds', async () => (await chat('a', { max_tokens: 10 }, limited)).status === 200);
  const tokens = await key({ tokensPerMinute: 1000 });
  assert.equal((await chat('a', { max_tokens: 900 }, tokens)).status, 200);
  // 7 tokens were used of the 900 that were taken: the rest went back
  assert.equal((await chat('a', { max_tokens: 900 }, tokens)).status, 200);
  await route('narrow', [{ to: 'a' }], { limits: { requestsPerMinute: 3 } });
  const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await chat('narrow')).status));
  assert.equal(statuses.filter((status) => status === 429).length, 4, 'one was spent on waiting for the route');
});

test('FR-011: a thousand requests at once against a budget of a hundred: a hundred pass', async () => {
  const holder = await key(null);
  await admin('POST', '/governance/budgets', {
    name: 'A hundred',
    scope: { type: 'key', id: holder['x-key-id'] },
    period: 'monthly',
    limit: { requests: 100 },
    action: 'stop',
  });
  await sleep(2_500);
  provider.behave('a', { delayMs: 20 });
  provider.seen.length = 0;
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async () => {
      const answer = await chat('a', {}, holder);
      return [answer.status, answer.json.error?.code ?? '', Number(answer.headers.get('retry-after') ?? 0)] as const;
    }),
  );
  assert.equal(answers.filter(([status]) => status === 200).length, 100);
  assert.equal(provider.of('a').length, 100);
  const refused = answers.filter(
    ([status, code, after]) => status === 429 && code === 'budget_exhausted' && after >= 1,
  );
  assert.equal(refused.length, 900);
  const budget = await until<Json>('all is settled', async () => {
    const found = (await admin('GET', '/governance/budgets')).find((one: Json) => one.name === 'A hundred');
    return found.current.spent.requests === 100 ? found : null;
  });
  assert.equal(budget.current.state, 'exhausted');
  const [one] = await admin(
    'GET',
    `/governance/observability/requests?outcome=refused&api_key_id=${holder['x-key-id']}&limit=1`,
  );
  const { decision } = await admin('GET', `/governance/observability/requests/${one.id}`);
  assert.match(decision.failure.message, /A hundred/, 'which budget it was');
});

test('FR-011, FR-009: a request costs what its tokens cost at that time, streamed or not, and a cancelled one what was produced', async () => {
  await admin('PUT', `/governance/prices/${endpoints['a'].modelId}`, {
    inputPerMillion: '2',
    outputPerMillion: '10.5',
    perRequest: '0.001',
  });
  await until(
    'the price is known',
    async () => Number((await (await chat('a'), sleep(700), logged('a'))).cost) > 0,
    10_000,
  );
  await chat('a');
  const whole = await until<Json>('settled', async () => {
    const entry = await logged('a');
    return entry.streamed ? null : entry;
  });
  await chat('a', { stream: true });
  const streamed = await until<Json>('settled', async () => {
    const entry = await logged('a');
    return entry.streamed ? entry : null;
  });
  // 5 · 2/10⁶ + 2 · 10.5/10⁶ + 0.001
  assert.deepEqual([whole.cost, streamed.cost], ['0.001031', '0.001031']);
  assert.deepEqual([whole.prompt_tokens, whole.completion_tokens, whole.estimated], [5, 2, false]);
  assert.ok(streamed.first_token_ms > 0 && streamed.latency_ms >= streamed.first_token_ms);
  provider.behave('a', { endless: true, gapMs: 10 });
  const gone = new AbortController();
  const response = await fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'a', messages: [{ role: 'user', content: 'Hi' }], stream: true }),
    signal: gone.signal,
  });
  const reader = response.body!.getReader();
  let pieces = 0;
  while (pieces < 10) pieces += new TextDecoder().decode((await reader.read()).value).split('data: ').length - 1;
  gone.abort();
  const cut = await until<Json>('settled', async () => {
    const entry = await logged('a');
    return entry.status === 499 ? entry : null;
  });
  assert.ok(cut.estimated && cut.completion_tokens >= 10 && cut.completion_tokens < 40, JSON.stringify(cut));
  assert.ok(Number(cut.cost) > 0.001);
  const sums = await admin('GET', '/governance/observability/usage?group_by=model');
  const model = sums.find((row: Json) => row.key === 'a');
  assert.ok(Number(model.cost) >= 0.003 && model.currency === 'USD');
});

test('FR-006l: an answer is kept where the route says so: once asked, free, counted, and never another team’s', async () => {
  await route('kept', [{ to: 'a' }], { cache: { ttlSeconds: 60 } });
  const question = { messages: [{ role: 'user', content: 'What is kept?' }] };
  const first = await chat('kept', question);
  assert.equal(first.headers.get('x-llmops-cache'), 'miss');
  const again = await chat('kept', question);
  assert.deepEqual([again.headers.get('x-llmops-cache'), again.text], ['hit', first.text]);
  const streamed = await chat('kept', { ...question, stream: true });
  assert.equal(streamed.headers.get('x-llmops-cache'), 'miss');
  const replayed = await chat('kept', { ...question, stream: true });
  assert.deepEqual([replayed.headers.get('x-llmops-cache'), replayed.text], ['hit', streamed.text]);
  const fresh = await chat('kept', question, { ...people.developer, 'cache-control': 'no-cache' });
  assert.equal(fresh.headers.get('x-llmops-cache'), null);
  assert.equal(provider.of('a').length, 3);
  const entry = await logged('kept', '&outcome=cached');
  assert.deepEqual([entry.cached, entry.cost, entry.prompt_tokens], [true, '0', 5]);
  const metrics = await (await fetch(`${platform.url}/metrics`)).text();
  assert.match(metrics, /llmops_inference_cache_total\{[^}]*route="kept"[^}]*\} [1-9]/);
});

test('FR-006l: embeddings, tools, images, answer formats and unknown fields pass unharmed', async () => {
  const post = (path: string, body: string): Promise<Response> =>
    fetch(`${platform.url}/v1${path}`, {
      method: 'POST',
      headers: { ...people.developer, 'content-type': 'application/json' },
      body,
    });
  const embeddings = (await (
    await post('/embeddings', '{"model":"a","input":["x","y"],"encoding_format":"float"}')
  ).json()) as Json;
  assert.equal(embeddings.data.length, 2);
  assert.equal(provider.of('a').at(-1)!.path, '/v1/embeddings');
  const rest =
    '"messages":[{"role":"user","content":[{"type":"text","text":"가"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"tools":[{"type":"function","function":{"name":"f","parameters":{"b":1.0,"a":12345678901234567890}}}],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}},"logprobs":true,"top_logprobs":3,"x_unknown":[1,{"z":null}]';
  await post('/chat/completions', `{"model":"a",${rest}}`);
  assert.equal(provider.of('a').at(-1)!.body, `{"model":"a",${rest}}`);
  const completion = (await (await post('/completions', '{"model":"a","prompt":"x"}')).json()) as Json;
  assert.equal(completion.choices[0].text, 'Hello.');
  const wrong = await post('/embeddings', '{"model":"a"}');
  assert.deepEqual([wrong.status, ((await wrong.json()) as Json).error.param], [400, 'input']);
});

test('QS-obs: the trace goes on to the upstream, with the id of the request', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  await chat('a', {}, { ...people.developer, traceparent, tracestate: 'x=1', 'x-request-id': 'journey-1' });
  const { headers } = provider.of('a').at(-1)!;
  assert.match(String(headers['traceparent']), /^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
  assert.deepEqual([headers['tracestate'], headers['x-request-id']], ['x=1', 'journey-1']);
  const entry = await logged('a', '&request_id=journey-1');
  assert.equal(entry.trace_id, '4bf92f3577b34da6a3ce929d0e0e4736');
});

test('FR-009, SEC: what is asked and answered is kept only where the route says so, unreadable where it names people, for those who may read it', async () => {
  await chat('a', { messages: [{ role: 'user', content: 'not kept, unmistakable-1' }] });
  await route('told', [{ to: 'a' }], { capture: { content: true } });
  const messages = [{ role: 'user', content: 'Write to jane.doe@example.com about unmistakable-2' }];
  await chat('told', { messages, stream: true });
  const found = await until<Json>(
    'it is found by its words',
    async () => (await admin('GET', '/governance/observability/requests?search=unmistakable-2'))[0],
  );
  const entry = await admin('GET', `/governance/observability/requests/${found.id}`);
  assert.ok(entry.captured && entry.content.redacted >= 1);
  assert.ok(!entry.content.request.includes('jane.doe'), entry.content.request);
  assert.equal(JSON.parse(entry.content.response).choices[0].message.content, 'Hello.');
  assert.deepEqual(await admin('GET', '/governance/observability/requests?search=unmistakable-1'), []);
  const viewer = { ...people.developer, 'x-user-id': 'stranger', 'x-user-roles': 'viewer' };
  const theirs = await call(platform.api, viewer, 'GET', `/governance/observability/requests/${found.id}`);
  assert.deepEqual([theirs.status, theirs.body.data.content], [200, null]);
  const other = { 'x-user-id': 'other', 'x-user-roles': 'viewer', 'x-user-team': 'elsewhere' };
  const hidden = await call(platform.api, other, 'GET', `/governance/observability/requests/${found.id}`);
  assert.deepEqual([hidden.status, hidden.body.data.code], [404, 'request_not_found']);
});

test('FR-006l: pieces arrive as they are sent, and a slow client holds back its own upstream only', async () => {
  provider.behave('b', { pieces: Array.from({ length: 30 }, () => 'x'), gapMs: 5 });
  const gaps = async (): Promise<number[]> => {
    const response = await fetch(`${platform.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...people.developer, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'b', messages: [{ role: 'user', content: 'Hi' }], stream: true }),
    });
    const at: number[] = [];
    for await (const _ of response.body!) at.push(performance.now());
    return at.slice(1).map((time, index) => time - at[index]!);
  };
  const quick = await gaps();
  assert.ok(
    quick.filter((gap) => gap > 38).length < quick.length / 2,
    `late by 40 ms: ${quick.map(Math.round).join()}`,
  );
  const large = 'y'.repeat(60_000);
  provider.behave('a', { pieces: Array.from({ length: 2_000 }, () => large) });
  const slow = await fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'a', messages: [{ role: 'user', content: 'Hi' }], stream: true }),
  });
  const reader = slow.body!.getReader();
  await reader.read();
  await sleep(500);
  const taken = provider.of('a').at(-1)!.taken;
  assert.ok(taken < 60_000 * 1_000, `${taken} bytes were taken from the upstream for a client that reads none`);
  const beside = await gaps();
  assert.ok(beside.filter((gap) => gap > 100).length < 3, `others wait: ${beside.map(Math.round).join()}`);
  await reader.cancel();
  await until('the upstream is let go', async () => provider.of('a').at(-1)!.closed, 3000);
});

test('FR-006l: bad keys, bodies and names are told in the shape of the face, and nothing is sent on', async () => {
  provider.seen.length = 0;
  const raw = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${platform.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...people.developer, 'content-type': 'application/json', ...headers },
      body,
    });
  const cases: [Response, number, string][] = [
    [await raw('{"model":"a","messages":[{}]}'), 400, 'validation_failed'],
    [await raw('{"model":"a","messages":["x"],"max_tokens":1.5}'), 400, 'validation_failed'],
    [await raw(`{"model":"a","messages":${'['.repeat(50_000)}${']'.repeat(50_000)}}`), 400, 'validation_failed'],
    [await raw('{"model":"a","messages":[{"role":"user","content":"x"}],"stream":"yes"}'), 400, 'validation_failed'],
    [await raw('{"model":"nobody","messages":[{"role":"user","content":"x"}]}'), 404, 'route_not_found'],
    [await raw('{}', { 'content-encoding': 'gzip' }), 415, 'media_type_unsupported'],
    [
      await raw('{"model":"a","messages":[{"role":"user","content":"x"}]}', { authorization: 'Bearer lo_no' }),
      401,
      'unauthenticated',
    ],
    [await fetch(`${platform.url}/v1/chat/completions`, { headers: people.developer }), 405, 'method_not_allowed'],
    [await fetch(`${platform.url}/v1/nothing`, { headers: people.developer }), 404, 'route_unknown'],
  ];
  for (const [answer, status, code] of cases) {
    const { error } = (await answer.json()) as Json;
    assert.deepEqual([answer.status, error.code], [status, code]);
    assert.ok(error.message.length > 10);
  }
  assert.equal(provider.seen.length, 0);
  const huge = await raw('{"model":"a","messages":[{"role":"user","content":"x"}],"n":1e300,"max_tokens":1e300}');
  assert.equal(huge.status, 200, 'a wish beyond all measure is no fault of ours');
});
