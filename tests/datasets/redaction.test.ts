import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { failure } from '../../backend/src/platform/errors/index.ts';
import type { Workers } from '../../backend/src/platform/workers/index.ts';
import { canaries, killEngine, pairs, validated, worked } from './people.ts';
import { openWorld, register, until, type Json, type World } from './world.ts';

/** what the engine's processes meet while they redact */
const fate = { kills: 0, error: null as Error | null };

function watched(workers: Workers): Workers {
  return {
    ...workers,
    run(task, input, options) {
      if (task === 'redact' && fate.error !== null) return Promise.reject(fate.error);
      const running = workers.run(task, input, options);
      if (task === 'redact' && fate.kills > 0) {
        fate.kills--;
        setTimeout(() => void killEngine(), 150);
      }
      return running as never;
    },
  };
}

/** what the Presidio server finds, asked after so many times in vain */
const names = { found: [] as Json[], failures: 0 };

let world: World;
before(async () => {
  const entities = async () => {
    if (names.failures === 0) return names.found;
    names.failures--;
    throw new Error('It is away.');
  };
  world = await openWorld({ workers: watched, entities });
});
after(() => world.close());

const [kim, lee] = canaries as [string, string, string];
const get = (id: string) => world.ada.ask('GET', `/catalog/datasets/${id}`);
const redact = (id: string, body: Json) => world.ada.call('POST', `/catalog/datasets/${id}/redact`, body);
async function textOf(id: string): Promise<string> {
  return (await world.ada.fetch(`/catalog/datasets/${id}/download`)).text();
}

async function withPeople(rows = 40): Promise<Json> {
  const dataset = await register(world.ada, { type: 'sft_pair', key_columns: ['prompt'] });
  const { status, data } = await world.ada.upload(dataset.id, {
    'a.jsonl': pairs(rows, (row) => (row % 20 === 9 ? kim : row % 20 === 4 ? lee : null)),
    'b.csv': `prompt,completion\n"What, then?",Ask ${kim}.\nAnd then?,Nothing.\n`,
  });
  assert.equal(status, 200, JSON.stringify(data));
  await validated(world.ada, dataset.id);
  return get(dataset.id);
}

/** The code of what a failed piece of work says, and those of its parts. */
const partsOf = ({ said: { error } }: Json): string[] => [
  error.code,
  error.values.error.code,
  error.values.remedy.code,
];

describe('redaction', () => {
  it('US1.6: one call makes a child version without the personal data, in the same formats, validated and clean', async () => {
    const parent = await withPeople();
    assert.equal(parent.pii_scan_status, 'failed');
    const { status, data } = await redact(parent.id, { version: '1.1' });
    assert.equal(status, 200, JSON.stringify(data));
    assert.deepEqual(
      [data.dataset.status, data.dataset.parent_id, data.dataset.source, data.job.kind, data.job.status],
      [
        'draft',
        parent.id,
        { kind: 'redaction', dataset_id: parent.id, huggingface_dataset_id: null },
        'redaction',
        'queued',
      ],
    );
    const job = await worked(world.ada, data.dataset.id);
    assert.deepEqual([job.status, job.progress, job.error], ['succeeded', 1, null]);
    assert.deepEqual(
      job.detail.replaced.filter(({ type }: Json) => type === 'email').map(({ count }: Json) => count),
      [5],
    );
    const done = await validated(world.ada, data.dataset.id);
    assert.deepEqual([done.status, done.pii_scan.status], ['succeeded', 'clean']);
    assert.deepEqual([done.diff.against.id, done.diff.summary.modified], [parent.id, 5]);
    const child = await get(data.dataset.id);
    assert.deepEqual(
      child.files.map(({ path, facts }: Json) => `${path} ${facts.format} ${facts.rows}`),
      ['a.jsonl jsonl 40', 'b.csv csv 2'],
    );
    assert.deepEqual([child.key_columns, child.metadata], [parent.key_columns, parent.metadata]);
    const text = await textOf(child.id);
    assert.doesNotMatch(text, /canary/);
    assert.match(text, /What, then\?/);
    assert.match(await textOf(parent.id), /kim\.canary@example\.com/, 'the parent stays as it is');
    const [entry] = await world.audits('dataset.redact', child.id);
    assert.equal(entry.detail.redacted_from, parent.id);
  });

  it('US1.6: a pseudonym is the same for a person within the dataset, in whichever version, and another in another', async () => {
    const parent = await withPeople();
    const made: string[] = [];
    for (const id of [parent.id, parent.id, (await withPeople()).id]) {
      const { data } = await redact(id, { version: `p${made.length}`, method: 'pseudonym' });
      assert.equal((await worked(world.ada, data.dataset.id)).status, 'succeeded');
      made.push(await textOf(data.dataset.id));
    }
    const names = (text: string) => [...text.matchAll(/Write to (\S+?)\.?["\\ ]/g)].map(([, name]) => name!);
    const [first, again, other] = made.map(names) as [string[], string[], string[]];
    assert.equal(first.length, 4, made[0]);
    // rows 4 and 24 are Lee, 9 and 29 are Kim
    assert.deepEqual([first[0], first[1]], [first[2], first[3]]);
    assert.notEqual(first[0], first[1]);
    assert.deepEqual(first, again);
    assert.notDeepEqual(first, other);
  });

  it('US1.6: what people judged false or accepted stays, and a method may differ by type', async () => {
    const parent = await withPeople();
    const found = await world.ada.ask('GET', `/catalog/datasets/${parent.id}/findings?kind=pii&file=b.csv`);
    await world.ada.ask('POST', `/catalog/datasets/${parent.id}/findings/triage`, {
      triage: 'false_positive',
      fingerprints: [found[0].fingerprint],
    });
    const { data } = await redact(parent.id, { version: '2', method: 'keep', methods: { email: 'hash' } });
    assert.equal((await worked(world.ada, data.dataset.id)).status, 'succeeded');
    const text = await textOf(data.dataset.id);
    assert.match(text, /kim\.canary@example\.com/);
    assert.doesNotMatch(text, /lee\.canary/);
  });

  it('US1.6: names that a Presidio server finds go too; while it is away another try is made', async () => {
    names.found = [{ index: 0, type: 'person', start: 0, end: 8, confidence: 0.85 }];
    const parent = await register(world.ada, { type: 'sft_pair' });
    await world.ada.upload(parent.id, { 'a.jsonl': '{"prompt":"Ada Love wrote it?","completion":"Yes, she did."}\n' });
    assert.equal((await validated(world.ada, parent.id)).pii_scan.ner, 'used');
    names.failures = 1;
    const { data } = await redact(parent.id, { version: '2' });
    const job = await worked(world.ada, data.dataset.id);
    names.found = [];
    assert.equal(`${job.status} ${job.error}`, 'succeeded null');
    assert.equal(names.failures, 0);
    assert.ok(job.detail.replaced.some(({ type }: Json) => type === 'person'));
    assert.doesNotMatch(await textOf(data.dataset.id), /Ada Love/);
  });

  it('US1.6: nothing is begun for what has no rows, a version that exists, or those who may not', async () => {
    const empty = await register(world.ada);
    const bare = await redact(empty.id, { version: '2' });
    assert.equal(`${bare.status} ${bare.data.code}`, '409 dataset_not_ready');
    const parent = await withPeople();
    const taken = await redact(parent.id, { version: '1.0' });
    assert.equal(`${taken.status} ${taken.data.code}`, '409 dataset_version_exists');
    const eve = world.as('eve', 'researcher', 'vision');
    assert.equal((await eve.call('POST', `/catalog/datasets/${parent.id}/redact`, { version: '2' })).status, 404);
    assert.equal((await eve.call('GET', `/catalog/datasets/${parent.id}/jobs`)).status, 404);
  });

  it('US1.6: kill -9 of its process: another try ends well, with nothing twice and nothing left over', async () => {
    const parent = await withPeople(4_000);
    fate.kills = 1;
    const { data } = await redact(parent.id, { version: '2' });
    const job = await worked(world.ada, data.dataset.id);
    assert.equal(`${fate.kills} ${job.status} ${job.error}`, '0 succeeded null');
    const child = await get(data.dataset.id);
    assert.deepEqual(
      child.files.map(({ path, status, facts }: Json) => `${path} ${status} ${facts.rows}`),
      ['a.jsonl ready 4000', 'b.csv ready 2'],
    );
    assert.equal((await validated(world.ada, child.id)).pii_scan.status, 'clean');
    const stored = await until('only what is the child’s is in the store', async () => {
      const keys = (await world.stored()).filter((key) => key.includes(child.id));
      return keys.length === 4 && keys;
    });
    assert.equal(stored.length, 4);
  });

  it('US1.6: killed each time it fails and says so; one call runs it again', async () => {
    const parent = await withPeople(4_000);
    fate.kills = 1_000;
    const { data } = await redact(parent.id, { version: '2' });
    const early = await world.ada.call('POST', `/catalog/datasets/${data.dataset.id}/jobs/${data.job.id}/retry`);
    assert.equal(`${early.status} ${early.data.code}`, '409 dataset_job_running');
    const failed = await worked(world.ada, data.dataset.id);
    fate.kills = 0;
    assert.equal(failed.status, 'failed');
    assert.match(failed.error, /ended unexpectedly.* again/);
    assert.deepEqual(partsOf(failed), ['work.whole.error', 'worker.ended_by.message', 'work.unexpected.remedy']);
    assert.deepEqual((await get(data.dataset.id)).files, []);
    const path = `/catalog/datasets/${data.dataset.id}/jobs`;
    const none = await world.ada.call('POST', `${path}/${parent.id}/retry`);
    assert.equal(`${none.status} ${none.data.code}`, '404 dataset_job_not_found');
    assert.equal((await world.ada.ask('POST', `${path}/${failed.id}/retry`)).status, 'queued');
    assert.equal((await worked(world.ada, data.dataset.id)).status, 'succeeded');
    assert.equal((await validated(world.ada, data.dataset.id)).pii_scan.status, 'clean');
  });

  it('US1.6: a parent whose files are others by then is not redacted half and half', async () => {
    const parent = await withPeople();
    fate.error = failure('disk_full');
    const { data } = await redact(parent.id, { version: '2' });
    const full = await worked(world.ada, data.dataset.id);
    fate.error = null;
    assert.match(full.error, /no room left.*Free some space/);
    assert.deepEqual(partsOf(full), ['work.whole.error', 'error.disk_full.message', 'error.disk_full.remedy']);
    await world.ada.ask('DELETE', `/catalog/datasets/${parent.id}/files/b.csv`);
    await world.ada.ask('POST', `/catalog/datasets/${data.dataset.id}/jobs/${data.job.id}/retry`);
    const failed = await worked(world.ada, data.dataset.id);
    assert.match(failed.error, /Version 1\.0, which this is made from, has other files now.*Delete this version/);
    assert.deepEqual(partsOf(failed).slice(1), ['refusal.source_changed.message', 'refusal.source_changed.remedy']);
  });
});
