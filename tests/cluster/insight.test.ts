import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createKubernetesRuntime } from '../../backend/src/adapters/runtime/kubernetes/index.ts';
import type { Insight } from '../../backend/src/ports/insight.ts';
import type { RevisionSpec, Runtime } from '../../backend/src/ports/runtime.ts';
import { startPlane, type Plane } from './plane.ts';
import { config, objectStore, openPlane, specOf } from './specs.ts';
import { faultyImage } from './stages.ts';

let plane: Plane;
let runtime: Runtime;
let opened: ReturnType<typeof openPlane>;
let insight: Insight;

before(async () => {
  plane = await startPlane();
  await plane.addNodes(1, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  opened = openPlane(plane);
  runtime = createKubernetesRuntime({
    ...opened,
    config,
    objectStore,
    alternatives: [],
  });
  insight = runtime.insight!;
});
after(async () => {
  await runtime?.close();
  opened?.census.close();
  await plane?.stop();
});

/** Asks until it is so. */
async function until<T>(look: () => Promise<T>, test: (found: T) => boolean): Promise<T> {
  let last: unknown = null;
  for (let tries = 0; tries < 300; tries++) {
    const found = await look().catch((error: unknown) => void (last = error));
    if (found !== undefined && test(found)) return found;
    last = found ?? last;
    await wait(100);
  }
  assert.fail(`not seen: ${JSON.stringify(last) ?? String(last)}`);
}
const apply = (spec: RevisionSpec) =>
  until(
    () => runtime.apply(runtime.plan(spec), spec).then(() => true),
    (done) => done,
  );
const place = ({ endpointId, environment }: RevisionSpec) => ({ endpointId, environment });
const query = { pod: null, container: null, previous: false, lines: 100 };

test('FR-006r: pods are told with node, restarts and why they are not ready', async () => {
  const healthy = specOf({ minReplicas: 2 });
  const crashing = specOf({ image: faultyImage('vllm', 'crash'), minReplicas: 1 });
  await apply(healthy);
  await apply(crashing);
  const two = await until(
    () => insight.pods(healthy.revisionId),
    (pods) => pods.length === 2 && pods.every(({ ready }) => ready),
  );
  assert.deepEqual(
    two.map(({ node, phase, reason, restarts }) => [node, phase, reason, restarts]),
    [
      ['gpu-0', 'Running', null, 0],
      ['gpu-0', 'Running', null, 0],
    ],
  );
  const [pod] = await until(
    () => insight.pods(crashing.revisionId),
    (pods) => pods[0]?.reason === 'CrashLoopBackOff',
  );
  assert.deepEqual([pod!.ready, pod!.restarts], [false, 4]);
  const { previous, exitCode, state } = pod!.containers[0]!;
  assert.deepEqual({ previous, exitCode, state }, { previous: true, exitCode: 1, state: 'waiting' });
});

test('FR-006h: events of an endpoint are those of its objects, with whom they are about, and no other endpoint has them', async () => {
  const spec = specOf({ image: faultyImage('vllm', 'image-pull'), minReplicas: 1 });
  const huge = specOf({ gpuCount: 16, minReplicas: 1 });
  await apply(spec);
  await apply(huge);
  const events = await until(
    () => insight.events(place(spec)),
    (found) => found.some(({ message }) => message === 'Error: ErrImagePull'),
  );
  assert.ok(events.some(({ reason, object }) => reason === 'ScalingReplicaSet' && object.kind === 'Deployment'));
  assert.ok(events.every(({ object }) => object.name.includes(spec.endpointId)));
  const pulled = events.find(({ reason }) => reason === 'Failed')!;
  assert.deepEqual([pulled.type, pulled.object.kind, pulled.revision], ['warning', 'Pod', 1]);
  const waiting = await until(
    () => insight.events(place(huge)),
    (found) => found.some(({ reason }) => reason === 'FailedScheduling'),
  );
  assert.match(waiting.find(({ reason }) => reason === 'FailedScheduling')!.message, /Insufficient nvidia\.com\/gpu/);
});

test('FR-006h: logs of a pod are read, of its previous instance too, and followed line by line until nobody listens', async () => {
  await plane.write(['loading weights', 'ready on port 8000']);
  await plane.write(['ValueError: unknown argument --nonsense'], { previous: true });
  const spec = specOf({ image: faultyImage('vllm', 'crash'), minReplicas: 1 });
  await apply(spec);
  const [pod] = await until(
    () => insight.pods(spec.revisionId),
    (pods) => pods[0]?.reason === 'CrashLoopBackOff',
  );
  const named = { ...query, pod: pod!.name };
  assert.deepEqual((await insight.read(spec.revisionId, named)).slice(-2), ['loading weights', 'ready on port 8000']);
  assert.deepEqual(await insight.read(spec.revisionId, { ...named, lines: 1 }), ['ready on port 8000']);
  assert.deepEqual(await insight.read(spec.revisionId, { ...named, previous: true }), [
    'ValueError: unknown argument --nonsense',
  ]);
  await assert.rejects(insight.read(spec.revisionId, { ...query, pod: 'nobody' }), { code: 'pod_not_found' });
  await assert.rejects(insight.read(spec.revisionId, { ...named, container: 'nobody' }), { code: 'pod_not_found' });

  const leaving = new AbortController();
  const lines: string[] = [];
  const following = (async () => {
    for await (const line of insight.follow(spec.revisionId, { ...named, lines: 1 }, leaving.signal)) lines.push(line);
  })();
  await until(
    async () => lines,
    (found) => found.length === 1,
  );
  await plane.write(['one more']);
  await until(
    async () => lines,
    (found) => found.includes('one more'),
  );
  leaving.abort();
  await following;
  assert.deepEqual(lines, ['ready on port 8000', 'one more']);
});
