import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providers } from '../../backend/src/adapters/provider/index.ts';
import type { Operation } from '../../backend/src/ports/provider.ts';

const operations: Operation[] = ['chat', 'completion', 'embedding'];
const all = Object.entries(providers);

test('FR-006d: every provider is found by its kind, says its paths and how its streams end with usage', () => {
  assert.deepEqual(Object.fromEntries(all.map(([kind, provider]) => [kind, provider.kind])), {
    openai: 'openai',
    ollama: 'ollama',
    vllm: 'vllm',
    tgi: 'tgi',
    'llama.cpp': 'llama.cpp',
    custom: 'custom',
  });
  const paths = (kind: keyof typeof providers) => operations.map((operation) => providers[kind].path(operation));
  assert.deepEqual(paths('openai'), ['/chat/completions', '/completions', '/embeddings']);
  assert.deepEqual(paths('ollama'), ['/chat', '/generate', '/embed']);
  assert.deepEqual(paths('tgi'), ['/chat/completions', '/completions', null]);
  for (const kind of ['vllm', 'llama.cpp', 'custom'] as const) assert.deepEqual(paths(kind), paths('openai'));
  assert.deepEqual(
    all.map(([, { streamUsage }]) => streamUsage),
    ['option', 'always', 'continuous', 'option', 'continuous', 'option'],
  );
  assert.deepEqual(
    all.filter(([, { dialect }]) => dialect !== null).map(([kind]) => kind),
    ['ollama'],
  );
  assert.deepEqual(
    all.filter(([, { finishReasons }]) => finishReasons !== null).map(([kind]) => kind),
    ['tgi'],
  );
});

test('FR-006d: addresses are taken as people write them', () => {
  const base = (kind: keyof typeof providers, card: Record<string, unknown>) => providers[kind].baseUrl(card);
  assert.equal(base('openai', {}), 'https://api.openai.com/v1');
  assert.equal(base('openai', { base_url: 'http://h/v1/ ' }), 'http://h/v1');
  for (const endpoint of ['http://h:11434', 'http://h:11434/', 'http://h:11434/v1', 'http://h:11434/api/'])
    assert.equal(base('ollama', { endpoint }), 'http://h:11434/api');
  for (const kind of ['vllm', 'tgi', 'llama.cpp'] as const) {
    assert.equal(base(kind, { base_url: 'http://h:8000' }), 'http://h:8000/v1');
    assert.equal(base(kind, { base_url: 'http://h/x/v1/' }), 'http://h/x/v1');
    assert.equal(base(kind, {}), null);
  }
  assert.equal(base('custom', { base_url: 'http://h/openai/' }), 'http://h/openai');
  assert.equal(base('custom', {}), null);
  assert.equal(base('ollama', { endpoint: ' ' }), null);
});

test('FR-006d: keys go as bearer tokens, and lists of models are read', () => {
  for (const [kind, provider] of all) {
    assert.deepEqual(provider.headers('k'), { authorization: 'Bearer k' });
    assert.deepEqual(provider.headers(null), {});
    assert.equal(provider.keyless, kind !== 'openai');
    assert.equal(provider.model({ model_name: ' m ' }), 'm');
    assert.equal(provider.model({}), null);
  }
  const { ollama, vllm } = providers;
  assert.equal(ollama.modelsUrl('http://h/api'), 'http://h/api/tags');
  assert.deepEqual(ollama.modelNames({ models: [{ name: 'qwen3:latest' }, null, { name: 5 }] }), ['qwen3:latest']);
  assert.ok(ollama.same('qwen3:latest', 'qwen3') && !ollama.same('qwen3:4b', 'qwen3'));
  assert.equal(vllm.modelsUrl('http://h/v1'), 'http://h/v1/models');
  assert.deepEqual(vllm.modelNames({ data: [{ id: 'a' }] }), ['a']);
  assert.deepEqual(vllm.modelNames('nonsense'), []);
});
