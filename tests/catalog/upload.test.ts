import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { caseCollisions, hostilePaths } from '../corpora/paths.ts';
import { config, goodTorchFile, hostilePickles, safetensors, sound } from './files.ts';
import { approve, openWorld, register, until, type Json, type World } from './world.ts';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

let world: World;
before(async () => void (world = await openWorld()));
after(() => world.close());

const keysOf = async (id: string) => (await Array.fromAsync(world.objects.list(`models/${id}/`))).map(({ key }) => key);
const detail = (id: string) => world.ada.ask('GET', `/catalog/models/${id}`);
const fileOf = async (id: string, path: string) => (await detail(id)).files.find((file: Json) => file.path === path);

describe('files of a model', () => {
  it('FR-001a-upload: many files, with digests, at the place of the version, and back again', async () => {
    const model = await register(world.ada);
    const files = {
      ...sound,
      'tokenizer.json': '{}',
      'sub/dir/notes.txt': 'hello',
      'chat_template.jinja': '{{ x }}',
      'README.md': '# A',
    };
    const { data } = await world.ada.upload(model.id, files);
    assert.equal(data.storage_uri, `s3://models/${model.id}/1.0/`);
    assert.equal(data.status, 'draft');
    assert.deepEqual(
      Object.fromEntries(data.files.map((file: Json) => [file.path, file.sha256])),
      Object.fromEntries(Object.entries(files).map(([path, content]) => [path, sha256(content)])),
    );
    assert.deepEqual(
      (await keysOf(model.id)).sort(),
      Object.keys(files)
        .map((path) => `models/${model.id}/1.0/${path}`)
        .sort(),
    );
    const { inspection } = await detail(model.id);
    assert.equal(
      `${inspection.architecture} ${inspection.parameters} ${inspection.tokenizer} ${inspection.chatTemplate}`,
      'LlamaForCausalLM 10 true true',
    );
    const response = await fetch(`${world.api}/catalog/models/${model.id}/files/sub/dir/notes.txt`, {
      headers: world.ada.headers,
    });
    assert.equal(await response.text(), 'hello');
    assert.equal(response.headers.get('etag'), `"${sha256('hello')}"`);
    assert.equal(response.headers.get('content-type'), 'application/octet-stream');
    const [entry] = await world.audits('model.upload', model.id);
    assert.equal(entry.actor_id, 'ada');
    assert.equal(entry.detail.count, 6);
  });

  it('FR-001a-upload: a kind of file that no model has is refused, and nothing of that upload stays', async () => {
    const model = await register(world.ada);
    for (const name of ['run.py', 'model.pkl', 'x.exe', 'noextension', '.json', 'page.html']) {
      const answer = await world.ada.upload(model.id, { 'config.json': config, [name]: 'x' });
      assert.equal(`${name} ${answer.status} ${answer.data.code}`, `${name} 400 file_type_refused`);
    }
    assert.deepEqual((await detail(model.id)).files, []);
    assert.deepEqual(await keysOf(model.id), []);
  });

  it('FR-001a-upload: no hostile path writes anything anywhere', async () => {
    const model = await register(world.ada);
    for (const path of hostilePaths) {
      const status = await rawUpload(model.id, path, '{}');
      assert.ok(status === 400 || status === 413 || status === 415, `${JSON.stringify(path)} ${status}`);
    }
    assert.deepEqual((await detail(model.id)).files, []);
    assert.deepEqual(await keysOf(model.id), []);
  });

  it('FR-001a-upload: names that differ only by case are not taken for two', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, { 'Config.json': '{}', 'dir/a.json': '{}' });
    for (const path of ['config.json', 'DIR/A.json', 'Dir/a.json']) {
      assert.equal((await world.ada.upload(model.id, { [path]: '{}' })).data.code, 'object_key_invalid', path);
    }
    assert.ok(caseCollisions.length > 0);
    for (const [first, second] of caseCollisions) {
      const other = await register(world.ada);
      assert.equal(
        (await world.ada.upload(other.id, { [`${first}.json`]: '{}', [`${second}.json`]: '{}' })).status,
        400,
        `${first} ${second}`,
      );
    }
  });

  it('FR-001a-upload: a file over the limit is refused and leaves nothing', async () => {
    const model = await register(world.ada);
    const answer = await world.ada.upload(model.id, {
      'config.json': config,
      'big.bin': Buffer.alloc(64 * 1024 * 1024 + 1),
    });
    assert.equal(answer.status, 413);
    assert.deepEqual(await keysOf(model.id), []);
  });

  it('FR-001a-upload: an upload that breaks off leaves nothing, and what it was replacing stays whole', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, sound);
    await brokenUpload(model.id, 'config.json', '{"half":');
    await until(
      'the old file is verified again',
      async () => (await fileOf(model.id, 'config.json')).status === 'ready',
    );
    assert.equal((await fileOf(model.id, 'config.json')).sha256, sha256(config));
    await brokenUpload(model.id, 'new.json', '{"half":');
    await until(
      'claims dropped',
      async () =>
        (await world.db.pool.query('select from model_upload where model_id = $1', [model.id])).rowCount === 0,
    );
    assert.deepEqual((await keysOf(model.id)).length, 2);
  });

  it('FR-001a: the same path again replaces the file as a whole', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, { 'config.json': '{"a":1}' });
    await world.ada.upload(model.id, { 'config.json': config });
    const file = await fileOf(model.id, 'config.json');
    assert.equal(`${file.status} ${file.sha256}`, `ready ${sha256(config)}`);
    assert.equal((await detail(model.id)).inspection.architecture, 'LlamaForCausalLM');
  });

  it('FR-001a: of two uploads of one path at a time one wins, and digest and bytes agree', async () => {
    const model = await register(world.ada);
    const contents = Array.from({ length: 6 }, (_, index) =>
      JSON.stringify({ index, pad: 'x'.repeat(20_000 * index) }),
    );
    const answers = await Promise.all(
      contents.map((content) => world.ada.upload(model.id, { 'config.json': content })),
    );
    for (const { status, data } of answers)
      assert.ok(status === 200 || data.code === 'model_upload_conflict', String(data.code));
    await until('settled', async () => (await fileOf(model.id, 'config.json')).status === 'ready');
    const stored = await buffer(await world.objects.get(`models/${model.id}/1.0/config.json`));
    assert.equal((await fileOf(model.id, 'config.json')).sha256, sha256(stored));
  });

  it('FR-001a: a changed byte voids the approval; reviewers get a new task and the audit log says so', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, sound);
    const approved = await approve(world, model.id);
    assert.match(approved.approval_digest, /^[0-9a-f]{64}$/);
    const same = await world.ada.upload(model.id, { 'config.json': config });
    assert.equal(same.data.status, 'approved');
    const { data } = await world.ada.upload(model.id, { 'config.json': config.replace('256', '257') });
    assert.equal(data.status, 'under_review');
    const now = await detail(model.id);
    assert.equal(now.approval_digest, null);
    assert.match(now.review_notes, /^Void: config.json changed/);
    assert.equal((await world.audits('model.approval.void', model.id)).length, 1);
    const tasks = await world.grace.ask('GET', '/catalog/approvals');
    assert.equal(tasks.filter(({ model_id: id }: Json) => id === model.id).length, 1);
    const voided = await world.grace.ask('GET', '/catalog/approvals?status=void');
    assert.equal(voided.filter(({ model_id: id }: Json) => id === model.id).length, 1);
    await world.grace.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'approved' });
    await world.catalog.deployable(model.id);
  });

  it('FR-001a: a file of a draft is removed with its object; one of a submitted model stays', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, sound);
    const left = await world.ada.ask('DELETE', `/catalog/models/${model.id}/files/model.safetensors`);
    assert.deepEqual(
      left.files.map(({ path }: Json) => path),
      ['config.json'],
    );
    assert.equal(left.inspection.parameters, null);
    await until('the object is gone', async () => (await keysOf(model.id)).length === 1);
    await approve(world, model.id);
    assert.equal(
      (await world.ada.call('DELETE', `/catalog/models/${model.id}/files/config.json`)).data.code,
      'model_frozen',
    );
    await world.ada.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'deprecated' });
    assert.equal((await world.ada.upload(model.id, { 'config.json': '{}' })).data.code, 'model_frozen');
  });

  it('FR-001a: a dangerous pickle or a broken header is named and can be neither approved nor served', async () => {
    const model = await register(world.ada);
    const { data } = await world.ada.upload(model.id, {
      'config.json': config,
      'pytorch_model.bin': hostilePickles['os.system by GLOBAL']!,
      'model.safetensors': 'no',
    });
    const failed = data.files.filter(({ status }: Json) => status === 'failed').map(({ path }: Json) => path);
    assert.deepEqual(failed, ['model.safetensors', 'pytorch_model.bin']);
    await world.ada.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'under_review' });
    const refused = await world.grace.call('PATCH', `/catalog/models/${model.id}/status`, {
      status: 'approved',
      accept_pickle: true,
    });
    assert.equal(refused.data.code, 'model_file_invalid');
    assert.match(refused.data.issues[1].message, /os\.system/);
    await world.ada.upload(model.id, {
      'pytorch_model.bin': goodTorchFile,
      'model.safetensors': safetensors({ a: [1] }),
    });
    await world.grace.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'approved', accept_pickle: true });
    await world.catalog.deployable(model.id);
  });

  it('FR-001a: a corrupt byte in the store is not handed out as the file', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, { 'notes.txt': 'hello' });
    await world.objects.put(`models/${model.id}/1.0/notes.txt`, Readable.from([Buffer.from('hellO')]));
    const response = await fetch(`${world.api}/catalog/models/${model.id}/files/notes.txt`, {
      headers: world.ada.headers,
    });
    assert.equal(response.status, 500);
    assert.equal(((await response.json()) as Json).data.code, 'object_corrupt');
  });

  it('FR-001a: a server that dies between bytes and row leaves neither a wrong digest nor an approval of other bytes', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, sound);
    await approve(world, model.id);
    const other = safetensors({ a: [9, 9] });
    const put = world.objects.put;
    // the bytes are in their place, and nothing after that happens
    world.objects.put = async (...asked) => {
      await put(...asked);
      throw new Error('killed');
    };
    try {
      assert.equal((await world.ada.upload(model.id, { 'model.safetensors': other })).status, 500);
    } finally {
      world.objects.put = put;
    }
    const file = await until('read again', async () => {
      const found = await fileOf(model.id, 'model.safetensors');
      return found.status === 'ready' && found;
    });
    assert.equal(file.sha256, sha256(other));
    assert.equal((await detail(model.id)).status, 'under_review');
    await assert.rejects(world.catalog.deployable(model.id), { code: 'model_approval_void' });
  });

  it('FR-001a: while a file is being replaced its model is neither approved nor served', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, sound);
    await approve(world, model.id);
    const put = world.objects.put;
    const { promise: go, resolve: release } = Promise.withResolvers<void>();
    world.objects.put = async (...asked) => {
      await go;
      return put(...asked);
    };
    try {
      const sending = world.ada.upload(model.id, { 'config.json': `${config} ` });
      await until('verifying', async () => (await fileOf(model.id, 'config.json')).status === 'verifying');
      await assert.rejects(world.catalog.deployable(model.id), { code: 'model_files_unverified' });
      assert.equal((await world.ada.upload(model.id, { 'config.json': '{}' })).data.code, 'model_upload_conflict');
      release();
      assert.equal((await sending).data.status, 'under_review');
    } finally {
      release();
      world.objects.put = put;
    }
  });

  it('EC-orphans: objects without a row go an hour later, those with one and those being written stay', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, sound);
    const stray = `models/${crypto.randomUUID()}/1/config.json`;
    const lost = `models/${model.id}/1.0/lost.json`;
    const coming = `models/${model.id}/1.0/coming.json`;
    for (const key of [stray, lost, coming]) await world.objects.put(key, Readable.from([Buffer.from('{}')]));
    await world.db.pool.query('insert into model_upload (model_id, path, upload_id) values ($1, $2, $3)', [
      model.id,
      'coming.json',
      crypto.randomUUID(),
    ]);
    assert.equal(await world.catalog.collectOrphans(), 0);
    world.now.offsetMs = 3_700_000;
    await world.catalog.collectOrphans();
    world.now.offsetMs = 0;
    assert.equal(await world.objects.stat(stray), null);
    assert.equal(await world.objects.stat(lost), null);
    assert.equal((await keysOf(model.id)).length, 3);
  });

  it('FR-001a-upload: a resumed upload is verifying until it was read, then as good as any', async () => {
    const model = await register(world.ada);
    const bytes = safetensors({ a: [1000] });
    const metadata = { subject_kind: 'model', subject_id: model.id, path: 'model.safetensors' };
    const encoded = Object.entries(metadata)
      .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
      .join(',');
    const tus = { ...world.ada.headers, 'tus-resumable': '1.0.0' };
    const created = await fetch(`${world.api}/uploads`, {
      method: 'POST',
      headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': encoded },
    });
    assert.equal(created.status, 201);
    const place = new URL(created.headers.get('location')!, world.api);
    for (const [start, end] of [
      [0, 1000],
      [1000, bytes.length],
    ] as const) {
      const headers = { ...tus, 'upload-offset': String(start), 'content-type': 'application/offset+octet-stream' };
      const sent = await fetch(place, { method: 'PATCH', headers, body: bytes.subarray(start, end) as BodyInit });
      assert.equal(sent.status, 204);
    }
    assert.ok(['verifying', 'ready'].includes((await fileOf(model.id, 'model.safetensors')).status));
    const file = await until('assembled', async () => {
      const found = await fileOf(model.id, 'model.safetensors');
      return found.status === 'ready' && found;
    });
    assert.equal(file.sha256, sha256(bytes));
    assert.equal((await detail(model.id)).inspection.parameters, 1000);
    const stranger = await fetch(`${world.api}/uploads`, {
      method: 'POST',
      headers: {
        ...tus,
        'x-user-id': 'mallory',
        'x-user-team': 'vision',
        'upload-length': '1',
        'upload-metadata': encoded,
      },
    });
    assert.equal(stranger.status, 404);
  });
});

/** A multipart body with the file name as it is, which `FormData` would escape. */
function rawUpload(id: string, fileName: string, content: string): Promise<number> {
  const name = fileName
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll(/[\r\n]/g, (end) => encodeURIComponent(end));
  const body = `--b\r\ncontent-disposition: form-data; name="files"; filename="${name}"\r\n\r\n${content}\r\n--b--\r\n`;
  return fetch(`${world.api}/catalog/models/${id}/upload`, {
    method: 'POST',
    headers: { ...world.ada.headers, 'content-type': 'multipart/form-data; boundary=b' },
    body: Buffer.from(body),
  }).then(async (response) => (await response.text(), response.status));
}

/** Sends the beginning of a file and hangs up. */
async function brokenUpload(id: string, path: string, content: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const url = new URL(`${world.api}/catalog/models/${id}/upload`);
  const sending = request(url, {
    method: 'POST',
    headers: { ...world.ada.headers, 'content-type': 'multipart/form-data; boundary=b' },
  });
  sending.on('error', () => resolve());
  sending.write(`--b\r\ncontent-disposition: form-data; name="files"; filename="${path}"\r\n\r\n${content}`);
  await until(
    'the upload began',
    async () =>
      (await world.db.pool.query('select from model_upload where model_id = $1 and path = $2', [id, path])).rowCount! >
      0,
  );
  sending.destroy();
  await promise;
}
