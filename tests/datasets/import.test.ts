import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { openHub, type HubServer } from '../catalog/hub-server.ts';
import { pairs, validated, worked } from './people.ts';
import { openWorld, type Json, type World } from './world.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const repository = {
  '.gitattributes': Buffer.from('* text'),
  'README.md': Buffer.from('# Pairs'),
  'data/test.csv': Buffer.from('prompt,completion\nOne?,First.\nTwo?,Second.\n'),
  'data/train.jsonl': Buffer.from(pairs(300)),
};

let hub: HubServer;
let world: World;
before(async () => {
  hub = await openHub({
    'datasets/acme/pairs': repository,
    'datasets/pairs': repository,
    'datasets/acme/broken': {
      'a.jsonl': Buffer.from(pairs(5)),
      'b.jsonl': Buffer.from('{"prompt":"One?","completion":"First."}\n{"prompt":\n'),
    },
    'datasets/acme/code': { 'run.py': Buffer.from('x') },
  });
  world = await openWorld({ hubUrl: hub.url });
});
after(async () => {
  await world.close();
  await hub.close();
});

let number = 0;
const start = (change: Record<string, unknown> = {}) =>
  world.ada.call('POST', '/catalog/datasets/import-from-huggingface', {
    huggingface_dataset_id: 'acme/pairs',
    version: String((number += 1)),
    owner_team: 'nlp',
    ...change,
  });
const get = (id: string) => world.ada.ask('GET', `/catalog/datasets/${id}`);

describe('import from the Hugging Face hub', () => {
  it('HF: a dataset is registered at once, its files follow with the digests that the hub tells, and are validated', async () => {
    const { status, data } = await start({ type: 'sft_pair', metadata: { description: 'Pairs.' } });
    assert.equal(status, 200, JSON.stringify(data));
    assert.deepEqual(
      [data.dataset.name, data.dataset.type, data.dataset.source],
      ['pairs', 'sft_pair', { kind: 'import', dataset_id: null, huggingface_dataset_id: 'acme/pairs' }],
    );
    assert.deepEqual(
      [data.dataset.metadata.license, data.dataset.metadata.language, data.dataset.metadata.source],
      ['apache-2.0', ['en', 'ko'], 'https://huggingface.co/datasets/acme/pairs'],
    );
    assert.deepEqual([data.job.kind, data.job.status, data.job.detail.files_total], ['import', 'queued', 2]);
    const job = await worked(world.ada, data.dataset.id);
    assert.deepEqual(
      [job.status, job.error, job.progress, job.detail.files_done, job.detail.bytes_done],
      ['succeeded', null, 1, 2, job.detail.bytes_total],
    );
    const dataset = await get(data.dataset.id);
    assert.deepEqual(
      dataset.files.map(({ path, sha256: digest, facts }: Json) => [path, digest, facts.rows]),
      [
        ['data/test.csv', sha256(repository['data/test.csv']), 2],
        ['data/train.jsonl', sha256(repository['data/train.jsonl']), 300],
      ],
    );
    assert.equal((await validated(world.ada, dataset.id)).status, 'succeeded');
    assert.ok(hub.requests.some((line) => line.startsWith('GET /api/datasets/acme/pairs/revision/main?blobs=true')));
    assert.ok(hub.requests.some((line) => /^GET \/datasets\/acme\/pairs\/resolve\/\w+\/data\/train\.jsonl/.test(line)));
    assert.deepEqual(hub.leaked, [], 'the token does not go to another host');
  });

  it('HF: a connection that drops is taken up again where it broke off', async () => {
    hub.drops.push(10_000, 12_000);
    const { data } = await start({ files: ['data/train.jsonl'] });
    assert.equal((await worked(world.ada, data.dataset.id)).status, 'succeeded');
    assert.deepEqual(hub.drops, []);
    assert.deepEqual(
      (await get(data.dataset.id)).files.map(({ path, sha256: digest }: Json) => [path, digest]),
      [['data/train.jsonl', sha256(repository['data/train.jsonl'])]],
    );
  });

  it('HF: wrong bytes are not kept, the work says so, and runs again by one call', async () => {
    hub.corrupt.add('data/train.jsonl');
    const { data } = await start();
    const failed = await worked(world.ada, data.dataset.id);
    hub.corrupt.clear();
    assert.equal(failed.status, 'failed');
    assert.match(failed.error, /data\/train\.jsonl does not have the digest/);
    assert.deepEqual(
      (await get(data.dataset.id)).files.map(({ path }: Json) => path),
      ['data/test.csv'],
    );
    assert.equal((await world.ada.ask('GET', `/catalog/datasets/${data.dataset.id}/validation`)).status, null);
    const asked = hub.requests.length;
    await world.ada.ask('POST', `/catalog/datasets/${data.dataset.id}/jobs/${failed.id}/retry`);
    assert.equal((await worked(world.ada, data.dataset.id)).status, 'succeeded');
    assert.ok(
      !hub.requests.slice(asked).some((line) => line.includes('test.csv')),
      'what is there is not fetched again',
    );
    assert.equal((await validated(world.ada, data.dataset.id)).status, 'succeeded');
  });

  it('HF: a file that cannot be accepted ends the work with line, reason and fix', async () => {
    const { data } = await start({ huggingface_dataset_id: 'acme/broken', type: 'sft_pair' });
    const failed = await worked(world.ada, data.dataset.id);
    assert.equal(failed.status, 'failed');
    assert.match(failed.error, /b\.jsonl:2/);
    assert.deepEqual(
      (await get(data.dataset.id)).files.map(({ path }: Json) => path),
      ['a.jsonl'],
    );
  });

  it('HF: what the hub does not have is told at once, and nothing is registered', async () => {
    for (const [change, expected] of [
      [{ huggingface_dataset_id: 'acme/none' }, '400 huggingface_refused'],
      [{ revision: 'v9' }, '400 huggingface_refused'],
      [{ huggingface_dataset_id: 'acme/code' }, '400 huggingface_refused'],
      [{ files: ['no.csv'] }, '400 validation_failed'],
      [{ files: ['README.md'] }, '400 validation_failed'],
      [{ huggingface_dataset_id: '../../etc' }, '400 validation_failed'],
    ] as const) {
      const { status, data } = await start({ name: 'ghost', ...change });
      assert.equal(`${status} ${data.code}`, expected);
    }
    assert.deepEqual(await world.ada.ask('GET', '/catalog/datasets?name=ghost'), []);
    const whole = await start({ huggingface_dataset_id: 'pairs', files: ['data/test.csv'] });
    assert.equal(whole.data.dataset.name, 'pairs', JSON.stringify(whole.data));
    assert.equal((await worked(world.ada, whole.data.dataset.id)).status, 'succeeded');
    const foreign = await start({ owner_team: 'vision' });
    assert.equal(foreign.status, 403);
  });

  it('HF: offline, the failure comes at once and says what to do', async () => {
    const gone = await openHub({});
    await gone.close();
    const offline = await openWorld({ hubUrl: gone.url });
    try {
      const began = Date.now();
      const { status, data } = await offline.ada.call('POST', '/catalog/datasets/import-from-huggingface', {
        huggingface_dataset_id: 'acme/pairs',
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
