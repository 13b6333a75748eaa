import { OrganizationModelCreate, OrganizationModelUpdate } from '@llm-ops/contracts';
import assert from 'node:assert/strict';
import test from 'node:test';
import { changed, resolve, wishOf, type ModelsSettings } from './rules.ts';

const settings: ModelsSettings = {
  environment: 'prod',
  namespace: 'jan-models',
  image: 'vllm/vllm-openai:v0.10.2',
  storageClass: 'fast',
  storageSize: '100Gi',
  quota: { models: null, gpus: null },
};
const wish = (more: object = {}) =>
  wishOf(OrganizationModelCreate.parse({ name: 'qwen', huggingface_id: 'Qwen/Qwen3', ...more }));
const resolved = (more: object = {}) => resolve('qwen', wish(more), settings);

test('ORG-4, ORG-5: what a body leaves out is as document 004 lists it', () => {
  const { spec, scale, issues } = resolved();
  assert.deepEqual(issues, []);
  assert.deepEqual(scale, {
    minReplicas: 1,
    maxReplicas: 8,
    autoscale: { metric: { name: 'num_requests_running', target: '40', scaleDownDelay: '3m' } },
  });
  assert.deepEqual(
    [spec.image, spec.gpuCount, spec.resources.cpuRequest, spec.resources.memoryLimit, spec.aibrix.storage],
    ['vllm/vllm-openai:v0.10.2', 1, '2000m', '16Gi', null],
  );
});

test('ORG-5: requirements, deployment and autoscaling are what runs', () => {
  const { spec, scale } = resolved({
    requirements: { cpu: '4', memory: '32Gi', gpu: { min_vram: '24Gi', min_gpus: 2, max_gpus: 4 } },
    deployment_config: { enable_pvc: true, hugging_face_token: 'hf_1', extra_env: [{ name: 'A', value: 'b' }] },
    autoscaling_config: { min_replicas: 2, max_replicas: 3, target_value: 8, scale_down_delay: '1h30m' },
  });
  assert.deepEqual(spec.aibrix, {
    name: 'qwen',
    storage: { className: 'fast', size: '100Gi', shared: true },
    minVramBytes: 24 * 1024 ** 3,
    token: 1,
  });
  assert.deepEqual([spec.gpuCount, spec.env, scale.autoscale?.metric?.target], [2, { A: 'b' }, '8']);
});

test('ORG-5: every field that cannot be is named', () => {
  const paths = (more: object) => resolved(more).issues.map(({ path }) => path);
  assert.deepEqual(paths({ requirements: { gpu: { min_gpus: 2 } }, deployment_config: { gpu_count: 1 } }), [
    'deployment_config.gpu_count',
  ]);
  assert.deepEqual(paths({ requirements: { gpu: { min_gpus: 2, max_gpus: 1 } } }), ['requirements.gpu.min_gpus']);
  assert.deepEqual(paths({ autoscaling_config: { min_replicas: 5, max_replicas: 2 } }), [
    'autoscaling_config.min_replicas',
  ]);
  assert.deepEqual(
    paths({ deployment_config: { enable_autoscaling: false }, autoscaling_config: { max_replicas: 2 } }),
    ['autoscaling_config.max_replicas'],
  );
});

test('ORG-2: an update changes what it names; another maximum makes the volume a shared one, another token counts on', () => {
  const now = {
    ...wish({
      requirements: { cpu: '4', gpu: { min_gpus: 1 } },
      deployment_config: { enable_pvc: true, hugging_face_token: 'hf_1' },
      autoscaling_config: { max_replicas: 1 },
    }),
    storage: { className: 'older', size: '50Gi', shared: false },
  };
  const update = (body: object) => changed(now, OrganizationModelUpdate.parse(body));
  assert.deepEqual(update({}), now);
  const scaled = resolve('qwen', update({ autoscaling_config: { max_replicas: 4 } }), settings);
  assert.deepEqual(scaled.spec.aibrix.storage, { className: 'older', size: '50Gi', shared: true });
  assert.equal(update({ deployment_config: { hugging_face_token: 'hf_2' } }).token, 2);
  assert.equal(update({ deployment_config: { hugging_face_token: null } }).token, null);
  assert.deepEqual(update({ requirements: { gpu: { min_vram: '40Gi' } } }).requirements, {
    cpu: '4',
    gpu: { min_gpus: 1, min_vram: '40Gi' },
  });
  assert.deepEqual(update({ requirements: { cpu: null, gpu: { min_gpus: null } } }).requirements, { gpu: {} });
  const fixed = resolve('qwen', update({ deployment_config: { enable_autoscaling: false } }), settings);
  assert.deepEqual([fixed.issues, fixed.scale.autoscale, fixed.scale.maxReplicas], [[], null, 1]);
});

test('ORG-2: names that are addresses, and those that no Service can have, are refused', () => {
  for (const name of ['all', 'status', 'Qwen', '1b', 'a_b', '-a', 'a-', 'x'.repeat(49)]) {
    assert.equal(OrganizationModelCreate.safeParse({ name, huggingface_id: 'a/b' }).success, false, name);
  }
});
