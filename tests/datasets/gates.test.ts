import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createAccess, type Identity } from '../../backend/src/platform/access/index.ts';
import type { Workers } from '../../backend/src/platform/workers/index.ts';
import { register as registerModel } from '../catalog/world.ts';
import { goodRows, openWorld, register, settled, until, type Json, type Person, type World } from './world.ts';

let world: World;
/** what happens before the engine gets a task */
let onTask: (task: string) => Promise<void> = async () => {};
const watched = (workers: Workers): Workers => ({
  ...workers,
  async run(task, input, options) {
    await onTask(task);
    return workers.run(task, input, options);
  },
});
before(async () => void (world = await openWorld({ workers: watched })));
after(() => world.close());

const ada = {
  kind: 'header',
  userId: 'ada',
  displayName: 'Ada',
  roles: ['researcher'],
  teams: ['nlp'],
  project: null,
  apiKeyId: null,
  routes: null,
  environments: null,
  sessionId: null,
  csrfToken: null,
} satisfies Identity;

const personal = (count: number) =>
  `prompt,completion\n${Array.from({ length: count }, (_, row) => `Who answers question ${row}?,Write to person${row}@example-mail.com about it`).join('\n')}\n`;

const move = (who: Person, id: string, status: string, notes?: string) =>
  who.call('PATCH', `/catalog/datasets/${id}/status`, { status, ...(notes === undefined ? {} : { notes }) });
const gateOf = (dataset: Json, name: string) => dataset.gates.find(({ gate }: Json) => gate === name);

/** A dataset with rows, submitted once its validation has ended. */
async function submitted(rows: string, change: Record<string, unknown> = {}): Promise<Json> {
  const dataset = await register(world.ada, { type: 'sft_pair', ...change });
  const { status, data } = await world.ada.upload(dataset.id, { 'rows.csv': rows });
  assert.equal(status, 200, JSON.stringify(data));
  await settled(world.ada, dataset.id);
  assert.equal((await move(world.ada, dataset.id, 'under_review')).status, 200);
  return dataset;
}

describe('gates of datasets', () => {
  it('FR-003: what was validated, is clean and good enough is approved by somebody else, and only then of use to others', async () => {
    const dataset = await submitted(goodRows(40));
    const shown = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}`);
    assert.deepEqual(
      shown.gates.filter(({ passed }: Json) => !passed),
      [],
      JSON.stringify(shown.gates),
    );
    assert.equal(shown.pii_scan_status, 'clean');
    assert.ok(shown.quality_score >= 70, String(shown.quality_score));
    const access = createAccess(ada, []);
    await assert.rejects(world.datasets.requireApproved(access, dataset.id), { code: 'dataset_not_approved' });
    const approved = await world.grace.ask('POST', `/catalog/datasets/${dataset.id}/versions/1.0/approve`, {
      decision: 'approve',
      notes: 'Good.',
    });
    assert.equal(`${approved.status} ${approved.approved_by} ${approved.visibility}`, 'approved grace organization');
    assert.equal(approved.approval_digest, approved.files_digest);
    assert.equal((await world.datasets.requireApproved(access, dataset.id)).digest, approved.approval_digest);
    const [entry] = await world.audits('dataset.review', dataset.id);
    assert.equal(
      `${entry.actor_id} ${entry.detail.digest} ${entry.detail.to}`,
      `grace ${approved.files_digest} approved`,
    );
    for (const answer of [
      await world.ada.upload(dataset.id, { 'more.csv': goodRows(2) }),
      await world.ada.call('DELETE', `/catalog/datasets/${dataset.id}/files/rows.csv`),
      await world.ada.call('PATCH', `/catalog/datasets/${dataset.id}`, { change_log: 'x' }),
    ])
      assert.equal(answer.data.code, 'dataset_frozen');
    await world.db.pool.query(`update dataset_file set sha256 = 'x' where dataset_id = $1`, [dataset.id]);
    await assert.rejects(world.datasets.requireApproved(access, dataset.id), { code: 'dataset_not_approved' });
  });

  it('FR-003: nothing is approved before its validation has ended, and the answer lists what to do', async () => {
    const { promise: go, resolve: release } = Promise.withResolvers<void>();
    onTask = async (task) => void (task === 'validate' && (await go));
    try {
      const dataset = await register(world.ada);
      await world.ada.upload(dataset.id, { 'rows.csv': goodRows(10) });
      assert.equal((await move(world.ada, dataset.id, 'under_review')).status, 200);
      const refused = await move(world.grace, dataset.id, 'approved');
      assert.equal(`${refused.status} ${refused.data.code}`, '409 dataset_not_validated');
      assert.deepEqual(
        refused.data.issues.map(({ path }: Json) => path),
        ['validation', 'pii', 'quality'],
      );
      release();
      onTask = async () => {};
      await settled(world.ada, dataset.id);
      assert.equal((await move(world.grace, dataset.id, 'approved')).status, 200);
    } finally {
      onTask = async () => {};
      release();
    }
  });

  it('FR-003: personal data keeps a dataset from being approved until it was judged; the findings are listed by type', async () => {
    const dataset = await submitted(personal(30));
    const refused = await move(world.grace, dataset.id, 'approved');
    assert.equal(`${refused.status} ${refused.data.code}`, '409 dataset_pii_failed');
    const listed = refused.data.issues.find(({ path }: Json) => path === 'pii.email');
    assert.match(listed.message, /^30 found/);
    assert.equal((await world.audits('dataset.status', dataset.id)).at(-1)!.result, 'failed');
    await move(world.grace, dataset.id, 'draft', 'Judge them.');
    const judged = await world.ada.ask('POST', `/catalog/datasets/${dataset.id}/findings/triage`, {
      triage: 'false_positive',
      type: 'email',
    });
    assert.equal(`${judged.changed} ${judged.pii_scan_status}`, '30 clean');
    await move(world.ada, dataset.id, 'under_review');
    assert.equal((await move(world.grace, dataset.id, 'approved')).status, 200);
  });

  it('FR-003: a score under the threshold keeps a dataset from being approved, with what to fix', async () => {
    const rows = `prompt,completion\n${'same,\n'.repeat(50)}${'x,\n'.repeat(20)}`;
    const dataset = await submitted(rows);
    const shown = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}`);
    assert.ok(shown.quality_score < 70, String(shown.quality_score));
    const refused = await move(world.grace, dataset.id, 'approved');
    assert.equal(`${refused.status} ${refused.data.code}`, '409 dataset_quality_low');
    const paths = refused.data.issues.map(({ path }: Json) => path);
    assert.ok(paths[0] === 'quality' && paths.length > 1, paths.join());
    assert.equal(gateOf(shown, 'quality').passed, false);
  });

  it('FR-001: whoever submitted a dataset cannot approve it, and a status changes only along the workflow', async () => {
    const both = world.as('eve', 'researcher,reviewer', 'nlp');
    const dataset = await register(both);
    const early = await move(world.grace, dataset.id, 'approved');
    assert.equal(`${early.status} ${early.data.possible}`, '409 under_review');
    const empty = await move(both, dataset.id, 'pending_review');
    assert.equal(`${empty.data.code} ${empty.data.issues[0].path}`, 'dataset_incomplete files');
    await both.upload(dataset.id, { 'rows.csv': goodRows(20) });
    await settled(both, dataset.id);
    await both.ask('PATCH', `/catalog/datasets/${dataset.id}`, { metadata: {} });
    const bare = await move(both, dataset.id, 'under_review');
    assert.deepEqual(
      bare.data.issues.map(({ path }: Json) => path),
      ['metadata.description'],
    );
    await both.ask('PATCH', `/catalog/datasets/${dataset.id}`, { metadata: { description: 'Rows.' } });
    assert.equal((await move(both, dataset.id, 'under_review')).status, 200);
    assert.equal((await move(both, dataset.id, 'approved')).data.code, 'dataset_four_eyes');
    assert.equal((await move(world.ada, dataset.id, 'approved')).data.code, 'permission_denied');
    const back = await world.grace.ask('POST', `/catalog/datasets/${dataset.id}/versions/1.0/approve`, {
      decision: 'request_changes',
      notes: 'Say more.',
    });
    assert.equal(`${back.status} ${back.review_notes}`, 'draft Say more.');
    await move(both, dataset.id, 'under_review');
    assert.equal((await move(world.grace, dataset.id, 'rejected')).data.status, 'rejected');
    assert.equal((await move(both, dataset.id, 'draft')).data.status, 'draft');
    await move(both, dataset.id, 'under_review');
    assert.equal((await move(world.grace, dataset.id, 'approved')).data.status, 'approved');
    assert.equal((await move(both, dataset.id, 'deprecated')).data.status, 'deprecated');
    await assert.rejects(world.datasets.requireApproved(createAccess(ada, []), dataset.id), {
      code: 'dataset_not_approved',
    });
  });

  it('FR-003: other files, or other rules for them, make what was found stale, and are validated by themselves', async () => {
    const dataset = await register(world.ada);
    await world.ada.upload(dataset.id, { 'a.csv': goodRows(20), 'b.csv': goodRows(20, 500) });
    const first = await settled(world.ada, dataset.id);
    assert.notEqual(first.quality_score, null);
    const { promise: go, resolve: release } = Promise.withResolvers<void>();
    onTask = async (task) => void (task === 'validate' && (await go));
    try {
      for (const change of [
        () => world.ada.ask('DELETE', `/catalog/datasets/${dataset.id}/files/b.csv`),
        () => world.ada.upload(dataset.id, { 'c.csv': goodRows(20, 900) }),
        () =>
          world.ada.ask('PATCH', `/catalog/datasets/${dataset.id}`, {
            column_rules: [{ name: 'prompt', nullable: false }],
          }),
      ]) {
        const before = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}`);
        await change();
        const after = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}`);
        assert.equal(`${after.pii_scan_status} ${after.quality_score}`, 'pending null');
        assert.notEqual(after.validation_id, before.validation_id);
        assert.equal(gateOf(after, 'validation').passed, false);
      }
      const same = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}`);
      const rule = { name: 'prompt', nullable: false };
      const again = await world.ada.ask('PATCH', `/catalog/datasets/${dataset.id}`, { column_rules: [rule] });
      assert.equal(again.validation_id, same.validation_id, 'the same rules are no change');
    } finally {
      onTask = async () => {};
      release();
    }
    const last = await settled(world.ada, dataset.id);
    assert.equal(gateOf(last, 'validation').passed, true);
    const { rows } = await world.db.pool.query(
      `select status, count(*)::int as count from dataset_validation where dataset_id = $1 group by status order by status`,
      [dataset.id],
    );
    assert.deepEqual(rows, [
      { status: 'succeeded', count: 2 },
      { status: 'superseded', count: 2 },
    ]);
  });

  it('US1.6: a new version waits for its comparison with the one before, personal data and quality', async () => {
    const first = await submitted(goodRows(30), { name: 'grows', key_columns: ['prompt'] });
    await move(world.grace, first.id, 'approved');
    const next = await world.ada.ask('POST', `/catalog/datasets/${first.id}/versions`, {
      version: '2.0',
      change_log: 'More rows.',
    });
    assert.equal(gateOf(next, 'diff').passed, false);
    const { promise: go, resolve: release } = Promise.withResolvers<void>();
    onTask = async (task) => void (task === 'validate' && (await go));
    try {
      await world.ada.upload(next.id, { 'rows.csv': goodRows(40) });
      await move(world.ada, next.id, 'under_review');
      const refused = await move(world.grace, next.id, 'approved');
      assert.deepEqual(
        refused.data.gates.map(({ gate }: Json) => gate),
        ['validation', 'pii', 'quality', 'diff'],
      );
    } finally {
      onTask = async () => {};
      release();
    }
    const shown = await settled(world.ada, next.id);
    assert.match(gateOf(shown, 'diff').message, /^It was compared with version 1\.0/);
    const { diff } = await world.ada.ask('GET', `/catalog/datasets/${next.id}/validation`);
    assert.deepEqual(diff.against, { id: first.id, version: '1.0' });
    assert.equal((await move(world.grace, next.id, 'approved')).status, 200);
  });

  it('FR-003: a version that is still being filled is not submitted', async () => {
    const dataset = await register(world.ada);
    await world.ada.upload(dataset.id, { 'rows.csv': goodRows(5) });
    await world.db.pool.query(
      `insert into dataset_job (id, dataset_id, kind, status, created_by) values (gen_random_uuid(), $1, 'import', 'running', 'ada')`,
      [dataset.id],
    );
    const refused = await move(world.ada, dataset.id, 'under_review');
    assert.match(refused.data.issues[0].message, /still being brought/);
    await world.db.pool.query(`update dataset_job set status = 'failed' where dataset_id = $1`, [dataset.id]);
    assert.equal((await move(world.ada, dataset.id, 'under_review')).status, 200);
  });

  it('FR-001: tasks about models and datasets are one list, newest first, paged as one, and of one kind where asked', async () => {
    const tasksOf = (query: string) => world.grace.call('GET', `/catalog/approvals?${query}`);
    const made: string[] = [];
    for (let index = 0; index < 6; index++) {
      if (index % 2 === 0) {
        const model = await registerModel(world.ada as never);
        await world.ada.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'under_review' });
        made.unshift(model.id);
      } else made.unshift((await submitted(goodRows(3 + index))).id);
    }
    // the same moment for two of them: the id decides
    await world.db.pool.query(
      `update dataset_review set submitted_at = (select submitted_at from model_review where model_id = $1) where dataset_id = $2`,
      [made[3], made[2]],
    );
    const found: Json[] = [];
    let next: string | null = 'limit=2';
    while (next !== null) {
      const { data, headers } = await tasksOf(next);
      assert.ok(data.length <= 2);
      found.push(...data);
      next = /\?([^>]*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null;
    }
    const subjects = found.map(({ model_id: model, dataset_id: dataset }) => model ?? dataset);
    assert.equal(new Set(found.map(({ id }) => id)).size, found.length, 'each once');
    assert.deepEqual(subjects.slice(0, 6).sort(), made.toSorted());
    const order = found.map(({ submitted_at: at, id }) => `${at} ${id}`);
    assert.deepEqual(order, order.toSorted().toReversed());
    const datasets = await tasksOf('kind=dataset&limit=200');
    assert.ok(datasets.data.every(({ kind, model_id: id }: Json) => kind === 'dataset' && id === null));
    const models = await tasksOf('kind=model&limit=200');
    assert.equal(datasets.data.length + models.data.length, found.length);
    const stranger = world.as('rob', 'reviewer', 'vision');
    assert.deepEqual(await stranger.ask('GET', '/catalog/approvals'), []);
    const id = datasets.data[0].dataset_id;
    await move(world.grace, id, 'rejected', 'No.');
    const done = await until('the task is closed', async () => {
      const { data } = await tasksOf('status=rejected&kind=dataset');
      return data.find(({ dataset_id: one }: Json) => one === id) as Json;
    });
    assert.equal(`${done.decided_by} ${done.notes}`, 'grace No.');
  });
});
