import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { createFileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { createS3Objects } from '../../backend/src/adapters/objects/s3/index.ts';
import type { ErrorCode } from '../../backend/src/platform/errors/index.ts';
import type { Objects } from '../../backend/src/ports/objects.ts';
import { provisionS3, type S3Server } from '../../scripts/provision/s3.ts';
import { caseCollisions, hostilePaths } from '../corpora/paths.ts';

const MiB = 1024 * 1024;

interface Store {
  objects: Objects;
  /** as JSON for the child process that is killed */
  options: unknown;
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

const stores: Record<string, () => Promise<Store>> = {
  async files() {
    const folder = await mkdtemp(join(tmpdir(), 'llm-ops-objects-'));
    const root = join(folder, 'objects');
    return {
      objects: await createFileObjects({ root }),
      options: { kind: 'files', root },
      // root may write everywhere, so the folder is moved away instead of locked
      down: () => rename(root, `${root}-away`),
      up: () => rename(`${root}-away`, root),
      stop: () => rm(folder, { recursive: true }),
    };
  },
  async s3() {
    const server: S3Server = await provisionS3();
    await server.createBucket('models-test');
    const { endpoint, accessKey, secretKey } = server;
    const options = { endpoint, accessKey, secretKey, secure: false, bucket: 'models-test' };
    return {
      objects: createS3Objects(options),
      options: { kind: 's3', ...options },
      down: server.halt,
      up: server.start,
      stop: server.stop,
    };
  },
};

const code = (expected: ErrorCode) => (error: unknown) => {
  assert.equal((error as { code?: string }).code, expected, String(error));
  return true;
};
const put = (objects: Objects, key: string, content: string | Buffer) =>
  objects.put(key, Readable.from([Buffer.from(content)]));
const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

async function keys(objects: Objects, prefix: string): Promise<string[]> {
  const found = [];
  for await (const { key } of objects.list(prefix)) found.push(key);
  return found;
}

/** `count` chunks of a MiB each, so that more than one part of a multipart upload is made. */
async function* large(count: number, fill: Buffer, then?: () => void) {
  for (let chunk = 0; chunk < count; chunk++) yield fill;
  then?.();
}

for (const [name, open] of Object.entries(stores)) {
  describe(`objects: ${name}`, () => {
    let store: Store;
    let objects: Objects;
    before(async () => {
      store = await open();
      objects = store.objects;
    });
    after(() => store.stop());

    it('FR-001a: what was put is got back, with its size and SHA-256', async () => {
      const content = randomBytes(300_000);
      const done = await put(objects, 'models/1/v1/model.safetensors', content);
      assert.deepEqual(done, { key: 'models/1/v1/model.safetensors', size: 300_000, sha256: sha256(content) });
      assert.deepEqual(await buffer(await objects.get('models/1/v1/model.safetensors')), content);
      const facts = await objects.stat('models/1/v1/model.safetensors');
      assert.equal(facts?.size, 300_000);
      assert.ok(Math.abs(Date.now() - facts.modifiedAt.getTime()) < 60_000);
    });

    it('FR-001a: an empty object is an object', async () => {
      const done = await objects.put('empty/object', Readable.from([]));
      assert.deepEqual(done, { key: 'empty/object', size: 0, sha256: sha256('') });
      assert.equal(await text(await objects.get('empty/object')), '');
      assert.equal((await objects.stat('empty/object'))?.size, 0);
    });

    it('FR-001a-upload: a large object goes through in parts, hashed on the way', async () => {
      const fill = randomBytes(MiB);
      const expected = createHash('sha256');
      for (let chunk = 0; chunk < 33; chunk++) expected.update(fill);
      const done = await objects.put('large/one', Readable.from(large(33, fill)));
      assert.equal(done.size, 33 * MiB);
      assert.equal(done.sha256, expected.digest('hex'));
      const stored = createHash('sha256');
      for await (const chunk of await objects.get('large/one')) stored.update(chunk);
      assert.equal(stored.digest('hex'), done.sha256);
    });

    it('FR-001a: ranges include both ends, and are empty behind the end', async () => {
      await put(objects, 'range/digits', '0123456789');
      const read = async (range: { start: number; end?: number }) => text(await objects.get('range/digits', range));
      assert.equal(await read({ start: 0, end: 0 }), '0');
      assert.equal(await read({ start: 3, end: 5 }), '345');
      assert.equal(await read({ start: 7 }), '789');
      assert.equal(await read({ start: 8, end: 99 }), '89');
      assert.equal(await read({ start: 10 }), '');
      assert.equal(await read({ start: 5, end: 4 }), '');
      await assert.rejects(objects.get('range/none', { start: 5, end: 4 }), code('object_not_found'));
    });

    it('FR-001a: what is missing is object_not_found, null or nothing', async () => {
      await assert.rejects(objects.get('missing/key'), code('object_not_found'));
      assert.equal(await objects.stat('missing/key'), null);
      assert.deepEqual(await keys(objects, 'missing/'), []);
      await put(objects, 'folder/a', 'x');
      await assert.rejects(objects.get('folder'), code('object_not_found'));
      assert.equal(await objects.stat('folder'), null);
    });

    it('FR-006i: delete is idempotent and takes one object only', async () => {
      await put(objects, 'delete/a', 'a');
      await put(objects, 'delete/b', 'b');
      await objects.delete('delete/a');
      await objects.delete('delete/a');
      await objects.delete('delete/none/at/all');
      await objects.delete('delete');
      assert.deepEqual(await keys(objects, 'delete/'), ['delete/b']);
    });

    it('FR-001a: list answers every object below a prefix in the order of keys', async () => {
      const all = ['list/C', 'list/a-b', 'list/a.b', 'list/a/b', 'list/a/c/d', 'list/a0', 'list/b'];
      for (const key of all.toReversed()) await put(objects, key, key);
      assert.deepEqual(await keys(objects, 'list/'), all);
      assert.deepEqual(await keys(objects, 'list/a/'), ['list/a/b', 'list/a/c/d']);
      assert.deepEqual(await keys(objects, 'list/a'), all.slice(1, 6));
      assert.ok((await keys(objects, '')).includes('list/a/c/d'));
      for await (const { key, size } of objects.list('list/')) assert.equal(size, key.length);
    });

    it('FR-001a-upload: a failed replacement keeps what was there', async () => {
      await put(objects, 'replace/one', 'old');
      const broken = Readable.from(large(20, randomBytes(MiB), () => assert.fail('connection lost')));
      await assert.rejects(objects.put('replace/one', broken), /connection lost/);
      assert.equal(await text(await objects.get('replace/one')), 'old');
      await put(objects, 'replace/one', 'new');
      assert.equal(await text(await objects.get('replace/one')), 'new');
    });

    it('FR-001a-upload: an aborted put leaves nothing', async () => {
      const abort = new AbortController();
      const body = Readable.from(large(1000, randomBytes(MiB)));
      setTimeout(() => abort.abort(), 50);
      await assert.rejects(objects.put('abort/one', body, { signal: abort.signal }), { name: 'AbortError' });
      await assert.rejects(objects.put('abort/two', Readable.from(['x']), { signal: abort.signal }), {
        name: 'AbortError',
      });
      const lost = new Readable({ read: () => undefined });
      const putting = objects.put('abort/three', lost);
      lost.push(randomBytes(100));
      setTimeout(() => lost.destroy(), 20);
      await assert.rejects(putting);
      assert.deepEqual(await keys(objects, 'abort/'), []);
    });

    it('FR-001a-upload: more than maxBytes is object_too_large, and nothing stays', async () => {
      const body = Readable.from(large(40, randomBytes(MiB)));
      await assert.rejects(objects.put('limit/over', body, { maxBytes: 20 * MiB }), code('object_too_large'));
      assert.ok(body.destroyed);
      assert.equal(await objects.stat('limit/over'), null);
      assert.equal((await objects.put('limit/at', Readable.from(['12345']), { maxBytes: 5 })).size, 5);
      await assert.rejects(
        objects.put('limit/at', Readable.from(['123456']), { maxBytes: 5 }),
        code('object_too_large'),
      );
      assert.equal(await text(await objects.get('limit/at')), '12345');
    });

    it('SEC: no string of the hostile corpus is a key', async () => {
      const before = await keys(objects, '');
      for (const hostile of hostilePaths.flatMap((path) => [path, `models/1/${path}`])) {
        const invalid = code('object_key_invalid');
        await assert.rejects(put(objects, hostile, 'x'), invalid, hostile);
        await assert.rejects(objects.get(hostile), invalid, hostile);
        await assert.rejects(objects.stat(hostile), invalid, hostile);
        await assert.rejects(objects.delete(hostile), invalid, hostile);
      }
      for (const prefix of ['..', '../', 'a/../', 'a//', '/', 'a/%2e%2e/']) {
        await assert.rejects(keys(objects, prefix), code('object_key_invalid'), prefix);
      }
      assert.deepEqual(await keys(objects, ''), before);
    });

    it('FR-001a: who reads while it is replaced sees the old or the new one, never a mix', async () => {
      const contents = [Buffer.alloc(9 * MiB, 'a'), Buffer.alloc(9 * MiB + 7, 'b')];
      const digests = new Set(contents.map(sha256));
      await put(objects, 'mix/one', contents[0]!);
      let writing = true;
      const writer = (async () => {
        for (let turn = 1; turn <= 6; turn++) await put(objects, 'mix/one', contents[turn % 2]!);
        writing = false;
      })();
      let reads = 0;
      while (writing) {
        assert.ok(digests.has(sha256(await buffer(await objects.get('mix/one')))));
        reads++;
      }
      await writer;
      assert.ok(reads > 0);
    });

    it('FR-001a: parallel puts and deletes in one folder do not disturb each other', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `busy/folder/${index}`);
      await Promise.all(
        names.map(async (key, index) => {
          await put(objects, key, key);
          if (index % 2 === 0) await objects.delete(key);
        }),
      );
      assert.deepEqual(
        (await keys(objects, 'busy/')).toSorted(),
        names.filter((_, index) => index % 2 === 1).toSorted(),
      );
    });

    it('REL: SIGKILL while putting leaves no object', async () => {
      const child = fork(join(import.meta.dirname, 'objects.child.ts'), [JSON.stringify(store.options), 'killed/one'], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      await once(child, 'message');
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(await objects.stat('killed/one'), null);
      assert.deepEqual(await keys(objects, 'killed/'), []);
    });

    it('REL: a store that is down is object_store_unavailable, and works again when it is back', async () => {
      await put(objects, 'down/one', 'still here');
      await objects.check();
      await store.down();
      const unavailable = code('object_store_unavailable');
      try {
        await assert.rejects(objects.check(), unavailable);
        await assert.rejects(put(objects, 'down/two', 'x'), unavailable);
        await assert.rejects(objects.get('down/one'), unavailable);
        await assert.rejects(objects.stat('down/one'), unavailable);
        await assert.rejects(keys(objects, 'down/'), unavailable);
        await assert.rejects(objects.delete('down/one'), unavailable);
      } finally {
        await store.up();
      }
      await objects.check();
      assert.equal(await text(await objects.get('down/one')), 'still here');
      assert.deepEqual(await keys(objects, 'down/'), ['down/one']);
    });
  });
}

describe('objects: s3 only', () => {
  it('REL: multipart uploads of killed writers are collected after a day, and a missing bucket or wrong key is named', async () => {
    const server = await provisionS3();
    try {
      await server.createBucket('models-test');
      const { endpoint, accessKey, secretKey } = server;
      const options = { endpoint, accessKey, secretKey, secure: false, bucket: 'models-test' };
      const child = fork(
        join(import.meta.dirname, 'objects.child.ts'),
        [JSON.stringify({ kind: 's3', ...options }), 'killed/one'],
        {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        },
      );
      await once(child, 'message');
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(await createS3Objects(options).collectTemporary(), 0);
      const later = createS3Objects({ ...options, now: () => new Date(Date.now() + 25 * 60 * 60 * 1000) });
      assert.equal(await later.collectTemporary(), 1);
      assert.equal(await later.collectTemporary(), 0);
      const unavailable = { code: 'object_store_unavailable' };
      await assert.rejects(createS3Objects({ ...options, bucket: 'none' }).check(), {
        ...unavailable,
        message: /bucket "none"/,
      });
      await assert.rejects(createS3Objects({ ...options, bucket: 'none' }).get('a'), unavailable);
      await assert.rejects(createS3Objects({ ...options, secretKey: 'wrong' }).check(), {
        ...unavailable,
        message: /credentials/,
      });
      // without a scheme, as in the documents
      await createS3Objects({ ...options, endpoint: endpoint.slice('http://'.length) }).check();
    } finally {
      await server.stop();
    }
  });
});

describe('objects: files only', () => {
  let folder: string;
  let root: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llm-ops-objects-'));
    root = join(folder, 'objects');
  });
  after(() => rm(folder, { recursive: true }));

  it('SEC: a name that differs only by case from what is there is refused', async () => {
    for (const [index, [first, second]] of caseCollisions.entries()) {
      const objects = await createFileObjects({ root });
      await put(objects, `case/${index}/${first}`, 'first');
      await assert.rejects(put(objects, `case/${index}/${second}`, 'second'), code('object_key_invalid'));
      await put(objects, `case/${index}/${first}`, 'again');
      assert.deepEqual(await keys(objects, `case/${index}/`), [`case/${index}/${first}`]);
    }
  });

  it('FR-003: an object is a file that may be read in its place; what is missing is null, and no hostile key is a path', async () => {
    const objects = await createFileObjects({ root });
    await put(objects, 'local/a', 'rows');
    const place = await objects.local!('local/a');
    assert.equal(await readFile(place!, 'utf8'), 'rows');
    for (const key of ['local/b', 'local', 'none/a']) assert.equal(await objects.local!(key), null, key);
    for (const key of hostilePaths) {
      await assert.rejects(objects.local!(key), code('object_key_invalid'), JSON.stringify(key));
    }
  });

  it('SEC: links are not followed out of the root', async () => {
    const objects = await createFileObjects({ root });
    await writeFile(join(folder, 'secret'), 'secret');
    await put(objects, 'links/real', 'x');
    await symlink(folder, join(root, 'links', 'out'));
    await symlink(join(folder, 'secret'), join(root, 'links', 'file'));
    const invalid = code('object_key_invalid');
    await assert.rejects(objects.get('links/out/secret'), invalid);
    await assert.rejects(objects.stat('links/out/secret'), invalid);
    await assert.rejects(put(objects, 'links/out/secret', 'x'), invalid);
    await assert.rejects(objects.delete('links/out/secret'), invalid);
    await assert.rejects(keys(objects, 'links/out/'), invalid);
    await assert.rejects(objects.get('links/file'), invalid);
    await assert.rejects(put(objects, 'links/file', 'x'), invalid);
    assert.deepEqual(await keys(objects, 'links/'), ['links/real']);
    assert.equal(await readFile(join(folder, 'secret'), 'utf8'), 'secret');
  });

  it('FR-001a: an object is no folder', async () => {
    const objects = await createFileObjects({ root });
    await put(objects, 'kind/a', 'x');
    await assert.rejects(put(objects, 'kind/a/b', 'x'), code('object_key_invalid'));
    await assert.rejects(put(objects, 'kind', 'x'), code('object_key_invalid'));
    assert.equal(await objects.stat('kind/a/b'), null);
  });

  it('REL: temporary files of writers that are gone are collected at the start, others are kept', async () => {
    const temporary = join(root, '.tmp');
    const objects = await createFileObjects({ root });
    assert.deepEqual(await readdir(temporary), []);
    const { hostname } = await import('node:os');
    const names = {
      gone: `${hostname()}~4194304~1`,
      earlier: `${hostname()}~${process.pid}~2`,
      alive: `${hostname()}~${process.ppid}~3`,
      otherOld: 'other~1~4',
      otherNew: 'other~1~5',
    };
    for (const name of Object.values(names)) await writeFile(join(temporary, name), 'x');
    const old = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
    for (const name of [names.earlier, names.alive, names.otherOld]) await utimes(join(temporary, name), old, old);
    assert.equal(await objects.collectTemporary(), 3);
    assert.deepEqual((await readdir(temporary)).toSorted(), [names.alive, names.otherNew].toSorted());
  });

  it('OBJ: uris are the same on every adapter', async () => {
    const plain = await createFileObjects({ root });
    const named = await createFileObjects({ root, bucket: 'llm' });
    assert.equal(plain.uri('models/1/v1/'), 's3://models/1/v1/');
    assert.equal(named.uri('models/1/v1/config.json'), 's3://llm/models/1/v1/config.json');
    assert.throws(() => plain.uri('../x'), code('object_key_invalid'));
  });
});
