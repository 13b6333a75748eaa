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
import { changePlan } from '../serving/plan.ts';
import { startPlane, type Plane } from './plane.ts';

/** What people and other programs change of applied objects, by the real kubectl on a real control plane. */
let plane: Plane;
let provider: Provider;
let platform: RunningPlatform;
let model: Json;
const admin = { 'x-user-id': 'ada', 'x-user-roles': 'admin' };

const environment = () => ({
  KUBECONFIG_PATH: plane.kubeconfig,
  SERVING_LOCAL_BASE_URL: provider.url,
  SERVING_DRAIN_SECONDS: '1',
  SERVING_RUNTIME_IMAGE: 'vllm/vllm-openai:v0.15.0',
  SERVING_DRIFT_REPAIR: 'dev,stg',
});

before(async () => {
  plane = await startPlane();
  await plane.addNodes(2, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  provider = await startProvider();
  platform = await startPlatform(environment());
  model = await approvedModel(platform.api, 'drifting');
});
after(async () => {
  await platform?.stop();
  await provider?.close();
  await plane?.stop();
});

const get = (id: string): Promise<Json> => ask(platform.api, people.operator, 'GET', `/serving/endpoints/${id}`);
const drifted = (id: string, what: string, wanted: (condition: Json) => boolean): Promise<Json> =>
  until(what, async () => (await get(id)).conditions.find((one: Json) => one.type === 'Drift' && wanted(one)) ?? null);

async function deploy(route: string, name: string): Promise<string> {
  const { id } = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: name,
    route,
    useGpu: true,
    ...(name === 'prod' ? { rollbackPlan: 'Redeploy the revision before.', change: changePlan() } : {}),
  });
  await until('healthy and whole', async () => {
    const { status } = await get(id);
    // its Deployment, Service and HPA, and the four that belong to the endpoint
    return status === 'healthy' && (await objects(id, name)).length === 7 ? true : null;
  });
  return id;
}

async function objects(id: string, name: string): Promise<Json[]> {
  const kinds = 'deploy,svc,hpa,ingress,pdb,networkpolicy';
  const selector = `llm-ops.io/endpoint=${id}`;
  const found = await plane.kubectl(['-n', `llm-ops-${name}`, 'get', kinds, '-l', selector, '-o', 'json']);
  return JSON.parse(found).items;
}
const uids = async (id: string, name: string): Promise<string[]> =>
  (await objects(id, name)).map(({ metadata }) => metadata.uid).toSorted();
/** Requests to the Kubernetes API that write, since this server started. */
async function writes(): Promise<number> {
  const text = await (await fetch(`${platform.url}/metrics`)).text();
  const found = text.matchAll(/^llmops_cluster_requests_total\{method="(?:PATCH|DELETE)".*\} (\d+)$/gm);
  return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
}
const kubectl = (name: string, ...args: string[]) => plane.kubectl(['-n', `llm-ops-${name}`, ...args]);
const chat = (route: string, environment = 'dev') =>
  call(platform.api, people.developer, 'POST', `/serve/${route}/chat?environment=${environment}`, {
    messages: [{ role: 'user', content: 'Hello' }],
  });

test('EC-drift, FR-006: what somebody changes by hand is told with its writer, put back, and stands in the audit log', async () => {
  const id = await deploy('/edited', 'dev');
  const deployment = `serving-${id}-r1`;
  await kubectl('dev', 'set', 'image', `deployment/${deployment}`, 'serving=vllm/vllm-openai:v0.1.0');
  const told = await drifted(id, 'told', ({ reason }) => reason === 'Repaired');
  assert.match(
    told.message,
    /containers\[serving\]\.image is vllm\/vllm-openai:v0\.1\.0 instead of vllm\/vllm-openai:v0\.15\.0, by kubectl/,
  );
  const image = await kubectl(
    'dev',
    'get',
    'deploy',
    deployment,
    '-o',
    'jsonpath={.spec.template.spec.containers[0].image}',
  );
  assert.equal(image, 'vllm/vllm-openai:v0.15.0');
  // by kubectl edit as by kubectl set, and also a label by which things are commonly found
  await kubectl('dev', 'label', `deployment/${deployment}`, 'app.kubernetes.io/managed-by=me', '--overwrite');
  await drifted(id, 'the label', ({ message }) =>
    message.includes('managed-by is me instead of llm-ops, by kubectl-label'),
  );
  assert.equal((await chat('edited')).status, 200, 'it serves on');
  const entries = await ask(
    platform.api,
    admin,
    'GET',
    '/governance/audit/logs?action=endpoint.drift&resource_type=endpoint',
  );
  const entry = entries.findLast((one: Json) => one.resource_id === id);
  assert.equal(entry.detail.repaired, true, JSON.stringify(entries));
  assert.match(JSON.stringify(entry.detail.found), /kubectl/);
  // of another revision it is no news
  await ask(platform.api, people.operator, 'POST', `/serving/endpoints/${id}/redeploy`, {});
  const next = await until('revision 2 serves', async () => {
    const endpoint = await get(id);
    return endpoint.revision === 2 && endpoint.status === 'healthy' ? endpoint : null;
  });
  assert.deepEqual(next.conditions, []);
});

test('EC-drift, FR-006r: what serves and is deleted, loses our label or is scaled to 0 by hand comes back at once, and is told', async () => {
  const id = await deploy('/gone', 'prod');
  const name = `serving-${id}-r1`;
  const ready = () => kubectl('prod', 'get', 'deploy', name, '-o', 'jsonpath={.status.readyReplicas}').catch(() => '');
  const back = () =>
    until('it serves again', async () => (await ready()) === '1' && (await chat('gone', 'prod')).status === 200);
  await kubectl('prod', 'delete', 'deploy', name);
  await drifted(
    id,
    'deleted',
    ({ message, reason }) => reason === 'Repaired' && message.includes(`Deployment ${name} is gone`),
  );
  await back();
  await kubectl('prod', 'label', 'deploy', name, 'llm-ops.io/revision-');
  await drifted(id, 'unlabelled', ({ message }) => message.includes('put back 2 times'));
  await back();
  await kubectl('prod', 'scale', 'deploy', name, '--replicas=0');
  await drifted(id, 'emptied', ({ message }) => message.includes('spec.replicas is 0 instead of 1'));
  await back();
});

test('EC-drift: every kind is watched: an object that is deleted comes back, a field that is taken out too; what others add is theirs', async () => {
  const id = await deploy('/whole', 'dev');
  const name = `serving-${id}`;
  await kubectl('dev', 'annotate', 'ingress', `${name}-ingress`, 'team.example.com/owner=search');
  await kubectl('dev', 'delete', 'pdb', name);
  await drifted(id, 'the budget is back', ({ message }) => message.includes(`PodDisruptionBudget ${name} is gone`));
  const kinds = async () => (await objects(id, 'dev')).map(({ kind }) => kind);
  assert.ok((await kinds()).includes('PodDisruptionBudget'));
  const hpa = ['patch', 'hpa', `${name}-hpa`, '--type=merge', '-p'];
  await kubectl('dev', ...hpa, '{"spec":{"maxReplicas":50}}');
  await drifted(id, 'the maximum', ({ message }) => message.includes('spec.maxReplicas is 50'));
  await kubectl('dev', 'annotate', 'svc', `${name}-svc`, 'llm-ops.io/route-');
  await drifted(id, 'the annotation', ({ message }) => /annotations\.llm-ops\.io\/route was taken out/.test(message));
  const ingress = (await objects(id, 'dev')).find(({ kind }) => kind === 'Ingress');
  assert.equal(ingress.metadata.annotations['team.example.com/owner'], 'search');
  const { conditions } = await get(id);
  assert.ok(!JSON.stringify(conditions).includes('team.example.com'));
  // changed again and again, it is put back some seconds later
  await until('both are put back', async () => {
    const found = await objects(id, 'dev');
    const of = (kind: string) => found.filter((object) => object.kind === kind);
    const whole =
      of('HorizontalPodAutoscaler').every(({ spec }) => spec.maxReplicas === 1) &&
      of('Service').some(({ metadata }) => metadata.annotations?.['llm-ops.io/route'] !== undefined);
    return whole ? true : null;
  });
});

test('EC-drift: where the policy is to leave it, it is told and stays; when somebody undoes it, it is over', async () => {
  const id = await deploy('/left', 'prod');
  const name = `serving-${id}`;
  await kubectl('prod', 'patch', 'hpa', `${name}-hpa`, '--type=merge', '-p', '{"spec":{"maxReplicas":40}}');
  const told = await drifted(id, 'told', ({ reason }) => reason === 'ObjectChanged');
  assert.match(told.remedy, /SERVING_DRIFT_REPAIR does not name prod/);
  await sleep(1_500);
  const most = () => kubectl('prod', 'get', 'hpa', `${name}-hpa`, '-o', 'jsonpath={.spec.maxReplicas}');
  assert.equal(await most(), '40');
  // looked at again and again, it is written down once
  const entries = await ask(
    platform.api,
    admin,
    'GET',
    `/governance/audit/logs?action=endpoint.drift&resource_id=${id}`,
  );
  assert.equal(entries.filter((one: Json) => one.resource_id === id).length, 1, JSON.stringify(entries));
  await kubectl('prod', 'patch', 'hpa', `${name}-hpa`, '--type=merge', '-p', '{"spec":{"maxReplicas":1}}');
  await until('over', async () => ((await get(id)).conditions.length === 0 ? true : null));
});

test('EC-drift, FR-006r: a restarted server sends nothing anew, and sees what was changed while it was away', async () => {
  const id = await deploy('/restarted', 'dev');
  const before = await uids(id, 'dev');
  await platform.kill();
  platform = await startPlatform(environment(), platform.dataDir);
  await until('looked at', async () => ((await get(id)).status === 'healthy' ? true : null));
  await sleep(2_000);
  assert.equal(await writes(), 0);
  assert.deepEqual(await uids(id, 'dev'), before);
  await platform.kill();
  await kubectl(
    'dev',
    'set',
    'env',
    `deployment/serving-${id}-r1`,
    'VLLM_LOGGING_LEVEL-',
    'MODEL_STORAGE_URI=s3://elsewhere/',
  );
  await kubectl('dev', 'delete', 'networkpolicy', `serving-${id}`);
  platform = await startPlatform(environment(), platform.dataDir);
  const told = await drifted(id, 'told', ({ message }) => message.includes('env[MODEL_STORAGE_URI]'));
  assert.match(told.message, /was changed|was taken out/);
  assert.ok(!told.message.includes('s3://elsewhere'), 'values of the environment may be secrets');
  await until('whole again', async () => {
    const found = await objects(id, 'dev');
    return found.some(({ kind }) => kind === 'NetworkPolicy') &&
      !JSON.stringify(found).includes('"value":"s3://elsewhere/"')
      ? true
      : null;
  });
});
