import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { gitopsFiles } from './gitops.ts';
import { tarOf } from './tar.ts';

const object = (kind: string, name: string) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'llm-ops-prod' },
});
const reading = { env: [{ valueFrom: { secretKeyRef: { name: 'serving-1-r3-env', key: 'HF_TOKEN' } } }] };
const exported = {
  name: 'Team/Glossary',
  route: '/Team/Glossary',
  environment: 'prod',
  revision: 3,
  model: 'glossary 2',
  manifests: [
    { ...object('Deployment', 'serving-1-r3'), spec: reading },
    object('Service', 'a'),
    object('Service', 'b'),
  ],
  warnings: ['One\nline.'],
};
const repository = { url: 'https://git.example.com/x.git', branch: 'main', path: 'clusters/prod/glossary' };

test('FR-012: the folder for Git has a file for each object, the kustomization over them, and what Argo CD and Flux need', () => {
  const files = new Map(gitopsFiles(exported, repository).map(({ path, text }) => [path, text]));
  const at = (name: string) => `clusters/prod/glossary/${name}`;
  assert.deepEqual(
    [...files.keys()],
    [
      ...['deployment.yaml', 'service.yaml', 'service-2.yaml', 'kustomization.yaml', 'README.md'].map(at),
      'argocd/team-glossary-prod.yaml',
      'flux/team-glossary-prod.yaml',
    ],
    'names tell no revision: the next one changes the same files',
  );
  assert.deepEqual(parse(files.get(at('kustomization.yaml'))!).resources, [
    'deployment.yaml',
    'service.yaml',
    'service-2.yaml',
  ]);
  const { spec } = parse(files.get('argocd/team-glossary-prod.yaml')!);
  assert.deepEqual(spec.source, { repoURL: repository.url, targetRevision: 'main', path: repository.path });
  assert.equal(spec.destination.namespace, 'llm-ops-prod');
  const [source, follow] = parseAllDocuments(files.get('flux/team-glossary-prod.yaml')!).map((one) => one.toJS());
  assert.equal(follow.spec.sourceRef.name, source.metadata.name);
  assert.equal(follow.spec.path, './clusters/prod/glossary');
  assert.match(
    files.get(at('README.md'))!,
    /namespace `llm-ops-prod`[^]*\n- the Secret `serving-1-r3-env` with the keys `HF_TOKEN`\n/,
  );
});

test('FR-012: the archive is read by tar, also with long paths and texts of any length', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tar-'));
  const files = [0, 1, 511, 512, 513, 5000].map((size) => ({
    path: `${'deep'.repeat(10)}/${'f'.repeat(90)}-${size}.txt`,
    text: 'é'.repeat(size),
  }));
  try {
    writeFileSync(join(folder, 'a.tar'), tarOf(files, new Date(1_700_000_000_000)));
    const { status, stderr } = spawnSync('tar', ['-xf', 'a.tar'], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    for (const { path, text } of files) assert.equal(readFileSync(join(folder, path), 'utf8'), text);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  assert.throws(() => tarOf([{ path: 'x'.repeat(101), text: '' }], new Date()), /too long/);
});
