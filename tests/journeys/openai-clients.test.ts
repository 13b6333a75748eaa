import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { provisionPython } from '../../scripts/provision/python.ts';
import {
  approvedModel,
  ask,
  call,
  healthyEndpoint,
  people,
  startPlatform,
  until,
  untilStatus,
  type RunningPlatform,
} from './harness.ts';

let platform: RunningPlatform;
let key: string;
let client: OpenAI;

before(async () => {
  platform = await startPlatform();
  const model = await approvedModel(platform.api, 'clients');
  await healthyEndpoint(platform.api, model.id, '/assistants/clients');
  const made = await ask(platform.api, people.developer, 'POST', '/governance/api-keys', {
    name: 'clients',
    team: 'platform',
    roles: ['developer'],
  });
  ({ key } = made);
  client = new OpenAI({ apiKey: key, baseURL: `${platform.url}/v1`, maxRetries: 0 });
});
after(() => platform.stop());

test('FR-006l: the npm client lists models, chats, streams and completes', async () => {
  const models = await client.models.list();
  assert.deepEqual(
    models.data.map((model) => model.id),
    ['assistants/clients'],
  );
  const messages = [{ role: 'user' as const, content: 'What is a route?' }];
  const answer = await client.chat.completions.create({
    model: 'assistants/clients',
    messages,
    temperature: 0,
    max_tokens: 40,
  });
  const text = answer.choices[0]?.message.content ?? '';
  assert.ok(text.length > 0);
  assert.equal(answer.usage?.total_tokens, (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0));

  const stream = await client.chat.completions.create({
    model: 'assistants/clients',
    messages,
    temperature: 0,
    max_tokens: 40,
    stream: true,
    stream_options: { include_usage: true },
  });
  let streamed = '';
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of stream) {
    streamed += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(streamed, text, 'a streamed answer is the unstreamed one');
  assert.deepEqual(
    [usage?.prompt_tokens, usage?.completion_tokens],
    [answer.usage?.prompt_tokens, answer.usage?.completion_tokens],
    'and costs the same',
  );

  const completion = await client.completions.create({
    model: 'assistants/clients',
    prompt: 'A route',
    max_tokens: 8,
    temperature: 0,
  });
  assert.equal(typeof completion.choices[0]?.text, 'string');
});

test('FR-011, FR-006l: what a budget refused the npm client tells at once, instead of asking again in vain', async () => {
  const poor = await ask(platform.api, people.developer, 'POST', '/governance/api-keys', {
    name: 'poor',
    team: 'platform',
    roles: ['developer'],
  });
  await ask(platform.api, people.operator, 'POST', '/governance/budgets', {
    name: 'nothing at all',
    scope: { type: 'key', id: poor.id },
    period: 'total',
    limit: { requests: 0 },
    action: 'stop',
  });
  // with the retries that it has by default
  const patient = new OpenAI({ apiKey: poor.key, baseURL: `${platform.url}/v1` });
  const chat = () =>
    patient.chat.completions.create({
      model: 'assistants/clients',
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 1,
    });
  const refusal = await until('the budget is known', () =>
    chat().then(
      () => null,
      (error: unknown) => error as InstanceType<typeof OpenAI.APIError>,
    ),
  );
  assert.ok(refusal instanceof OpenAI.RateLimitError, String(refusal));
  assert.equal(refusal.code, 'budget_exhausted');
  assert.match(refusal.message, /nothing at all/);
  const refused = await until('it is in the log', async () => {
    const found = await ask(
      platform.api,
      people.operator,
      'GET',
      `/governance/observability/requests?outcome=refused&api_key_id=${poor.id}`,
    );
    return found.length > 0 ? found : null;
  });
  assert.equal(refused.length, 1, 'it was asked once');
});

test('FR-006l: the npm client embeds texts with a model of ours', async () => {
  const { data, usage } = await client.embeddings.create({
    model: 'assistants/clients',
    input: ['a route', 'a token', 'a route'],
  });
  const [first, second, third] = data.map(({ embedding }) => embedding);
  assert.equal(data.length, 3);
  assert.ok(first!.length > 8 && usage.prompt_tokens > 0);
  assert.deepEqual(first, third, 'the same text has the same vector');
  assert.notDeepEqual(first, second);
});

test('FR-006l: errors reach the npm client in its own classes', async () => {
  await assert.rejects(
    client.chat.completions.create({ model: 'no-such', messages: [{ role: 'user', content: 'x' }] }),
    OpenAI.NotFoundError,
  );
  await assert.rejects(
    client.chat.completions.create({ model: 'assistants/clients', messages: [] }),
    OpenAI.BadRequestError,
  );
  const stranger = new OpenAI({ apiKey: 'lo_wrong', baseURL: `${platform.url}/v1`, maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

test('FR-006l: the PyPI client chats, streams and reads errors', async () => {
  const python = await provisionPython('tests/python/requirements-openai.txt');
  const program = `
import openai, sys
client = openai.OpenAI(api_key=sys.argv[2], base_url=sys.argv[1] + "/v1", max_retries=0)
messages = [{"role": "user", "content": "What is a route?"}]
plain = client.chat.completions.create(model="assistants/clients", messages=messages, temperature=0, max_tokens=40)
streamed = "".join((c.choices[0].delta.content or "") for c in client.chat.completions.create(model="assistants/clients", messages=messages, temperature=0, max_tokens=40, stream=True))
assert streamed == plain.choices[0].message.content, (streamed, plain)
assert [m.id for m in client.models.list()] == ["assistants/clients"]
vectors = client.embeddings.create(model="assistants/clients", input=["a route", "a route"]).data
assert vectors[0].embedding == vectors[1].embedding and len(vectors[0].embedding) > 8
try:
    client.chat.completions.create(model="no-such", messages=messages)
except openai.NotFoundError as error:
    assert error.code == "route_not_found", error
else:
    raise SystemExit("no error")
print("fine", plain.usage.total_tokens)
`;
  const { stdout } = await promisify(execFile)(python, ['-c', program, platform.url, key]);
  assert.match(stdout, /^fine \d+/);
});

test('DEP-2, FR-006l, FR-008: an endpoint is called by one predictable name, and answers in the envelope', async () => {
  const answer = await call(platform.api, people.developer, 'POST', '/serve/assistants/clients/chat', {
    messages: [{ role: 'user', content: 'What is a route?' }],
    temperature: 0,
    max_tokens: 40,
  });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { data } = answer.body;
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  assert.equal(data.choices[0].message.role, 'assistant');
  assert.ok(['stop', 'length'].includes(data.choices[0].finish_reason));
  assert.match(answer.headers.get('x-llmops-route') ?? '', /environment=dev; .*revision=1/);
  const health = await call(platform.api, people.developer, 'GET', '/serve/assistants/clients/health');
  assert.equal(health.body.data.status, 'healthy');
  assert.equal(health.body.data.model.name, 'clients');

  const wrong = await call(platform.api, people.developer, 'POST', '/serve/assistants/clients/chat', {
    messages: [{ role: 'user', content: 'x' }],
    temperature: 3,
    max_tokens: 5000,
  });
  assert.equal(wrong.status, 400);
  assert.deepEqual(wrong.body.data.issues.map((issue: { path: string }) => issue.path).toSorted(), [
    'max_tokens',
    'temperature',
  ]);
  const unknown = await call(platform.api, people.developer, 'POST', '/serve/nothing/chat', {
    messages: [{ role: 'user', content: 'x' }],
  });
  assert.deepEqual([unknown.status, unknown.body.data.code], [404, 'route_not_found']);
  const method = await call(platform.api, people.developer, 'GET', '/serve/assistants/clients/chat');
  assert.deepEqual([method.status, method.headers.get('allow')], [405, 'POST']);
});

test('FR-006d, FR-009: requests and tokens are recorded by user, team, model, endpoint and environment', async () => {
  const rows = await until('usage', async () => {
    const data = await ask(platform.api, people.developer, 'GET', '/governance/observability/usage?group_by=model');
    return data[0]?.requests >= 4 ? data : null;
  });
  assert.equal(rows[0].key, 'clients');
  assert.ok(rows[0].prompt_tokens > 0 && rows[0].completion_tokens > 0);
});

test('DEP-reg: a disabled name is denied, within two seconds of the change', async () => {
  const changed = Date.now();
  await ask(
    platform.api,
    people.operator,
    'PATCH',
    `/serving/registrations/${encodeURIComponent('assistants/clients')}`,
    { enabled: false },
  );
  await until(
    'denied',
    async () => {
      const answer = await call(platform.api, people.developer, 'POST', '/serve/assistants/clients/chat', {
        messages: [{ role: 'user', content: 'x' }],
        max_tokens: 2,
      });
      return answer.status === 403 && answer.body.data.code === 'registration_disabled';
    },
    5000,
  );
  assert.ok(Date.now() - changed < 2500);
  await ask(
    platform.api,
    people.operator,
    'PATCH',
    `/serving/registrations/${encodeURIComponent('assistants/clients')}`,
    { enabled: true },
  );
  await until(
    'allowed again',
    async () => (await call(platform.api, people.developer, 'GET', '/serve/assistants/clients/health')).status === 200,
    5000,
  );
});

test('FR-006j: rollback and redeploy under load fail no request', async () => {
  const { data: endpoints } = (await call(platform.api, people.operator, 'GET', '/serving/endpoints')).body;
  const [endpoint] = endpoints;
  const failures: string[] = [];
  let answered = 0;
  const load = { on: true };
  const worker = async (): Promise<void> => {
    while (load.on) {
      const response = await fetch(`${platform.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'assistants/clients',
          messages: [{ role: 'user', content: 'What is a route?' }],
          max_tokens: 12,
          temperature: 0,
        }),
      });
      if (response.ok) answered += 1;
      else failures.push(`${response.status} ${await response.text()}`);
      await response.body?.cancel().catch(() => undefined);
    }
  };
  const workers = Promise.all([worker(), worker()]);
  await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${endpoint.id}/redeploy`, {
    contextLength: 256,
  });
  await until(
    'revision 2 live',
    async () => (await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${endpoint.id}`)).revision === 2,
    90_000,
  );
  await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${endpoint.id}/rollback`);
  await until(
    'revision 3 live',
    async () => (await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${endpoint.id}`)).revision === 3,
    90_000,
  );
  await untilStatus(platform.api, endpoint.id, 'healthy');
  load.on = false;
  await workers;
  assert.deepEqual(failures, []);
  assert.ok(answered > 5, `${answered} requests were answered`);
  const history = await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${endpoint.id}/deployments`);
  assert.deepEqual(
    history.map((revision: { reason: string }) => revision.reason),
    ['rollback', 'redeploy', 'deploy'],
  );
});
