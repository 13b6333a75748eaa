import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { config, goodTorchFile, safetensors } from './files.ts';
import { openHub, type HubServer } from './hub-server.ts';
import { openWorld, until, type Json, type World } from './world.ts';

const weights = safetensors({ a: [300_000], b: [7] });
const repository = {
  '.gitattributes': Buffer.from('* text'),
  'README.md': Buffer.from('# Tiny'),
  'config.json': Buffer.from(config),
  'tokenizer.json': Buffer.from('{}'),
  'model.safetensors': weights,
  'pytorch_model.bin': goodTorchFile,
  'tf_model.h5': Buffer.from('x'),
};

let hub: HubServer;
let world: World;
before(async () => {
  hub = await openHub({
    'acme/tiny': repository,
    'gated/model': repository,
    'acme/code': { 'run.py': Buffer.from('x') },
  });
  world = await openWorld({ hubUrl: hub.url });
});
after(async () => {
  await world.close();
  await hub.close();
});

let number = 0;
const start = (change: Record<string, unknown> = {}) =>
  world.ada.call('POST', '/catalog/models/import-from-huggingface', {
    huggingface_model_id: 'acme/tiny',
    version: String((number += 1)),
    owner_team: 'nlp',
    ...change,
  });

const ended = (id: string) =>
  until('the import ended', async () => {
    const [found] = await world.ada.ask('GET', `/catalog/models/${id}/imports`);
    return ['succeeded', 'failed'].includes(found.status) && (found as Json);
  });

describe('import from the Hugging Face hub', () => {
  it('HF: a model is registered at once and its files follow, each with the digest that the hub tells', async () => {
    const { status, data } = await start({ metadata: { description: 'Tiny' } });
    assert.equal(status, 200);
    assert.equal(data.model.name, 'tiny');
    assert.equal(data.model.metadata.huggingface_model_id, 'acme/tiny');
    assert.equal(data.model.metadata.license, 'apache-2.0');
    assert.equal(data.import.status, 'queued');
    const done = await ended(data.model.id);
    assert.deepEqual(
      [done.status, done.error, done.files_done, done.bytes_done],
      ['succeeded', null, 4, done.bytes_total],
    );
    const model = await world.ada.ask('GET', `/catalog/models/${data.model.id}`);
    // with safetensors there, the same weights as a pickle are left where they are
    assert.deepEqual(
      model.files.map(({ path }: Json) => path),
      ['README.md', 'config.json', 'model.safetensors', 'tokenizer.json'],
    );
    assert.equal(model.files[2].sha256, createHash('sha256').update(weights).digest('hex'));
    assert.equal(model.inspection.parameters, 300_007);
    assert.ok(hub.requests.some((line) => line.startsWith('GET /api/models/acme/tiny/revision/main?blobs=true')));
    assert.deepEqual(hub.leaked, [], 'the token does not go to another host');
  });

  it('HF: a connection that drops is taken up again where it broke off', async () => {
    hub.drops.push(100_000, 200_000);
    const before = hub.requests.length;
    const { data } = await start();
    assert.equal((await ended(data.model.id)).status, 'succeeded');
    const ranges = hub.requests.slice(before).filter((line) => line.startsWith('GET cdn') && line.includes('bytes='));
    assert.equal(ranges.length, 2);
    assert.ok(ranges.every((line) => !line.endsWith('bytes=0-')));
    const model = await world.ada.ask('GET', `/catalog/models/${data.model.id}`);
    assert.equal(
      model.files.find(({ path }: Json) => path === 'model.safetensors').sha256,
      createHash('sha256').update(weights).digest('hex'),
    );
  });

  for (const path of ['model.safetensors', 'tokenizer.json']) {
    it(`HF: wrong bytes of ${path} are not kept, and the import says so`, async () => {
      hub.corrupt.add(path);
      const { data } = await start();
      const done = await ended(data.model.id);
      hub.corrupt.clear();
      assert.equal(done.status, 'failed');
      assert.match(done.error, new RegExp(`${path} .*digest`));
      const model = await world.ada.ask('GET', `/catalog/models/${data.model.id}`);
      assert.ok(!model.files.some((file: Json) => file.path === path));
      assert.equal(await world.objects.stat(`models/${model.id}/${model.version}/${path}`), null);
    });
  }

  it('HF: the token is sent to the hub for gated models', async () => {
    const { data } = await start({ huggingface_model_id: 'gated/model' });
    assert.equal((await ended(data.model.id)).status, 'succeeded');
  });

  it('HF: what the hub does not have is told at once, and nothing is registered', async () => {
    for (const change of [
      { huggingface_model_id: 'acme/none' },
      { revision: 'v9' },
      { huggingface_model_id: 'acme/code' },
    ]) {
      const { status, data } = await start({ name: 'ghost', ...change });
      assert.equal(`${status} ${data.code}`, '400 huggingface_refused');
    }
    assert.deepEqual(await world.ada.ask('GET', '/catalog/models?name=ghost'), []);
    assert.equal((await start({ huggingface_model_id: '../../etc' })).status, 400);
  });

  it('HF: offline, the failure comes at once and says what to do', async () => {
    const gone = await openHub({});
    await gone.close();
    const offline = await openWorld({ hubUrl: gone.url });
    try {
      const began = Date.now();
      const { status, data } = await offline.ada.call('POST', '/catalog/models/import-from-huggingface', {
        huggingface_model_id: 'acme/tiny',
        owner_team: 'nlp',
      });
      assert.equal(`${status} ${data.code}`, '502 huggingface_unreachable');
      assert.match(data.remedy, /HUGGINGFACE_ENDPOINT/);
      assert.ok(Date.now() - began < 11_000);
    } finally {
      await offline.close();
    }
  });
});
