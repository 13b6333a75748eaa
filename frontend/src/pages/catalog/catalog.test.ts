import { describe, expect, it } from 'vitest';
import { createPayload, emptyForm } from './createPayload.ts';
import { parseIds, parseObject } from './json.ts';
import { type Lineage, layoutLineage } from './lineageLayout.ts';
import { refusalOf } from './modelFiles.ts';

describe('FR-001c: what the form of a new model sends', () => {
  const base = {
    ...emptyForm(),
    name: ' llama ',
    ownerTeam: 'nlp',
    description: 'A model.',
    metadata: '{"tags":["a"]}',
  };
  it('a base model: card fields join the JSON, empty ones are left out', () => {
    expect(createPayload(base)).toEqual({
      name: 'llama',
      version: '1.0.0',
      type: 'base',
      owner_team: 'nlp',
      visibility: 'team',
      metadata: { tags: ['a'], description: 'A model.' },
      lineage_dataset_ids: [],
    });
  });
  it('OpenAI and Ollama: their configuration is added to the metadata', () => {
    const external = {
      ...base,
      type: 'external' as const,
      modelName: 'gpt-4',
      apiKey: 'sk-1',
      endpoint: 'http://localhost:11434',
    };
    expect(createPayload(external).metadata).toMatchObject({
      provider: 'openai',
      model_name: 'gpt-4',
      api_key: 'sk-1',
    });
    const ollama = createPayload({ ...external, provider: 'ollama' }).metadata;
    expect(ollama).toMatchObject({ provider: 'ollama', endpoint: 'http://localhost:11434' });
    expect(ollama).not.toHaveProperty('api_key');
  });
});

describe('FR-001b: fields of the form', () => {
  it('metadata is a JSON object or says why not', () => {
    expect(parseObject('')).toEqual({ ok: true, value: {} });
    expect(parseObject('{"a":1}')).toEqual({ ok: true, value: { a: 1 } });
    expect(parseObject('[1]')).toMatchObject({ ok: false, kind: 'shape' });
    expect(parseObject('{a')).toMatchObject({ ok: false, kind: 'syntax' });
  });
  it('lineage ids come separated by commas', () => {
    const id = '0198f000-0000-7000-8000-000000000001';
    expect(parseIds(` ${id}, nonsense ,${id}`)).toEqual({ ids: [id], wrong: ['nonsense'] });
  });
});

describe('FR-001a: files are looked at before they are sent', () => {
  it.each([
    ['model.safetensors', 10, null],
    ['weights.GGUF', 10, null],
    ['notes.exe', 10, 'extension'],
    ['.json', 10, 'extension'],
    ['my model.bin', 10, 'name'],
    ['config.json', 0, 'empty'],
    ['model.bin', 11 * 1024 ** 3, 'size'],
  ] as const)('%s of %d bytes: %s', (name, size, refusal) => {
    expect(refusalOf({ name, size })).toBe(refusal);
  });
});

describe('FR-001: the lineage graph', () => {
  const node = (id: string, kind: 'model' | 'dataset' | 'endpoint', focus = false) => ({
    id,
    kind,
    label: id,
    status: 'approved',
    focus,
  });
  const graph: Lineage = {
    nodes: [
      node('m', 'model', true),
      node('d', 'dataset'),
      node('b', 'model'),
      node('e', 'endpoint'),
      node('old', 'model'),
    ],
    edges: [
      { from: 'm', to: 'd', relation: 'trained_on' },
      { from: 'm', to: 'b', relation: 'derived_from' },
      { from: 'e', to: 'm', relation: 'serves' },
      { from: 'm', to: 'old', relation: 'version_of' },
    ],
  };
  it('goes from data and bases over the model to what runs on it', () => {
    const { nodes, edges } = layoutLineage(graph);
    const x = Object.fromEntries(nodes.map(({ id, x: at }) => [id, at]));
    expect(x['d']).toBe(x['b']);
    expect(x['d']).toBeLessThan(x['m'] ?? 0);
    expect(x['m']).toBe(x['old']);
    expect(x['e']).toBeGreaterThan(x['m'] ?? 0);
    expect(edges).toHaveLength(4);
    const places = nodes.map(({ x: left, y }) => `${left},${y}`);
    expect(new Set(places).size).toBe(nodes.length);
  });
  it('survives a cycle and an edge to nowhere', () => {
    const cyclic = layoutLineage({
      ...graph,
      edges: [
        ...graph.edges,
        { from: 'b', to: 'm', relation: 'derived_from' },
        { from: 'm', to: 'gone', relation: 'derived_from' },
      ],
    });
    expect(cyclic.nodes).toHaveLength(5);
  });
});
