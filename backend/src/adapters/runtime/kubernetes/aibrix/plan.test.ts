import type { Operator, StorageClass } from '#ports/models';
import type { AibrixModel, RevisionSpec } from '#ports/runtime';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { Room } from '../preflight.ts';
import type { ClusterConfig, Manifest } from '../types.ts';
import { modelNaming } from './names.ts';
import { modelObjects, type AibrixConfig } from './plan.ts';
import { judgeModel } from './preflight.ts';
import { isShared } from './storage.ts';

const config: ClusterConfig = {
  namespacePrefix: 'llm-ops-',
  quotas: {},
  objectStore: { secretName: 'llm-ops-object-store-credentials', configMapName: 'llm-ops-object-store-config' },
  imagePullSecrets: [],
  gpuLabel: 'accelerator',
  ingressClass: null,
  initImage: 'amazon/aws-cli:latest',
  modelVolume: '100Gi',
  startupSeconds: 1_800,
  terminationSeconds: 60,
  baseUrl: null,
};
const aibrix: AibrixConfig = { config, models: { namespace: 'jan-models', environment: 'prod' } };
const GiB = 1024 ** 3;

function specOf(change: Partial<RevisionSpec> = {}, model: Partial<AibrixModel> = {}): RevisionSpec {
  return {
    revisionId: '01990000-0000-7000-8000-000000000001',
    endpointId: '01990000-0000-7000-8000-0000000000aa',
    number: 1,
    environment: 'prod',
    route: '/qwen3-coder-30b',
    model: {
      id: '01990000-0000-7000-8000-0000000000bb',
      name: 'Qwen3-Coder-30B-A3B-Instruct-FP8',
      version: 'main',
      type: 'base',
      storageUri: null,
      prefix: 'models/01990000-0000-7000-8000-0000000000bb/main/',
      files: [],
      metadata: { huggingface_model_id: 'Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8' },
      inspection: null,
    },
    image: 'registry.menlo.ai/dockerhub/vllm/vllm-openai:v0.10.2',
    useGpu: true,
    gpuCount: 1,
    gpuType: null,
    minReplicas: 1,
    maxReplicas: 8,
    resources: { cpuRequest: '2000m', cpuLimit: '2000m', memoryRequest: '16Gi', memoryLimit: '16Gi' },
    args: [],
    env: {},
    contextLength: null,
    imagePullPolicy: 'IfNotPresent',
    probes: null,
    live: true,
    autoscale: { metric: { name: 'num_requests_running', target: '40', scaleDownDelay: '3m' } },
    ...change,
    aibrix: {
      name: 'qwen3-coder-30b',
      storage: { className: null, size: '100Gi', shared: true },
      minVramBytes: 24 * GiB,
      token: 1,
      ...model,
    },
  };
}

/** The manifests as they are kept in `../golden/`; `GOLDEN=write` makes them anew, to be read in the diff. */
function golden(name: string, manifests: readonly Manifest[]): void {
  const file = join(import.meta.dirname, '../golden', `${name}.json`);
  const text = `${JSON.stringify(manifests, null, 2)}\n`;
  if (process.env.GOLDEN === 'write') writeFileSync(file, text);
  assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(file, 'utf8')));
}
const kinds = (manifests: readonly Manifest[]) => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

test('ORG-4: a model becomes claim, Deployment, Services, PodAutoscaler and ServiceMonitor with the labels of document 004', () => {
  const { manifests, warnings } = modelObjects(specOf(), aibrix);
  golden('aibrix', manifests);
  assert.deepEqual(warnings, []);
  assert.deepEqual(kinds(manifests), [
    'PersistentVolumeClaim qwen3-coder-30b-models',
    'Deployment qwen3-coder-30b',
    'Service qwen3-coder-30b-r1-pods',
    'PodAutoscaler qwen3-coder-30b-autoscaler',
    'Service qwen3-coder-30b',
    'ServiceMonitor qwen3-coder-30b',
  ]);
  for (const { metadata } of manifests) {
    assert.equal(metadata.labels?.['model.aibrix.ai/name'], 'qwen3-coder-30b');
    assert.equal(metadata.labels?.['jan-server.menlo.ai/managed'], 'true');
    assert.equal(metadata.namespace, 'jan-models');
  }
});

test('ORG-4: without autoscaling and storage there is neither, and another number of replicas is another plan', () => {
  const plain = (minReplicas: number) =>
    modelObjects(
      specOf({ autoscale: null, minReplicas, useGpu: false, gpuCount: 0 }, { storage: null, token: null }),
      aibrix,
    ).manifests;
  golden('aibrix-plain', plain(1));
  assert.notDeepEqual(plain(1), plain(2));
});

test('ORG-4: a further revision stands beside the first; a volume of one node is its own, a shared one is not', () => {
  const names = (shared: boolean) =>
    kinds(
      modelObjects(specOf({ number: 2, live: false }, { storage: { className: 'fast', size: '1Gi', shared } }), aibrix)
        .manifests,
    );
  assert.deepEqual(names(true), [
    'PersistentVolumeClaim qwen3-coder-30b-models-fast',
    'Deployment qwen3-coder-30b-r2',
    'Service qwen3-coder-30b-r2-pods',
    'PodAutoscaler qwen3-coder-30b-r2-autoscaler',
  ]);
  assert.equal(names(false)[0], 'PersistentVolumeClaim qwen3-coder-30b-r2-models');
  const elsewhere = modelObjects(specOf({ environment: 'stg' }), aibrix).manifests;
  assert.ok(elsewhere.every(({ metadata }) => metadata.namespace === 'jan-models-stg'));
});

test('ORG-7: events are told apart by the names of the models; what only begins alike is not theirs', () => {
  const deployment = (model: string, endpoint: string) =>
    ({ metadata: { labels: { 'model.aibrix.ai/name': model, 'llm-ops.io/endpoint': endpoint } } }) as never;
  const whose = modelNaming(() => [deployment('qwen', 'a'), deployment('qwen-r2-pods', 'b')]);
  const told = (name: string) => {
    const found = whose(name);
    return found && `${found.endpoint} ${found.revision}`;
  };
  assert.deepEqual(
    ['qwen', 'qwen-7d9f8c5b6d-x2x4z', 'qwen-r3', 'qwen-r3-autoscaler', 'qwen-r2-pods', 'qwen-models-fast'].map(told),
    ['a null', 'a null', 'a 3', 'a 3', 'b null', 'a null'],
  );
  assert.deepEqual(['qwen-instruct', 'qwen3', 'llama'].map(told), [null, null, null]);
});

const room = (gigabytes: number | null): Room => ({
  name: `node-${gigabytes}`,
  gpuType: 'card',
  gpuMemory: gigabytes === null ? null : gigabytes * GiB,
  free: { cpu: 64, memory: 512 * GiB, gpus: 8 },
});
const operators = (installed: boolean): Operator[] => [
  { name: 'aibrix', crd: 'podautoscalers.autoscaling.aibrix.ai', required: true, installed },
  { name: 'kuberay', crd: 'rayclusters.ray.io', required: false, installed: false },
];
const disk: StorageClass = { name: 'disk', provisioner: 'ebs.csi.aws.com', default: true, shared: false };

test('ORG-3, ORG-5: a card sold as 24 GB is one; smaller ones and those that do not say their memory are not', () => {
  const level = (gigabytes: number | null) =>
    judgeModel(
      specOf({}, { storage: null }),
      { rooms: [room(gigabytes)], classes: [], operators: operators(true), quotas: [], image: [] },
      config,
    ).checks.find(({ name }) => name === 'vram')?.level ?? 'green';
  assert.deepEqual([80, 22.5, 16, null].map(level), ['green', 'green', 'red', 'red']);
});

test('ORG-3, ORG-4: several replicas need a class that many nodes can write to; one is content with a disk', () => {
  const red = (storage: AibrixModel['storage'], classes: StorageClass[], installed = true) =>
    judgeModel(
      specOf({}, { storage }),
      { rooms: [room(80)], classes, operators: operators(installed), quotas: [], image: [] },
      config,
    )
      .checks.filter(({ level }) => level === 'red')
      .map(({ name }) => name);
  const claim = (shared: boolean, className: string | null = null) => ({ className, size: '100Gi', shared });
  assert.deepEqual(red(claim(true), [disk]), ['storage']);
  assert.deepEqual(red(claim(false), [disk]), []);
  assert.deepEqual(red(claim(true), [{ ...disk, shared: null }]), []);
  assert.deepEqual(red(claim(false, 'none-such'), [disk]), ['storage']);
  assert.deepEqual(red(claim(false), []), ['storage']);
  assert.deepEqual(red(null, [], false), ['operators']);
});

test('ORG-1: what a storage class can give is told by its provisioner, where that is known', () => {
  const told = (provisioner: string) => isShared(provisioner);
  assert.deepEqual(
    ['ebs.csi.aws.com', 'pd.csi.storage.gke.io', 'disk.csi.azure.com', 'rancher.io/local-path'].map(told),
    [false, false, false, false],
  );
  assert.deepEqual(
    ['efs.csi.aws.com', 'file.csi.azure.com', 'filestore.csi.storage.gke.io', 'rook-ceph.cephfs.csi.ceph.com'].map(
      told,
    ),
    [true, true, true, true],
  );
  assert.equal(told('example.com/own'), null);
});
