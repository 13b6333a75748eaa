import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modelStatuses, type DatasetFileFacts } from '@llm-ops/contracts';
import { hostilePaths } from '../../../../tests/corpora/paths.ts';
import { checkFilePath, collision, formatOf } from './paths.ts';
import {
  actionBetween,
  columnsOfFiles,
  completenessOf,
  digestOfFiles,
  formatOfFiles,
  gatesOf,
  possibleFrom,
  type GateFacts,
} from './rules.ts';

const file = (path: string, sha256 = path) => ({ path, sha256, status: 'ready' as const });
const facts = (format: 'csv' | 'jsonl', columns: DatasetFileFacts['columns']) => ({
  facts: { format, columns } as unknown as DatasetFileFacts,
});

describe('rules of datasets', () => {
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

  it('FR-003a: another byte, name or file makes another digest, the order does not, and what is pending has none', () => {
    const [a, b] = [file('a'), file('b')];
    assert.equal(digestOfFiles([a, b]), digestOfFiles([b, a]));
    const others = [[a], [b], [a, file('b', '3')], [a, file('c', 'b')]].map(digestOfFiles);
    assert.equal(new Set([...others, digestOfFiles([a, b])]).size, 5);
    assert.equal(digestOfFiles([]), null);
    for (const status of ['uploading', 'checking', 'refused'] as const)
      assert.equal(digestOfFiles([a, { ...b, status }]), null);
  });

  it('EC-metadata: what a card lacks', () => {
    const required = (card: object) =>
      completenessOf({ type: null, task: null, metadata: {}, change_log: null, parent_id: null, ...card })
        .missing.filter((one) => one.required)
        .map(({ path }) => path);
    assert.deepEqual(required({}), ['metadata.description']);
    assert.deepEqual(required({ metadata: { description: ' ' } }), ['metadata.description']);
    assert.deepEqual(required({ type: 'benchmark', metadata: { description: 'd' } }), ['task']);
    assert.deepEqual(required({ type: 'benchmark', task: 'qa', metadata: { description: 'd' } }), []);
  });

  it('FR-003b: columns of several files are those of all of them, with what they have in common', () => {
    const files = [
      facts('csv', [
        { name: 'a', type: 'string', nullable: false },
        { name: 'b', type: 'integer', nullable: false },
      ]),
      facts('jsonl', [
        { name: 'c', type: 'list', nullable: false },
        { name: 'a', type: 'string', nullable: true },
        { name: 'b', type: 'number', nullable: false },
      ]),
    ];
    assert.deepEqual(columnsOfFiles(files), [
      { name: 'a', type: 'string', nullable: true },
      { name: 'b', type: 'mixed', nullable: false },
      { name: 'c', type: 'list', nullable: true },
    ]);
    assert.equal(formatOfFiles(files), null);
    assert.equal(formatOfFiles(files.slice(0, 1)), 'csv');
    assert.equal(formatOfFiles([{ facts: null }]), null);
  });

  it('FR-003, US1.6: every gate opens by itself alone', () => {
    const files = [file('a')];
    const digest = digestOfFiles(files);
    const good: GateFacts = {
      completeness: { score: 100, missing: [] },
      files,
      filling: false,
      validatedDigest: digest,
      pii: 'clean',
      quality: 80,
      threshold: 80,
      newest: { status: 'succeeded', error: null },
      parent: { id: 'p', version: '1', ready: true },
      comparedWith: 'p',
    };
    const shut = (change: Partial<GateFacts>) =>
      gatesOf({ ...good, ...change })
        .filter(({ passed }) => !passed)
        .map(({ gate, remedy }) => (remedy === null ? `${gate} without a remedy` : gate))
        .join();
    assert.equal(shut({}), '');
    const missing = [{ path: 'metadata.description', message: 'Say.', required: true }];
    assert.equal(shut({ completeness: { score: 0, missing } }), 'metadata');
    assert.equal(shut({ completeness: { score: 0, missing: [{ ...missing[0]!, required: false }] } }), '');
    assert.equal(shut({ filling: true }), 'files');
    assert.equal(shut({ files: [] }), 'files,validation,pii,quality,diff');
    assert.equal(shut({ files: [...files, { ...file('b'), status: 'refused' }] }), 'files,validation,pii,quality,diff');
    assert.equal(shut({ validatedDigest: 'of before' }), 'validation,pii,quality,diff');
    assert.equal(shut({ newest: { status: 'running', error: null } }), 'validation');
    // one that failed takes nothing back from the one before it
    assert.equal(shut({ newest: { status: 'failed', error: 'x' } }), '');
    assert.equal(shut({ pii: 'failed' }), 'pii');
    assert.equal(shut({ quality: 79.96 }), 'quality');
    assert.equal(shut({ quality: null }), 'quality');
    assert.equal(shut({ comparedWith: null }), 'diff');
    assert.equal(shut({ comparedWith: 'another' }), 'diff');
    assert.equal(shut({ comparedWith: null, parent: null }), '');
    assert.equal(shut({ comparedWith: null, parent: { id: 'p', version: '1', ready: false } }), '');
    const [, , , , quality] = gatesOf({ ...good, quality: 79.96 });
    assert.match(quality!.message, /79\.9, 80 is needed/);
  });

  it('FR-003a: no hostile path is a path of a file, and names tell what a file is', () => {
    for (const path of hostilePaths) {
      for (const tried of [path, `${path}.csv`, `dir/${path}.csv`, `${path}/a.csv`]) {
        if (/^[A-Za-z0-9._-]{1,128}(\/[A-Za-z0-9._-]{1,128}){0,2}$/.test(tried) && !/(^|\/)\.+(\/|$)/.test(tried))
          continue;
        assert.throws(() => checkFilePath(tried), { code: 'object_key_invalid' }, JSON.stringify(tried));
      }
    }
    const named = ['a.csv', 'A.CSV.GZ', 'x/b.jsonl', 'b.ndjson.gz', 'c.parquet'].map(formatOf);
    assert.deepEqual(named, ['csv', 'csv', 'jsonl', 'jsonl', 'parquet']);
    for (const path of ['.csv', 'csv', 'a.json', 'a.csv.zip', 'a.parquet.gz', 'a.csv/', ''])
      assert.equal(formatOf(path), null);
    for (const path of ['.csv', 'a.json', 'run.py'])
      assert.throws(() => checkFilePath(path), { code: 'file_type_refused' });
    assert.equal(collision('A/b.csv', ['a/c.csv']), 'a/c.csv');
    assert.equal(collision('a/b.csv', ['a']), 'a');
    assert.equal(collision('a/b.csv', ['a/b.csv', 'a/c.csv']), undefined);
  });
});
