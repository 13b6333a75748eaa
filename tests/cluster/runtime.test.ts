import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createKubernetesRuntime } from '../../backend/src/adapters/runtime/kubernetes/index.ts';
import type { Observation, RevisionSpec, Runtime } from '../../backend/src/ports/runtime.ts';
import type { Json } from '../journeys/harness.ts';
import { startPlane, type Plane } from './plane.ts';
import { config, objectStore, openPlane, specOf } from './specs.ts';
import { faultyImage } from './stages.ts';

let plane: Plane;
let runtime: Runtime;
let opened: ReturnType<typeof openPlane>;

function open(): Runtime {
  return createKubernetesRuntime({
    ...opened,
    config,
    objectStore,
    alternatives: ['vllm/vllm-openai:latest'],
  });
}

before(async () => {
  plane = await startPlane();
  await plane.addNodes(2, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  await plane.addNodes(1, { prefix: 'cpu', gpus: 0 });
  opened = openPlane(plane);
  runtime = open();
});
after(async () => {
  await runtime?.close();
  opened?.census.close();
  await plane?.stop();
});

async function apply(spec: RevisionSpec): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await runtime.apply(runtime.plan(spec), spec);
    } catch (error) {
      if (tries === 100) throw error;
      await wait(100);
    }
  }
}

async function seen(spec: RevisionSpec, test: (observation: Observation) => boolean): Promise<Observation> {
  let last: Observation | null = null;
  for (let tries = 0; tries < 300; tries++) {
    last = await runtime.observe(spec.revisionId).catch(() => null);
    if (last !== null && test(last)) return last;
    await wait(100);
  }
  assert.fail(`not seen: ${JSON.stringify(last)}`);
}

test('FR-006, FR-006r: a revision is applied as real objects, its pods become ready, its replicas have addresses', async () => {
  const spec = specOf();
  await apply(spec);
  // a Deployment starts from one replica, its number is a write of its own: for a moment one is ready of one
  await seen(spec, ({ phase, replicas }) => phase === 'ready' && replicas.total === 2 && replicas.ready === 2);
  const name = `serving-${spec.endpointId}`;
  const got = await plane.kubectl([
    '-n',
    'llm-ops-dev',
    'get',
    'deploy,svc,hpa,ingress,pdb,networkpolicy',
    '-l',
    `app=${name}`,
    '-o',
    'name',
  ]);
  for (const kind of [
    'deployment.apps',
    'service',
    'horizontalpodautoscaler.autoscaling',
    'ingress.networking.k8s.io',
    'poddisruptionbudget.policy',
    'networkpolicy.networking.k8s.io',
  ])
    assert.match(got, new RegExp(`^${kind}/`, 'm'));
  for (let tries = 0; tries < 100 && runtime.addresses(spec.revisionId).length < 2; tries++) await wait(100);
  assert.equal(runtime.addresses(spec.revisionId).length, 2);
  assert.equal(runtime.address(spec.revisionId)?.provider, 'vllm');
  assert.equal(runtime.address(spec.revisionId)?.model, 'support');
  // a replica more does not make those that were there other ones
  const known = [...runtime.addresses(spec.revisionId)];
  const more = { ...spec, minReplicas: 3 };
  await apply(more);
  for (let tries = 0; tries < 100 && runtime.addresses(spec.revisionId).length < 3; tries++) await wait(100);
  for (const address of known) assert.ok(runtime.addresses(spec.revisionId).includes(address));
});

test('FR-006: replicas by a metric of the pods; what is of a revision alone is owned by its Deployment and goes with it', async () => {
  const metric = { name: 'vllm:num_requests_waiting', target: '500m' };
  const spec = specOf({ autoscale: { metric } });
  await apply(spec);
  await seen(spec, ({ phase }) => phase === 'ready');
  const name = `serving-${spec.endpointId}`;
  const read = async (what: string) =>
    JSON.parse(await plane.kubectl(['-n', 'llm-ops-dev', 'get', what, '-o', 'json']));
  const hpa = await read(`hpa/${name}-hpa`);
  assert.deepEqual(hpa.spec.metrics, [
    {
      type: 'Pods',
      pods: { metric: { name: metric.name }, target: { type: 'AverageValue', averageValue: '500m' } },
    },
  ]);
  const { metadata } = await read(`deploy/${name}-r1`);
  for (const one of [hpa, await read(`svc/${name}-r1`)])
    assert.deepEqual(
      one.metadata.ownerReferences.map(({ uid }: { uid: string }) => uid),
      [metadata.uid],
    );
  assert.equal(
    (await read(`svc/${name}-svc`)).metadata.ownerReferences,
    undefined,
    'of the endpoint, whatever its revision',
  );
  await plane.kubectl(['-n', 'llm-ops-dev', 'delete', 'deploy', `${name}-r1`]);
  await seen(spec, ({ phase }) => phase === 'absent' || phase === 'stopped');
  await apply(spec);
  await seen(spec, ({ phase }) => phase === 'ready');
  const revision = `llm-ops.io/revision=${spec.revisionId}`;
  const list = async (): Promise<Json[]> =>
    JSON.parse(await plane.kubectl(['-n', 'llm-ops-dev', 'get', 'deploy,hpa,svc', '-l', revision, '-o', 'json'])).items;
  for (let tries = 0; ; tries += 1) {
    // the cluster's collector may take the HPA and the Service of before only now
    await runtime.apply(runtime.plan(spec), spec);
    const found = await list();
    const uid = found.find(({ kind }) => kind === 'Deployment')?.metadata.uid;
    const others = found.filter(({ kind }) => kind !== 'Deployment');
    if (others.length === 2 && others.every((one) => one.metadata.ownerReferences[0].uid === uid)) break;
    assert.ok(tries < 100, JSON.stringify(found.map(({ kind }) => kind)));
    await wait(100);
  }
});

test('OBJ: the namespace gets the secret and the config map that pods refer to; keys stand in no manifest', async () => {
  const secret = JSON.parse(
    await plane.kubectl(['-n', 'llm-ops-dev', 'get', 'secret', 'llm-ops-object-store-credentials', '-o', 'json']),
  );
  assert.equal(Buffer.from(secret.data.AWS_SECRET_ACCESS_KEY, 'base64').toString(), 'secret');
  const plan = JSON.stringify(runtime.plan(specOf()));
  assert.ok(!plan.includes('"secret"'));
});

test('FR-006r: applying the same plan again writes nothing', async () => {
  const spec = specOf();
  await apply(spec);
  await seen(spec, ({ phase }) => phase === 'ready');
  const version = async () =>
    JSON.parse(
      await plane.kubectl(['-n', 'llm-ops-dev', 'get', 'deploy', `serving-${spec.endpointId}-r1`, '-o', 'json']),
    ).metadata;
  const before = await version();
  const again = open();
  for (let tries = 0; tries < 100; tries++) {
    if (
      await again.apply(again.plan(spec), spec).then(
        () => true,
        () => false,
      )
    )
      break;
    await wait(100);
  }
  await again.close();
  await runtime.apply(runtime.plan(spec), spec);
  const later = await version();
  assert.equal(later.generation, before.generation);
});

test('FR-006r: a pod that no node can take is deploying, with the words of the scheduler and what would fit', async () => {
  const spec = specOf({ gpuCount: 16, minReplicas: 1 });
  await apply(spec);
  const { phase, conditions } = await seen(spec, ({ conditions: all }) => all.some(({ type }) => type === 'Scheduled'));
  assert.equal(phase, 'starting');
  assert.match(conditions[0]!.message, /Insufficient nvidia\.com\/gpu/);
  assert.match(conditions[0]!.remedy, /no more GPUs \(gpuCount\) than one node has/);
  const preflight = await runtime.preflight(spec);
  assert.equal(preflight.level, 'red');
  assert.match(preflight.checks.find(({ name }) => name === 'nodes')!.message, /None of 3 nodes has room/);
});

test('FR-006h, FR-006r: an image that cannot be pulled, a crash and too little memory are told with cause and remedy', async () => {
  const expected = [
    ['image-pull', 'ImagePullBackOff', 'starting', /vllm\/vllm-openai:latest/],
    ['crash', 'CrashLoopBackOff', 'failed', /Logs/],
    ['oom', 'OOMKilled', 'failed', /memoryLimit/],
    ['not-ready', 'NotReady', 'starting', /probe paths/],
  ] as const;
  for (const [fault, reason, phase, remedy] of expected) {
    const spec = specOf({ image: faultyImage('vllm', fault), minReplicas: 1 });
    await apply(spec);
    const seenNow = await seen(spec, ({ conditions }) => conditions.some((one) => one.reason === reason));
    assert.equal(seenNow.phase, phase, fault);
    assert.match(seenNow.conditions.find((one) => one.reason === reason)!.remedy, remedy);
    await runtime.remove(spec.revisionId, 0);
  }
});

test('FR-006r, DEP-8: one pod of two that fails makes it degraded; a deleted object is put back', async () => {
  const spec = specOf({ minReplicas: 2 });
  await apply(spec);
  await seen(spec, ({ phase }) => phase === 'ready');
  await plane.kubectl(['-n', 'llm-ops-dev', 'delete', 'deploy', `serving-${spec.endpointId}-r1`]);
  await seen(spec, ({ phase }) => phase === 'absent');
  await apply(spec);
  await seen(spec, ({ phase }) => phase === 'ready');
});

test('FR-006i: removing the last revision removes every object of the endpoint and nothing else', async () => {
  const first = specOf();
  const second = specOf({ endpointId: first.endpointId, number: 2 });
  const other = specOf();
  for (const spec of [first, second, other]) await apply(spec);
  for (const spec of [first, second, other]) await seen(spec, ({ phase }) => phase === 'ready');
  const left = (spec: RevisionSpec) =>
    plane.kubectl([
      '-n',
      'llm-ops-dev',
      'get',
      'deploy,svc,hpa,ingress,pdb,networkpolicy',
      '-l',
      `llm-ops.io/endpoint=${spec.endpointId}`,
      '-o',
      'name',
    ]);
  await runtime.remove(first.revisionId, 0);
  await seen(first, ({ phase }) => phase === 'absent');
  assert.match(await left(second), /-r2/);
  assert.match(await left(second), /-ingress/);
  await runtime.remove(second.revisionId, 0);
  await seen(second, ({ phase }) => phase === 'absent');
  assert.equal((await left(second)).trim(), '');
  assert.match(await left(other), /-r1/);
  // somebody deleted the Deployment by hand: what is left of the endpoint is found and goes all the same
  await plane.kubectl(['-n', 'llm-ops-dev', 'delete', 'deploy', `serving-${other.endpointId}-r1`]);
  await seen(other, ({ phase }) => phase === 'absent');
  assert.ok((await runtime.list()).includes(other.revisionId));
  await runtime.remove(other.revisionId, 0);
  assert.equal((await left(other)).trim(), '');
});

test('FR-006r: an API server that is away and comes back with another certificate loses nothing and is followed again', async () => {
  const spec = specOf({ minReplicas: 1 });
  await apply(spec);
  await seen(spec, ({ phase }) => phase === 'ready');
  await plane.haltApi();
  await assert.rejects(runtime.apply(runtime.plan({ ...spec, minReplicas: 3 }), { ...spec, minReplicas: 3 }), {
    code: 'cluster_unreachable',
  });
  const told = await seen(spec, ({ conditions }) => conditions.some(({ reason }) => reason === 'Unreachable'));
  assert.equal(told.phase, 'ready');
  await plane.resumeApi({ newCertificate: true });
  const more = { ...spec, minReplicas: 3 };
  for (let tries = 0; tries < 100; tries++) {
    if (
      await runtime.apply(runtime.plan(more), more).then(
        () => true,
        () => false,
      )
    )
      break;
    await wait(200);
  }
  await seen(more, ({ conditions }) => conditions.every(({ reason }) => reason !== 'Unreachable'));
  // the cluster's own controllers keep their old trust, so what is seen is the wish that arrived
  await seen(more, ({ replicas }) => replicas.total === 3);
});
