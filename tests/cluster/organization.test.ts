import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ask,
  call as callApi,
  person,
  startPlatform,
  until,
  type Json,
  type Person,
  type RunningPlatform,
} from '../journeys/harness.ts';
import { startProvider, type Provider } from '../journeys/provider.ts';
import { changePlan } from '../serving/plan.ts';
import { applyDefinitions } from './crds.ts';
import { approvedEntry } from './entry.ts';
import { startPlane, type Plane } from './plane.ts';
import { faultyImage } from './stages.ts';

/** The real server on a real control plane, asked in document 004's words. Its tests follow each other: operators are installed on the way. */
let plane: Plane;
let provider: Provider;
let platform: RunningPlatform;

const alice = person('alice', 'operator,reviewer', 'alpha');
const olga = person('olga', 'operator', 'beta');
const dan = person('dan', 'developer', 'alpha');
const rita = person('rita', 'reviewer', 'alpha');
/** what prod asks for beside */
const planned = { change: changePlan(-1, 3), rollbackPlan: 'Delete it.' };
const qwen = {
  name: 'qwen3-coder-30b',
  display_name: 'Qwen3 Coder 30B',
  model_type: 'completion',
  huggingface_id: 'Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8',
  requirements: { cpu: '2000m', memory: '16Gi', gpu: { min_vram: '24Gi', min_gpus: 1, max_gpus: 1 } },
  deployment_config: { gpu_count: 1, enable_autoscaling: true, enable_pvc: true, hugging_face_token: 'hf_secret1' },
  ...planned,
};

before(async () => {
  plane = await startPlane();
  await plane.addNodes(2, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  const shared = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'shared', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'nfs.csi.k8s.io',
  };
  const volume = (name: string) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '100Gi' },
      accessModes: ['ReadWriteMany'],
      storageClassName: 'shared',
      nfs: { server: 'store', path: '/' },
    },
  });
  const disk = { ...shared, metadata: { name: 'disk' }, provisioner: 'ebs.csi.aws.com' };
  // one that was released is not taken again
  for (const object of [shared, disk, volume('volume-0'), volume('volume-1')])
    await plane.kubectl(['apply', '-f', '-'], JSON.stringify(object));
  provider = await startProvider();
  platform = await onPlane({ MODELS_QUOTA_GPUS: '24' });
});
const onPlane = (settings: Record<string, string>, dataDir?: string) =>
  startPlatform(
    {
      KUBECONFIG_PATH: plane.kubeconfig,
      SERVING_LOCAL_BASE_URL: provider.url,
      SERVING_DRAIN_SECONDS: '1',
      ...settings,
    },
    dataDir,
  );
after(async () => {
  await platform?.stop();
  await provider?.close();
  await plane?.stop();
});

async function call(who: Person, method: string, path: string, body?: object, on = platform): Promise<[number, Json]> {
  const response = await fetch(`${on.url}/v1/organization/models${path}`, {
    method,
    headers: { ...who, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return [response.status, await response.json()];
}
/** The only key of a failure is `error`, a text. */
async function refused(status: number, words: RegExp, ...args: Parameters<typeof call>): Promise<void> {
  const [was, body] = await call(...args);
  assert.equal(was, status, JSON.stringify(body));
  assert.deepEqual(Object.keys(body), ['error']);
  assert.match(body.error, words);
}
const model = async (who: Person, name: string): Promise<Json> => (await call(who, 'GET', `/${name}`))[1].model;
const becomes = (who: Person, name: string, what: string, looks: (model: Json) => boolean): Promise<Json> =>
  until(what, async () => {
    const found = await model(who, name);
    return found !== undefined && looks(found) ? found : null;
  });
const get = async (kind: string, name: string): Promise<Json | null> => {
  const text = await plane.kubectl(['-n', 'jan-models', 'get', kind, name, '--ignore-not-found', '-o', 'json']);
  return text === '' ? null : JSON.parse(text);
};
const names = async (kinds: string): Promise<string[]> =>
  (await plane.kubectl(['-n', 'jan-models', 'get', kinds, '-l', 'jan-server.menlo.ai/managed=true', '-o', 'name']))
    .trim()
    .split('\n')
    .filter(Boolean);

test('ORG-1, ORG-3: without AIBrix and the GPU operator the status says so, and a deployment is 403 with the missing kinds', async () => {
  const [status, seen] = await call(dan, 'GET', '/status');
  assert.equal(status, 200);
  assert.deepEqual(
    [seen.organization, seen.ready, seen.cluster.total_gpus, seen.gpu_nodes.length],
    ['alpha', false, 16, 2],
  );
  assert.deepEqual(
    seen.operators.map(({ name, required, installed }: Json) => [name, required, installed]),
    [
      ['aibrix', true, false],
      ['gpu-operator', true, false],
      ['kuberay', false, false],
      ['envoy-gateway', false, false],
      ['prometheus-operator', false, false],
    ],
  );
  assert.deepEqual(
    seen.storage_classes.map(({ name, default: is, shared }: Json) => [name, is, shared]),
    [
      ['disk', false, false],
      ['shared', true, true],
    ],
  );
  await refused(403, /podautoscalers\.autoscaling\.aibrix\.ai.*clusterpolicies\.nvidia\.com/, alice, 'POST', '', qwen);
  assert.deepEqual(await call(alice, 'GET', ''), [200, { models: [], total: 0 }]);
});

test('ORG-2, ORG-4, ORG-5: a model is deployed with the objects of document 004 and answers through the gateway', async () => {
  await applyDefinitions(plane, 'aibrix');
  await applyDefinitions(plane, 'gpu-operator');
  await until('the operators are seen', async () => (await call(dan, 'GET', '/status'))[1].ready, 30_000);
  const [status, { model: made }] = await call(alice, 'POST', '', qwen);
  assert.equal(status, 200, JSON.stringify(made));
  assert.deepEqual([made.name, made.status, made.organization, made.managed], [qwen.name, 'creating', 'alpha', true]);
  const running = await becomes(alice, qwen.name, 'running', ({ status: is }) => is === 'running');
  assert.equal(running.endpoint_url, `http://${qwen.name}.jan-models.svc.cluster.local:8000`);
  assert.equal(running.deployment_config.has_hugging_face_token, true);
  const objects = await until('all of its objects', async () => {
    const found = await names('deploy,svc,pvc,secret,podautoscalers');
    return found.length === 6 ? found : null;
  });
  assert.ok(objects.every((name) => name.includes(qwen.name)));
  const { metadata, spec } = await get('podautoscaler', `${qwen.name}-autoscaler`);
  assert.deepEqual(
    [spec.minReplicas, spec.maxReplicas, spec.metricsSources[0].targetMetric, spec.metricsSources[0].targetValue],
    [1, 8, 'num_requests_running', '40'],
  );
  assert.equal(metadata.annotations['kpa.autoscaling.aibrix.ai/scale-down-delay'], '3m');
  assert.equal(metadata.annotations['autoscaling.aibrix.ai/scale-down-cooldown-window'], '3m');
  assert.equal(metadata.labels['model.aibrix.ai/name'], qwen.name);
  const claim = await get('pvc', `${qwen.name}-models`);
  assert.deepEqual([claim.spec.accessModes, claim.status.phase], [['ReadWriteMany'], 'Bound']);
  const secret = await get('secret', `${qwen.name}-hugging-face`);
  assert.equal(Buffer.from(secret.data.HF_TOKEN, 'base64').toString(), 'hf_secret1');
  const answer = await fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...alice, 'content-type': 'application/json' },
    body: JSON.stringify({ model: qwen.name, messages: [{ role: 'user', content: 'Hello' }] }),
  });
  assert.equal(answer.status, 200, await answer.text());
  assert.ok(provider.seen.some(({ asked }) => asked.model === qwen.name));
  await until('its events', async () => {
    const seen = await fetch(`${platform.api}/serving/endpoints/${made.id}/events`, { headers: alice });
    return JSON.stringify(await seen.json()).includes('ScalingReplicaSet');
  });
  const shown = await fetch(`${platform.api}/serving/endpoints/${made.id}/manifests`, { headers: alice });
  assert.doesNotMatch(`${JSON.stringify(running)}${await shown.text()}`, /hf_secret1/);
});

test('ORG-4: without the Prometheus operator a condition says so; when it comes, the ServiceMonitor is made', async () => {
  const { conditions } = await model(alice, qwen.name);
  assert.ok(conditions.some(({ reason }: Json) => reason === 'PrometheusOperatorMissing'));
  await applyDefinitions(plane, 'prometheus-operator');
  const monitor = await until('the ServiceMonitor', () => get('servicemonitor', qwen.name));
  assert.equal(monitor.spec.selector.matchLabels['model.aibrix.ai/name'], qwen.name);
  await becomes(alice, qwen.name, 'the condition goes', (found) => found.conditions.length === 0);
});

test('ORG-3, ORG-6: the name is taken, nothing is large enough, the quota is full, the organization is another one', async () => {
  const wish = { ...qwen, name: 'second', deployment_config: { enable_autoscaling: false } };
  await refused(409, /qwen3-coder-30b/, alice, 'POST', '', qwen);
  await refused(400, /has room for/, alice, 'POST', '', {
    ...wish,
    requirements: {},
    deployment_config: { ...wish.deployment_config, gpu_count: 9 },
  });
  await refused(400, /None|No node says that its GPUs have 200Gi/, alice, 'POST', '', {
    ...wish,
    requirements: { gpu: { min_vram: '200Gi' } },
  });
  await refused(400, /ReadWriteMany.*disk/, alice, 'POST', '', {
    ...wish,
    deployment_config: { enable_pvc: true, storage_class: 'disk' },
    autoscaling_config: { max_replicas: 2 },
  });
  await refused(400, /quota of alpha.*40 GPUs of 24/, alice, 'POST', '', {
    ...wish,
    requirements: {},
    deployment_config: { gpu_count: 4 },
  });
  await refused(400, /deployment_config\.args\.1.*--enforce-egaer\. Did you mean --enforce-eager/, alice, 'POST', '', {
    ...wish,
    deployment_config: { ...wish.deployment_config, args: ['--trust-remote-code', '--enforce-egaer'] },
  });
  await refused(400, /huggingface_id/, alice, 'POST', '', { name: 'third' });
  await refused(404, /no such model/, alice, 'GET', '/none-such');
  // another organization neither sees it nor changes it, and its operator may not approve what the catalog does not have
  await refused(404, /no such model/, olga, 'GET', `/${qwen.name}`);
  await refused(404, /no such model/, olga, 'DELETE', `/${(await model(alice, qwen.name)).id}`);
  assert.deepEqual((await call(olga, 'GET', ''))[1], { models: [], total: 0 });
  await refused(403, /no approved entry/, olga, 'POST', '', { ...wish, huggingface_id: 'Qwen/other' });
  await refused(403, /prod/, dan, 'POST', '', wish);
});

test('ORG-2, ORG-7: what others put on the cluster is listed as unmanaged, and its name is never taken over', async () => {
  const labels = { 'model.aibrix.ai/name': 'by-hand' };
  const foreign = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'by-hand', namespace: 'jan-models', labels },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'vllm', image: 'vllm/vllm-openai:v0.9.0' }] } },
    },
  };
  await plane.kubectl(['apply', '-f', '-'], JSON.stringify(foreign));
  await refused(409, /by-hand/, alice, 'POST', '', { ...qwen, name: 'by-hand' });
  const found = await until('it is ready', async () => {
    const [, { models }] = await call(alice, 'GET', '/all');
    return models.find(({ name, status }: Json) => name === 'by-hand' && status === 'running');
  });
  assert.deepEqual([found.managed, found.namespace, found.image], [false, 'jan-models', 'vllm/vllm-openai:v0.9.0']);
  const [, { models, total }] = await call(alice, 'GET', '/all');
  assert.deepEqual([total, models.map(({ managed }: Json) => managed)], [2, [true, false]]);
  assert.equal((await call(olga, 'GET', '/all'))[1].total, 1);
});

test('ORG-2: PUT scales without another revision, renames without one, and rolls out what runs differently', async () => {
  const put = async (body: object): Promise<Json> => {
    const [status, answer] = await call(alice, 'PUT', `/${qwen.name}`, body);
    assert.equal(status, 200, JSON.stringify(answer));
    return answer.model;
  };
  const before = await get('deploy', qwen.name);
  const scaled = await put({ display_name: 'Coder', autoscaling_config: { min_replicas: 2, target_value: '20' } });
  assert.equal(scaled.display_name, 'Coder');
  await until('two replicas', async () => (await get('deploy', qwen.name))?.status?.readyReplicas === 2);
  assert.equal((await get('deploy', qwen.name)).metadata.uid, before.metadata.uid);
  const { spec } = await get('podautoscaler', `${qwen.name}-autoscaler`);
  assert.deepEqual([spec.minReplicas, spec.maxReplicas, spec.metricsSources[0].targetValue], [2, 8, '20']);
  await put({ deployment_config: { enable_autoscaling: false } });
  await until('no autoscaler', async () => (await get('podautoscaler', `${qwen.name}-autoscaler`)) === null);
  await put({ autoscaling_config: { min_replicas: 1 } });
  await until('one replica', async () => (await get('deploy', qwen.name))?.status?.replicas === 1);
  const args = ['--max-model-len', '4096'];
  const changed = await put({
    ...planned,
    deployment_config: { args, hugging_face_token: 'hf_secret2' },
  });
  assert.deepEqual(changed.requirements, qwen.requirements);
  await becomes(
    alice,
    qwen.name,
    'the second revision runs',
    ({ status, deployment_name: name }) => status === 'running' && name === `${qwen.name}-r2`,
  );
  await until('the first is gone', async () => (await get('deploy', qwen.name)) === null);
  const next = await get('deploy', `${qwen.name}-r2`);
  assert.ok(next.spec.template.spec.containers[0].args.includes('4096'));
  const secret = await get('secret', `${qwen.name}-hugging-face`);
  assert.equal(Buffer.from(secret.data.HF_TOKEN, 'base64').toString(), 'hf_secret2');
  await refused(400, /Cannot be changed/, alice, 'PUT', `/${qwen.name}`, { huggingface_id: 'a/b' });
});

test('ORG-7: an image that cannot be pulled and replicas that no node takes are told with what to do', async () => {
  const wish = { ...qwen, name: 'broken', requirements: {} };
  const one = { enable_autoscaling: false };
  const image = faultyImage('vllm', 'image-pull');
  const [status, made] = await call(alice, 'POST', '', { ...wish, deployment_config: { ...one, image } });
  assert.equal(status, 200, JSON.stringify(made));
  const waiting = await becomes(alice, 'broken', 'the image', ({ conditions }) =>
    conditions.some(({ type }: Json) => type === 'Image'),
  );
  assert.equal(waiting.status, 'creating');
  await call(alice, 'DELETE', '/broken');
  const [, { model: wide }] = await call(alice, 'POST', '', {
    ...wish,
    name: 'wide',
    deployment_config: one,
    autoscaling_config: { min_replicas: 17 },
  });
  assert.equal(wide?.replicas.total, 0);
  const short = await becomes(alice, 'wide', 'not all of them', ({ conditions }) =>
    conditions.some(({ type }: Json) => type === 'Scheduled'),
  );
  assert.match(JSON.stringify(short.conditions), /Insufficient nvidia\.com\/gpu/);
  await call(alice, 'DELETE', '/wide');
});

test('ORG-2: deleting a model removes all that runs for it and nothing else', async () => {
  const [status, answer] = await call(alice, 'DELETE', `/${qwen.name}`);
  assert.deepEqual([status, answer.status, answer.name], [200, 'deleting', qwen.name]);
  const kinds = 'deploy,svc,pvc,secret,podautoscalers,servicemonitors';
  await until('its objects are gone', async () => (await names(kinds)).length === 0);
  await until('it is forgotten', async () => (await call(alice, 'GET', `/${qwen.name}`))[0] === 404);
  assert.notEqual(await get('deploy', 'by-hand'), null);
});

test('FR-012, ORG-3: a model in prod has plans: those that its client sent, or those that are proposed; elsewhere none are asked for', async () => {
  const bare = { name: 'bare', huggingface_id: qwen.huggingface_id };
  const send = async () =>
    fetch(`${platform.url}/v1/organization/models`, {
      method: 'POST',
      headers: { ...alice, 'content-type': 'application/json' },
      body: JSON.stringify(bare),
    });
  const changeOf = async ({ id }: Json) =>
    (await ask(platform.api, alice, 'GET', `/serving/changes?endpointId=${id}`))[0];
  await refused(409, /maintenance window/, alice, 'POST', '', { ...bare, ...planned, change: changePlan(1, 2) });
  const preview = await ask(platform.api, alice, 'POST', '/serving/changes/preview', { ...bare, kind: 'create-model' });
  assert.deepEqual([preview.planRequired, preview.approvalRequired], [true, false]);
  const answer = await send();
  const { model: proposed } = await answer.json();
  assert.deepEqual([answer.status, proposed?.change_request], [200, null]);
  const made = await changeOf(proposed);
  assert.deepEqual([made.status, made.plan.backup], ['applied', preview.plan.backup]);
  assert.equal(made.rollbackPlan, 'Roll back to the previous revision.');
  const { model: replaced } = (await call(alice, 'PUT', '/bare', { deployment_config: { gpu_count: 2 } }))[1];
  assert.deepEqual([replaced.deployment_config.gpu_count, replaced.change_request], [2, null]);
  const { kind, plan } = await changeOf(replaced);
  assert.deepEqual([kind, typeof plan.maintenance.steps], ['redeploy', 'string']);
  const audit = `/governance/audit/logs?resource_type=endpoint&action=organization-model.create`;
  const [entry] = await ask(platform.api, person('root', 'admin'), 'GET', audit);
  assert.deepEqual([entry.detail.plan_proposed, entry.detail.change], [true, made.id]);
  await call(alice, 'DELETE', '/bare');
  await until('it is forgotten', async () => (await call(alice, 'GET', '/bare'))[0] === 404);
  const { model: written } = (await call(alice, 'POST', '', { ...bare, ...planned }))[1];
  assert.equal((await changeOf(written)).plan.backup.kept, 'Revision 1.');
  await call(alice, 'DELETE', '/bare');
  await until('it is forgotten', async () => (await call(alice, 'GET', '/bare'))[0] === 404);
  await platform.stop();
  platform = await onPlane({ MODELS_ENVIRONMENT: 'stg', APPROVAL_FOUR_EYES: 'true' });
  await approvedEntry(platform.api, qwen.huggingface_id, { author: alice, reviewer: rita, team: 'alpha' });
  const free = await send();
  const { model: staged } = await free.json();
  assert.deepEqual([free.status, staged?.environment, staged?.change_request], [200, 'stg', null]);
  const [recorded] = await ask(platform.api, alice, 'GET', `/serving/changes?endpointId=${staged.id}`);
  assert.deepEqual([recorded.status, recorded.plan, recorded.decidedBy], ['applied', null, null]);
  await call(alice, 'DELETE', '/bare');
  await until('it is forgotten', async () => (await call(alice, 'GET', '/bare'))[0] === 404);
  await platform.stop();
});

test('FR-012, ORG-2: in prod a model waits for somebody else, who sees all its objects; nothing of it exists before it is applied', async () => {
  const fourEyes = { APPROVAL_FOUR_EYES: 'true' };
  platform = await onPlane(fourEyes);
  const changes = (who: Person, method: string, path: string, body?: object) =>
    callApi(platform.api, who, method, `/serving/changes${path}`, body);
  const decide = (who: Person, id: string, decision: string, version = 1) =>
    changes(who, 'POST', `/${id}/decide`, { decision, version, notes: 'Too large.' });
  await refused(403, /no approved entry/, alice, 'POST', '', qwen);
  await approvedEntry(platform.api, qwen.huggingface_id, { author: alice, reviewer: rita, team: 'alpha' });

  const [status, { model: asked }] = await call(alice, 'POST', '', qwen);
  assert.equal(status, 200);
  const { id } = asked;
  assert.deepEqual([asked.status, asked.change_request], ['creating', { id, status: 'open' }]);
  assert.match(asked.conditions[0].message, /alice asked for change/);
  assert.deepEqual((await call(dan, 'GET', ''))[1].models[0], (await call(dan, 'GET', `/${qwen.name}`))[1].model);
  assert.deepEqual((await call(olga, 'GET', ''))[1], { models: [], total: 0 });
  await refused(409, /waits for approval/, alice, 'POST', '', qwen);
  await refused(409, /waits for change/, alice, 'PUT', `/${id}`, { display_name: 'Coder' });
  const own = await decide(alice, id, 'approve');
  assert.deepEqual([own.status, own.body.data.code], [403, 'change_four_eyes']);
  assert.equal((await changes(alice, 'POST', `/${id}/apply`)).body.data.code, 'change_not_approved');
  const read = (await changes(rita, 'GET', `/${id}`)).body.data;
  const objects = read.topology.rows.find(({ field }: Json) => field === 'objects').wanted;
  for (const kind of ['Deployment', 'Service', 'PersistentVolumeClaim', 'PodAutoscaler', 'ServiceMonitor'])
    assert.ok(objects.includes(kind) && read.manifests.some((one: Json) => one.kind === kind), kind);
  assert.deepEqual([read.plan, read.mayApprove, read.rollbackPlan], [qwen.change, true, 'Delete it.']);
  assert.doesNotMatch(JSON.stringify(read), /hf_secret1/);

  assert.equal((await decide(rita, id, 'reject')).body.data.status, 'rejected');
  const rejected = (await call(alice, 'GET', `/${id}`))[1].model;
  assert.deepEqual([rejected.status, rejected.conditions[0].reason], ['failed', 'Rejected']);
  assert.match(rejected.conditions[0].message, /rita rejected .*Too large\./);
  await refused(404, /no such model/, alice, 'GET', `/${qwen.name}`);

  // taken back by who asked for it
  const [, { model: second }] = await call(alice, 'POST', '', qwen);
  assert.equal((await call(alice, 'DELETE', `/${qwen.name}`))[1].id, second.id);
  assert.equal((await changes(rita, 'GET', `/${second.id}`)).body.data.status, 'withdrawn');
  assert.deepEqual(await names('deploy,svc,pvc,secret,podautoscalers,servicemonitors'), []);

  // with the proposed plan; approved, and the platform ends before it is applied
  const [, { model: third }] = await call(alice, 'POST', '', { ...qwen, change: undefined, rollbackPlan: undefined });
  const { rollbackPlan, plan } = (await changes(rita, 'GET', `/${third.id}`)).body.data;
  assert.match(`${rollbackPlan} ${plan.backup.restore}`, /Roll back to the previous revision\..*Delete/is);
  await changes(alice, 'PATCH', `/${third.id}`, { change: changePlan(-1, 4) });
  assert.equal((await decide(rita, third.id, 'approve')).body.data.code, 'change_amended');
  assert.equal((await decide(rita, third.id, 'approve', 2)).body.data.status, 'approved');
  await platform.kill();
  platform = await onPlane(fourEyes, platform.dataDir);
  assert.equal((await model(alice, qwen.name)).change_request.status, 'approved');
  assert.deepEqual(await names('deploy,svc,pvc,secret,podautoscalers,servicemonitors'), []);
  const applied = await changes(alice, 'POST', `/${third.id}/apply`);
  assert.deepEqual([applied.status, applied.body.data.endpointId], [200, third.id], JSON.stringify(applied.body));
  // and again before anything of it runs
  await platform.kill();
  platform = await onPlane(fourEyes, platform.dataDir);
  const running = await becomes(alice, third.id, 'running', ({ status: is }) => is === 'running');
  assert.equal(running.change_request, null);
  const secret = await get('secret', `${qwen.name}-hugging-face`);
  assert.equal(Buffer.from(secret.data.HF_TOKEN, 'base64').toString(), 'hf_secret1');
});

test('FR-012, ORG-2: in prod another configuration waits while the model serves; another scale does not, and a deletion neither', async () => {
  const put = async (body: object): Promise<Json> => (await call(alice, 'PUT', `/${qwen.name}`, body))[1].model;
  const changes = (who: Person, path: string, body?: object) =>
    callApi(platform.api, who, 'POST', `/serving/changes${path}`, body);
  const approve = (id: string) => changes(rita, `/${id}/decide`, { decision: 'approve', version: 1 });
  const { change } = planned;
  const wanted = { deployment_config: { args: ['--max-model-len', '2048'], hugging_face_token: 'hf_secret2' }, change };
  const asked = await put({ ...wanted, display_name: 'Coder' });
  assert.deepEqual([asked.status, asked.change_request.status], ['running', 'open']);
  assert.deepEqual([asked.display_name, asked.deployment_config.args], [qwen.display_name, []]);
  const scaled = await put({ autoscaling_config: { target_value: '20' } });
  assert.equal(scaled.autoscaling_config.target_value, '20');
  assert.equal(scaled.change_request.id, asked.change_request.id);
  await approve(asked.change_request.id);
  // the approval was for another scale
  assert.equal((await changes(alice, `/${asked.change_request.id}/apply`)).body.data.code, 'change_outdated');
  const { change_request: next } = await put({ ...wanted, change: undefined, display_name: 'Coder' });
  await approve(next.id);
  assert.equal((await changes(alice, `/${next.id}/apply`)).body.data.revision, 2);
  const changed = await becomes(
    alice,
    qwen.name,
    'the second revision runs',
    ({ status, deployment_name: name }) => status === 'running' && name === `${qwen.name}-r2`,
  );
  assert.deepEqual([changed.display_name, changed.deployment_config.args], ['Coder', ['--max-model-len', '2048']]);
  const secret = await get('secret', `${qwen.name}-hugging-face`);
  assert.equal(Buffer.from(secret.data.HF_TOKEN, 'base64').toString(), 'hf_secret2');
  const audit = await ask(platform.api, person('root', 'admin'), 'GET', '/governance/audit/logs?limit=100');
  const seen = new Set(audit.map(({ action }: Json) => action));
  for (const action of ['organization-model.create', 'organization-model.update', 'change.decide', 'change.apply'])
    assert.ok(seen.has(action), action);
  const created = audit.find(
    ({ action, detail }: Json) => action === 'organization-model.create' && detail.waits === true,
  );
  assert.deepEqual(
    [created.detail.plan_proposed, created.detail.plan.maintenance.contact],
    [true, 'alice, team alpha'],
  );
  assert.equal((await call(alice, 'DELETE', `/${qwen.name}`))[0], 200);
  await until('it is forgotten', async () => (await call(alice, 'GET', `/${qwen.name}`))[0] === 404);
});

test('ORG-3: outside a cluster every route is 403', async () => {
  const alone = await startPlatform();
  try {
    const routes: [string, string, object?][] = [
      ['GET', '/status'],
      ['GET', '/all'],
      ['GET', ''],
      ['POST', '', qwen],
      ['GET', '/some'],
      ['PUT', '/some', {}],
      ['DELETE', '/some'],
    ];
    for (const [method, path, body] of routes)
      await refused(
        403,
        /only available where the platform runs on a Kubernetes cluster/,
        alice,
        method,
        path,
        body,
        alone,
      );
    const known = await fetch(`${alone.url}/v1/organization/models`, { method: 'PATCH', headers: alice });
    assert.deepEqual([known.status, known.headers.get('allow')], [405, 'GET, POST']);
    const [status, body] = await call({}, 'GET', '', undefined, alone);
    assert.ok(status === 401 || status === 403, String(status));
    assert.deepEqual(Object.keys(body), ['error']);
  } finally {
    await alone.stop();
  }
});
