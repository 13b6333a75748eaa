import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  approvedModel,
  ask,
  call,
  people,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';
import { startProvider, type Provider } from '../journeys/provider.ts';
import { openLine, type Line } from './line.ts';
import { startPlane, type Plane } from './plane.ts';

/**
 * The real server between a control plane that misbehaves and a `kill -9`. The platform is a user of its own there, with the rights of a
 * role, on a line that can be slow or cut. Long forms: `npm run drill cluster`.
 */
const outageMs = Number(process.env['OUTAGE_SECONDS'] ?? 6) * 1_000;
const outageEndpoints = Number(process.env['OUTAGE_ENDPOINTS'] ?? 3);
const kills = Number(process.env['CLUSTER_KILLS'] ?? 4);
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e6));

let plane: Plane;
let line: Line;
let provider: Provider;
let platform: RunningPlatform;
let model: Json;
const folder = mkdtempSync(path.join(tmpdir(), 'llm-ops-line-'));
const kubeconfig = path.join(folder, 'kubeconfig');

const environment = () => ({
  KUBECONFIG_PATH: kubeconfig,
  SERVING_LOCAL_BASE_URL: provider.url,
  SERVING_DRAIN_SECONDS: '1',
  SERVING_RUNTIME_IMAGE: 'vllm/vllm-openai:v0.15.0',
});

const role = (ingressVerbs: string[]): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'platform' },
  rules: [
    {
      apiGroups: ['', 'apps', 'autoscaling', 'policy', 'discovery.k8s.io'],
      resources: ['*'],
      verbs: ['*'],
    },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['*'] },
    { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ingressVerbs },
  ],
});
const reading = ['get', 'list', 'watch', 'delete', 'deletecollection'];
const allow = (verbs: string[]) => plane.kubectl(['apply', '-f', '-'], JSON.stringify(role(verbs)));

before(async () => {
  plane = await startPlane();
  await plane.addNodes(Math.max(4, Math.ceil(outageEndpoints / 4)), {
    prefix: 'gpu',
    gpus: 8,
    labels: { accelerator: 'h100' },
  });
  line = await openLine(Number(new URL(plane.server).port));
  const config = JSON.parse(readFileSync(plane.kubeconfig, 'utf8')) as Json;
  config.clusters[0].cluster.server = `https://127.0.0.1:${line.port}`;
  config.users[0].user.as = 'platform';
  writeFileSync(kubeconfig, JSON.stringify(config));
  await allow(['*']);
  await plane.kubectl(['create', 'clusterrolebinding', 'platform', '--clusterrole=platform', '--user=platform']);
  provider = await startProvider();
  platform = await startPlatform(environment());
  model = await approvedModel(platform.api, 'faulty');
});
after(async () => {
  await platform?.stop();
  await provider?.close();
  await line?.close();
  await plane?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const get = (id: string): Promise<Json> => ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}`);
const becomes = (id: string, what: string, is: (endpoint: Json) => boolean, ms = 60_000): Promise<Json> =>
  until(
    what,
    async () => {
      const endpoint = await get(id);
      return is(endpoint) ? endpoint : null;
    },
    ms,
  );
const isHealthy = ({ status }: Json): boolean => status === 'healthy';

async function deploy(route: string, name = 'dev'): Promise<string> {
  const body = { modelId: model.id, environment: name, route, useGpu: true };
  return (await ask(platform.api, people.operator, 'POST', '/serving/endpoints', body)).id;
}
async function objects(id: string, name = 'dev'): Promise<Json[]> {
  const kinds = 'deploy,svc,hpa,ingress,pdb,networkpolicy';
  const args = ['-n', `llm-ops-${name}`, 'get', kinds, '-l', `llm-ops.io/endpoint=${id}`, '-o', 'json'];
  return JSON.parse(await plane.kubectl(args)).items;
}
/** A Deployment, its Service and HPA, and the four that belong to the endpoint. */
const isWhole = (found: readonly Json[]): boolean =>
  found
    .map(({ kind }) => kind)
    .toSorted()
    .join() === 'Deployment,HorizontalPodAutoscaler,Ingress,NetworkPolicy,PodDisruptionBudget,Service,Service';
const whole = (id: string, name = 'dev'): Promise<Json[]> =>
  until('whole', async () => {
    const found = await objects(id, name);
    return isWhole(found) ? found : null;
  });
const marks = (found: readonly Json[]): string[] =>
  found.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.uid}`).toSorted();
const chat = (route: string) =>
  call(platform.api, people.developer, 'POST', `/serve/${route}/chat`, { messages: [{ role: 'user', content: 'Hi' }] });

/** Requests to the Kubernetes API that write, since this server started. */
async function writes(): Promise<number> {
  const text = await (await fetch(`${platform.url}/metrics`)).text();
  const found = text.matchAll(/^llmops_cluster_requests_total\{method="(?:PATCH|DELETE)".*\} (\d+)$/gm);
  return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
}

test(`FR-006, FR-006r: the API server is away for ${outageMs / 1000} s: requests are answered, nothing is deleted, nothing is written anew`, async () => {
  const ids: string[] = [];
  for (let index = 0; index < outageEndpoints; index += 1) ids.push(await deploy(`/away-${index}`));
  const before: string[][] = [];
  for (const id of ids) {
    await becomes(id, 'healthy', isHealthy, 180_000);
    before.push(marks(await whole(id)));
  }
  await sleep(1_000);
  const written = await writes();
  await plane.haltApi();
  const told = await becomes(ids[0]!, 'the outage is told', ({ conditions }) =>
    conditions.some(({ reason }: Json) => reason === 'Unreachable'),
  );
  assert.equal(told.status, 'healthy', 'what is known stays');
  for (const end = Date.now() + outageMs; Date.now() < end; await sleep(500))
    assert.equal((await chat('away-0')).status, 200);
  await plane.resumeApi();
  const back = Date.now();
  for (const id of ids) await becomes(id, 'no condition', ({ conditions }) => conditions.length === 0);
  assert.ok(Date.now() - back < 60_000, `followed again after ${Date.now() - back} ms`);
  for (const [index, id] of ids.entries()) assert.deepEqual(marks(await objects(id)), before[index]);
  assert.equal(await writes(), written);
});

test('FR-006r: watches break off while history is thrown away: what happened meanwhile is seen, and nothing is lost', async () => {
  const id = await deploy('/expired');
  await becomes(id, 'healthy', isHealthy);
  await whole(id);
  const listed = async (kind: string): Promise<Json[]> =>
    JSON.parse(await plane.kubectl(['-n', 'llm-ops-dev', 'get', kind, '-l', `llm-ops.io/endpoint=${id}`, '-o', 'json']))
      .items;
  const pods = () => listed('pod');
  // The cluster's own controllers come back later than the platform from the outage before. A pod that they made and that goes before they
  // see it they would wait for five minutes (their expectations).
  await until('the controllers know the pod', async () =>
    (await listed('replicaset')).some(({ status }) => status.readyReplicas === 1) ? true : null,
  );
  line.break();
  const [pod] = await pods();
  await plane.kubectl(['-n', 'llm-ops-dev', 'delete', 'pod', pod.metadata.name, '--wait=false']);
  await plane.kubectl(['-n', 'llm-ops-dev', 'delete', 'hpa', `serving-${id}-hpa`]);
  // the cluster's own controllers watch through the same history: only what they have done is thrown away
  await until('the cluster has another pod', async () => {
    const found = await pods();
    const ready = ({ status }: Json): boolean =>
      status.conditions?.some(({ type, status: is }: Json) => type === 'Ready' && is === 'True') === true;
    return found.length === 1 && found[0].metadata.uid !== pod.metadata.uid && ready(found[0]) ? true : null;
  });
  const { header } = (await (
    await fetch(`${plane.etcd}/v3/kv/range`, { method: 'POST', body: '{"key":"AA=="}' })
  ).json()) as Json;
  const compaction = { revision: header.revision, physical: true };
  const compacted = await fetch(`${plane.etcd}/v3/kv/compaction`, { method: 'POST', body: JSON.stringify(compaction) });
  assert.equal(compacted.status, 200);
  line.mend();
  await becomes(id, 'the deletion is seen', ({ conditions }) =>
    JSON.stringify(conditions).includes(`serving-${id}-hpa is gone`),
  );
  await becomes(id, 'healthy', isHealthy, 120_000);
  await whole(id);
});

test('FR-006, DEP-8: every answer takes 2 s longer: a deployment and a redeployment come through, once', async () => {
  line.slow(2_000);
  line.cut();
  const id = await deploy('/slow');
  await becomes(id, 'healthy', isHealthy, 120_000);
  await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${id}/redeploy`, { env: { TRACE: '1' } });
  await becomes(id, 'revision 2', ({ revision, status }) => revision === 2 && status === 'healthy', 120_000);
  line.slow(0);
  line.cut();
  const found = await whole(id);
  assert.deepEqual(
    found.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name),
    [`serving-${id}-r2`],
  );
});

test('FR-006, FR-006r: one verb is forbidden: what it keeps back is told with the right that is missing, the endpoint serves, and it heals', async () => {
  await allow(reading);
  const id = await deploy('/forbidden');
  const told = await becomes(id, 'told', ({ conditions }) =>
    conditions.some(({ reason }: Json) => reason === 'ApplyFailed'),
  );
  assert.match(JSON.stringify(told.conditions), /ingresses/);
  assert.equal(told.status, 'healthy');
  assert.equal((await chat('forbidden')).status, 200);
  const before = await writes();
  await sleep(3_000);
  assert.ok((await writes()) - before <= 12, 'it does not hammer the API server');
  await allow(['*']);
  await whole(id);
  await becomes(id, 'told no more', ({ conditions }) => conditions.length === 0);
});

test('FR-006r, ORG-1, DEP-7: rights that are missing are told as that: by a rollout, the cluster page and the preflight', async () => {
  const limited = role(['*']) as Json;
  limited.rules[0].apiGroups = ['', 'autoscaling', 'policy', 'discovery.k8s.io'];
  limited.rules[0].resources = ['pods', 'services', 'endpoints', 'events', 'secrets', 'configmaps', 'namespaces'];
  limited.rules[0].resources.push(
    'resourcequotas',
    'horizontalpodautoscalers',
    'poddisruptionbudgets',
    'endpointslices',
  );
  limited.rules.push({ apiGroups: ['apps'], resources: ['deployments'], verbs: reading });
  await plane.kubectl(['apply', '-f', '-'], JSON.stringify(limited));
  try {
    // who follows already is not asked again
    line.cut();
    const cluster = await until('the nodes are forbidden', async () => {
      const [found] = await ask(platform.api, people.operator, 'GET', '/serving/cluster');
      return /nodes is forbidden/.test(found.problem ?? '') ? found : null;
    });
    assert.equal(cluster.reachable, true, 'it answers');
    const asked = { modelId: model.id, environment: 'dev', route: '/unmade', useGpu: true };
    const { checks } = await ask(platform.api, people.operator, 'POST', '/serving/preflight', asked);
    assert.match(checks.find(({ name }: Json) => name === 'runtime').remedy, /service account/);
    const id = await deploy('/unmade');
    const { conditions } = await becomes(id, 'failed', ({ status }) => status === 'failed');
    const [told] = conditions;
    assert.deepEqual([told.reason, /cannot patch resource "deployments"/.test(told.message)], ['ApplyFailed', true]);
    assert.doesNotMatch(told.remedy, /log lines/);
    await ask(platform.api, people.operator, 'DELETE', `/serving/endpoints/${id}`);
  } finally {
    await allow(['*']);
    line.cut();
  }
});

test('FR-006, FR-006r: a namespace is deleted, and stays for a while in its end: it is made anew with everything in it', async () => {
  const id = await deploy('/ended', 'stg');
  await becomes(id, 'healthy', isHealthy);
  const before = marks(await whole(id, 'stg'));
  const held = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'held', namespace: 'llm-ops-stg', finalizers: ['example.com/held'] },
  };
  await plane.kubectl(['apply', '-f', '-'], JSON.stringify(held));
  await plane.kubectl(['delete', 'namespace', 'llm-ops-stg', '--wait=false']);
  const told = await becomes(id, 'told', ({ conditions }) =>
    conditions.some(({ reason }: Json) => reason === 'ApplyFailed'),
  );
  assert.match(JSON.stringify(told.conditions), /being terminated/);
  await plane.kubectl([
    '-n',
    'llm-ops-stg',
    'patch',
    'configmap',
    'held',
    '--type=merge',
    '-p',
    '{"metadata":{"finalizers":null}}',
  ]);
  await until('the namespace is back', async () => {
    const phase = await plane
      .kubectl(['get', 'namespace', 'llm-ops-stg', '-o', 'jsonpath={.status.phase}'])
      .catch(() => '');
    return phase === 'Active' ? true : null;
  });
  const later = marks(await whole(id, 'stg'));
  assert.ok(
    later.every((mark) => !before.includes(mark)),
    'other objects of the same names',
  );
  await becomes(id, 'healthy', isHealthy);
});

test('FR-006r: a node that is lost is told of the endpoint with what to do, not as a deployment; when it comes back, so does the endpoint', async () => {
  const id = await deploy('/on-lost-node');
  await becomes(id, 'healthy', isHealthy);
  const pods = ['-n', 'llm-ops-dev', 'get', 'pods', '-l', `llm-ops.io/endpoint=${id}`, '-o', 'json'];
  const [pod] = JSON.parse(await plane.kubectl(pods)).items;
  // as the node controller writes it, some 40 s after the last word of the kubelet; kwok's nodes cannot fall silent one by one
  const mark = (status: string) => {
    const conditions = [{ type: 'Ready', status, lastTransitionTime: new Date().toISOString() }];
    const patch = JSON.stringify({ status: { conditions } });
    return plane.kubectl([
      '-n',
      'llm-ops-dev',
      'patch',
      'pod',
      pod.metadata.name,
      '--subresource=status',
      '--type=strategic',
      '-p',
      patch,
    ]);
  };
  await mark('False');
  const told = await becomes(
    id,
    'told',
    ({ conditions }) => conditions.some(({ reason }: Json) => reason === 'NodeLost'),
    5_000,
  );
  assert.deepEqual([told.status, told.replicas.ready], ['degraded', 0]);
  const { message } = told.conditions.find(({ reason }: Json) => reason === 'NodeLost');
  assert.ok(message.includes(pod.spec.nodeName) && message.includes(pod.metadata.name), message);
  assert.equal((await chat('on-lost-node')).status, 503);
  await mark('True');
  assert.deepEqual((await becomes(id, 'back', isHealthy, 5_000)).conditions, []);
});

test(`FR-006, DEP-4: kill -9 at ${kills} points of a rollout (seed ${seed}): one revision serves, nothing is doubled, nothing is left over`, async () => {
  const id = await deploy('/killed');
  await becomes(id, 'healthy', isHealthy);
  let state = seed;
  const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  for (let round = 0; round < kills; round += 1) {
    const canary = round % 3 === 2 ? { canary: { steps: [50, 100], automatic: false } } : {};
    const { targetRevision } = await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${id}/redeploy`, {
      env: { ROUND: String(round) },
      ...canary,
    });
    await sleep(random() * 2_500);
    await platform.kill();
    platform = await startPlatform(environment(), platform.dataDir);
    if ('canary' in canary) {
      await becomes(id, 'it shares the traffic', ({ conditions }) =>
        conditions.some(({ type }: Json) => type === 'Canary'),
      );
      await ask(platform.api, people.operator, 'PATCH', `/serving/endpoints/${id}/canary`, { weight: 100 });
    }
    const settled = await becomes(
      id,
      'the wanted revision serves',
      (one) => isHealthy(one) && one.revision === one.targetRevision,
    );
    assert.equal(settled.revision, targetRevision);
    const found = await whole(id);
    assert.deepEqual(
      found.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name),
      [`serving-${id}-r${targetRevision}`],
    );
    assert.equal((await chat('killed')).status, 200);
  }
  const history = await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}/deployments`);
  assert.deepEqual(
    history.map(({ number, state: is }: Json) => [number, is]),
    Array.from({ length: kills + 1 }, (_, index) => [kills + 1 - index, index === 0 ? 'live' : 'retired']),
  );
});
