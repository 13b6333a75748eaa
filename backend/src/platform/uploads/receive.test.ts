import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { hostilePaths } from '../../../../tests/corpora/paths.ts';
import { createFileObjects, type FileObjects } from '../../adapters/objects/files/index.ts';
import { failure, isFailure } from '../errors/index.ts';
import { receiveFiles, type ReceivedFiles, type ReceiveOptions } from './receive.ts';

const MiB = 1024 * 1024;
const boundary = 'x-boundary-x';

let folder: string;
let objects: FileObjects;
let server: Server;
let origin: string;
/** set by each test: what the server does with a request */
let options: Partial<ReceiveOptions> = {};
/** what receiving came to, for requests whose client is gone */
let outcome: Promise<ReceivedFiles>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llm-ops-receive-'));
  objects = await createFileObjects({ root: folder });
  server = createServer(async (request, response) => {
    outcome = receiveFiles(request, {
      onFile: async (name, stream) => void (await objects.put(`files/${name}`, stream)),
      maxFileBytes: 50 * MiB,
      ...options,
    });
    try {
      response.end(JSON.stringify(await outcome));
    } catch (error) {
      response.writeHead(isFailure(error) ? error.status : 500);
      response.end(JSON.stringify({ ...(error as object), message: (error as Error).message }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

async function stored(): Promise<string[]> {
  const keys = [];
  for await (const { key } of objects.list('files/')) keys.push(key.slice('files/'.length));
  for (const key of keys) await objects.delete(`files/${key}`);
  assert.deepEqual(await readdir(join(folder, '.tmp')), []);
  return keys;
}

const open = (name: string, type = 'application/octet-stream') =>
  `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`;
const end = `\r\n--${boundary}--\r\n`;
const form = (...files: [name: string, content: string | Buffer][]) =>
  Buffer.concat([
    ...files.flatMap(([name, content], index) => [
      Buffer.from((index ? '\r\n' : '') + open(name)),
      Buffer.from(content),
    ]),
    Buffer.from(end),
  ]);

const field = (name: string, value: string) =>
  Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);

async function post(body: Buffer | Readable, headers: Record<string, string> = {}) {
  const request = httpRequest(origin, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, ...headers },
  });
  request.on('error', () => undefined);
  if (Buffer.isBuffer(body)) request.end(body);
  else pipeline(body, request).catch(() => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, data: JSON.parse(await text(response)) };
}

describe('receiveFiles', () => {
  it('FR-001a-upload: many files of every size arrive whole, with their fields', async () => {
    const sizes = [0, 1, 100, 65_535, 65_536, 3 * MiB, 5];
    const files = sizes.map((size, index): [string, Buffer] => [`folder/file-${index}.bin`, randomBytes(size)]);
    const digests = new Map<string, string>();
    options = {
      fields: ['accept'],
      async onFile(name, stream, part) {
        assert.deepEqual(part, { field: 'files', contentType: 'application/octet-stream' });
        digests.set(name, (await objects.put(`files/${name}`, stream)).sha256);
      },
    };
    const reply = await post(Buffer.concat([field('accept', 'yes'), form(...files)]));
    options = {};
    assert.equal(reply.status, 200);
    assert.deepEqual(reply.data, { files: files.map(([name]) => name), fields: { accept: 'yes' } });
    for (const [name, content] of files)
      assert.equal(digests.get(name), createHash('sha256').update(content).digest('hex'));
    assert.equal((await stored()).length, files.length);
  });

  it('FR-001a-upload: FormData of fetch is understood', async () => {
    const data = new FormData();
    data.append('files', new Blob([randomBytes(1000)]), 'config.json');
    data.append('files', new Blob(['x']), 'model-00001.safetensors');
    const reply = await fetch(origin, { method: 'POST', body: data });
    assert.deepEqual(((await reply.json()) as ReceivedFiles).files, ['config.json', 'model-00001.safetensors']);
    assert.equal((await stored()).length, 2);
  });

  it('FR-001a-upload: hundreds of small files are stored one after the other', async () => {
    const files = Array.from({ length: 300 }, (_, index): [string, string] => [`${index}.json`, `{"n":${index}}`]);
    let running = 0;
    let most = 0;
    options = {
      async onFile(name, stream) {
        most = Math.max(most, ++running);
        await objects.put(`files/${name}`, stream);
        running--;
      },
    };
    const reply = await post(
      Readable.from(
        [form(...files)].flatMap((body) =>
          Array.from({ length: Math.ceil(body.length / 500) }, (_, i) => body.subarray(i * 500, i * 500 + 500)),
        ),
      ),
    );
    options = {};
    assert.equal(reply.status, 200);
    assert.equal((await stored()).length, 300);
    assert.equal(most, 1);
  });

  it('FR-001a-upload: a file over the limit is refused by name; nothing of it stays', async () => {
    options = { maxFileBytes: MiB };
    const reply = await post(form(['small.json', 'x'], ['large.bin', randomBytes(3 * MiB)], ['after.json', 'x']));
    const exact = await post(form(['exact.bin', randomBytes(MiB)]));
    options = {};
    assert.equal(reply.status, 413);
    assert.equal(reply.data.code, 'object_too_large');
    assert.match(reply.data.message, /large\.bin/);
    assert.equal(exact.status, 200);
    assert.deepEqual(
      (await stored()).filter((name) => name !== 'small.json'),
      ['exact.bin'],
    );
  });

  it('SEC: hostile names are refused before anything is stored', async () => {
    const sendable = hostilePaths.filter(
      (path) => /^[\x20-\x7e]*$/.test(path) && !/["\\]/.test(path) && path.length < 1000,
    );
    assert.ok(sendable.length > 100);
    for (const path of [...sendable, 'a/b/c/d']) {
      const reply = await post(form([path, 'x']));
      assert.equal(reply.data.code, 'object_key_invalid', path);
    }
    for (const pair of [
      ['a.json', 'a.json'],
      ['a.json', 'A.json'],
    ]) {
      assert.equal(
        (await post(form(...pair.map((name): [string, string] => [name, 'x'])))).data.code,
        'object_key_invalid',
      );
    }
    assert.deepEqual(
      (await stored()).filter((name) => name !== 'a.json'),
      [],
    );
  });

  it('FR-001a-upload: a body that ends early is upload_malformed, and its last file does not exist', async () => {
    const whole = form(['first.json', 'x'], ['second.bin', randomBytes(2 * MiB)]);
    for (const cut of [whole.length - 4, whole.length - end.length - 10, whole.length - MiB, 60, 10]) {
      const reply = await post(whole.subarray(0, cut));
      assert.equal(reply.data.code, 'upload_malformed', `${cut}: ${reply.data.message}`);
      assert.equal(reply.status, 400);
      const kept = await stored();
      // with its delimiter the file was complete
      assert.ok(cut === whole.length - 4 || !kept.includes('second.bin'));
    }
    assert.equal((await post(Buffer.from(''))).data.code, 'upload_malformed');
    assert.equal((await post(Buffer.from('no multipart at all'))).data.code, 'upload_malformed');
    assert.equal((await post(whole, { 'content-type': 'multipart/form-data' })).data.code, 'upload_malformed');
    assert.equal((await post(whole, { 'content-type': 'application/json' })).data.code, 'media_type_unsupported');
    await stored();
  });

  it('FR-001a-upload: a client that goes away is upload_aborted, and its file does not exist', async () => {
    const request = httpRequest(origin, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': 10 * MiB },
    });
    request.on('error', () => undefined);
    request.write(open('lost.bin'));
    request.write(randomBytes(MiB));
    await wait(100);
    request.destroy();
    await wait(50);
    await assert.rejects(outcome, { code: 'upload_aborted' });
    assert.deepEqual(await stored(), []);
  });

  it('FR-001a-upload: what onFile throws ends the request with that error', async () => {
    options = {
      async onFile(name, stream) {
        if (name === 'second.exe') throw failure('media_type_unsupported', { message: 'no .exe' });
        await objects.put(`files/${name}`, stream);
      },
    };
    const early = await post(form(['first.json', 'x'], ['second.exe', randomBytes(5 * MiB)], ['third.json', 'x']));
    assert.equal(early.data.message, 'no .exe');
    options = {
      async onFile(_name, stream) {
        for await (const _ of stream) throw failure('object_store_unavailable');
      },
    };
    assert.equal((await post(form(['first.bin', randomBytes(5 * MiB)]))).status, 503);
    options = {};
    assert.deepEqual(
      (await stored()).filter((name) => name !== 'first.json'),
      [],
    );
  });

  it('SEC: too many files, fields or too long a field are payload_too_large', async () => {
    options = { fields: ['a', 'b'], limits: { files: 2, fields: 1, fieldBytes: 10 } };
    for (const body of [
      form(['a', 'x'], ['b', 'x'], ['c', 'x']),
      Buffer.concat([field('a', '1'), field('b', '2'), form(['a', 'x'])]),
      Buffer.concat([field('a', '12345678901'), form(['a', 'x'])]),
    ]) {
      assert.equal((await post(body)).data.code, 'payload_too_large');
    }
    options = {};
    await stored();
  });

  it('FR-001a-upload: a field that is not known is refused by name, before or behind the files, and nothing is kept', async () => {
    options = { fields: ['bad_rows'] };
    const file = form(['a.csv', 'x']);
    for (const body of [
      Buffer.concat([field('badrow', 'skip'), file]),
      Buffer.concat([
        file.subarray(0, -Buffer.byteLength(`--${boundary}--\r\n`)),
        field('badrow', 'skip'),
        Buffer.from(end),
      ]),
    ]) {
      const { status, data } = await post(body);
      const path = 'badrow';
      const message = 'Not known. Did you mean bad_rows? Known are bad_rows, files.';
      const [issue] = data.issues;
      assert.deepEqual([status, data.code, issue.path, issue.message], [400, 'validation_failed', path, message]);
    }
    options = {};
    // whoever received them removes files that were complete
    await stored();
  });

  it('QS: 1 GiB takes constant memory, also when the store is slow', async () => {
    const chunk = randomBytes(MiB);
    let slow = 0;
    let most = 0;
    const started = process.memoryUsage().rss;
    options = {
      maxFileBytes: 2048 * MiB,
      async onFile(_name, stream) {
        for await (const _ of stream) {
          if (++slow % 512 === 0) await wait(1);
          most = Math.max(most, process.memoryUsage.rss());
        }
      },
    };
    const body = (async function* () {
      yield Buffer.from(open('large.bin'));
      for (let sent = 0; sent < 1024; sent++) yield chunk;
      yield Buffer.from(end);
    })();
    assert.equal((await post(Readable.from(body))).status, 200);
    options = {};
    assert.ok(most - started < 150 * MiB, `${Math.round((most - started) / MiB)} MiB more`);
  });
});
