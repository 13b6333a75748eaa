import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RevisionSpec } from '#ports/runtime';
import { desiredReplicas, digestOf, engineShape, parseQuantity, planEngine, restartDelay } from './rules.ts';

const file = (path: string, sha256 = 'a'.repeat(64)) => ({ path, size: 10, sha256 });

function spec(
  changes: Partial<RevisionSpec> = {},
  files = [file('model.gguf')],
  metadata: Record<string, unknown> = {},
): RevisionSpec {
  return {
    revisionId: 'r1',
    endpointId: 'e1',
    number: 3,
    environment: 'dev',
    route: '/r',
    model: {
      id: 'm1',
      name: 'm',
      version: '1',
      type: 'base',
      storageUri: 's3://models/m1/1/',
      prefix: 'models/m1/1/',
      files,
      metadata,
      inspection: null,
    },
    image: 'llama.cpp',
    useGpu: false,
    gpuCount: 0,
    gpuType: null,
    minReplicas: 1,
    maxReplicas: 1,
    resources: { cpuRequest: '500m', cpuLimit: '1500m', memoryRequest: '1Gi', memoryLimit: '2Gi' },
    args: [],
    env: {},
    contextLength: null,
    ...changes,
  };
}

test('FR-006m: the arguments the engine knows are taken, others are named in a warning', () => {
  const shape = engineShape(spec({ args: ['--parallel', '8', '--ctx-size=1024', '--gpu-memory-utilization', '0.9'] }));
  assert.deepEqual([shape.parallel, shape.contextLength, shape.threads], [8, 1024, 1]);
  assert.ok(shape.warnings.some((warning) => warning.includes('--gpu-memory-utilization')));
});

test('FR-006n: variables that could run code as the platform never reach an engine', () => {
  const env = { GGML_LOG: '1', NODE_OPTIONS: '--require /x', LD_PRELOAD: '/x', PATH: '/x', ENGINE_KEY: 'x' };
  const shape = engineShape(spec({ env }));
  assert.deepEqual(shape.env, { GGML_LOG: '1' });
  assert.equal(shape.warnings.length, 4);
});

test('FR-006: the weights are chosen from the files: GGUF first, its parts together, safetensors with what belongs to it', () => {
  const source = (paths: string[], metadata = {}) => {
    const shape = engineShape(
      spec(
        {},
        paths.map((path) => file(path)),
        metadata,
      ),
    );
    return [shape.source.kind, shape.files.map(({ path }) => path)];
  };
  assert.deepEqual(source(['config.json', 'a.gguf', 'b.gguf']), ['gguf', ['a.gguf']]);
  assert.deepEqual(source(['a.gguf', 'b.gguf'], { gguf_file: 'b.gguf' }), ['gguf', ['b.gguf']]);
  const parts = ['q-00001-of-00002.gguf', 'q-00002-of-00002.gguf'];
  assert.deepEqual(source(['z.gguf', ...parts.toReversed()]), ['gguf', parts]);
  const folder = ['config.json', 'model.safetensors', 'tokenizer.json'];
  assert.deepEqual(source([...folder, 'pytorch_model.bin', 'README.md']), ['safetensors', folder]);
  assert.deepEqual(source(['model.safetensors', 'tokenizer.json']), ['none', []]);
  assert.deepEqual(source(['pytorch_model.bin']), ['none', []]);
});

test('FR-001: the digest of a set of files depends on paths and bytes, not on their order', () => {
  const digest = digestOf([file('a'), file('b')]);
  assert.equal(digestOf([file('b'), file('a')]), digest);
  assert.notEqual(digestOf([file('a'), file('c')]), digest);
  assert.notEqual(digestOf([file('a'), file('b', 'b'.repeat(64))]), digest);
});

test('FR-006: a context beyond what the model was trained for is cut, and said when somebody asked for it', () => {
  const inspection = { contextLength: 512 } as RevisionSpec['model']['inspection'];
  const model = { ...spec().model, inspection };
  assert.deepEqual([engineShape(spec({ model })).contextLength, engineShape(spec({ model })).warnings], [512, []]);
  const asked = engineShape(spec({ model, contextLength: 8192 }));
  assert.equal(asked.contextLength, 512);
  assert.match(asked.warnings[0]!, /trained for 512/);
  assert.equal(engineShape(spec({ contextLength: 8192 })).contextLength, 8192);
});

test('DEP-4: restarts wait 1 s, 2 s, 4 s … up to a minute', () => {
  const backoff = { firstMs: 1000, maxMs: 60_000 };
  assert.deepEqual(
    [0, 1, 2, 3, 7, 50].map((crashes) => restartDelay(crashes, backoff)),
    [0, 1000, 2000, 4000, 60_000, 60_000],
  );
});

test('FR-006f: quantities are read as Kubernetes reads them', () => {
  const read = ['500m', '2', '1Gi', '1.5G', '512Mi', '', 'x', '-1'].map(parseQuantity);
  assert.deepEqual(read, [0.5, 2, 2 ** 30, 1.5e9, 512 * 2 ** 20, null, null, null]);
});

test('FR-006: replicas are the minimum, within the maximum', () => {
  assert.deepEqual(
    [desiredReplicas({ minReplicas: 2, maxReplicas: 1 }), desiredReplicas({ minReplicas: 0, maxReplicas: 4 })],
    [1, 0],
  );
});

test('EC-drift: plans of equal revisions are equal, and show what differs', () => {
  const plan = planEngine(spec());
  assert.deepEqual(planEngine(spec()), plan);
  assert.notDeepEqual(planEngine(spec({ contextLength: 256 })).manifests, plan.manifests);
  assert.equal(plan.manifests[0]?.['kind'], 'LocalEngine');
});
