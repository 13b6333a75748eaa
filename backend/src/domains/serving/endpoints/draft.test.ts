import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointDeploy } from '@llm-ops/contracts';
import { isFailure } from '#platform/errors';
import { drafted, redrafted, type RedeployRequest } from './draft.ts';

const gpu = { cpuRequest: '1', cpuLimit: '2', memoryRequest: '2Gi', memoryLimit: '4Gi' };
const cpuOnly = { cpuRequest: '1', cpuLimit: '2', memoryRequest: '1Gi', memoryLimit: '2Gi' };
const ground = {
  config: {
    useGpu: true,
    runtimeImage: 'ghcr.io/huggingface/text-generation-inference:latest',
    internalRuntime: 'raw',
    resources: { gpu, cpuOnly },
  } as never,
  runtimes: { raw: {} as never, local: {} as never },
};
const model = {
  id: '01890000-0000-7000-8000-000000000001',
  name: 'm',
  version: '1',
  type: 'base',
  storageUri: 's3://models/x/1/',
  prefix: 'models/x/1/',
  files: [],
  filesDigest: '',
  metadata: { huggingface_model_id: 'owner/name', notes: { any: ['thing'] } },
  inspection: null,
} as never;

const deploy = (changes: Record<string, unknown> = {}) =>
  drafted(
    EndpointDeploy.parse({
      modelId: '01890000-0000-7000-8000-000000000001',
      environment: 'dev',
      route: '/m',
      ...changes,
    }),
    model,
    ground,
  );
const redeploy = (before: ReturnType<typeof deploy>, request: RedeployRequest) =>
  redrafted(before.spec, request, model, { ...ground, name: before.name });

test('FR-006k: the image is kept over redeployments unless one is named', () => {
  assert.equal(deploy().spec.image, 'ghcr.io/huggingface/text-generation-inference:latest');
  const own = deploy({ servingRuntimeImage: 'registry.example/vllm:1' });
  assert.equal(redeploy(own, {}).spec.image, 'registry.example/vllm:1');
  assert.equal(redeploy(own, { servingRuntimeImage: 'other:2' }).spec.image, 'other:2');
});

test('FR-006t: the card travels into the revision as it is, and a redeployment keeps it', () => {
  const first = deploy();
  assert.deepEqual(first.spec.model.metadata, { huggingface_model_id: 'owner/name', notes: { any: ['thing'] } });
  assert.deepEqual(redeploy(first, { useGpu: false }).spec.model.metadata, first.spec.model.metadata);
});

test('FR-006e, FR-006f: useGpu of the request wins over the setting; resources follow it but for what was asked', () => {
  assert.deepEqual([deploy().spec.useGpu, deploy().spec.gpuCount, deploy().spec.resources], [true, 1, gpu]);
  const without = deploy({ useGpu: false, cpuLimit: '3' });
  assert.deepEqual([without.spec.useGpu, without.spec.gpuCount], [false, 0]);
  assert.deepEqual(without.spec.resources, { ...cpuOnly, cpuLimit: '3' });
  assert.deepEqual(
    redeploy(without, { useGpu: true }).spec.resources,
    { ...gpu, cpuLimit: '3' },
    'what was asked stays asked',
  );
});

test('FR-006g: a version that is not the model’s, and replicas that cannot be, are named field by field', () => {
  assert.throws(
    () => deploy({ version: '2', minReplicas: 3, maxReplicas: 2 }),
    (error) =>
      isFailure(error, 'validation_failed') &&
      ['version', 'minReplicas', 'maxReplicas'].every((field) => error.issues?.some(({ path }) => path === field)),
  );
});
