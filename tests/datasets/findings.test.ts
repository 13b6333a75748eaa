import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { canaries, pairs, validated } from './people.ts';
import { openWorld, register, type Json, type World } from './world.ts';

let world: World;
before(async () => void (world = await openWorld()));
after(() => world.close());

const [kim, lee] = canaries as [string, string, string];
const findings = (id: string, query = '') => world.ada.ask('GET', `/catalog/datasets/${id}/findings${query}`);
const judge = (id: string, body: Json) => world.ada.call('POST', `/catalog/datasets/${id}/findings/triage`, body);
const get = (id: string) => world.ada.ask('GET', `/catalog/datasets/${id}`);
const move = (who: World['ada'], id: string, status: string) =>
  who.call('PATCH', `/catalog/datasets/${id}/status`, { status });

/** Two people, the first of them in two files. */
async function withPeople(change: Record<string, unknown> = {}): Promise<Json> {
  const dataset = await register(world.ada, { type: 'sft_pair', ...change });
  const { status, data } = await world.ada.upload(dataset.id, {
    'b.jsonl': pairs(30, (row) => (row === 20 ? kim : row === 4 ? lee : null)),
    'a.jsonl': pairs(30, (row) => (row === 9 ? kim : null)),
  });
  assert.equal(status, 200, JSON.stringify(data));
  await validated(world.ada, dataset.id);
  return get(dataset.id);
}

const ofKim = (found: Json[]) => found.find(({ file }) => file === 'a.jsonl').fingerprint;

describe('findings', () => {
  it('FR-003c: they come in the order of files and rows, by page and by filter, masked', async () => {
    const { id } = await withPeople();
    const found = await findings(id, '?kind=pii');
    assert.deepEqual(
      found.map(({ file, row, column, type, triage }: Json) => `${file} ${row} ${column} ${type} ${triage}`),
      ['a.jsonl 9', 'b.jsonl 4', 'b.jsonl 20'].map((place) => `${place} completion email open`),
    );
    assert.equal(found[0].fingerprint, found[2].fingerprint, 'the same content is the same finding');
    assert.notEqual(found[0].fingerprint, found[1].fingerprint);
    assert.equal(found[0].end - found[0].start, kim.length);
    for (const { excerpt, message } of found) assert.doesNotMatch(`${excerpt} ${message}`, /canary/);

    const [same] = await findings(id, '?kind=duplicate');
    assert.equal(same.message, `It is the same as row ${same.row + 1} of a.jsonl.`);
    assert.equal(same.said.message.code, 'finding.same.text');
    assert.deepEqual(same.said.message.values.which.values, { row: same.row + 1, file: 'a.jsonl' });
    const pages: string[] = [];
    for (let path: string | null = `/catalog/datasets/${id}/findings?kind=pii&limit=2`; path !== null;) {
      const { headers, data }: { headers: Headers; data: Json[] } = await world.ada.call('GET', path);
      pages.push(...data.map((one) => one.id));
      path = /<\/llm-ops\/v1([^>]+)>/.exec(headers.get('link') ?? '')?.[1] ?? null;
    }
    assert.deepEqual(
      pages,
      found.map((one: Json) => one.id),
    );
    for (const [query, count] of [
      ['?type=email', 3],
      ['?type=iban', 0],
      ['?kind=pii&file=a.jsonl', 1],
      ['?kind=pii&column=prompt', 0],
      ['?kind=pii&triage=accepted', 0],
    ] as const)
      assert.equal((await findings(id, query)).length, count, query);
    const other = await withPeople();
    for (const cursor of ['x', `${other.validation_id}.1`, 'a'.repeat(40)])
      assert.equal((await world.ada.call('GET', `/catalog/datasets/${id}/findings?cursor=${cursor}`)).status, 400);
    assert.equal(
      (await world.as('eve', 'researcher', 'vision').call('GET', `/catalog/datasets/${id}/findings`)).status,
      404,
    );
  });

  it('FR-003c: what people decide holds for the content in every version, and opens the gate when all is judged', async () => {
    const first = await withPeople({ name: 'remembered' });
    assert.equal(first.pii_scan_status, 'failed');
    const found = await findings(first.id, '?kind=pii');
    const one = await judge(first.id, {
      triage: 'false_positive',
      fingerprints: [ofKim(found)],
      note: 'A test address.',
    });
    assert.deepEqual([one.status, one.data], [200, { changed: 1, pii_scan_status: 'failed' }]);
    assert.deepEqual(
      (await findings(first.id, '?kind=pii')).map(({ triage }: Json) => triage),
      ['false_positive', 'open', 'false_positive'],
    );

    const second = await world.ada.ask('POST', `/catalog/datasets/${first.id}/versions`, { version: '2.0' });
    await world.ada.upload(second.id, { 'c.jsonl': pairs(12, (row) => (row === 2 ? kim : null)) });
    const clean = await validated(world.ada, second.id);
    assert.equal(clean.pii_scan.status, 'clean', 'judged before');
    assert.deepEqual(clean.pii_scan.detected_types, [{ type: 'email', count: 1, open: 0 }]);
    assert.deepEqual(
      (await findings(second.id, '?kind=pii')).map(({ triage }: Json) => triage),
      ['false_positive'],
    );
    // real: the decision of one version is that of all
    assert.equal((await judge(second.id, { triage: 'real', type: 'email' })).data.pii_scan_status, 'failed');
    assert.equal((await judge(first.id, { triage: 'accepted', type: 'email' })).data.pii_scan_status, 'clean');
    assert.equal((await get(second.id)).pii_scan_status, 'clean');
    assert.equal((await judge(first.id, { triage: 'open', type: 'email' })).data.changed, 2);
    assert.equal((await get(second.id)).pii_scan_status, 'failed');

    const another = await withPeople({ name: 'other' });
    assert.equal(another.pii_scan_status, 'failed');
    const [same] = await findings(another.id, '?kind=pii');
    assert.notEqual(same.fingerprint, ofKim(found), 'nothing links two datasets');
  });

  it('US1.6: a reviewer cannot approve while personal data is open, is told what to fix, and can when it was judged', async () => {
    const { id } = await withPeople();
    assert.equal((await move(world.ada, id, 'under_review')).status, 200);
    const refused = await move(world.grace, id, 'approved');
    assert.equal(`${refused.status} ${refused.data.code}`, '409 dataset_pii_failed');
    assert.ok(
      refused.data.issues.some(({ path, message }: Json) => path === 'pii.email' && message.startsWith('3 found')),
      JSON.stringify(refused.data.issues),
    );
    const frozen = await judge(id, { triage: 'accepted', type: 'email' });
    assert.equal(`${frozen.status} ${frozen.data.code}`, '409 dataset_frozen');
    await move(world.grace, id, 'draft');
    assert.equal((await judge(id, { triage: 'accepted', type: 'email' })).data.pii_scan_status, 'clean');
    await move(world.ada, id, 'under_review');
    const approved = await move(world.grace, id, 'approved');
    assert.equal(approved.data.status, 'approved', JSON.stringify(approved.data));
  });

  it('FR-003c: who decides what is written down, and no raw value is anywhere but in the files', async () => {
    const { id } = await withPeople();
    const bad = await judge(id, { triage: 'accepted' });
    assert.equal(`${bad.status} ${bad.data.issues[0].path}`, '400 fingerprints');
    assert.equal((await judge(id, { triage: 'accepted', fingerprints: ['nothing'] })).data.changed, 0);
    await judge(id, { triage: 'accepted', type: 'email', note: 'Public addresses.' });
    const entry = (await world.audits('dataset.triage', id)).at(-1);
    assert.deepEqual([entry.actor_id, entry.detail.triage, entry.detail.contents], ['ada', 'accepted', { email: 2 }]);

    const { rows } = await world.db.pool.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    for (const { name } of rows) {
      const { rowCount } = await world.db.pool.query(
        `select from ${name} as held where to_jsonb(held)::text like '%.canary@%' limit 1`,
      );
      assert.equal(rowCount, 0, `${name} holds a raw value`);
    }
    assert.ok(!world.logged.some((line) => line.includes('.canary@')));
  });

  it('FR-003c: two people who judge versions of one dataset at once do not hinder each other', async () => {
    const first = await withPeople({ name: 'both' });
    const second = await world.ada.ask('POST', `/catalog/datasets/${first.id}/versions`, { version: '2.0' });
    await world.ada.upload(second.id, { 'a.jsonl': pairs(10, (row) => (row === 1 ? kim : null)) });
    await validated(world.ada, second.id);
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        judge(index % 2 === 0 ? first.id : second.id, {
          triage: index % 3 === 0 ? 'real' : 'accepted',
          type: 'email',
        }),
      ),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    await judge(first.id, { triage: 'accepted', type: 'email' });
    assert.deepEqual(
      [(await get(first.id)).pii_scan_status, (await get(second.id)).pii_scan_status],
      ['clean', 'clean'],
    );
  });
});
