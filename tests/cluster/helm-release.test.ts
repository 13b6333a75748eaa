import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';
import { provisionS3, type S3Server } from '../../scripts/provision/s3.ts';
import { approvedModel, ask, people, person, projectRoot, until, type Json } from '../journeys/harness.ts';
import { startProvider, type Provider } from '../journeys/provider.ts';
import { changePlan } from '../serving/plan.ts';
import { forAgent, startAgent, type NodeAgent } from './agent.ts';
import { addVolumes, chart, helm, helmDoes, namespaceFor, valuesOf } from './chart.ts';
import { keepAsking } from './clients.ts';
import { applyDefinitions } from './crds.ts';
import { startPlane, type Plane } from './plane.ts';

/**
 * The platform as Helm installs it: every pod of the chart runs the real program (see agent.ts), with the chart's environment, the
 * rights of its service account and its probes. The models' pods are kwok's, what they would answer comes from a provider.
 */
const namespace = 'llm-ops';
let plane: Plane;
let postgres: PostgresServer;
let store: S3Server;
let provider: Provider;
let agent: NodeAgent;
let databaseUrl: string;
let database: pg.Client;
const folder = mkdtempSync(join(tmpdir(), 'llm-ops-release-'));

before(async () => {
  [plane, postgres, store, provider] = await Promise.all([
    startPlane(),
    provisionPostgres(),
    provisionS3(),
    startProvider(),
  ]);
  await store.createBucket('llm-ops-dev');
  await Promise.all([plane.addNodes(2, { prefix: 'gpu', gpus: 8 }), addVolumes(plane, 2)]);
  await applyDefinitions(plane, 'aibrix');
  for (const operator of ['gpu-operator', 'prometheus-operator'] as const) await applyDefinitions(plane, operator);
  databaseUrl = await postgres.createDatabase('platform');
  database = await connected();
  await namespaceFor(plane, namespace, {
    DATABASE_URL: databaseUrl,
    SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
    OBJECT_STORE_ACCESS_KEY: store.accessKey,
    OBJECT_STORE_SECRET_KEY: store.secretKey,
  });
  agent = await startAgent({ plane, namespace, folder });
});
after(async () => {
  await agent?.stop();
  await database?.end();
  provider?.close();
  await Promise.all([postgres?.stop(), store?.stop(), plane?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  return client;
}

/** The values for dev, with what this place has, and what a test changes. */
function values(changed: Json = {}): string[] {
  const own = {
    config: {
      IDENTITY_MODE: 'header',
      TRUSTED_PROXIES: '127.0.0.1',
      OBJECT_STORE_ENDPOINT: store.endpoint,
      SERVING_LOCAL_BASE_URL: provider.url,
      SERVING_RUNTIME_IMAGE: 'vllm/vllm-openai:v0.15.0',
      ...changed.config,
    },
    image: { tag: '1', ...changed.image },
    ...Object.fromEntries(
      ['api', 'gateway', 'worker', 'migrations'].map((part) => [part, { podAnnotations: forAgent }]),
    ),
  };
  const file = join(folder, 'values.json');
  writeFileSync(file, JSON.stringify(own));
  return [`--namespace=${namespace}`, `--values=${valuesOf('dev')}`, `--values=${file}`];
}
const apiUrl = async () => {
  const [url] = await until('an API pod', async () => {
    const found = await agent.addressesOf('llm-ops-api');
    return found.length > 0 && found;
  });
  return `${url}/llm-ops/v1`;
};
/** answers that clients had in full */
let served = 0;
const chatOnce = async (base: string, model: string, stream = false): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Hello' }] }),
  });
  const text = await answer.text();
  if (answer.status === 200) served += 1;
  return { status: answer.status, text };
};

const addresses = () => agent.addressesOf('llm-ops-gateway');
const gatewayPods = async (): Promise<Json[]> =>
  JSON.parse(
    await plane.kubectl(['-n', namespace, 'get', 'pods', '-l', 'app.kubernetes.io/component=gateway', '-o', 'json']),
  ).items;
const logOf = (name: string) => (agent.logs.get(name) ?? []).join('').slice(-2_000);
const everyLog = () => [...agent.logs.keys()].map((name) => `--- ${name}\n${logOf(name)}`).join('\n');

/** What clients had an answer of is in the ledger, once. */
async function assertChargedOnce(): Promise<void> {
  const counts = async () => {
    const { rows } = await database.query(
      'select count(*)::int as count, count(distinct request_id)::int as requests from usage_event where status = 200',
    );
    return rows[0];
  };
  await until('all is settled', async () => (await counts()).count >= served);
  assert.deepEqual(await counts(), { count: served, requests: served });
}

/** Neither the read-only file system nor the API server refused a pod anything. */
function nothingRefused(): void {
  const refused = [...agent.logs.values()].flat().filter((line) => /EROFS|EACCES|is forbidden/.test(line));
  assert.deepEqual(refused, []);
}

let model: Json;

test('QS-2, DEP-1: helm install migrates, starts every component, and a model deploys with the rights of the chart alone', async () => {
  await helmDoes(['install', 'llm-ops', chart, ...values(), '--wait', '--timeout=4m'], plane).catch(
    async (error: Error) => {
      const seen = await plane.kubectl(['-n', namespace, 'get', 'pods,pvc,events', '-o', 'wide']);
      throw new Error(`${error.message}\n${seen}\n${everyLog()}`);
    },
  );
  const { rows } = await database.query('select count(*)::int as count from schema_migration');
  assert.ok(rows[0].count > 0);
  const api = await apiUrl();
  model = await approvedModel(api, 'by-helm');
  const wish = {
    modelId: model.id,
    environment: 'dev',
    route: '/steady',
    useGpu: true,
    minReplicas: 2,
    maxReplicas: 2,
  };
  const preflight = await ask(api, people.operator, 'POST', '/serving/preflight', wish);
  assert.doesNotMatch(JSON.stringify(preflight), /forbidden/i);
  for (const route of ['steady', 'slow']) {
    const made = await ask(api, people.operator, 'POST', '/serving/endpoints', { ...wish, route: `/${route}` });
    await until(`${route} is healthy`, async () => {
      const { status, conditions } = await ask(api, people.operator, 'GET', `/serving/endpoints/${made.id}`);
      assert.notEqual(status, 'failed', JSON.stringify(conditions));
      return status === 'healthy';
    });
  }
  const gateways = await agent.addressesOf('llm-ops-gateway');
  assert.equal(gateways.length, 2);
  for (const base of gateways)
    await until('the gateway knows the route', async () => (await chatOnce(base, 'steady')).status === 200);
  nothingRefused();
});

test("ORG-4, ORG-6: a model of an organization is deployed and deleted with the chart's rights in its namespace", async () => {
  const base = (await apiUrl()).replace(/\/llm-ops\/v1$/, '/v1/organization/models');
  const alice = { ...person('alice', 'operator,reviewer', 'alpha'), 'content-type': 'application/json' };
  const call = async (method: string, path: string, body?: object): Promise<Json> => {
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: alice,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const found = (await answer.json()) as Json;
    assert.equal(answer.status, 200, JSON.stringify(found));
    return found;
  };
  await until('the operators are seen', async () => (await call('GET', '/status')).ready);
  const { model: made } = await call('POST', '', {
    name: 'qwen3-coder',
    model_type: 'completion',
    huggingface_id: 'Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8',
    requirements: { cpu: '2000m', memory: '16Gi', gpu: { min_vram: '24Gi' } },
    deployment_config: { gpu_count: 1, enable_autoscaling: true, hugging_face_token: 'hf_secret' },
    change: changePlan(),
    rollbackPlan: 'Delete it.',
  });
  await until('it runs', async () => (await call('GET', '/qwen3-coder')).model.status === 'running');
  const kinds = async () => {
    const what = 'deploy,svc,secret,podautoscalers,servicemonitors';
    const label = 'jan-server.menlo.ai/managed=true';
    const text = await plane.kubectl(['-n', 'jan-models', 'get', what, '-l', label, '-o', 'name']);
    return [...new Set(text.match(/^[^./]+/gm) ?? [])].toSorted();
  };
  await until('all of its objects', async () => (await kinds()).length === 5);
  assert.deepEqual(await kinds(), ['deployment', 'podautoscaler', 'secret', 'service', 'servicemonitor']);
  await call('DELETE', `/${made.id}`);
  await until('its objects are gone', async () => (await kinds()).length === 0);
  nothingRefused();
});

test('QS-obs: every metric and label of the rules and dashboards is served by the pods', async () => {
  const [base] = await agent.addressesOf('llm-ops-gateway');
  assert.equal((await chatOnce(base!, 'steady', true)).status, 200);
  const text = await (await fetch(`${base}/metrics`)).text();
  const served = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const named = /^# TYPE (\S+) (\S+)/.exec(line);
    for (const suffix of named?.[2] === 'histogram' || named?.[2] === 'summary' ? ['_bucket', '_sum', '_count'] : [''])
      if (named) served.set(`${named[1]}${suffix}`, new Set());
    const [, name, labels] = /^([\w:]+)\{(.*)\} /.exec(line) ?? [];
    for (const [, label] of labels?.matchAll(/(\w+)="/g) ?? []) served.get(name!)?.add(label!);
  }
  const files = globSync(`${chart}/files/**/*.{yaml,json}`).filter((file) => !file.endsWith('engines.json'));
  let looked = 0;
  for (const file of files) {
    const source = readFileSync(file, 'utf8').replaceAll('\\"', '"');
    for (const [, name, matchers] of source.matchAll(/\b((?:llmops|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)) {
      const labels = served.get(name!);
      assert.ok(labels, `${file}: ${name} is not served`);
      looked += 1;
      // what Prometheus adds itself
      for (const [, label] of (matchers ?? '').matchAll(/(\w+)=/g))
        assert.ok(label === 'job' || labels.size === 0 || labels.has(label!), `${file}: ${name} has no label ${label}`);
    }
  }
  assert.ok(looked > 40, `${looked}`);
});

test('DEP-4: helm upgrade and helm rollback replace every pod, and no request through the gateways fails', async () => {
  const uids = async () => (await gatewayPods()).map(({ metadata }) => metadata.uid).toSorted();
  const first = await uids();
  provider.behave('slow', { pieces: Array.from({ length: 40 }, (_, index) => ` ${index}`), gapMs: 250 });
  const asking = keepAsking({ addresses, ask: (base, turn) => chatOnce(base, 'steady', turn % 3 === 0) });
  // an answer under way in each gateway when its pod is told to end
  const slow = (await agent.addressesOf('llm-ops-gateway')).map((base) => chatOnce(base, 'slow', true));
  await helmDoes(
    [
      'upgrade',
      'llm-ops',
      chart,
      ...values({ image: { tag: '2' }, config: { LOG_LEVEL: 'info' } }),
      '--wait',
      '--timeout=4m',
    ],
    plane,
  );
  const second = await uids();
  assert.ok(second.every((uid) => !first.includes(uid)));
  for (const { spec } of await gatewayPods()) assert.match(spec.containers[0].image, /:2$/);
  await helmDoes(['rollback', 'llm-ops', '1', `--namespace=${namespace}`, '--wait', '--timeout=4m'], plane);
  const third = await uids();
  assert.ok(third.every((uid) => !second.includes(uid)));
  for (const { spec } of await gatewayPods()) assert.match(spec.containers[0].image, /:1$/);
  const { answered, failures } = await asking.end();
  assert.deepEqual(failures, []);
  assert.ok(answered > 100, `${answered}`);
  for (const { status, text } of await Promise.all(slow)) {
    assert.equal(status, 200);
    assert.match(text, / 39"/);
    assert.match(text, /\[DONE\]/);
  }
  const history = JSON.parse(await helmDoes(['history', 'llm-ops', `--namespace=${namespace}`, '-o', 'json'], plane));
  assert.equal(history.at(-1).description, 'Rollback to 1');
});

test('DEP-4, FR-011: each gateway settled its journal before it ended, and what was asked is charged once', async () => {
  const gateways = agent.ended.filter(({ component }) => component === 'gateway');
  assert.equal(gateways.length, 4);
  for (const { name, ended } of agent.ended)
    if (name.includes('gateway')) assert.equal(ended, 0, `${name}: ${logOf(name)}`);
  await assertChargedOnce();
});

test('DEP-4, FR-011: a gateway pod that starts while the database is away answers by what it knew, and what is asked is charged', async () => {
  const before = await addresses();
  await database.end();
  await postgres.halt();
  try {
    const [pod] = await gatewayPods();
    await plane.kubectl(['-n', namespace, 'delete', 'pod', pod.metadata.name, '--wait=false']);
    const base = await until('the new pod is ready', async () =>
      (await addresses()).find((address) => !before.includes(address)),
    );
    for (const stream of [false, true]) assert.equal((await chatOnce(base, 'steady', stream)).status, 200);
    assert.match(await (await fetch(`${base}/readyz`)).text(), /known at/);
  } finally {
    await postgres.start();
    database = await connected();
  }
  await assertChargedOnce();
});

test('DEP-4: an upgrade that cannot start stops at its first gateway, which rolls back, and no request fails', async () => {
  const asking = keepAsking({ addresses, ask: (base, turn) => chatOnce(base, 'steady', turn % 3 === 0) });
  const { code, problem } = await helm(
    [
      'upgrade',
      'llm-ops',
      chart,
      // the start refuses it: not what a schema can know
      ...values({ image: { tag: '3' }, config: { DATASET_QUALITY_WEIGHTS: 'taste=20' } }),
      '--atomic',
      '--no-hooks',
      '--timeout=25s',
    ],
    plane,
  );
  assert.equal(code, 1);
  assert.match(problem, /context deadline exceeded|timed out/);
  await until('all gateways are those of before', async () => {
    const pods = await gatewayPods();
    return pods.length === 2 && (await agent.addressesOf('llm-ops-gateway')).length === 2;
  });
  for (const { spec } of await gatewayPods()) assert.match(spec.containers[0].image, /:1$/);
  const { answered, failures } = await asking.end();
  assert.deepEqual(failures, []);
  assert.ok(answered > 50, `${answered}`);
});

test('DEP-4, FR-006j: serving_rollback.sh goes back a revision, to zero without one, and removes by kubectl where the platform is away', async () => {
  const api = await apiUrl();
  const endpoints = await ask(api, people.operator, 'GET', '/serving/endpoints?environment=dev');
  const idOf = (route: string): string => endpoints.find((one: Json) => one.route === `/${route}`).id;
  const steady = () => ask(api, people.operator, 'GET', `/serving/endpoints/${idOf('steady')}`);
  const run = async (...args: string[]) => {
    const child = spawn(join(projectRoot, 'infra/scripts/serving_rollback.sh'), args, {
      env: {
        ...process.env,
        LLMOPS_URL: api.replace(/\/llm-ops\/v1$/, ''),
        LLMOPS_USER: 'margaret',
        KUBECONFIG: plane.kubeconfig,
        PATH: `${plane.folder}:${process.env.PATH}`,
      },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, said };
  };
  await ask(api, people.operator, 'POST', `/serving/endpoints/${idOf('steady')}/redeploy`, { memoryRequest: '3Gi' });
  await until('revision 2 serves', async () => {
    const { status, revision } = await steady();
    return status === 'healthy' && revision === 2;
  });

  assert.deepEqual(await run(), {
    code: 2,
    said: 'serving_rollback.sh ENDPOINT_ID [NAMESPACE]\nserving_rollback.sh --without-api ENDPOINT_ID NAMESPACE\n',
  });
  const help = await run('--help');
  assert.equal(help.code, 0);
  for (const told of ['--without-api is for', 'LLMOPS_API_KEY', 'LLMOPS_TIMEOUT', 'Ends with 0'])
    assert.ok(help.said.includes(told), help.said);
  const elsewhere = await run(idOf('steady'), 'llm-ops-prod');
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.said, /is in llm-ops-dev, not in llm-ops-prod/);
  const unknown = await run('01a21d70-2a54-7329-9c96-1e17dcfb6de4');
  assert.equal(unknown.code, 1);
  assert.match(unknown.said, /endpoint/i);

  const back = await run(idOf('steady'), 'llm-ops-dev');
  assert.equal(back.code, 0, back.said);
  assert.match(back.said, /Revision 3 serves\./);
  const { revisions } = await ask(api, people.operator, 'GET', `/serving/endpoints/${idOf('steady')}/deployments`).then(
    (list: Json) => ({ revisions: list as Json[] }),
  );
  assert.equal(revisions.find(({ number }) => number === 3).rolledBackTo, 1);

  const stopped = await run(idOf('slow'));
  assert.equal(stopped.code, 0, stopped.said);
  assert.match(stopped.said, /There was no earlier revision: it is scaled to 0\./);

  // the platform is away: its workers would bring back what is wanted
  await plane.kubectl(['-n', namespace, 'scale', 'deployment/llm-ops-worker', '--replicas=0']);
  await until('no worker runs', async () => {
    const pods = await plane.kubectl([
      '-n',
      namespace,
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=worker',
      '-o',
      'name',
    ]);
    return pods.trim() === '';
  });
  const removed = await run('--without-api', idOf('steady'), 'llm-ops-dev');
  assert.equal(removed.code, 0, removed.said);
  const label = `llm-ops.io/endpoint=${idOf('steady')}`;
  const left = await plane.kubectl(['-n', 'llm-ops-dev', 'get', 'deploy,svc,hpa,ingress', '-l', label, '-o', 'name']);
  assert.equal(left.trim(), '');
});
