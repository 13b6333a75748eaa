import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelFacts, RevisionSpec } from '#ports/runtime';
import { estimateMemory } from './estimate.ts';
import { judge } from './preflight.ts';

const GiB = 2 ** 30;

/** Llama 3.1 8B, from its config.json. */
const llama8b: ModelFacts = {
  format: 'safetensors',
  architecture: 'LlamaForCausalLM',
  parameters: 8_030_261_248,
  dtype: 'BF16',
  contextLength: 131_072,
  layers: 32,
  hiddenSize: 4096,
  heads: 32,
  kvHeads: 8,
  headDim: 128,
  vocabularySize: 128_256,
  weightBytes: 16_060_522_496,
  tokenizer: true,
  chatTemplate: true,
};

const found = { ok: true, message: 'Python by python3.', remedy: null };
const file = (path: string) => ({ path, size: 1000, sha256: 'a'.repeat(64) });
const folder = ['config.json', 'model.safetensors', 'tokenizer.json'].map(file);

function spec(facts: ModelFacts | null, changes: Partial<RevisionSpec> = {}, files = folder): RevisionSpec {
  const model = {
    id: 'm',
    name: 'm',
    version: '1',
    type: 'base' as const,
    storageUri: null,
    prefix: 'models/m/1/',
    metadata: {},
  };
  return {
    revisionId: 'r',
    endpointId: 'e',
    number: 1,
    environment: 'dev',
    route: '/r',
    model: { ...model, files, inspection: facts },
    image: 'llama.cpp',
    useGpu: false,
    gpuCount: 0,
    gpuType: null,
    minReplicas: 1,
    maxReplicas: 1,
    resources: { cpuRequest: '1', cpuLimit: '1', memoryRequest: '1Gi', memoryLimit: '64Gi' },
    args: [],
    env: {},
    contextLength: 8192,
    ...changes,
  };
}

test('DEP-7: the cache of grouped-query attention: 128 KiB a token for Llama 3.1 8B, a quarter of that with full attention', () => {
  const one = estimateMemory({ facts: llama8b, contextLength: 1, parallel: 1 });
  assert.equal(one.kvCacheBytes, 32 * 2 * 8 * 128 * 2);
  const many = estimateMemory({ facts: llama8b, contextLength: 8192, parallel: 4 });
  assert.equal(many.kvCacheBytes, 4 * GiB);
  assert.equal(many.weightsBytes, llama8b.weightBytes);
  const full = estimateMemory({ facts: { ...llama8b, kvHeads: null, headDim: null }, contextLength: 1, parallel: 1 });
  assert.equal(full.kvCacheBytes, 4 * one.kvCacheBytes);
});

test('DEP-7: weights that are converted count in their new type; unknown layers are told', () => {
  const f32 = { ...llama8b, dtype: 'F32', weightBytes: 2 * llama8b.weightBytes };
  assert.equal(
    estimateMemory({ facts: f32, contextLength: 1, parallel: 1, convertedWeightBytes: 2 }).weightsBytes,
    16_060_522_496,
  );
  assert.equal(estimateMemory({ facts: { ...llama8b, layers: null }, contextLength: 1, parallel: 1 }).complete, false);
});

test('DEP-7: green, amber above 70 % of the free memory, red beyond it, each with its reason', () => {
  const level = (free: number): string => judge(spec(llama8b), { freeBytes: free * GiB, python: found }).level;
  assert.deepEqual([level(64), level(25), level(16)], ['green', 'amber', 'red']);
  const red = judge(spec(llama8b), { freeBytes: 16 * GiB, python: found });
  const check = red.checks.find(({ name }) => name === 'memory')!;
  assert.match(check.message, /needed \(weights 15\.0 GiB, cache 4\.0 GiB for 4 × 8192 tokens.*16\.0 GiB are free/);
  assert.match(check.remedy!, /less context/);
  assert.equal(
    red.memory!.requiredBytes,
    red.memory!.weightsBytes + red.memory!.kvCacheBytes + red.memory!.overheadBytes,
  );
  assert.equal(judge(spec(llama8b), { freeBytes: null, python: found }).level, 'amber');
});

test('DEP-7: every replica counts, and an engine must fit its own limit', () => {
  const two = judge(spec(llama8b, { minReplicas: 2, maxReplicas: 2 }), { freeBytes: 100 * GiB, python: found });
  const one = judge(spec(llama8b), { freeBytes: 100 * GiB, python: found });
  assert.equal(two.memory!.requiredBytes, 2 * one.memory!.requiredBytes);
  const resources = { ...spec(llama8b).resources, memoryLimit: '2Gi' };
  const small = judge(spec(llama8b, { resources }), { freeBytes: 100 * GiB, python: found });
  assert.equal(small.checks.find(({ name }) => name === 'memory limit')?.level, 'red');
});

test('DEP-7: what cannot be served is red before anything is copied: architecture, Python, files', () => {
  const red = (outcome: ReturnType<typeof judge>): string[] =>
    outcome.checks.filter(({ level }) => level === 'red').map(({ name }) => name);
  const free = { freeBytes: 100 * GiB, python: found };
  assert.deepEqual(red(judge(spec({ ...llama8b, architecture: 'MambaForCausalLM' }), free)), ['architecture']);
  const missing = { ok: false, message: 'Python was not found.', remedy: 'Install it.' };
  assert.deepEqual(red(judge(spec(llama8b), { ...free, python: missing })), ['python']);
  const gguf = judge(spec({ ...llama8b, format: 'gguf' }, {}, [file('m.gguf')]), { ...free, python: missing });
  assert.equal(gguf.level, 'green');
  assert.deepEqual(red(judge(spec(llama8b, {}, [file('model.bin')]), free)), ['files']);
  assert.equal(judge(spec(null), free).level, 'amber');
  assert.equal(judge(spec({ ...llama8b, chatTemplate: false }), free).level, 'amber');
});
