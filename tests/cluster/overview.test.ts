import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createKubernetesRuntime, createOverview } from '../../backend/src/adapters/runtime/kubernetes/index.ts';
import type { Cluster, ClusterSeen } from '../../backend/src/ports/cluster.ts';
import { environments } from '@llm-ops/contracts';
import { applyDefinitions } from './crds.ts';
import { startPlane, type Plane } from './plane.ts';
import { config, objectStore, openPlane, specOf } from './specs.ts';

let plane: Plane;
let opened: ReturnType<typeof openPlane>;
let cluster: Cluster;
/** requests so far that read */
let reads = 0;

before(async () => {
  plane = await startPlane();
  await plane.addNodes(1_000, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  await plane.addNodes(1, { prefix: 'cpu', gpus: 0 });
  opened = openPlane(plane, { onAnswer: ({ method }) => void (reads += method === 'GET' ? 1 : 0) });
  cluster = createOverview({ ...opened, environments, config });
});
after(async () => {
  opened?.census.close();
  await plane?.stop();
});

async function until(test: (seen: ClusterSeen) => boolean): Promise<ClusterSeen> {
  let last: ClusterSeen | null = null;
  for (let tries = 0; tries < 300; tries++) {
    last = await cluster.look();
    if (test(last)) return last;
    await wait(100);
  }
  assert.fail(`not seen: ${JSON.stringify({ ...last, nodes: last?.nodes.length })}`);
}

/** Pods that ask for GPUs, of somebody or of the platform. */
const deployment = (name: string, namespace: string, gpus: number, replicas: number, labels = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name, ...labels } },
      spec: {
        containers: [{ name: 'x', image: 'x:1', resources: { limits: { 'nvidia.com/gpu': String(gpus), cpu: '1' } } }],
      },
    },
  },
});
const apply = (...items: object[]) =>
  plane.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));

test('ORG-1, DEP-7: a thousand nodes are told with their GPUs: what there is, what pods asked for, whose they are, what is free', async (t) => {
  await apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'llm-ops-dev' } },
    deployment('others', 'default', 2, 200),
    deployment('ours', 'llm-ops-dev', 4, 50, { 'app.kubernetes.io/managed-by': 'llm-ops' }),
  );
  const { totals, nodes, version, reachable, lostSince } = await until((seen) => seen.totals.gpus.allocated === 600);
  assert.deepEqual(totals.gpus, { capacity: 8_000, allocatable: 8_000, allocated: 600, ours: 200, free: 7_400 });
  assert.deepEqual([totals.nodes, totals.pods], [1_001, 250]);
  assert.deepEqual([reachable, lostSince], [true, null]);
  assert.match(version!, /^v1\.\d+/);
  const gpu = nodes.find(({ name }) => name === 'gpu-999')!;
  assert.deepEqual([gpu.gpuType, gpu.gpuMemoryBytes], ['h100', 81_559 * 1024 ** 2]);
  assert.equal(nodes.at(-1)!.name, 'cpu-0');

  await plane.kubectl(['cordon', 'gpu-0']);
  const cordoned = (await until(({ nodes: all }) => !all[0]!.schedulable)).nodes[0]!;
  assert.deepEqual([cordoned.name, cordoned.gpus.free], ['gpu-0', 0]);
  assert.match(cordoned.reason!, /Cordoned/);

  const times: number[] = [];
  const cpu = process.cpuUsage();
  for (let look = 0; look < 20; look++) {
    const from = performance.now();
    await cluster.look();
    times.push(performance.now() - from);
  }
  const { user, system } = process.cpuUsage(cpu);
  const median = times.toSorted((a, b) => a - b)[10]!;
  t.diagnostic(
    `a look at 1,001 nodes: median ${median.toFixed(1)} ms, ${((user + system) / 20_000).toFixed(1)} ms of CPU`,
  );
  assert.ok(median < 200, `${median} ms`);
});

test('DEP-7, QS-2: nodes and pods are read once for all who ask: at a thousand nodes a preflight costs one small request', async (t) => {
  const runtime = createKubernetesRuntime({ ...opened, config, objectStore, alternatives: [] });
  const room = async () => (await runtime.preflight(specOf({ image: 'x:1', gpuCount: 8 }))).checks;
  try {
    assert.equal((await room()).find(({ name }) => name === 'nodes')!.level, 'green');
    const known = async () => (await room()).find(({ name }) => name === 'image')?.message;
    for (let tries = 0; (await known()) !== 'Pods of this cluster run it already.'; tries++) {
      assert.ok(tries < 600, 'pods run, and it is not known');
      await wait(50);
    }
    const before = reads;
    const cpu = process.cpuUsage();
    for (let count = 0; count < 20; count++) await room();
    const { user, system } = process.cpuUsage(cpu);
    t.diagnostic(`a preflight: ${((user + system) / 20_000).toFixed(1)} ms of CPU`);
    // quotas change with each pod, and are small; a watch may be answered, or begin anew, meanwhile
    const found = reads - before;
    assert.ok(found >= 20 && found < 30, `${found} reads of 20 preflights`);
    const rare = async () => (await runtime.preflight(specOf({ gpuType: 'b200' }))).checks[0]!.message;
    assert.match(await rare(), /None of 1,000 nodes has room for .* and 1 GPU of type b200/);
    await plane.kubectl(['label', 'node', 'gpu-7', 'accelerator=b200', '--overwrite']);
    for (let tries = 0; (await rare()) !== 'Fits on gpu-7.'; tries++) {
      assert.ok(tries < 200, 'a node that has become fit is not known');
      await wait(50);
    }
  } finally {
    await runtime.close();
  }
});

test('ORG-1: operators are missing, then known without a controller, then running', async () => {
  const found = async (name: string) => (await cluster.look()).operators.find((one) => one.name === name)!;
  assert.deepEqual(
    (await cluster.look()).operators.map(({ name, state }) => [name, state]),
    ['KServe', 'AIBrix', 'GPU Operator', 'KubeRay', 'Envoy Gateway', 'Prometheus Operator'].map((name) => [
      name,
      'missing',
    ]),
  );
  await applyDefinitions(plane, 'kserve');
  // what was asked lately is not asked again; a new look begins anew
  cluster = createOverview({ ...opened, environments, config });
  const known = await found('KServe');
  assert.equal(known.state, 'definitions');
  assert.deepEqual(known.definitions, [
    { name: 'inferenceservices.serving.kserve.io', present: true, versions: ['v1beta1'] },
  ]);
  const controller = { ...deployment('kserve-controller-manager', 'default', 0, 1) };
  delete (controller.spec.template.spec.containers[0] as { resources?: unknown }).resources;
  await apply(controller);
  await plane.kubectl(['rollout', 'status', 'deploy/kserve-controller-manager', '--timeout=60s']);
  cluster = createOverview({ ...opened, environments, config });
  const running = await found('KServe');
  assert.equal(running.state, 'running');
  assert.equal(running.controller?.image, 'x:1');
});

test('DEP-7: namespaces of the environments and what is left of their quotas', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'gpus', namespace: 'llm-ops-dev' },
    spec: { hard: { 'requests.nvidia.com/gpu': '400', 'requests.memory': '1Ti' } },
  });
  await plane.kubectl([
    '-n',
    'llm-ops-dev',
    'wait',
    '--for=jsonpath={.status.used.requests\\.nvidia\\.com/gpu}=200',
    'resourcequota/gpus',
  ]);
  cluster = createOverview({ ...opened, environments, config });
  const { namespaces } = await cluster.look();
  assert.deepEqual(
    namespaces.map(({ environment, name, exists }) => [environment, name, exists]),
    [
      ['dev', 'llm-ops-dev', true],
      ['stg', 'llm-ops-stg', false],
      ['prod', 'llm-ops-prod', false],
    ],
  );
  const gpus = namespaces[0]!.quotas.find(({ resource }) => resource === 'requests.nvidia.com/gpu')!;
  assert.deepEqual(gpus, { name: 'gpus', resource: 'requests.nvidia.com/gpu', hard: '400', used: '200', share: 0.5 });
});

test('FR-006r: an API server that is away is told since when, with what was seen last, and quickly', async () => {
  const before = await cluster.look();
  await plane.haltApi();
  const lost = await until(({ reachable }) => !reachable);
  assert.ok(Date.parse(lost.lostSince!) <= Date.now());
  assert.equal(lost.totals.nodes, before.totals.nodes);
  assert.match(lost.problem!, /did not answer|broke off/);
  const from = performance.now();
  await cluster.look();
  assert.ok(performance.now() - from < 1_000);
  const runtime = createKubernetesRuntime({ ...opened, config, objectStore, alternatives: [] });
  // nothing is promised from what was seen last; and it is tried at once, not when its pause is over
  await assert.rejects(runtime.preflight(specOf()), /did not answer/);
  await plane.resumeApi();
  assert.notEqual((await runtime.preflight(specOf())).level, 'red');
  await runtime.close();
  const back = await until(({ reachable, lostSince }) => reachable && lostSince === null);
  assert.equal(back.totals.nodes, before.totals.nodes);
});
