import { expect, test } from 'vitest';
import { createOf, emptyModelForm, faultsOf, formOf, restarts, suggestName, updateOf } from './modelForm.ts';
import type { OrganizationModel } from './vocabulary.ts';

const model: OrganizationModel = {
  id: '01990000-0000-7000-8000-000000000001',
  name: 'qwen',
  display_name: 'Qwen',
  description: '',
  model_type: 'completion',
  huggingface_id: 'Qwen/Qwen3',
  organization: 'alpha',
  managed: true,
  status: 'running',
  conditions: [],
  replicas: { total: 1, ready: 1, available: 1 },
  requirements: { cpu: '4', gpu: { min_vram: '24Gi' } },
  deployment_config: {
    image: 'vllm/vllm-openai:v0.10.2',
    image_pull_policy: 'IfNotPresent',
    args: ['--enforce-eager'],
    gpu_count: 1,
    enable_autoscaling: true,
    enable_pvc: true,
    storage_class: 'shared',
    has_hugging_face_token: true,
    extra_env: [{ name: 'A', value: 'b' }],
  },
  autoscaling_config: {
    min_replicas: 1,
    max_replicas: 8,
    target_metric: 'num_requests_running',
    target_value: '40',
    scale_down_delay: '3m',
  },
  namespace: 'jan-models',
  deployment_name: 'qwen',
  service_name: 'qwen',
  endpoint_url: 'http://qwen.jan-models.svc.cluster.local:8000',
  environment: 'prod',
  model_id: '01990000-0000-7000-8000-000000000002',
  change_request: null,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
};

test('ORG-5: what is left empty is not sent, so that the platform decides', () => {
  expect(createOf({ ...emptyModelForm(), name: ' qwen ', huggingfaceId: 'Qwen/Qwen3' })).toEqual({
    name: 'qwen',
    huggingface_id: 'Qwen/Qwen3',
    requirements: {},
    deployment_config: { gpu_count: 1, enable_autoscaling: true, enable_pvc: false, args: [], extra_env: [] },
    autoscaling_config: { min_replicas: 1, max_replicas: 8 },
  });
});

test('ORG-2: a form that was not touched changes nothing; of one that was, what differs is sent', () => {
  expect(updateOf(formOf(model), model)).toEqual({});
  const form = { ...formOf(model), minReplicas: 2, minVram: '', token: 'hf_2', displayName: 'Coder' };
  expect(updateOf(form, model)).toEqual({
    display_name: 'Coder',
    requirements: { gpu: { min_vram: null } },
    deployment_config: { hugging_face_token: 'hf_2' },
    autoscaling_config: { min_replicas: 2 },
  });
  expect(updateOf({ ...formOf(model), autoscaling: false }, model)).toEqual({
    deployment_config: { enable_autoscaling: false },
  });
});

test('ORG-2: another scale starts no replica anew, other arguments do', () => {
  expect(restarts({ ...formOf(model), maxReplicas: 3, targetValue: '10' }, model)).toBe(false);
  expect(restarts({ ...formOf(model), args: '' }, model)).toBe(true);
  const single = { ...model, autoscaling_config: { ...model.autoscaling_config, max_replicas: 1 } };
  expect(restarts({ ...formOf(single), maxReplicas: 2 }, single), 'another volume').toBe(true);
});

test('ORG-7: what cannot be is said before it is sent, and a name is proposed that Kubernetes takes', () => {
  const wrong = { ...emptyModelForm(), name: 'Qwen', maxReplicas: 0, env: 'A' };
  expect(Object.keys(faultsOf(wrong)).toSorted()).toEqual(['env', 'huggingfaceId', 'maxReplicas', 'name']);
  expect(faultsOf(formOf(model))).toEqual({});
  expect(suggestName('Qwen/Qwen3-Coder-30B_A3B.FP8')).toBe('qwen3-coder-30b-a3b-fp8');
  expect(suggestName('x/1.5B-')).toBe('b');
});
