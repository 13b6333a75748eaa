import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createFileObjects, type FileObjects } from '../../adapters/objects/files/index.ts';
import { createWorkspace } from './workspace.ts';

const log = pino({ level: 'silent' });
let folder: string;
let files: FileObjects;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmops-workspace-'));
  files = await createFileObjects({ root: join(folder, 'objects') });
  for (const [name, size] of [
    ['a', 100],
    ['b', 100],
    ['c', 100],
  ] as const)
    await files.put(`rows/${name}`, Readable.from([Buffer.alloc(size, name)]));
});
after(() => rm(folder, { recursive: true }));

let number = 0;
const workDir = () => join(folder, `work-${number++}`);

/** A store whose objects are no files of this machine. */
function remote() {
  const got: string[] = [];
  const { local: _, ...rest } = files;
  const objects = {
    ...rest,
    get: async (key: string) => {
      got.push(key);
      await sleep(20);
      return files.get(key);
    },
  };
  return { objects, got };
}
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

describe('files of this machine', () => {
  it('FR-003: an object of a store that is a folder is used in its place', async () => {
    const dir = workDir();
    const { local, fetch } = createWorkspace({ objects: files, workDir: dir, log });
    const held = await local('rows/a');
    assert.equal(await readFile(held.path, 'utf8'), 'a'.repeat(100));
    held.release();
    assert.equal(await fetch('rows/a', join(dir, 'never')), held.path);
    assert.equal((await readdir(join(dir, (await readdir(dir))[0]!))).length, 0, 'nothing was copied');
    await assert.rejects(local('rows/none'), { code: 'object_not_found' });
  });

  it('FR-003: an object of another store is copied once, however many ask for it', async () => {
    const { objects, got } = remote();
    const { local } = createWorkspace({ objects, workDir: workDir(), log });
    const held = await Promise.all([local('rows/a'), local('rows/a'), local('rows/a')]);
    assert.deepEqual(got, ['rows/a']);
    assert.equal(new Set(held.map(({ path }) => path)).size, 1);
    for (const one of held) one.release();
    (await local('rows/a')).release();
    assert.deepEqual(got, ['rows/a']);
    await assert.rejects(local('rows/none'), { code: 'object_not_found' });
  });

  it('REL: copies stay below their bound; the longest unused goes first, and never one in use', async () => {
    const { objects, got } = remote();
    const { local } = createWorkspace({ objects, workDir: workDir(), log, maxBytes: 250 });
    const a = await local('rows/a');
    const b = await local('rows/b');
    b.release();
    const c = await local('rows/c');
    assert.equal(await isThere(a.path), true, 'in use, though the oldest');
    assert.equal(await isThere(c.path), true);
    for (let tries = 0; (await isThere(b.path)) && tries < 50; tries++) await sleep(10);
    assert.equal(await isThere(b.path), false);
    a.release();
    a.release();
    c.release();
    (await local('rows/a')).release();
    (await local('rows/b')).release();
    assert.deepEqual(got, ['rows/a', 'rows/b', 'rows/c', 'rows/b']);
  });

  it('REL: a copy that did not come whole is none, and the next one who asks gets it', async () => {
    const { objects } = remote();
    let broken = true;
    const half = {
      ...objects,
      get: async (key: string) => (broken ? Readable.from([Buffer.alloc(10)]) : files.get(key)),
    };
    const dir = workDir();
    const { local } = createWorkspace({ objects: half, workDir: dir, log });
    await assert.rejects(local('rows/a'), /10 of 100 bytes/);
    assert.deepEqual(await readdir(join(dir, (await readdir(dir))[0]!)), []);
    broken = false;
    assert.equal((await readFile((await local('rows/a')).path)).length, 100);
  });

  it('REL: what a killed process left is removed by the next start, and everything at the end', async () => {
    const dir = workDir();
    await mkdir(join(dir, 'left', 'task'), { recursive: true });
    await writeFile(join(dir, 'left', 'task', 'rows.parquet'), 'x');
    const workspace = createWorkspace({ objects: files, workDir: dir, log });
    const task = await workspace.folder();
    assert.equal((await readdir(dir)).includes('left'), false);
    await writeFile(join(task.path, 'file'), 'x');
    await task.remove();
    assert.equal(await isThere(task.path), false);
    await workspace.folder();
    await workspace.close();
    assert.deepEqual(await readdir(dir), []);
  });
});
