import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { croissantPieces } from '../../backend/src/domains/datasets/croissant.ts';
import { provisionPython } from '../../scripts/provision/python.ts';
import { datasetOf, fileOf } from '../datasets/described.ts';
import { root } from './python.ts';

const run = promisify(execFile);
const bytes: Record<string, Buffer> = {
  'people.csv': Buffer.from('id,name,score\n1,Kim,0.5\n2,Lee,1.5\n'),
  'data/chat.jsonl': Buffer.from('{"prompt":"Hi","label":true}\n{"prompt":"안녕","label":false}\n'),
  'more.csv.gz': gzipSync('id,day\n1,2026-01-02\n'),
};
let folder: string;
let python: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmops-croissant-'));
  python = await provisionPython(join(root, 'tests/python/requirements-croissant.txt'));
});
after(() => rm(folder, { recursive: true, force: true }));

function described() {
  const file = (
    path: string,
    format: 'csv' | 'jsonl',
    rows: number,
    columns: Parameters<typeof fileOf>[0]['columns'],
  ) =>
    fileOf({
      path,
      format,
      rows,
      columns,
      size: bytes[path]!.length,
      sha256: createHash('sha256').update(bytes[path]!).digest('hex'),
    });
  return datasetOf({
    files: [
      file('people.csv', 'csv', 2, [
        ['id', 'integer'],
        ['name', 'string'],
        ['score', 'number'],
      ]),
      file('data/chat.jsonl', 'jsonl', 2, [
        ['prompt', 'string'],
        ['label', 'boolean'],
      ]),
      file('more.csv.gz', 'csv', 1, [
        ['id', 'integer'],
        ['day', 'date'],
      ]),
    ],
  });
}

test('FR-003: the Croissant of a dataset passes the validator of its makers and loads the rows by it', async () => {
  const croissant = croissantPieces({
    dataset: described(),
    api: 'https://llm-ops.example.com/llm-ops/v1',
    personal: [{ type: 'email', count: 3, open: 1 }],
  });
  const file = join(folder, 'croissant.json');
  await writeFile(file, [...croissant].join(''));
  const local: string[] = [];
  for (const [path, content] of Object.entries(bytes)) {
    const place = join(folder, path.replaceAll('/', '_'));
    await writeFile(place, content);
    local.push(`${path}=${place}`);
  }
  const { stderr } = await run(python, [join(dirname(python), 'mlcroissant'), 'validate', '--jsonld', file]);
  assert.match(stderr, /Done\./);
  assert.doesNotMatch(stderr, /WARNING|ERROR|Found/);

  const { stdout } = await run(python, [join(import.meta.dirname, 'croissant.py'), file, ...local]);
  const read = JSON.parse(stdout);
  assert.deepEqual([read.errors, read.warnings], [[], []]);
  assert.equal(read.version, '1.0');
  assert.match(read.license, /spdx\.org\/licenses\/CC-BY-4\.0\.html/);
  assert.deepEqual(read.personal, ['email: 3 found, 1 not judged']);
  assert.deepEqual(read.limitations, ['Small.']);
  const rows = (id: string) =>
    read.records[id].map((row: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name.slice(name.lastIndexOf('/') + 1), value])),
    );
  assert.deepEqual(rows('records/people.csv'), [
    { id: 1, name: 'Kim', score: 0.5 },
    { id: 2, name: 'Lee', score: 1.5 },
  ]);
  assert.deepEqual(rows('records/data/chat.jsonl'), [
    { prompt: 'Hi', label: true },
    { prompt: '안녕', label: false },
  ]);
  assert.equal(rows('records/more.csv.gz')[0].day, '2026-01-02T00:00:00');
});
