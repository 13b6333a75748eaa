import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modelStatuses } from '@llm-ops/contracts';
import { hostilePaths } from '../../../../tests/corpora/paths.ts';
import { checkFilePath, collision, isFilePath } from './paths.ts';
import { actionBetween, completenessOf, differences, digestOfFiles, possibleFrom } from './rules.ts';

describe('rules of the catalog', () => {
  it('FR-001d: the workflow, whole', () => {
    const table = modelStatuses.map((from) => `${from} → ${possibleFrom(from).join(' | ')}`);
    assert.deepEqual(table, [
      'draft → under_review',
      'under_review → draft | approved | rejected',
      'approved → deprecated',
      'rejected → draft',
      'deprecated → under_review',
    ]);
    for (const status of modelStatuses) assert.equal(actionBetween(status, status), null);
  });

  it('FR-001a: another byte, name or file makes another digest; the order does not', () => {
    const a = { path: 'a', sha256: '1' };
    const b = { path: 'b', sha256: '2' };
    assert.equal(digestOfFiles([a, b]), digestOfFiles([b, a]));
    const others = [[a], [b], [], [a, { ...b, sha256: '3' }], [a, { ...b, path: 'c' }]].map(digestOfFiles);
    assert.equal(new Set([...others, digestOfFiles([a, b])]).size, 6);
  });

  it('EC-metadata: what a card lacks, by type', () => {
    const paths = (card: Partial<Parameters<typeof completenessOf>[0]>) =>
      completenessOf({
        type: 'base',
        metadata: {},
        lineage_dataset_ids: [],
        base_model_id: null,
        has_api_key: false,
        ...card,
      }).missing.flatMap(({ path, required }) => (required ? [path] : []));
    assert.deepEqual(paths({}), ['metadata.description']);
    assert.deepEqual(paths({ metadata: { description: '  ' } }), ['metadata.description']);
    assert.deepEqual(paths({ type: 'external', metadata: { description: 'd', provider: 'ollama' } }), [
      'metadata.model_name',
      'metadata.endpoint',
    ]);
    const openai = { description: 'd', provider: 'openai', model_name: 'm' };
    assert.deepEqual(paths({ type: 'external', metadata: openai }), ['metadata.api_key']);
    assert.deepEqual(paths({ type: 'external', metadata: openai, has_api_key: true }), []);
  });

  it('FR-002: differences by dotted path; lists as a whole', () => {
    assert.deepEqual(differences({ a: { b: 1, c: [1] }, d: null }, { a: { b: 2, c: [1] }, e: 'x' }), [
      { path: 'a.b', change: 'changed', before: 1, after: 2 },
      { path: 'e', change: 'added', before: null, after: 'x' },
    ]);
    assert.deepEqual(differences({ constructor: 1 }, {}), [
      { path: 'constructor', change: 'removed', before: 1, after: null },
    ]);
  });

  it('FR-001a-upload: no hostile path is a path of a model file', () => {
    for (const path of hostilePaths) {
      assert.equal(isFilePath(path), false, path);
      assert.throws(() => checkFilePath(path));
      assert.throws(() => checkFilePath(`${path}/x.json`), `${path}/x.json`);
    }
  });

  it('FR-001a-upload: names that a file system without case takes for one', () => {
    for (const [path, other] of [
      ['a.json', 'A.json'],
      ['dir/b.json', 'Dir/a.json'],
      ['dir/sub/b.json', 'dir/Sub/c.json'],
      ['x.json', 'x.json/y.json'],
    ] as const) {
      assert.equal(collision(path, [other]), other);
      assert.equal(collision(other, [path]), path);
    }
    assert.equal(collision('dir/a.json', ['dir/b.json', 'dir/a.json', 'dir2/A.json']), undefined);
  });
});
