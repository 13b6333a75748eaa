import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterSeen } from '#ports/cluster';
import { clusterFacts, factsOf, topologyOf, type Placed, type Side } from './topology.ts';
import type { ServingSpec } from '../types.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const spec = (changes: Partial<ServingSpec> = {}): ServingSpec => ({
  revisionId: 'r',
  endpointId: 'e',
  number: 1,
  environment: 'dev',
  route: '/glossary',
  model: {
    id: 'm',
    name: 'glossary',
    version: '1',
    type: 'base',
    storageUri: 's3://models/m/1/',
    prefix: 'models/m/1/',
    files: [],
    metadata: {},
    inspection: null,
  },
  image: 'vllm/vllm-openai:v0.15.0',
  useGpu: true,
  gpuCount: 1,
  gpuType: 'h100',
  minReplicas: 1,
  maxReplicas: 1,
  resources: { cpuRequest: '1', cpuLimit: '2', memoryRequest: '1Gi', memoryLimit: '2Gi' },
  args: ['--api-key', 'canary-0001'],
  env: { HF_TOKEN: 'canary-0002' },
  contextLength: 4096,
  imagePullPolicy: 'IfNotPresent',
  deploymentMode: 'raw',
  probes: null,
  asked: {},
  ...changes,
});
const manifests = (host: string, id: string) => [
  {
    kind: 'Deployment',
    metadata: { name: `serving-${id}` },
    spec: {
      template: {
        spec: {
          nodeSelector: { accelerator: 'h100' },
          volumes: [
            { name: `v-${id}`, emptyDir: { sizeLimit: '20Gi' } },
            { name: 'pvc', persistentVolumeClaim: { claimName: `claim-${id}` } },
          ],
        },
      },
    },
  },
  { kind: 'Service', spec: { ports: [{ port: 8000 }] } },
  {
    kind: 'Ingress',
    spec: { ingressClassName: 'nginx', rules: [{ host, http: { paths: [{ path: '/glossary' }] } }], tls: [{}] },
  },
];
const placed = (changes: Partial<ServingSpec>, host: string, id: string): Placed => ({
  spec: spec(changes),
  runtime: 'vllm',
  artifactDigest: 'd1',
  scale: { minReplicas: 1, maxReplicas: 3, autoscale: { cpuUtilization: 70 } },
  manifests: manifests(host, id),
});

const cluster = (name: string, version: string, gpus: number): ClusterSeen =>
  ({
    name,
    environments: ['dev', 'stg', 'prod'],
    version,
    reachable: true,
    totals: { nodes: 2 },
    nodes: [
      { gpuType: 'h100', gpus: { capacity: gpus, allocatable: gpus } },
      { gpuType: null, gpus: { capacity: 0, allocatable: 0 } },
    ],
    operators: [
      { name: 'KServe', state: 'running' },
      { name: 'KubeRay', state: 'missing' },
    ],
    namespaces: ['dev', 'stg', 'prod'].map((environment) => ({
      environment,
      name: `llm-ops-${environment}`,
      quotas: [{ resource: 'pods', hard: environment === 'prod' ? '100' : '10', used: '3' }],
    })),
  }) as unknown as ClusterSeen;

const side = (environment: Side['environment'], facts: Side['facts'], place: ClusterSeen | null): Side => ({
  environment,
  endpointId: facts && `e-${environment}`,
  revision: facts && 1,
  facts,
  place: clusterFacts(place, environment),
});

test('FR-012: topology deltas set model, runtime, resources, probes, scaling, storage, network and cluster of dev, stg and prod beside each other', () => {
  const dev = factsOf(placed({}, 'dev.example', '1'), []);
  const prod = factsOf(placed({ gpuCount: 2, probes: { readiness: { path: '/health' } } }, 'prod.example', '2'), []);
  const wanted = factsOf(placed({ image: `vllm/vllm-openai@${digest}`, gpuCount: 2 }, 'prod.example', '3'), []);
  const shared = cluster('east', 'v1.36.3', 8);
  const sides = [
    side('dev', dev, shared),
    side('stg', null, shared),
    side('prod', prod, cluster('west', 'v1.35.0', 16)),
  ];
  const found = topologyOf(sides, 'prod', wanted);
  const row = (name: string) => found.rows.find(({ group, field }) => `${group}.${field}` === name)!;
  const marks = (name: string) => [row(name).differs, row(name).changes];

  assert.deepEqual(found.environments[1], { environment: 'stg', endpointId: null, revision: null });
  assert.equal(found.isNew, false);
  assert.deepEqual(row('resources.gpuCount').values, { dev: 1, stg: null, prod: 2 });
  assert.deepEqual(marks('resources.gpuCount'), [true, false], 'it differs from dev, and the change leaves it so');
  assert.deepEqual(marks('model.digest'), [false, false], 'promotion carries the same bytes');
  assert.deepEqual([row('runtime.imageDigest').wanted, ...marks('runtime.imageDigest')], [digest, true, true]);
  assert.deepEqual([row('probes.readiness').wanted, ...marks('probes.readiness')], [null, false, true]);
  assert.deepEqual(row('network.ingress').wanted, [
    { class: 'nginx', host: 'prod.example', paths: ['/glossary'], tls: true },
  ]);
  assert.deepEqual(marks('network.ingress'), [true, false]);
  assert.deepEqual(row('storage.volumes').values.dev, ['emptyDir 20Gi', 'persistentVolumeClaim claim']);
  assert.deepEqual(marks('storage.volumes'), [false, false], 'ids in names make no difference');
  assert.deepEqual(row('cluster.version').values, { dev: 'v1.36.3', stg: 'v1.36.3', prod: 'v1.35.0' });
  assert.deepEqual(marks('cluster.version'), [true, false]);
  assert.deepEqual(row('cluster.gpuPools').wanted, [{ type: 'h100', nodes: 1, gpus: 16 }]);
  assert.deepEqual(row('cluster.quotas').values, { dev: { pods: '10' }, stg: { pods: '10' }, prod: { pods: '100' } });
  assert.deepEqual(marks('cluster.namespace'), [false, false], 'names of places are meant to differ');
  assert.doesNotMatch(JSON.stringify(found), /canary-/, 'no secret of arguments or variables');
});

test('FR-012, ORG-4: of a model of an organization its claim, autoscaler and monitor are among what the approver sees', () => {
  const source = { targetMetric: 'num_requests_running', targetValue: '40' };
  const objects = [
    { kind: 'PersistentVolumeClaim', spec: { accessModes: ['ReadWriteMany'], storageClassName: 'shared' } },
    { kind: 'PodAutoscaler', spec: { minReplicas: 1, maxReplicas: 8, metricsSources: [source] } },
    { kind: 'ServiceMonitor', spec: { endpoints: [{ port: 'http', path: '/metrics' }] } },
  ];
  const model = { ...spec().model, metadata: { huggingface_model_id: 'Qwen/Qwen3' } };
  const facts = factsOf({ ...placed({ model }, 'a', '1'), manifests: objects }, []);
  assert.equal(facts['storage.model'], 'huggingface.co/Qwen/Qwen3');
  const elsewhere = clusterFacts(cluster('east', 'v1.36.3', 8), 'prod', 'models');
  assert.deepEqual([elsewhere['cluster.namespace'], elsewhere['cluster.quotas']], ['models', {}]);
  assert.deepEqual(facts['runtime.objects'], ['PersistentVolumeClaim', 'PodAutoscaler', 'ServiceMonitor']);
  assert.deepEqual(facts['scaling.metrics'], [source]);
  assert.deepEqual(facts['network.monitors'], [{ port: 'http', path: '/metrics' }]);
});

test('FR-012: where nothing serves yet a change alters nothing, and what is not known is no difference', () => {
  const dev = factsOf(placed({}, 'dev.example', '1'), []);
  const sides = [side('dev', dev, cluster('east', 'v1.36.3', 8)), side('stg', null, null), side('prod', null, null)];
  const found = topologyOf(sides, 'stg', factsOf(placed({}, 'dev.example', '2'), []));
  assert.equal(found.isNew, true);
  assert.deepEqual(
    found.rows.filter(({ differs, changes }) => differs || changes),
    [],
  );
  assert.ok(found.rows.every(({ values, wanted }) => [values.dev, values.stg, values.prod, wanted].some(Boolean)));
});
