import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  approvedModel,
  ask,
  people,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';
import { startProvider, type Provider } from '../journeys/provider.ts';
import { changePlan } from '../serving/plan.ts';
import { startPlane, type Plane } from './plane.ts';

/** Two clusters: dev and stg on one, prod on another. */
let planes: Plane[] = [];
let provider: Provider;
let platform: RunningPlatform;
let model: Json;

const environment = () => ({
  KUBECONFIG_PATH: planes[0]!.kubeconfig,
  KUBECONFIG_PATH_PROD: planes[1]!.kubeconfig,
  KUBE_CONTEXT_PROD: 'plane',
  SERVING_QUOTA_DEV: 'requests.nvidia.com/gpu=2, pods=10',
  SERVING_LOCAL_BASE_URL: provider.url,
  SERVING_DRAIN_SECONDS: '1',
  SERVING_RUNTIME_IMAGE: 'vllm/vllm-openai:v0.15.0',
});

before(async () => {
  planes = [await startPlane(), await startPlane()];
  for (const plane of planes) await plane.addNodes(1, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  provider = await startProvider();
  platform = await startPlatform(environment());
  model = await approvedModel(platform.api, 'promoted');
});
after(async () => {
  await platform?.stop();
  await provider?.close();
  for (const plane of planes) await plane.stop();
});

const get = (id: string): Promise<Json> => ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}`);
const becomes = (id: string, what: string, is: (endpoint: Json) => boolean): Promise<Json> =>
  until(
    what,
    async () => {
      const endpoint = await get(id);
      return is(endpoint) ? endpoint : null;
    },
    60_000,
  );
const isHealthy = ({ status }: Json): boolean => status === 'healthy';
const deployments = async (plane: Plane): Promise<string[]> => {
  const text = await plane.kubectl(['get', 'deploy', '-A', '-l', 'app.kubernetes.io/managed-by=llm-ops', '-o', 'name']);
  return text.trim().split('\n').filter(Boolean);
};
let dev: Json;
let prod: Json;

test('DEP-5, FR-006: promotion carries the same bytes to the cluster of the next environment, and each cluster has its own alone', async () => {
  const wish = { modelId: model.id, environment: 'dev', route: '/promoted', useGpu: true };
  dev = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', wish);
  await becomes(dev.id, 'healthy', isHealthy);
  prod = await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${dev.id}/promote`, {
    environment: 'prod',
    rollbackPlan: 'Redeploy the revision before.',
    change: changePlan(),
  });
  await becomes(prod.id, 'healthy', isHealthy);
  assert.deepEqual(await deployments(planes[0]!), [`deployment.apps/serving-${dev.id}-r1`]);
  assert.deepEqual(await deployments(planes[1]!), [`deployment.apps/serving-${prod.id}-r1`]);
  const digest = async (id: string) =>
    (await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}/deployments`))[0].artifactDigest;
  assert.equal(await digest(prod.id), await digest(dev.id));
});

test('FR-006: one cluster is away: what runs on the other goes on, also after a restart; what was there is neither lost nor doubled', async () => {
  await planes[1]!.haltApi();
  await becomes(prod.id, 'told', ({ conditions }) => conditions.some(({ reason }: Json) => reason === 'Unreachable'));
  assert.equal((await get(prod.id)).status, 'healthy');
  assert.deepEqual((await get(dev.id)).conditions, []);
  await platform.kill();
  platform = await startPlatform(environment(), platform.dataDir);
  await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${dev.id}/redeploy`, { env: { TRACE: '1' } });
  await becomes(dev.id, 'revision 2', (one) => isHealthy(one) && one.revision === 2);
  await planes[1]!.resumeApi();
  await becomes(prod.id, 'followed again', (one) => isHealthy(one) && one.conditions.length === 0);
  assert.deepEqual(await deployments(planes[1]!), [`deployment.apps/serving-${prod.id}-r1`]);
  await until('one revision in dev', async () => ((await deployments(planes[0]!)).length === 1 ? true : null));
});

test('FR-006, DEP-7: the namespace of an environment has the quota that the settings give it; what goes beyond is told', async () => {
  const read = (kind: string) =>
    planes[0]!.kubectl(['-n', 'llm-ops-dev', 'get', kind, 'llm-ops', '-o', 'json']).then(JSON.parse) as Promise<Json>;
  const { spec } = await read('resourcequota');
  assert.deepEqual(spec.hard, { 'requests.nvidia.com/gpu': '2', pods: '10' });
  assert.equal((await read('limitrange')).spec.limits[0].type, 'Container');
  const wish = { modelId: model.id, environment: 'dev', route: '/greedy', useGpu: true, gpuCount: 4 };
  const preflight = await ask(platform.api, people.operator, 'POST', '/serving/preflight', wish);
  assert.match(JSON.stringify(preflight.checks), /leaves 1 of requests\.nvidia\.com\/gpu, and 4 are asked for/);
  const { id } = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', wish);
  await becomes(id, 'told', ({ conditions }) => conditions.some(({ reason }: Json) => reason === 'QuotaExceeded'));
});
