import assert from 'node:assert/strict';
import { test } from 'node:test';
import { croissantPieces } from '../../backend/src/domains/datasets/croissant.ts';
import { datasetOf, fileOf } from './described.ts';

type Json = Record<string, unknown>;
const api = 'https://llm-ops.example.com/llm-ops/v1';
const make = (
  change: Parameters<typeof datasetOf>[0] = {},
  personal: Parameters<typeof croissantPieces>[0]['personal'] = [],
) => JSON.parse([...croissantPieces({ dataset: datasetOf(change), api, personal })].join('')) as Json;

const csv = fileOf({
  path: 'data/people.csv.gz',
  format: 'csv',
  rows: 2,
  size: 1234,
  columns: [
    ['id', 'integer'],
    ['tags', 'list'],
  ],
});

test('FR-003: Croissant names each file with digest, size and place, and each column with its type', () => {
  const croissant = make({ files: [csv], key_columns: ['id'] });
  assert.deepEqual(croissant['distribution'], [
    {
      '@type': 'cr:FileObject',
      '@id': 'data/people.csv.gz',
      name: 'data/people.csv.gz',
      contentUrl: `${api}/catalog/datasets/0190a8c0-0000-7000-8000-000000000001/files/data/people.csv.gz`,
      contentSize: '1234 B',
      encodingFormat: ['text/csv', 'application/gzip'],
      sha256: 'a'.repeat(64),
    },
  ]);
  const [records] = croissant['recordSet'] as Json[];
  assert.deepEqual(records!['key'], [{ '@id': 'records/data/people.csv.gz/id' }]);
  assert.deepEqual(
    (records!['field'] as Json[]).map(({ name, dataType }) => [name, dataType]),
    [
      ['id', 'sc:Integer'],
      ['tags', 'sc:Text'],
    ],
  );
  assert.deepEqual(
    [croissant['version'], croissant['dateModified'], croissant['datePublished'], croissant['inLanguage']],
    ['1.0', '2026-02-03T04:05:06.000Z', '2026-03-04T05:06:07.000Z', ['en', 'ko']],
  );
  assert.match(String(croissant['citeAs']), /^@misc\{.*year = \{2026\}.*Version 1\.0/);
});

test('FR-003: Croissant tells license, provenance and personal data where they are known, and nothing where not', () => {
  assert.equal(make()['license'], 'https://spdx.org/licenses/CC-BY-4.0.html');
  assert.equal(make({ metadata: { license: 'https://x.org/l' } })['license'], 'https://x.org/l');
  assert.deepEqual(make({ metadata: { license: 'Ours' } })['license'], { '@type': 'sc:CreativeWork', name: 'Ours' });
  assert.ok(!('license' in make({ metadata: {} })));
  assert.equal(make({}, [])['rai:personalSensitiveInformation'], 'No personal data was detected.');
  assert.deepEqual(make({}, [{ type: 'email', count: 2, open: 1 }])['rai:personalSensitiveInformation'], [
    'email: 2 found, 1 not judged',
  ]);
  assert.ok(!('rai:personalSensitiveInformation' in make({}, null)));
  assert.ok(!('prov:wasDerivedFrom' in make()));
  const made = make({
    parent_id: '0190a8c0-0000-7000-8000-000000000009',
    source: { kind: 'import', dataset_id: null, huggingface_dataset_id: 'acme/people' },
  });
  assert.equal(made['sameAs'], 'https://huggingface.co/datasets/acme/people');
  assert.deepEqual(made['prov:wasDerivedFrom'], [
    { '@id': `${api}/catalog/datasets/0190a8c0-0000-7000-8000-000000000009` },
    { '@id': 'https://huggingface.co/datasets/acme/people' },
  ]);
});

test('FR-003: a file with too many columns is named without them, one that is not ready not at all', () => {
  const wide = fileOf({
    path: 'wide.csv',
    format: 'csv',
    rows: 1,
    columns: Array.from({ length: 20_000 }, (_, index): [string, 'string'] => [`c${index}`, 'string']),
  });
  const files = [wide, { ...wide, path: 'b.csv' }, { ...wide, path: 'c.csv' }, { ...csv, status: 'checking' as const }];
  const croissant = make({ files });
  assert.equal((croissant['distribution'] as Json[]).length, 3);
  const records = croissant['recordSet'] as Json[];
  assert.equal(records.length, 2);
  const fields = records[1]!['field'] as Json[];
  assert.deepEqual([fields.length, fields[19_999]!['@id']], [20_000, 'records/b.csv/c19999']);
  assert.deepEqual(make({ files: [] })['recordSet'], []);
});
