import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { createFileObjects } from '../../objects/files/index.ts';
import { createModels } from './models.ts';
import { digestOf, type EngineShape } from './rules.ts';

const python = {
  check: async () => ({ ok: true, message: '', remedy: null }),
  run: () => Promise.reject(new Error('nothing is converted here')),
};
const never = new AbortController().signal;
const quiet = (): void => {};

async function setUp(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'models-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const objects = await createFileObjects({ root: join(root, 'objects') });
  const bytes = Buffer.from('weights of a model');
  await objects.put('models/m/1/a.gguf', Readable.from(bytes));
  const files = [{ path: 'a.gguf', size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }];
  const shape: EngineShape = {
    source: { kind: 'gguf', entry: 'a.gguf' },
    files,
    digest: digestOf(files),
    contextLength: 1,
    parallel: 1,
    threads: 1,
    memoryLimit: 0,
    env: {},
    warnings: [],
  };
  const folder = join(root, 'models');
  return { models: createModels({ folder, objects, python }), objects, folder, shape, bytes };
}

test('FR-001: a copy is made once, and made again when its bytes change on disk', async (t) => {
  const { models, objects, shape, bytes } = await setUp(t);
  const path = await models.ready(shape, 'models/m/1/', quiet, never);
  assert.deepEqual(await readFile(path), bytes);
  await objects.delete('models/m/1/a.gguf');
  assert.equal(await models.ready(shape, 'models/m/1/', quiet, never), path);
  await writeFile(path, 'weights of a nodel');
  await assert.rejects(models.ready(shape, 'models/m/1/', quiet, never), { reason: 'ModelFileMissing' });
  await objects.put('models/m/1/a.gguf', Readable.from(bytes));
  assert.deepEqual(await readFile(await models.ready(shape, 'models/m/1/', quiet, never)), bytes);
});

test('FR-001: an interrupted copy leaves nothing that looks whole', async (t) => {
  const { models, shape, folder } = await setUp(t);
  const gone = AbortSignal.abort(new Error('stopped'));
  await assert.rejects(models.ready(shape, 'models/m/1/', quiet, gone));
  assert.deepEqual(await readdir(join(folder, shape.digest)), []);
  // what a kill leaves
  await mkdir(join(folder, shape.digest, 'files.0123abcd'));
  await writeFile(join(folder, shape.digest, '.model.f16.gguf.12.part'), 'half');
  await models.collectTemporary();
  assert.deepEqual(await readdir(join(folder, shape.digest)), []);
});

test('FR-001: copies that nothing used for a month go, those in use stay', async (t) => {
  const { models, shape, folder } = await setUp(t);
  await models.ready(shape, 'models/m/1/', quiet, never);
  const now = new Date();
  const old = new Date(now.getTime() - 31 * 24 * 3600 * 1000);
  await utimes(join(folder, shape.digest), old, old);
  await models.collectUnused(new Set([shape.digest]), now);
  await models.collectUnused(new Set(), now);
  assert.deepEqual(await readdir(folder), [shape.digest]);
  await utimes(join(folder, shape.digest), old, old);
  await models.collectUnused(new Set(), now);
  assert.deepEqual(await readdir(folder), []);
});
