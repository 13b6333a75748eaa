import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createKserveRuntime } from '../../backend/src/adapters/runtime/kubernetes/index.ts';
import type { Observation, RevisionSpec, Runtime } from '../../backend/src/ports/runtime.ts';
import { applyDefinitions } from './crds.ts';
import { startPlane, type Plane } from './plane.ts';
import { config, objectStore, openPlane, specOf } from './specs.ts';

/** KServe's definitions on a real API server. Its controller is not here: what it would write is written by hand as its documentation shows it. */
let plane: Plane;
let runtime: Runtime;
let opened: ReturnType<typeof openPlane>;

before(async () => {
  plane = await startPlane();
  await plane.addNodes(1, { prefix: 'gpu', gpus: 8 });
  opened = openPlane(plane);
  runtime = createKserveRuntime({
    ...opened,
    config,
    mode: 'RawDeployment',
    objectStore,
    alternatives: [],
  });
});
after(async () => {
  await runtime?.close();
  opened?.census.close();
  await plane?.stop();
});

const inNamespace = (...args: string[]) => plane.kubectl(['-n', 'llm-ops-dev', ...args]);
const nameOf = (spec: RevisionSpec) => `serving-${spec.endpointId}${spec.number === 1 ? '' : `-r${spec.number}`}`;
const read = async (spec: RevisionSpec) =>
  JSON.parse(await inNamespace('get', 'inferenceservice', nameOf(spec), '-o', 'json'));

async function apply(spec: RevisionSpec): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await runtime.apply(runtime.plan(spec), spec);
    } catch (error) {
      if (tries === 300) throw error;
      await wait(100);
    }
  }
}

async function seen(spec: RevisionSpec, test: (observation: Observation) => boolean): Promise<Observation> {
  let last: Observation | null = null;
  for (let tries = 0; tries < 200; tries++) {
    last = await runtime.observe(spec.revisionId).catch(() => null);
    if (last !== null && test(last)) return last;
    await wait(100);
  }
  assert.fail(`not seen: ${JSON.stringify(last)}`);
}

/** What KServe's controller does of an InferenceService: a Deployment of its predictor, its address, its conditions. */
async function control(spec: RevisionSpec, replicas: number): Promise<void> {
  const { metadata, spec: asked } = await read(spec);
  const { minReplicas: _, maxReplicas: __, scaleMetric: ___, scaleTarget: ____, labels, ...pod } = asked.predictor;
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `${metadata.name}-predictor`, namespace: 'llm-ops-dev' },
    spec: {
      replicas,
      selector: { matchLabels: { 'llm-ops.io/revision': spec.revisionId } },
      template: {
        metadata: { labels: { ...labels, 'serving.kserve.io/inferenceservice': metadata.name } },
        spec: pod,
      },
    },
  };
  await plane.kubectl(['apply', '-f', '-'], JSON.stringify(deployment));
}
const say = (spec: RevisionSpec, status: object) =>
  inNamespace(
    'patch',
    'inferenceservice',
    nameOf(spec),
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  );
const ready = (is: 'True' | 'False', message = '') => ({
  conditions: [
    {
      type: 'Ready',
      status: is,
      reason: is === 'True' ? '' : 'PredictorNotReady',
      message,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
});

test('US3.12: without KServe on the cluster an apply names what is missing, and so does preflight', async () => {
  const spec = specOf();
  await assert.rejects(runtime.apply(runtime.plan(spec), spec), { code: 'cluster_crd_missing' });
  const { level, checks } = await runtime.preflight(spec);
  assert.equal(level, 'red');
  assert.match(checks[0]!.message, /KServe is not installed/);
});

test('US3.12: a revision becomes an InferenceService that the real definition accepts, with route, labels, probes and scale', async () => {
  await applyDefinitions(plane, 'kserve');
  const spec = specOf({ autoscale: { memoryUtilization: 80 } });
  await apply(spec);
  const { metadata, spec: got } = await read(spec);
  assert.equal(metadata.annotations['llm-ops.io/route'], '/support');
  assert.equal(metadata.annotations['serving.kserve.io/deploymentMode'], 'RawDeployment');
  assert.equal(metadata.labels.app, `serving-${spec.endpointId}`);
  assert.deepEqual([got.predictor.minReplicas, got.predictor.maxReplicas], [2, 4]);
  assert.deepEqual([got.predictor.scaleMetric, got.predictor.scaleTarget], ['memory', 80]);
  const [container] = got.predictor.containers;
  assert.equal(container.name, 'kserve-container');
  assert.equal(container.startupProbe.httpGet.path, '/health');
  assert.equal(container.resources.limits['nvidia.com/gpu'], '1');
});

test('US3.12, FR-006r: it is healthy when its pods and KServe say so, at the address that KServe gives', async () => {
  const spec = specOf();
  await apply(spec);
  await seen(spec, ({ phase }) => phase === 'starting');
  await control(spec, 2);
  await seen(spec, ({ replicas }) => replicas.ready === 2);
  assert.equal(runtime.address(spec.revisionId), null);
  await say(spec, { ...ready('True'), address: { url: 'http://support.llm-ops-dev.svc.cluster.local' } });
  const { replicas } = await seen(spec, ({ phase }) => phase === 'ready');
  assert.deepEqual(replicas.total, 2);
  assert.equal(runtime.address(spec.revisionId)?.baseUrl, 'http://support.llm-ops-dev.svc.cluster.local/v1');
});

test('US3.12, FR-006r: scaled to 0 by itself it goes by its Ready condition; stopped it is stopped; what KServe refuses is told', async () => {
  const idle = specOf();
  await apply(idle);
  await say(idle, { ...ready('True'), url: 'http://idle.example' });
  const { replicas } = await seen(idle, ({ phase }) => phase === 'ready');
  assert.equal(replicas.total, 0);
  assert.equal(runtime.address(idle.revisionId)?.baseUrl, 'http://idle.example/v1');

  const stopped = { ...idle, minReplicas: 0, maxReplicas: 0 };
  await apply(stopped);
  await seen(stopped, ({ phase }) => phase === 'stopped');

  const refused = specOf();
  await apply(refused);
  await say(refused, ready('False', 'the predictor has no image'));
  const { conditions } = await seen(refused, ({ phase }) => phase === 'failed');
  assert.match(conditions[0]!.message, /no image/);
});

test('US3.12, FR-006i: a second revision stands beside the first, and each is removed by itself', async () => {
  const first = specOf();
  const second = specOf({ endpointId: first.endpointId, number: 2 });
  for (const spec of [first, second]) await apply(spec);
  for (const spec of [first, second]) await seen(spec, ({ phase }) => phase === 'starting');
  await runtime.remove(first.revisionId, 0);
  await seen(first, ({ phase }) => phase === 'absent');
  assert.equal((await read(second)).metadata.name, `serving-${first.endpointId}-r2`);
  const listed = await runtime.list();
  assert.ok(listed.includes(second.revisionId) && !listed.includes(first.revisionId));
});
