import { expect, test } from 'vitest';
import { customImage, deployPayload, emptyDeployForm, emptyProbes, parseEnv, probesOf, stepOf } from './deployForm.ts';

test('FR-006a: what is left empty is not sent, so that the platform decides', () => {
  expect(deployPayload({ ...emptyDeployForm(), modelId: 'm', route: ' glossary/ ' }, false)).toEqual({
    modelId: 'm',
    environment: 'dev',
    route: '/glossary',
    minReplicas: 1,
    maxReplicas: 1,
    args: [],
    env: {},
    imagePullPolicy: 'IfNotPresent',
    useGpu: false,
  });
});

test('FR-006a: image, GPU, resources, arguments and variables are sent as typed', () => {
  const form = {
    ...emptyDeployForm(),
    route: '/a',
    image: customImage,
    customImage: ' my/image:1 ',
    useGpu: true,
    gpuCount: 2,
    memoryLimit: ' 4Gi ',
    contextLength: 4096,
    args: '--max-num-seqs=4\n\n --enforce-eager ',
    env: 'HF_HUB_OFFLINE=1\nURL=a=b',
  };
  expect(deployPayload(form, false)).toMatchObject({
    servingRuntimeImage: 'my/image:1',
    useGpu: true,
    gpuCount: 2,
    memoryLimit: '4Gi',
    contextLength: 4096,
    args: ['--max-num-seqs=4', '--enforce-eager'],
    env: { HF_HUB_OFFLINE: '1', URL: 'a=b' },
  });
  const external = deployPayload(form, true);
  expect(external).toMatchObject({ useGpu: false, args: [], env: {} });
  expect(external).not.toHaveProperty('servingRuntimeImage');
});

test('FR-006a: lines that are no variable are named', () => {
  expect(parseEnv('A=1\nnonsense\n2B=x').wrong).toEqual(['nonsense', '2B=x']);
});

test('FR-006a: a refused field leads to the step that asks for it', () => {
  expect(['modelId', 'rollbackPlan', 'env.A', 'parityNote', 'memoryLimit'].map(stepOf)).toEqual([
    'model',
    'place',
    'runtime',
    'preflight',
    'runtime',
  ]);
});

test('FR-006p: probes that were typed are sent, the others are left to the runtime', () => {
  const probes = emptyProbes();
  expect(probesOf(probes)).toEqual({});
  probes.readiness.path = ' /ready ';
  probes.readiness.periodSeconds = 5;
  expect(probesOf(probes)).toEqual({ probes: { readiness: { path: '/ready', periodSeconds: 5 } } });
  expect(deployPayload({ ...emptyDeployForm(), probes }, false)).toMatchObject({
    probes: { readiness: { path: '/ready' } },
  });
  expect(deployPayload({ ...emptyDeployForm(), probes }, true)).not.toHaveProperty('probes');
});
