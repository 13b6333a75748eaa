import type { RevisionSpec } from '#ports/runtime';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { estimateMemory } from './estimate.ts';
import { namesOf } from './names.ts';
import { calmSeconds, endpointObjects, metricsOf, revisionObjects } from './plan.ts';
import { profileOf } from './profiles/index.ts';
import type { ClusterConfig, Manifest } from './types.ts';

const config: ClusterConfig = {
  namespacePrefix: 'llm-ops-',
  objectStore: { secretName: 'llm-ops-object-store-credentials', configMapName: 'llm-ops-object-store-config' },
  quotas: {},
  imagePullSecrets: [],
  gpuLabel: 'accelerator',
  ingressClass: null,
  initImage: 'amazon/aws-cli:latest',
  modelVolume: '100Gi',
  startupSeconds: 1_800,
  terminationSeconds: 60,
  baseUrl: null,
};

function specOf(change: Partial<RevisionSpec> = {}, model: Partial<RevisionSpec['model']> = {}): RevisionSpec {
  return {
    revisionId: '01990000-0000-7000-8000-000000000001',
    endpointId: '01990000-0000-7000-8000-0000000000aa',
    number: 1,
    environment: 'stg',
    route: '/llm-ops/v1/serve/support',
    model: {
      id: '01990000-0000-7000-8000-0000000000bb',
      name: 'support-bot',
      version: '2',
      type: 'fine-tuned',
      storageUri: 's3://models/01990000-0000-7000-8000-0000000000bb/2/',
      prefix: 'models/01990000-0000-7000-8000-0000000000bb/2/',
      files: [
        { path: 'config.json', size: 1, sha256: '0' },
        { path: 'model.safetensors', size: 1, sha256: '0' },
      ],
      metadata: {},
      inspection: null,
      ...model,
    },
    image: 'vllm/vllm-openai:v0.15.0',
    useGpu: true,
    gpuCount: 2,
    gpuType: 'h100',
    minReplicas: 1,
    maxReplicas: 4,
    resources: { cpuRequest: '1', cpuLimit: '2', memoryRequest: '2Gi', memoryLimit: '4Gi' },
    args: [],
    env: {},
    contextLength: null,
    imagePullPolicy: 'IfNotPresent',
    probes: null,
    ...change,
  };
}

/** The manifests as they are kept in `golden/`; `GOLDEN=write` makes them anew, to be read in the diff. */
function golden(name: string, manifests: readonly Manifest[]): void {
  const file = join(import.meta.dirname, 'golden', `${name}.json`);
  const text = `${JSON.stringify(manifests, null, 2)}\n`;
  if (process.env.GOLDEN === 'write') writeFileSync(file, text);
  assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(file, 'utf8')));
}

const container = (manifests: readonly Manifest[]) =>
  (manifests[0]!.spec as { template: { spec: { containers: [Record<string, unknown>]; initContainers?: unknown[] } } })
    .template.spec;

test('FR-006: a revision with GPUs becomes Deployment, Service and HPA, its endpoint Service, Ingress, budget and policy', () => {
  const spec = specOf({ autoscale: { cpuUtilization: 80, gpuUtilization: 75 } });
  golden('vllm-gpu', [...revisionObjects(spec, config).manifests, ...endpointObjects(spec, config)]);
});

test('FR-006e, FR-006n: without a GPU, vLLM of before 0.10 gets --device cpu before --model, and the CPU variables', () => {
  const spec = specOf({ useGpu: false, gpuCount: 0, gpuType: null, image: 'vllm/vllm-openai:v0.9.1' });
  const { manifests, warnings } = revisionObjects(spec, config);
  golden('vllm-cpu-old', manifests);
  assert.match(warnings.join(' '), /built for GPUs/);
});

test('FR-006m: newer, unknown and CPU builds of vLLM take the model by position and never --device', () => {
  for (const image of [
    'vllm/vllm-openai:latest',
    'vllm/vllm-openai:v0.32.0',
    'public.ecr.aws/x/vllm-cpu-release-repo:v0.9.0',
    'vllm/vllm-openai@sha256:0f',
  ]) {
    const { containers } = container(revisionObjects(specOf({ useGpu: false, image }), config).manifests);
    const [first] = containers;
    assert.deepEqual(first.command, ['vllm', 'serve'], image);
    assert.equal((first.args as string[])[0], 's3://models/01990000-0000-7000-8000-0000000000bb/2/');
    assert.ok(!(first.args as string[]).includes('--device'));
  }
});

test('FR-006m, FR-006t: the runtime is told by the image, the model by its hub id when the card has one', () => {
  const names = [
    'vllm/vllm-openai:v1',
    'ghcr.io/huggingface/text-generation-inference:3',
    'me/tgi:1',
    'ghcr.io/me/own:1',
  ];
  assert.deepEqual(
    names.map((image) => profileOf(image).name),
    ['vllm', 'tgi', 'tgi', 'custom'],
  );
  const spec = specOf({}, { metadata: { huggingface_model_id: 'meta-llama/Llama-3.1-8B' } });
  const { containers, initContainers } = container(revisionObjects(spec, config).manifests);
  assert.equal((containers[0].args as string[])[0], 'meta-llama/Llama-3.1-8B');
  assert.equal(initContainers, undefined);
});

test('FR-006o: TGI without a hub id downloads by an init container and warns; with one it does neither', () => {
  const image = 'ghcr.io/huggingface/text-generation-inference:3.3.4';
  const without = revisionObjects(specOf({ image }), config);
  golden('tgi-download', without.manifests);
  assert.match(without.warnings.join(' '), /huggingface_model_id/);
  const spec = specOf({ image }, { metadata: { huggingface_model_id: 'a/b' } });
  const withId = revisionObjects(spec, config);
  assert.equal(container(withId.manifests).initContainers, undefined);
  assert.deepEqual(withId.warnings, []);
});

test('FR-006p, FR-006s: custom images keep the documented probes; a request overrides paths, numbers and pull policy', () => {
  const probes = {
    liveness: { path: '/alive' },
    readiness: { path: '/up', initialDelaySeconds: 1, failureThreshold: 9 },
  };
  const custom = specOf({ image: 'ghcr.io/me/own:1', imagePullPolicy: 'Always', probes });
  golden('custom', revisionObjects(custom, config).manifests);
});

test('FR-006n: what a request sets in env wins over the profile, and no manifest holds a key', () => {
  const spec = specOf({ useGpu: false, env: { VLLM_CPU_KVCACHE_SPACE: '1', AWS_DEFAULT_REGION: 'eu-west-1' } });
  const { containers } = container(revisionObjects(spec, config).manifests);
  const env = containers[0].env as { name: string; value?: string; valueFrom?: unknown }[];
  assert.deepEqual(
    env.filter(({ name }) => name === 'VLLM_CPU_KVCACHE_SPACE'),
    [{ name: 'VLLM_CPU_KVCACHE_SPACE', value: '1' }],
  );
  assert.deepEqual(
    env.filter(({ name }) => name === 'AWS_DEFAULT_REGION'),
    [{ name: 'AWS_DEFAULT_REGION', value: 'eu-west-1' }],
  );
  assert.equal(env.find(({ name }) => name === 'AWS_SECRET_ACCESS_KEY')?.value, undefined);
});

test('FR-006q: names follow from ids and are DNS names whatever the route is called', () => {
  for (const route of ['/llm-ops/v1/serve/Chat.Bot_2', '/한국어', '/a/b/c', `/${'x'.repeat(190)}`]) {
    const names = namesOf(specOf({ route }), config);
    for (const name of [names.endpoint, names.revision, names.service, names.hpa, names.ingress])
      assert.match(name, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    assert.equal(names.namespace, 'llm-ops-stg');
  }
});

test('FR-006: without a policy the HPA follows the CPU; GPU use and latency are metrics of the pods', () => {
  assert.deepEqual(metricsOf(null), [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
  ]);
  const names = metricsOf({ gpuUtilization: 80, targetLatencyMs: 500 }).map(
    (metric) => (metric.pods as { metric: { name: string } }).metric.name,
  );
  assert.deepEqual(names, ['DCGM_FI_DEV_GPU_UTIL', 'llm_ops_time_to_first_token_milliseconds']);
});

test('DEP-7: the memory estimate counts weights, grouped-query and latent caches, and says what it could not know', () => {
  const facts = {
    format: 'safetensors',
    architecture: 'LlamaForCausalLM',
    parameters: 8_030_261_248,
    dtype: 'BF16',
    contextLength: 131_072,
    layers: 32,
    hiddenSize: 4_096,
    heads: 32,
    kvHeads: 8,
    headDim: 128,
    vocabularySize: 128_256,
    weightBytes: 16_060_522_496,
    tokenizer: true,
    chatTemplate: true,
  } as const;
  // 2 (keys, values) × 32 layers × 8 heads × 128 × 2 bytes = 128 KiB a token
  const estimate = estimateMemory(facts, { context: 8_192, sequences: 4 })!;
  assert.equal(estimate.kvCacheBytes, 131_072 * 8_192 * 4);
  assert.equal(estimate.weightsBytes, 16_060_522_496);
  // DeepSeek-V3: 61 layers × 576 × 2 bytes
  assert.equal(
    estimateMemory({ ...facts, layers: 61 }, { context: 1, sequences: 1, latent: 576 })!.kvCacheBytes,
    70_272,
  );
  assert.match(estimateMemory({ ...facts, layers: null }, { context: 1, sequences: 1 })!.basis.text, /not known/);
  assert.equal(estimateMemory({ ...facts, weightBytes: 0, parameters: null }, { context: 1, sequences: 1 }), null);
});

test('FR-006: the time that a metric must be calm before replicas go is as asked for, an hour at most', () => {
  const told = [undefined, '30s', '3m', '1h', '90m', '2h30m5s', '0s'].map(calmSeconds);
  assert.deepEqual(told, [300, 30, 180, 3600, 3600, 3600, 0]);
});
