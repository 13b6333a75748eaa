import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differencesOf, faultsOfResources, quantity, rollbackTarget, runtimeName, type PastRevision } from './spec.ts';

const past = (number: number, image: string, changes: Partial<PastRevision> = {}): PastRevision => ({
  number,
  rolledBackTo: null,
  wasLive: true,
  configuration: { image },
  ...changes,
});
const goes = (...history: PastRevision[]) => rollbackTarget(history)?.number ?? null;

test('FR-006j, kubernetes 16: a rollback goes to the last revision that differs, a second one further back, then nowhere', () => {
  assert.equal(goes(past(1, 'a')), null);
  assert.equal(goes(past(1, 'a'), past(2, 'b')), 1);
  assert.equal(goes(past(1, 'a'), past(2, 'b'), past(3, 'b')), 1, 'the same again is not a way back');
  assert.equal(goes(past(1, 'a'), past(2, 'a')), 1, 'unless there is nothing else');
  const twice = [past(1, 'a'), past(2, 'b'), past(3, 'c'), past(4, 'b', { rolledBackTo: 2 })];
  assert.equal(goes(...twice), 1);
  assert.equal(goes(...twice, past(5, 'a', { rolledBackTo: 1 })), null);
});

test('FR-006j: a rollback never goes to what got no traffic, nor back to what was rolled back before', () => {
  assert.equal(goes(past(1, 'a'), past(2, 'broken', { wasLive: false }), past(3, 'c')), 1);
  assert.equal(goes(past(1, 'a'), past(2, 'broken', { wasLive: false })), 1, 'what serves is confirmed');
  const same = [past(1, 'a'), past(2, 'b'), past(3, 'b', { wasLive: false })];
  assert.equal(goes(...same), 2, 'also where the failed one was the same again');
  const copied = [past(1, 'a'), past(2, 'bad'), past(3, 'a', { rolledBackTo: 1 }), past(4, 'd')];
  assert.equal(goes(...copied), 1, 'the copy stands for its original');
  assert.equal(goes(...copied, past(5, 'a', { rolledBackTo: 1 })), null);
});

test('FR-006f: quantities compare as Kubernetes reads them', () => {
  assert.equal(quantity('500m'), 0.5);
  assert.equal(quantity('2'), 2);
  assert.equal(quantity('1Gi'), 2 ** 30);
  assert.equal(quantity('1G'), 1e9);
  assert.ok(Number.isNaN(quantity('1X')));
  const resources = { cpuRequest: '1500m', cpuLimit: '1', memoryRequest: '1024Mi', memoryLimit: '1Gi' };
  assert.deepEqual(
    faultsOfResources(resources).map(({ path }) => path),
    ['cpuRequest', 'cpuLimit'],
  );
});

test('FR-006m: the runtime is told from the image or the provider', () => {
  const model = { type: 'base', metadata: {} } as never;
  assert.equal(runtimeName('raw', { image: 'vllm/vllm-openai:v0.9', model }), 'vllm');
  assert.equal(runtimeName('raw', { image: 'ghcr.io/huggingface/text-generation-inference:3', model }), 'tgi');
  assert.equal(runtimeName('raw', { image: 'mine:1', model }), 'custom');
  assert.equal(runtimeName('local', { image: 'llama.cpp', model }), 'llama.cpp');
  assert.equal(
    runtimeName('external', { image: '', model: { type: 'external', metadata: { provider: 'ollama' } } as never }),
    'ollama',
  );
});

test('EC-drift: differences are told field by field, order of keys aside', () => {
  const before = { image: 'a', env: { X: '1', Y: '2' }, gpuType: null };
  assert.deepEqual(differencesOf(before, { image: 'b', env: { Y: '2', X: '1' } }), [
    { path: 'image', before: 'a', after: 'b' },
  ]);
});
