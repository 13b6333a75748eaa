import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createComparisons, type Compared } from './comparisons.ts';

let root: string;
let number = 0;
before(async () => (root = await mkdtemp(join(tmpdir(), 'llmops-comparisons-'))));
after(() => rm(root, { recursive: true }));

const workspace = {
  async folder() {
    const path = join(root, `${number++}`);
    await mkdir(path);
    return { path, remove: () => rm(path, { recursive: true }) };
  },
};
const what = (of: string, columns = { offset: 0, limit: 200 }): Compared => ({ of: [of], keyColumns: ['id'], columns });
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Whether it was known, and the folder; leaves so many bytes when it was not. */
const finding = (bytes: number) => async (folder: string, known: boolean) => {
  if (!known) await writeFile(join(folder, 'found'), Buffer.alloc(bytes));
  return { folder, known };
};

test('FR-003-cmp: one finds, others of the same comparison wait for that; other columns are found anew beside it', async (t) => {
  const comparisons = createComparisons({ workspace, now: () => new Date() });
  t.after(comparisons.close);
  const slow = async (folder: string, known: boolean) => {
    await sleep(20);
    return { folder, known };
  };
  const [first, second, third] = await Promise.all(['a', 'a', 'b'].map((of) => comparisons.of(what(of), slow)));
  assert.deepEqual([first!.known, second!.known, third!.known], [false, true, false]);
  assert.equal(first!.folder, second!.folder);
  assert.notEqual(first!.folder, third!.folder);
  const columns = await comparisons.of(what('a', { offset: 200, limit: 200 }), slow);
  assert.deepEqual(columns, { folder: first!.folder, known: false });
  assert.equal((await comparisons.of({ ...what('a'), keyColumns: [] }, slow)).known, false, 'by another key');
});

test('FR-003-cmp: who waited finds it when the first one failed, and nothing of a failure stays', async (t) => {
  const comparisons = createComparisons({ workspace, now: () => new Date() });
  t.after(comparisons.close);
  const folders: string[] = [];
  const failing = async (folder: string) => {
    folders.push(folder);
    await sleep(20);
    throw new Error('too much');
  };
  const first = comparisons.of(what('a'), failing);
  const second = comparisons.of(what('a'), finding(1));
  await assert.rejects(first, /too much/);
  assert.equal((await second).known, false);
  await assert.rejects(comparisons.of(what('b'), failing), /too much/);
  await sleep(20);
  assert.deepEqual(await Promise.all(folders.map(isThere)), [true, false]);
});

test('FR-003-cmp: what was not looked at for long goes, and the oldest where there is too much', async (t) => {
  let now = 0;
  const comparisons = createComparisons({ workspace, maxBytes: 250, maxIdleMs: 1000, now: () => new Date(now) });
  t.after(comparisons.close);
  const folders = new Map<string, string>();
  for (const name of ['a', 'b']) folders.set(name, (await comparisons.of(what(name), finding(100))).folder);
  assert.equal((await comparisons.of(what('a'), finding(100))).known, true);
  folders.set('c', (await comparisons.of(what('c'), finding(100))).folder);
  await sleep(20);
  assert.deepEqual(await Promise.all([...folders.values()].map(isThere)), [true, false, true]);
  now = 2000;
  await comparisons.of(what('d'), finding(1));
  await sleep(20);
  assert.deepEqual(await Promise.all([...folders.values()].map(isThere)), [false, false, false]);
});
