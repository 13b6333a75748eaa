import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../platform/errors/index.ts';
import type { HubFile } from '../../ports/hub.ts';
import { choose } from './imports.ts';
import { redactedPaths } from './redactions.ts';

const file = (path: string, size = 10): HubFile => ({ path, size, sha256: null, gitBlob: null });
const paths = (files: readonly HubFile[]) => files.map(({ path }) => path);

test('HF: of a repository come its CSV, JSON Lines and Parquet files, or those that were named', () => {
  const files = ['README.md', 'data/train.parquet', 'a/b/c/deep.csv', 'x.jsonl', 'X.jsonl', 'y.csv.gz', 'z.json'].map(
    (path) => file(path),
  );
  assert.deepEqual(paths(choose(files, undefined, 100)), ['data/train.parquet', 'x.jsonl', 'y.csv.gz']);
  assert.deepEqual(paths(choose(files, ['y.csv.gz', 'y.csv.gz'], 100)), ['y.csv.gz']);
  assert.throws(
    () => choose(files, ['no.csv', 'README.md', 'x.jsonl'], 100),
    (error) =>
      isFailure(error, 'validation_failed') && error.issues?.map(({ path }) => path).join() === 'files.0,files.1',
  );
  assert.throws(() => choose([file('README.md')], undefined, 100), /holds no CSV/);
  assert.throws(() => choose([file('big.csv', 101)], undefined, 100), /larger than 100 bytes/);
});

test('US1.6: redacted files are called by what they are, none like another', () => {
  const redacted = redactedPaths([
    { name: 'a.csv.gz', format: 'csv' },
    { name: 'A.csv', format: 'csv' },
    { name: 'data/b.tsv', format: 'csv' },
    { name: 'c.ndjson', format: 'jsonl' },
    { name: 'd.parquet', format: 'parquet' },
  ]);
  assert.deepEqual(redacted, ['a.csv', 'A-2.csv', 'data/b.csv', 'c.ndjson', 'd.parquet']);
});
