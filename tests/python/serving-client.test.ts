import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from './python.ts';

/** What goes over the wire: a server that records requests and answers as api.md writes replies. */
interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: unknown;
}

let server: Server;
let base = '';
let seen: Seen[] = [];
let answer: (request: Seen, reply: ServerResponse) => void;

const success = (data: unknown) => JSON.stringify({ status: 'success', message: '', data });

before(async () => {
  server = createServer(async (request, reply) => {
    const chunks = await request.toArray();
    const text = Buffer.concat(chunks).toString();
    const { method = '', url = '', headers } = request;
    const entry = { method, url, headers, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    seen.push(entry);
    answer(entry, reply);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/llm-ops/v1`;
});
beforeEach(() => (seen = []));
after(() => server.close());

/** Runs lines of Python with a `client` and prints what `result` is then, as JSON. */
async function client(lines: string, options = 'user_id="ann", user_roles="developer"'): Promise<unknown> {
  const program = [
    'import json',
    'from examples.serving_client import ServingClient, ServingError',
    `client = ServingClient("${base}/", ${options})`,
    lines,
    'print(json.dumps(result))',
  ].join('\n');
  const { stdout } = await promisify(execFile)('python3', ['-B', '-c', program], { cwd: root });
  return JSON.parse(stdout);
}

test('FR-006b: deploy_endpoint sends the declared fields, identity and an idempotency key, and returns data', async () => {
  answer = (_, reply) => reply.end(success({ id: 'e1', status: 'deploying' }));
  const data = await client(`result = client.deploy_endpoint(model_id="m1", environment="dev",
    route="/llm-ops/v1/serve/chat-model", min_replicas=1, max_replicas=3, use_gpu=False, rollback_plan="back")`);
  assert.deepEqual(data, { id: 'e1', status: 'deploying' });
  const [sent] = seen;
  assert.equal(`${sent?.method} ${sent?.url}`, 'POST /llm-ops/v1/serving/endpoints');
  assert.equal(sent?.headers['x-user-id'], 'ann');
  assert.equal(sent?.headers['x-user-roles'], 'developer');
  assert.match(String(sent?.headers['idempotency-key']), /^[0-9a-f-]{36}$/);
  assert.deepEqual(sent?.body, {
    modelId: 'm1',
    environment: 'dev',
    route: '/llm-ops/v1/serve/chat-model',
    minReplicas: 1,
    maxReplicas: 3,
    useGpu: false,
    rollbackPlan: 'back',
  });
});

test('FR-006b: list_endpoints follows the next pages and sends its filters', async () => {
  answer = ({ url }, reply) => {
    const second = url.includes('cursor=2');
    if (!second) reply.setHeader('Link', '</llm-ops/v1/serving/endpoints?environment=dev&cursor=2>; rel="next"');
    reply.end(success([{ id: second ? 'b' : 'a' }]));
  };
  const found = await client('result = client.list_endpoints(environment="dev", model_id="m", status="healthy")');
  assert.deepEqual(found, [{ id: 'a' }, { id: 'b' }]);
  assert.equal(seen[0]?.url, '/llm-ops/v1/serving/endpoints?environment=dev&modelId=m&status=healthy');
});

test('FR-006b: wait_for_healthy is true when healthy, false when failed or out of time', async () => {
  const waited = async (...states: string[]) => {
    answer = (_, reply) => reply.end(success({ status: states.length > 1 ? states.shift() : states[0] }));
    return client('result = client.wait_for_healthy("e1", max_wait_seconds=0.5, poll_interval=0.05)');
  };
  assert.equal(await waited('deploying', 'degraded', 'healthy'), true);
  assert.equal(await waited('deploying', 'failed'), false);
  assert.equal(await waited('deploying'), false);
});

test('FR-006b: check_health, get_endpoint, rollback_endpoint and call_chat_model reach their paths and return data', async () => {
  answer = ({ url }, reply) => reply.end(success(url));
  const data = await client(`messages = [{"role": "user", "content": "Hello!"}]
result = [client.check_health("/llm-ops/v1/serve/chat-model"), client.check_health("team/a b"), client.get_endpoint("e/1"),
  client.rollback_endpoint("e1"), client.call_chat_model("chat-model", messages, temperature=0.7, seed=1)]`);
  assert.deepEqual(data, [
    '/llm-ops/v1/serve/chat-model/health',
    '/llm-ops/v1/serve/team/a%20b/health',
    '/llm-ops/v1/serving/endpoints/e%2F1',
    '/llm-ops/v1/serving/endpoints/e1/rollback',
    '/llm-ops/v1/serve/chat-model/chat',
  ]);
  assert.deepEqual(seen.at(-1)?.body, { messages: [{ role: 'user', content: 'Hello!' }], temperature: 0.7, seed: 1 });
});

test('FR-008: a refusal becomes ServingError with code, issues, remedy and error id', async () => {
  answer = (_, reply) => {
    const issues = [{ path: 'route', message: 'Give a route.' }];
    const data = { code: 'validation_failed', errorId: 'x1', remedy: 'Correct the fields.', issues };
    reply.writeHead(400).end(JSON.stringify({ status: 'fail', message: 'Wrong fields.', data }));
  };
  const error = await client(`try:
  client.get_endpoint("e1")
except ServingError as error:
  result = [error.status, error.code, error.error_id, error.issues, str(error)]`);
  assert.deepEqual(error, [
    400,
    'validation_failed',
    'x1',
    [{ path: 'route', message: 'Give a route.' }],
    'Wrong fields. [validation_failed] route: Give a route. Correct the fields.',
  ]);
});

test('FR-006b: a key is sent as a bearer and does not follow a redirect; a foreign answer and a dead server are errors', async () => {
  answer = ({ url }, reply) => {
    if (url.endsWith('/moved')) reply.writeHead(302, { location: `${base}/elsewhere` }).end();
    else reply.end('<html>');
  };
  const codes = await client(
    `result = []
for call in (lambda: client.get_endpoint("moved"), lambda: client.get_endpoint("html"),
             lambda: ServingClient("http://127.0.0.1:1/llm-ops/v1").list_endpoints()):
  try:
    call()
  except ServingError as error:
    result.append(error.code)`,
    'api_key="secret"',
  );
  assert.deepEqual(codes, ['unexpected_reply', 'unexpected_reply', 'unreachable']);
  assert.deepEqual(
    seen.map(({ url, headers }) => [url, headers.authorization]),
    [
      ['/llm-ops/v1/serving/endpoints/moved', 'Bearer secret'],
      ['/llm-ops/v1/serving/endpoints/html', 'Bearer secret'],
    ],
  );
});
