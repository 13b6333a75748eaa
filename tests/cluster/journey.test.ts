import assert from 'node:assert/strict';
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
import { startPlane, type Plane } from './plane.ts';
import { faultyImage } from './stages.ts';

/** The real server on a real control plane. Pods here are kwok's, so what they would answer comes from a provider (SERVING_LOCAL_BASE_URL). */
let plane: Plane;
let provider: Provider;
let platform: RunningPlatform;
let model: Json;

const environment = () => ({
  KUBECONFIG_PATH: plane.kubeconfig,
  SERVING_LOCAL_BASE_URL: provider.url,
  SERVING_DRAIN_SECONDS: '1',
  SERVING_RUNTIME_IMAGE: 'vllm/vllm-openai:v0.15.0',
});

before(async () => {
  plane = await startPlane();
  await plane.addNodes(2, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  provider = await startProvider();
  platform = await startPlatform(environment());
  model = await approvedModel(platform.api, 'on-cluster');
});
after(async () => {
  await platform?.stop();
  await provider?.close();
  await plane?.stop();
});

const deploy = (body: object): Promise<Json> =>
  ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    useGpu: true,
    minReplicas: 2,
    maxReplicas: 4,
    ...body,
  });
const get = (id: string): Promise<Json> => ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}`);
const becomes = (id: string, what: string, test: (endpoint: Json) => boolean): Promise<Json> =>
  until(what, async () => {
    const endpoint = await get(id);
    return test(endpoint) ? endpoint : null;
  });
const objects = async (id: string): Promise<string[]> => {
  const kinds = 'deploy,svc,hpa,ingress,pdb,networkpolicy';
  const text = await plane.kubectl([
    '-n',
    'llm-ops-dev',
    'get',
    kinds,
    '-l',
    `llm-ops.io/endpoint=${id}`,
    '-o',
    'name',
  ]);
  return text.trim().split('\n').filter(Boolean);
};
const chat = (route: string) =>
  call(platform.api, people.developer, 'POST', `/serve/${route}/chat`, {
    messages: [{ role: 'user', content: 'Hello' }],
  });

test('FR-006, FR-006l: an approved model is deployed on the cluster, becomes healthy and answers by its route', async () => {
  const made = await deploy({ route: '/support' });
  const { replicas, runtime } = await becomes(
    made.id,
    'healthy with both',
    ({ status, replicas }) => status === 'healthy' && replicas.ready === 2,
  );
  assert.equal(replicas.total, 2);
  assert.equal(runtime, 'vllm');
  const answer = await chat('support');
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.ok(provider.seen.some(({ asked }) => asked.model === 'support'));
  await until('the service follows the traffic', async () => {
    const found = await objects(made.id);
    return found.some((name) => name.endsWith('-svc')) && found.some((name) => name.includes('ingress'));
  });
  const { manifests } = await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${made.id}/manifests`);
  assert.ok(manifests.some(({ kind }: Json) => kind === 'Ingress'));
});

test('FR-006m, DEP-7: an argument that the image of vLLM would end by is refused with its place, and shown before by preflight', async () => {
  const wrong = {
    modelId: model.id,
    environment: 'dev',
    route: '/wrong',
    servingRuntimeImage: 'vllm/vllm-openai:v0.32.0',
    args: ['--max-num-seqs', '64', '--max-modle-len', '4096', '--port=80'],
  };
  const refused = await call(platform.api, people.operator, 'POST', '/serving/endpoints', wrong);
  assert.equal(refused.status, 400);
  const issues = refused.body.data.issues as { path: string; message: string }[];
  assert.deepEqual(
    issues.map(({ path }) => path),
    ['args.2', 'args.4'],
  );
  assert.match(issues[1]!.message, /--port is set by the platform/);
  assert.match(issues[0]!.message, /no flag --max-modle-len\. Did you mean --max-model-len\?/);
  const looked = await ask(platform.api, people.operator, 'POST', '/serving/preflight', wrong);
  assert.equal(looked.level, 'red');
  assert.equal(looked.checks.filter(({ name }: Json) => name === 'arguments').length, 2);
  // of a build that nobody knows it is said, and not refused
  const own = { ...wrong, servingRuntimeImage: 'registry.corp.example/vllm-patched:7', args: wrong.args.slice(0, 4) };
  const doubted = await ask(platform.api, people.operator, 'POST', '/serving/preflight', own);
  assert.deepEqual(
    doubted.checks.filter(({ name }: Json) => name === 'arguments'),
    [],
  );
  assert.match(JSON.stringify(doubted.checks), /args\.2: vLLM 0\.32\.0 has no flag --max-modle-len.*may take it/);
});

test('FR-006, DEP-8: a new revision whose image cannot start is given up, and the old one serves without a failed request', async () => {
  const made = await deploy({ route: '/steady' });
  await becomes(made.id, 'healthy', ({ status }) => status === 'healthy');
  const failures: number[] = [];
  let asking = true;
  const load = (async () => {
    for (; asking; await sleep(50)) {
      const { status } = await chat('steady');
      if (status !== 200) failures.push(status);
    }
  })();
  await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${made.id}/redeploy`, {
    servingRuntimeImage: faultyImage('vllm', 'crash'),
  });
  const kept = await becomes(made.id, 'given up', ({ conditions }) =>
    conditions.some(({ type }: Json) => type === 'RolloutFailed'),
  );
  assert.equal(kept.revision, 1);
  assert.match(JSON.stringify(kept.conditions), /CrashLoopBackOff/);
  await until(
    'the failed revision is removed',
    async () => !(await objects(made.id)).some((name) => name.endsWith('-r2')),
  );
  await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${made.id}/redeploy`, { env: { TRACE: '1' } });
  await becomes(made.id, 'revision 3 serves', ({ status, revision }) => status === 'healthy' && revision === 3);
  asking = false;
  await load;
  assert.deepEqual(failures, []);
});

test('FR-006i: deleting the endpoint removes its objects from the cluster', async () => {
  const made = await deploy({ route: '/short' });
  await becomes(made.id, 'healthy', ({ status }) => status === 'healthy');
  await ask(platform.api, people.operator, 'DELETE', `/serving/endpoints/${made.id}`);
  await until('its objects are gone', async () => (await objects(made.id)).length === 0);
});

test('FR-006r: what somebody deletes by hand comes back; a restarted platform adopts what runs and applies nothing anew', async () => {
  const made = await deploy({ route: '/kept' });
  await becomes(made.id, 'healthy', ({ status }) => status === 'healthy');
  const generation = async () =>
    JSON.parse(await plane.kubectl(['-n', 'llm-ops-dev', 'get', 'deploy', `serving-${made.id}-r1`, '-o', 'json']))
      .metadata;
  await plane.kubectl(['-n', 'llm-ops-dev', 'delete', 'deploy', `serving-${made.id}-r1`]);
  await until('it is back', async () => (await objects(made.id)).some((name) => name.includes('deployment')));
  await becomes(made.id, 'healthy again', ({ status }) => status === 'healthy');
  const before = await generation();
  await platform.kill();
  platform = await startPlatform(environment(), platform.dataDir);
  await becomes(made.id, 'healthy after the restart', ({ status }) => status === 'healthy');
  assert.equal((await chat('kept')).status, 200);
  const later = await generation();
  assert.deepEqual([later.uid, later.generation], [before.uid, before.generation]);
});

test('DEP-7, FR-006r: what no node can take stays deploying with the words of the scheduler, and preflight said so', async () => {
  const wish = { modelId: model.id, environment: 'dev', route: '/huge', useGpu: true, gpuCount: 16 };
  const preflight = await ask(platform.api, people.operator, 'POST', '/serving/preflight', wish);
  assert.equal(preflight.level, 'red');
  assert.match(JSON.stringify(preflight.checks), /None of 2 nodes has room/);
  const made = await deploy({ route: '/huge', gpuCount: 16 });
  const waiting = await becomes(made.id, 'told', ({ conditions }) =>
    conditions.some(({ type }: Json) => type === 'Scheduled'),
  );
  assert.equal(waiting.status, 'deploying');
  assert.match(JSON.stringify(waiting.conditions), /Insufficient nvidia\.com\/gpu/);
  await ask(platform.api, people.operator, 'DELETE', `/serving/endpoints/${made.id}`);
});
