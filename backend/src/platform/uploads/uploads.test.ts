import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type ClientRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import { pino } from 'pino';
import { createFileObjects, type FileObjects } from '../../adapters/objects/files/index.ts';
import { openDatabase, type Db } from '../db/index.ts';
import { failure } from '../errors/index.ts';
import { createUploads, type Upload, type Uploads, type UploadsDeps, type UploadTarget } from './index.ts';
import { formatMetadata, uploadsPath as path } from './rules.ts';

const log = pino({ level: 'silent' });
const KiB = 1024;
const bytesType = 'application/offset+octet-stream';

let folder: string;
let db: Db;
let objects: FileObjects;
const servers: { server: Server; uploads: Uploads; db: Db }[] = [];
const completed: Upload[] = [];
const asked: (UploadTarget | null)[] = [];
let clock = () => new Date();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llm-ops-uploads-'));
  // as root the database runs as another user, who must be able to get there
  await chmod(folder, 0o755);
  db = await openDatabase({ dataDir: join(folder, 'data'), log });
  await db.pool.query(await readFile(join(import.meta.dirname, '../../../migrations/0002_uploads.sql'), 'utf8'));
  await db.pool.query('create table job (upload_id uuid)');
  objects = await createFileObjects({ root: join(folder, 'objects') });
});
after(async () => {
  for (const each of servers) {
    each.server.closeAllConnections();
    each.server.close();
    await each.uploads.close();
    if (each.db !== db) await each.db.close();
  }
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

async function serve(options: Partial<UploadsDeps> = {}) {
  const uploads = createUploads({
    db,
    objects,
    log,
    now: () => clock(),
    async authorize(request, target) {
      asked.push(target);
      const user = request.headers['x-user-id'];
      if (typeof user !== 'string') throw failure('unauthenticated');
      return { userId: user };
    },
    async onComplete(upload, trx) {
      completed.push(upload);
      await sql`insert into job (upload_id) values (${upload.id})`.execute(trx);
    },
    maxBytes: 64 * KiB * KiB,
    partBytes: 256 * KiB,
    ...options,
  });
  const server = createServer(uploads.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ server, uploads, db: (options.db as Db | undefined) ?? db });
  return { uploads, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

interface Reply {
  status: number;
  headers: IncomingMessage['headers'];
  data: { code?: string; errorId?: string; issues?: { path: string }[] } | undefined;
}

async function send(
  url: string,
  method: string,
  headers: Record<string, string | number> = {},
  body?: Buffer,
): Promise<Reply> {
  const request = httpRequest(url, { method, headers: { 'tus-resumable': '1.0.0', 'x-user-id': 'ada', ...headers } });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const answer = await text(response);
  return {
    status: response.statusCode!,
    headers: response.headers,
    data: answer ? JSON.parse(answer).data : undefined,
  };
}

const patch = (url: string, offset: number, body: Buffer, headers: Record<string, string | number> = {}) =>
  send(url, 'PATCH', { 'content-type': bytesType, 'upload-offset': offset, ...headers }, body);

function creation(size: number, name = 'model.safetensors'): Record<string, string | number> {
  const metadata = formatMetadata({ subject_kind: 'model', subject_id: randomUUID(), path: name });
  return { 'upload-length': size, 'upload-metadata': metadata };
}

async function create(origin: string, size: number): Promise<{ url: string; id: string }> {
  const reply = await send(`${origin}${path}`, 'POST', creation(size));
  assert.equal(reply.status, 201);
  const location = reply.headers.location!;
  return { url: origin + location, id: location.slice(path.length + 1) };
}

/** Begins a PATCH that promises `promised` bytes, sends the first of them and then nothing. */
function hang(url: string, offset: number, part: Buffer, promised: number, headers = {}): ClientRequest {
  const request = httpRequest(url, {
    method: 'PATCH',
    headers: {
      'tus-resumable': '1.0.0',
      'x-user-id': 'ada',
      'content-type': bytesType,
      'upload-offset': offset,
      'content-length': promised,
      ...headers,
    },
  });
  request.on('error', () => undefined);
  request.write(part);
  return request;
}

/** As `hang`, then cuts the connection once the bytes have had time to arrive. */
async function cutOff(url: string, offset: number, part: Buffer, promised: number, headers = {}): Promise<void> {
  const request = hang(url, offset, part, promised, headers);
  await wait(300);
  request.destroy();
}

/** Waits until so many bytes are counted. */
async function counted(id: string, bytes: number): Promise<void> {
  const query = 'select from upload where id = $1 and received >= $2';
  for (let tries = 0; (await db.pool.query(query, [id, bytes])).rowCount === 0; tries++) {
    assert.ok(tries < 500, `${bytes} bytes were never counted`);
    await wait(20);
  }
}

const offsetAt = async (url: string) => Number((await send(url, 'HEAD')).headers['upload-offset']);
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

async function keys(prefix: string): Promise<string[]> {
  const found = [];
  for await (const { key } of objects.list(prefix)) found.push(key);
  return found;
}

describe('resumable uploads', () => {
  it('FR-001a-upload: the endpoint says what it can', async () => {
    const { origin } = await serve();
    const { status, headers } = await send(`${origin}${path}`, 'OPTIONS', { 'tus-resumable': '' });
    assert.equal(status, 204);
    assert.equal(headers['tus-version'], '1.0.0');
    assert.equal(headers['tus-max-size'], String(64 * KiB * KiB));
    assert.equal(headers['tus-extension'], 'creation,creation-with-upload,termination,checksum,expiration');
    assert.equal(headers['tus-checksum-algorithm'], 'sha1,sha256,md5');
  });

  it('FR-001a-upload: a file sent in pieces becomes one object with its SHA-256, and its job exists exactly once', async () => {
    const { origin, uploads } = await serve();
    const content = randomBytes(1000 * KiB);
    const { url, id } = await create(origin, content.length);
    assert.equal(await offsetAt(url), 0);
    await assert.rejects(uploads.assemble(id, 'models/1/x'), { code: 'upload_incomplete' });
    const first = await patch(url, 0, content.subarray(0, 600 * KiB));
    assert.equal(first.status, 204);
    assert.equal(first.headers['upload-offset'], String(600 * KiB));
    assert.ok(Date.parse(first.headers['upload-expires'] as string) > Date.now());
    const second = await patch(url, 600 * KiB, content.subarray(600 * KiB));
    assert.equal(second.status, 204);
    assert.equal((await uploads.find(id))?.status, 'verifying');
    assert.deepEqual(completed.filter((upload) => upload.id === id).length, 1);
    assert.equal((await db.pool.query('select from job where upload_id = $1', [id])).rowCount, 1);
    const expected = { key: 'models/1/v1/model.safetensors', size: content.length, sha256: sha256(content) };
    assert.deepEqual(await uploads.assemble(id, expected.key), expected);
    assert.deepEqual(await uploads.assemble(id, expected.key), expected);
    assert.deepEqual(await keys(`uploads/${id}/`), []);
    const upload = await uploads.find(id);
    assert.equal(upload?.status, 'complete');
    assert.equal(upload.sha256, expected.sha256);
    assert.equal(await offsetAt(url), content.length);
  });

  it('FR-001a-upload: a creation may bring the bytes along, or none for an empty file', async () => {
    const { origin, uploads } = await serve();
    const content = randomBytes(300 * KiB);
    const whole = await send(
      `${origin}${path}`,
      'POST',
      { ...creation(content.length), 'content-type': bytesType },
      content,
    );
    assert.equal(whole.status, 201);
    assert.equal(whole.headers['upload-offset'], String(content.length));
    const id = whole.headers.location!.slice(path.length + 1);
    assert.equal((await uploads.assemble(id, 'with/upload')).sha256, sha256(content));
    const empty = await create(origin, 0);
    assert.equal((await uploads.find(empty.id))?.status, 'verifying');
    assert.equal((await uploads.assemble(empty.id, 'with/nothing')).size, 0);
  });

  it('FR-001a-upload: what arrived before a disconnect is kept, and nothing is sent twice', async () => {
    const { origin, uploads } = await serve();
    const content = randomBytes(900 * KiB);
    const { url, id } = await create(origin, content.length);
    await cutOff(url, 0, content.subarray(0, 333_333), content.length);
    assert.equal(await offsetAt(url), 333_333);
    await cutOff(url, 333_333, content.subarray(333_333, 333_334), content.length - 333_333);
    assert.equal(await offsetAt(url), 333_334);
    assert.equal((await patch(url, 333_334, content.subarray(333_334))).status, 204);
    assert.equal((await uploads.assemble(id, 'disconnected/one')).sha256, sha256(content));
  });

  it('FR-001a-upload: a piece with a checksum is kept whole or not at all', async () => {
    const { origin } = await serve();
    const content = randomBytes(600 * KiB);
    const { url } = await create(origin, content.length);
    const sum = (data: Buffer, algorithm = 'sha256') =>
      `${algorithm} ${createHash(algorithm).update(data).digest('base64')}`;
    const piece = content.subarray(0, 400 * KiB);
    const wrong = await patch(url, 0, piece, { 'upload-checksum': sum(content) });
    assert.equal(wrong.status, 460);
    assert.equal(wrong.data?.code, 'upload_checksum_mismatch');
    await cutOff(url, 0, piece.subarray(0, 1000), piece.length, { 'upload-checksum': sum(piece) });
    assert.equal(await offsetAt(url), 0);
    assert.equal((await patch(url, 0, piece, { 'upload-checksum': sum(piece, 'sha1') })).status, 204);
    assert.equal(await offsetAt(url), piece.length);
    assert.equal(
      (await patch(url, piece.length, piece, { 'upload-checksum': 'crc32 x' })).data?.code,
      'validation_failed',
    );
  });

  it('FR-008: refusals are enveloped, with a stable code each', async () => {
    const { origin } = await serve();
    const { url } = await create(origin, 100);
    const ten = randomBytes(10);
    const collection = `${origin}${path}`;
    const cases: [() => Promise<Reply>, number, string][] = [
      [() => send(url, 'HEAD', { 'tus-resumable': '0.2.2' }), 412, ''],
      [() => send(collection, 'POST', { ...creation(5), 'tus-resumable': '2.0.0' }), 412, 'upload_version_unsupported'],
      [() => send(collection, 'POST', creation(64 * KiB * KiB + 1)), 413, 'object_too_large'],
      [() => send(collection, 'POST', creation(5, '../../etc/passwd')), 400, 'object_key_invalid'],
      [() => send(collection, 'POST', { 'upload-length': -1 }), 400, 'validation_failed'],
      [() => send(collection, 'POST', { ...creation(5), 'upload-metadata': 'path !!' }), 400, 'validation_failed'],
      [() => send(collection, 'PUT'), 405, 'method_not_allowed'],
      [() => send(url, 'GET'), 405, 'method_not_allowed'],
      [() => patch(url, 5, ten), 409, 'upload_offset_conflict'],
      [() => patch(url, 0, randomBytes(101)), 413, 'object_too_large'],
      [() => patch(url, 0, randomBytes(200), { 'transfer-encoding': 'chunked' }), 413, 'object_too_large'],
      [
        () => send(url, 'PATCH', { 'content-type': 'text/plain', 'upload-offset': 0 }, ten),
        415,
        'media_type_unsupported',
      ],
      [() => send(url, 'PATCH', { 'content-type': bytesType }, ten), 400, 'validation_failed'],
      [() => patch(`${collection}/${randomUUID()}`, 0, ten), 404, 'upload_not_found'],
      [() => patch(`${collection}/..%2f${randomUUID()}`, 0, ten), 404, 'upload_not_found'],
    ];
    // one after the other: a request for an upload ends the one before it
    for (const [sending, status, code] of cases) {
      const reply = await sending();
      assert.equal(reply.status, status, code);
      assert.equal(reply.headers['tus-resumable'], '1.0.0');
      if (code) assert.equal(reply.data?.code, code);
      if (code) assert.match(reply.data?.errorId ?? '', /^[0-9a-f-]{36}$/);
    }
    assert.equal(await offsetAt(url), 0);
  });

  it('SEC: an upload is its creator’s alone, and authorize sees what it is about', async () => {
    const { origin } = await serve();
    const { url, id } = await create(origin, 10);
    for (const reply of [
      await send(url, 'HEAD', { 'x-user-id': 'eve' }),
      await patch(url, 0, randomBytes(10), { 'x-user-id': 'eve' }),
      await send(url, 'DELETE', { 'x-user-id': 'eve' }),
    ]) {
      assert.equal(reply.status, 404);
    }
    assert.deepEqual(
      asked.filter((target) => target?.id === id).map((target) => target?.action),
      ['inspect', 'append', 'remove'],
    );
    const anonymous = httpRequest(url, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' } }).end();
    const [response] = (await once(anonymous, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 401);
  });

  it('FR-001a-upload: terminated and expired uploads leave nothing', async () => {
    const { origin, uploads } = await serve();
    const content = randomBytes(300 * KiB);
    const terminated = await create(origin, 400 * KiB);
    const expired = await create(origin, 400 * KiB);
    for (const { url } of [terminated, expired]) await patch(url, 0, content);
    assert.equal((await send(terminated.url, 'DELETE')).status, 204);
    assert.equal((await send(terminated.url, 'HEAD')).status, 404);
    const finished = await create(origin, 1);
    await patch(finished.url, 0, content.subarray(0, 1));
    assert.equal((await send(finished.url, 'DELETE')).data?.code, 'upload_finished');
    clock = () => new Date(Date.now() + 25 * 60 * 60 * 1000);
    try {
      assert.equal((await patch(expired.url, content.length, content.subarray(0, 1))).status, 410);
      assert.ok((await uploads.collectExpired()) >= 1);
      assert.equal((await uploads.find(finished.id))?.status, 'verifying');
    } finally {
      clock = () => new Date();
    }
    assert.equal(await uploads.find(expired.id), null);
    assert.deepEqual(await keys(`uploads/${terminated.id}/`), []);
    assert.deepEqual(await keys(`uploads/${expired.id}/`), []);
  });

  it('FR-001a-upload: an upload that was given up says why', async () => {
    const { origin, uploads } = await serve();
    const { url, id } = await create(origin, 3);
    await uploads.fail(id, 'the model was deleted');
    const reply = await patch(url, 0, randomBytes(3));
    assert.equal(reply.data?.code, 'upload_gone');
    assert.equal((await uploads.find(id))?.error, 'the model was deleted');
    await assert.rejects(uploads.assemble(id, 'never/there'), { code: 'upload_incomplete' });
  });

  it('REL: when the completion cannot be recorded, the last part does not count and is sent again', async () => {
    let broken = true;
    const { origin, uploads } = await serve({
      onComplete: async () => {
        if (broken) throw failure('database_unavailable');
      },
    });
    const { url, id } = await create(origin, 100);
    const content = randomBytes(100);
    assert.equal((await patch(url, 0, content)).status, 503);
    assert.equal(await offsetAt(url), 0);
    broken = false;
    assert.equal((await patch(url, 0, content)).status, 204);
    assert.equal((await uploads.assemble(id, 'again/one')).sha256, sha256(content));
  });

  it('REL: on several servers one request at a time works on an upload; the newer one ends the older', async () => {
    const [one, two] = [await serve(), await serve({ db: await openDatabase({ url: db.url, dataDir: folder, log }) })];
    const content = randomBytes(700 * KiB);
    for (const [busy, next] of [
      [one, one],
      [one, two],
      [two, one],
    ] as const) {
      const { url, id } = await create(one.origin, content.length);
      const local = url.slice(one.origin.length);
      // a connection that hangs: it promises everything, sends a part and never ends
      const hanging = hang(busy.origin + local, 0, content.subarray(0, 300 * KiB), content.length);
      await counted(id, 256 * KiB);
      await wait(100);
      const offset = await offsetAt(next.origin + local);
      assert.equal(offset, 300 * KiB);
      assert.equal((await patch(next.origin + local, offset, content.subarray(offset))).status, 204);
      hanging.destroy();
      const [first, second] = await Promise.all([
        one.uploads.assemble(id, `servers/${id}`),
        two.uploads.assemble(id, `servers/${id}`),
      ]);
      assert.deepEqual(first, second);
      assert.equal(first.sha256, sha256(content));
    }
  });

  it('REL: many uploads at once need one connection for their locks', async () => {
    const small = await openDatabase({ url: db.url, dataDir: folder, log, poolSize: 2 });
    const { origin, uploads } = await serve({ db: small });
    const content = randomBytes(50 * KiB);
    const all = await Promise.all(Array.from({ length: 12 }, () => create(origin, content.length)));
    await Promise.all(all.map(({ url }) => cutOff(url, 0, content.subarray(0, 1000), content.length)));
    const sent = await Promise.all(
      all.map(async ({ url }) => {
        const offset = await offsetAt(url);
        return patch(url, offset, content.subarray(offset));
      }),
    );
    assert.deepEqual(new Set(sent.map(({ status, data }) => data?.code ?? status)), new Set([204]));
    const results = await Promise.all(all.map(({ id }) => uploads.assemble(id, `many/${id}`)));
    assert.deepEqual(new Set(results.map((result) => result.sha256)), new Set([sha256(content)]));
  });

  it('REL: locks lost with their connection stop the request; what was counted stays', async () => {
    const { origin, uploads } = await serve();
    const content = randomBytes(400 * KiB);
    const { url, id } = await create(origin, content.length);
    const hanging = hang(url, 0, content.subarray(0, 300 * KiB), content.length);
    await counted(id, 256 * KiB);
    await db.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()',
    );
    // the first requests may find other connections of the pool cut as well, and get a 503
    let offset = NaN;
    for (let tries = 0; Number.isNaN(offset) && tries < 20; tries++) {
      offset = await offsetAt(url);
      if (Number.isNaN(offset)) await wait(50);
    }
    hanging.destroy();
    assert.equal(offset, 256 * KiB);
    assert.equal((await patch(url, offset, content.subarray(offset))).status, 204);
    assert.equal((await uploads.assemble(id, 'lost/lock')).sha256, sha256(content));
  });

  it('REL: a store that is down answers 503, and the upload goes on when it is back', async () => {
    let down = true;
    const flaky: FileObjects = {
      ...objects,
      put: (...put) => (down ? Promise.reject(failure('object_store_unavailable')) : objects.put(...put)),
    };
    const { origin, uploads } = await serve({ objects: flaky });
    const content = randomBytes(2000 * KiB);
    const { url, id } = await create(origin, content.length);
    assert.equal((await patch(url, 0, content)).data?.code, 'object_store_unavailable');
    down = false;
    assert.equal((await patch(url, await offsetAt(url), content)).status, 204);
    down = true;
    await assert.rejects(uploads.assemble(id, 'flaky/one'), { code: 'object_store_unavailable' });
    down = false;
    assert.equal((await uploads.assemble(id, 'flaky/one')).sha256, sha256(content));
  });
});

describe('resumable uploads, killed', () => {
  const partBytes = 1024 * KiB;
  const children: ChildProcess[] = [];
  after(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  function start(options: object): ChildProcess {
    const child = join(import.meta.dirname, 'uploads.child.ts');
    const json = JSON.stringify({ url: db.url, root: join(folder, 'objects'), partBytes, ...options });
    const started = fork(child, [json], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.push(started);
    return started;
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  it('REL: after kill -9 of the server at most one part is sent again, and the SHA-256 is right', async () => {
    const content = randomBytes(12 * KiB * KiB);
    let child = start({});
    let [port] = await once(child, 'message');
    const { url, id } = await create(`http://127.0.0.1:${port}`, content.length);
    const local = new URL(url).pathname;
    let offset = 0;
    for (const stop of [2.5, 5.2, 9.9]) {
      const sent = Math.floor(stop * KiB * KiB);
      const part = content.subarray(offset, sent);
      const hanging = hang(`http://127.0.0.1:${port}${local}`, offset, part, content.length - offset);
      await counted(id, offset + Math.floor(part.length / partBytes) * partBytes);
      await kill(child);
      hanging.destroy();
      child = start({});
      [port] = await once(child, 'message');
      offset = await offsetAt(`http://127.0.0.1:${port}${local}`);
      assert.ok(offset <= sent && sent - offset < partBytes, `${sent} were sent, ${offset} are there`);
    }
    assert.equal((await patch(`http://127.0.0.1:${port}${local}`, offset, content.subarray(offset))).status, 204);
    await kill(child);
    const { uploads } = await serve();
    assert.equal((await uploads.assemble(id, 'killed/server')).sha256, sha256(content));
  });

  it('REL: an assembly killed anywhere is finished by the next try: one object, no parts', async () => {
    const { origin, uploads } = await serve({ partBytes });
    const content = randomBytes(24 * KiB * KiB);
    for (const [attempt, delay] of [1, 8, 16, 30].entries()) {
      const { url, id } = await create(origin, content.length);
      assert.equal((await patch(url, 0, content)).status, 204);
      const key = `assembled/${attempt}`;
      const child = start({ assemble: { id, key } });
      await once(child, 'message');
      await wait(delay);
      await kill(child);
      const stored = await objects.stat(key);
      assert.ok(stored === null || stored.size === content.length);
      assert.deepEqual(await uploads.assemble(id, key), { key, size: content.length, sha256: sha256(content) });
      assert.deepEqual(await keys(`uploads/${id}/`), []);
    }
    assert.equal((await keys('assembled/')).length, 4);
  });
});
