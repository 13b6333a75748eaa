import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startPlane, type Plane } from '../cluster/plane.ts';
import {
  approvedModel,
  ask,
  people,
  startPlatform,
  until,
  untilStatus,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';
import { startProvider, type Provider } from '../journeys/provider.ts';
import { startExporter, type Exporter } from './exporter.ts';
import { startAdapter, startPrometheus, type Program } from './programs.ts';

/**
 * infra/prometheus as it stands: a real Prometheus finds the pods of an endpoint and scrapes what they tell, the real adapter serves that as the
 * custom metrics API, the real controller of the HPA reads it there and scales. Only what the pods tell is written by this drill.
 */
const waitingMetric = 'vllm:num_requests_waiting';
const latencyMetric = 'llm_ops_time_to_first_token_milliseconds';
let plane: Plane;
let provider: Provider;
let exporter: Exporter;
let prometheus: Program;
let adapter: Program;
let platform: RunningPlatform;
let endpoint: string;

before(async () => {
  [plane, provider, exporter] = await Promise.all([startPlane({ frontProxy: true }), startProvider(), startExporter()]);
  await plane.addNodes(2, { prefix: 'gpu', gpus: 8, labels: { accelerator: 'h100' } });
  platform = await startPlatform({
    KUBECONFIG_PATH: plane.kubeconfig,
    SERVING_LOCAL_BASE_URL: provider.url,
    SERVING_RUNTIME_IMAGE: 'vllm/vllm-openai:v0.15.0',
  });
  prometheus = await startPrometheus(plane, exporter);
  adapter = await startAdapter(plane, prometheus);
  const model = await approvedModel(platform.api, 'assistant');
  const made = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: model.id,
    environment: 'dev',
    route: '/assistant',
    minReplicas: 1,
    maxReplicas: 4,
    autoscalePolicy: { metric: { name: waitingMetric, target: '5', scaleDownDelay: '30s' } },
  });
  endpoint = made.id;
  await untilStatus(platform.api, endpoint, 'healthy');
});
after(async () => {
  await platform?.stop();
  await adapter?.stop();
  await prometheus?.stop();
  await exporter?.close();
  await provider?.close();
  await plane?.stop();
});

const found = async (kind: string): Promise<Json> =>
  JSON.parse(
    await plane.kubectl(['-n', 'llm-ops-dev', 'get', kind, '-l', `llm-ops.io/endpoint=${endpoint}`, '-o', 'json']),
  ).items;
const hpa = async () => (await found('hpa'))[0];
const seenBy = (one: Json, name: string): string | undefined =>
  one.status.currentMetrics?.find((metric: Json) => metric?.pods?.metric.name === name)?.pods.current.averageValue;
const replicas = async (): Promise<number> => (await found('deployment'))[0].spec.replicas;
const shown = async (): Promise<Json> =>
  (await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${endpoint}`)).replicas;

/** As docs/06-operations.md has it: the values of a metric by pod. */
async function asked(metric: string): Promise<Map<string, string>> {
  const path = `/apis/custom.metrics.k8s.io/v1beta1/namespaces/llm-ops-dev/pods/*/${metric}`;
  const { items } = JSON.parse(await plane.kubectl(['get', '--raw', path])) as Json;
  return new Map(items.map((item: Json) => [item.describedObject.name, item.value]));
}

test('FR-006, DEP-7: what the engines of a pod tell reaches the custom metrics API under the name of the pod, and the HPA reads it there', async () => {
  exporter.waiting = 3;
  const [pod] = await found('pod');
  const values = await until('the metric of the pod', async () => {
    const seen = await asked(waitingMetric).catch(() => null);
    return seen?.get(pod.metadata.name) === '3' && seen;
  });
  assert.deepEqual([...values.keys()], [pod.metadata.name], 'its engines summed, and nothing else');
  const read = await until('the HPA to read it', async () => {
    const one = await hpa();
    return seenBy(one, waitingMetric) === '3' && one;
  });
  const active = read.status.conditions.find(({ type }: Json) => type === 'ScalingActive');
  assert.deepEqual([active.status, active.reason], ['True', 'ValidMetricFound']);
  assert.equal(await replicas(), 1, 'three wait where five may');
});

test(
  'FR-006, FR-006r: a queue that grows adds replicas, and the platform shows them and leaves them',
  { timeout: 300_000 },
  async () => {
    exporter.waiting = 12;
    await until('three replicas', async () => (await replicas()) === 3, 120_000);
    await until('three of them to serve', async () => (await shown()).ready === 3);
    assert.equal((await shown()).total, 3);
    await until('all three to be asked', async () => (await asked(waitingMetric)).size === 3);
    await until('the average of three', async () => seenBy(await hpa(), waitingMetric) === '4');
    // longer than the minute in which Kubernetes takes back at once what it added
    for (const until = Date.now() + 75_000; Date.now() < until; await wait(5_000))
      assert.equal(await replicas(), 3, 'four wait at each where five may');
  },
);

test('FR-006: after its calm the queue that went takes one replica a minute', { timeout: 400_000 }, async () => {
  exporter.waiting = 0;
  const since = Date.now();
  await until('fewer replicas', async () => (await replicas()) < 3, 180_000);
  const calm = Date.now() - since;
  assert.ok(calm > 25_000, `a calm of 30 s, not ${calm} ms`);
  assert.equal(await replicas(), 2, 'one at a time');
  await until('one replica', async () => (await replicas()) === 1, 180_000);
  assert.ok(Date.now() - since > 80_000, 'a minute between the two');
  await until('one that serves', async () => (await shown()).total === 1);
});

test(
  'FR-006: the time to the first token is a percentile of a histogram, in milliseconds, by which an endpoint scales',
  { timeout: 300_000 },
  async () => {
    const [pod] = await found('pod');
    const value = await until(
      'the percentile',
      async () => {
        const seen = (await asked(latencyMetric).catch(() => null))?.get(pod.metadata.name);
        return seen !== undefined && seen !== '0' && seen;
      },
      90_000,
    );
    // all between 0.25 and 0.5 s: the 95th of a hundred, on the line between the two
    assert.match(value, /^(487500m|487|488)$/);
    await ask(platform.api, people.operator, 'PATCH', `/serving/endpoints/${endpoint}`, {
      autoscalePolicy: { targetLatencyMs: 250 },
    });
    await until(
      'the HPA to read it',
      async () => seenBy(await hpa(), latencyMetric)?.startsWith('487') === true,
      120_000,
    );
    await until('another replica', async () => (await replicas()) > 1, 120_000);
  },
);

test(
  'FR-006: the utilisation of the GPUs of a pod comes from the exporter of the node, under the name of the pod that uses them',
  { timeout: 300_000 },
  async () => {
    const [pod] = await found('pod');
    const { name, namespace } = pod.metadata;
    exporter.gpus = [60, 80].map((utilisation) => ({ namespace, pod: name, utilisation }));
    const labels = { app: 'nvidia-dcgm-exporter' };
    const container = {
      name: 'exporter',
      image: 'nvidia/dcgm-exporter:4',
      ports: [{ name: 'metrics', containerPort: 9400 }],
    };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'dcgm-exporter', namespace: 'monitoring' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    };
    await plane.kubectl(['apply', '-f', '-'], JSON.stringify(deployment));
    const utilisation = await until(
      'the utilisation',
      async () => {
        const seen = await asked('DCGM_FI_DEV_GPU_UTIL').catch(() => null);
        return seen?.get(name);
      },
      120_000,
    );
    assert.equal(utilisation, '70', 'the average of its two');
  },
);
