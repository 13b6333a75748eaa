import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { failure } from '../../backend/src/platform/errors/index.ts';
import type { Workers } from '../../backend/src/platform/workers/index.ts';
import { validated, worked } from './people.ts';
import { openWorld, register, type Json, type World } from './world.ts';

/** what becomes of a comparison */
const fate = { error: null as Error | null };

function watched(workers: Workers): Workers {
  return {
    ...workers,
    run: (task, input, options) =>
      task === 'compare' && fate.error !== null ? Promise.reject(fate.error) : workers.run(task, input, options),
  };
}

let world: World;
before(async () => void (world = await openWorld({ workers: watched })));
after(() => world.close());

const get = (id: string) => world.ada.ask('GET', `/catalog/datasets/${id}`);
const compare = (id: string, query = '', versions = '1.0/compare/2.0') =>
  world.ada.call('GET', `/catalog/datasets/${id}/versions/${versions}${query}`);
const csv = (rows: [id: number, label: string, score: string][]) =>
  `id,label,score\n${rows.map((row) => row.join(',')).join('\n')}\n`;

async function twoVersions(before: string, after: string, change: Record<string, unknown> = {}): Promise<Json[]> {
  const first = await register(world.ada, change);
  await world.ada.upload(first.id, { 'rows.csv': before });
  const second = await world.ada.ask('POST', `/catalog/datasets/${first.id}/versions`, { version: '2.0' });
  await world.ada.upload(second.id, { 'rows.csv': after });
  await validated(world.ada, second.id);
  return [first, second];
}

const before1 = csv(Array.from({ length: 50 }, (_, row) => [row, row % 2 === 0 ? 'a' : 'b', String(row / 10)]));
const after1 = csv(
  Array.from({ length: 50 }, (_, row) => [row + 2, row % 2 === 0 ? 'a' : 'c', String((row + 2) / 10)]),
);

describe('versions of datasets', () => {
  it('FR-003-cmp: rows are compared by key, cell by cell, with what changed in columns and distributions', async () => {
    const [first] = await twoVersions(before1, after1, { key_columns: ['id'] });
    const { status, data } = await compare(first.id);
    assert.equal(status, 200, JSON.stringify(data));
    assert.deepEqual([data.before.version, data.after.version, data.keyed_by], ['1.0', '2.0', ['id']]);
    assert.deepEqual(data.summary, { added: 2, removed: 2, modified: 24, unchanged: 24 });
    const modified = data.rows.find(({ change }: Json) => change === 'modified');
    assert.deepEqual([modified.cells, modified.before.label, modified.after.label], [['label'], 'b', 'c']);
    assert.ok(data.distributions.some(({ column, test }: Json) => column === 'label' && test === 'chi2'));
    assert.deepEqual(data.schema, { added: [], removed: [], changed: [] });

    const added = (await compare(first.id, '?change=added&limit=1')).data;
    assert.deepEqual([added.rows.length, added.rows[0].change, added.rows_truncated], [1, 'added', true]);
    const rest = (await compare(first.id, '?change=added&limit=1&offset=1')).data;
    assert.notDeepEqual(rest.rows[0].key, added.rows[0].key);
    const alone = (await compare(first.id, '?change=modified&limit=1&column=label')).data;
    assert.deepEqual(
      [alone.rows[0].cells, alone.rows[0].before, alone.distributions.map(({ column }: Json) => column)],
      [['label'], { label: 'b' }, ['label']],
    );
    const unknown = await compare(first.id, '?column=nobody');
    assert.equal(`${unknown.status} ${unknown.data.issues[0].message}`, '400 Neither version has such a column.');
    const same = (await compare(first.id, '', '1.0/compare/1.0')).data;
    assert.deepEqual(same.summary, { added: 0, removed: 0, modified: 0, unchanged: 50 });
  });

  it('FR-003-cmp: without a key rows are compared by content, and columns that came or went are told', async () => {
    const [first] = await twoVersions('a,b\n1,x\n2,y\n2,y\n', 'a,c\n1,x\n3,z\n');
    const { data } = await compare(first.id);
    assert.deepEqual(
      [
        data.keyed_by,
        data.schema.added.map(({ name }: Json) => name),
        data.schema.removed.map(({ name }: Json) => name),
      ],
      [[], ['c'], ['b']],
    );
    const [other] = await twoVersions('a,b\n1,x\n2,y\n2,y\n', 'a,b\n1,x\n2,y\n3,z\n');
    assert.deepEqual((await compare(other.id)).data.summary, { added: 1, removed: 1, modified: 0, unchanged: 2 });
  });

  it('FR-003-cmp: what cannot be compared says why and what to do', async () => {
    const [first] = await twoVersions(before1, after1);
    await world.ada.ask('POST', `/catalog/datasets/${first.id}/versions`, { version: 'empty' });
    const cases: [string, string][] = [
      ['1.0/compare/9', '404 dataset_version_not_found'],
      ['1.0/compare/empty', '409 dataset_not_ready'],
    ];
    for (const [versions, expected] of cases) {
      const { status, data } = await compare(first.id, '', versions);
      assert.equal(`${status} ${data.code}`, expected);
    }
    for (const [code, remedy] of [
      ['worker_timeout', /Try again when no validation is under way/],
      ['worker_memory', /DATASET_MEMORY_MB/],
      ['worker_crashed', /Try again/],
    ] as const) {
      fate.error = failure(code);
      const { status, data } = await compare(first.id);
      assert.equal(`${status} ${data.code}`, '503 dataset_engine_failed');
      assert.match(data.remedy, remedy);
    }
    fate.error = null;
    assert.equal((await compare(first.id)).status, 200);
  });

  it('FR-002: a new version carries the card over and follows the one it was made from', async () => {
    const first = await register(world.ada, { type: 'sft_pair', key_columns: ['id'], column_rules: [{ name: 'id' }] });
    const second = await world.ada.ask('POST', `/catalog/datasets/${first.id}/versions`, {
      version: '2.0',
      change_log: 'More rows.',
    });
    assert.deepEqual(
      [second.type, second.metadata, second.key_columns, second.column_rules, second.change_log],
      [first.type, first.metadata, first.key_columns, first.column_rules, 'More rows.'],
    );
    assert.deepEqual([second.parent_id, second.source.kind, second.source.dataset_id], [first.id, 'version', first.id]);
    const eve = world.as('eve', 'researcher', 'vision');
    assert.equal((await eve.call('POST', `/catalog/datasets/${first.id}/versions`, { version: '3' })).status, 404);
  });

  it('FR-002: an older version comes back as a new one, byte for byte, and is validated against the newest', async () => {
    const [first, second] = await twoVersions(before1, after1);
    const { status, data } = await world.ada.call('POST', `/catalog/datasets/${second.id}/versions/1.0/restore`);
    assert.equal(status, 200, JSON.stringify(data));
    assert.deepEqual(
      [data.dataset.version, data.dataset.parent_id, data.dataset.source.dataset_id, data.job.kind],
      ['1.0-restored', second.id, first.id, 'restore'],
    );
    const job = await worked(world.ada, data.dataset.id);
    assert.equal(`${job.status} ${job.error}`, 'succeeded null');
    const done = await validated(world.ada, data.dataset.id);
    assert.deepEqual([done.status, done.diff.against.id], ['succeeded', second.id]);
    const [restored, original] = [await get(data.dataset.id), await get(first.id)];
    assert.deepEqual(
      restored.files.map(({ path, sha256 }: Json) => `${path} ${sha256}`),
      original.files.map(({ path, sha256 }: Json) => `${path} ${sha256}`),
    );
    assert.equal(restored.files_digest, original.files_digest);
    const again = await world.ada.ask('POST', `/catalog/datasets/${second.id}/versions/1.0/restore`, {});
    assert.equal(again.dataset.version, '1.0-restored-2');
    const taken = await world.ada.call('POST', `/catalog/datasets/${second.id}/versions/1.0/restore`, {
      version: '2.0',
    });
    assert.equal(`${taken.status} ${taken.data.code}`, '409 dataset_version_exists');
    // what it was made from may go afterwards
    await world.root.ask('DELETE', `/catalog/datasets/${second.id}`);
    assert.equal((await get(data.dataset.id)).files.length, 1);
  });

  it('FR-002: a version whose bytes in the store were changed is not restored', async () => {
    const [first, second] = await twoVersions(before1, after1);
    const { Readable } = await import('node:stream');
    await world.objects.put(`datasets/${first.id}/1.0/rows.csv`, Readable.from([Buffer.from(after1)]));
    const { data } = await world.ada.call('POST', `/catalog/datasets/${second.id}/versions/1.0/restore`);
    const job = await worked(world.ada, data.dataset.id);
    assert.equal(job.status, 'failed');
    assert.match(job.error, /rows\.csv does not have the digest/);
    assert.deepEqual((await get(data.dataset.id)).files, []);
  });
});
