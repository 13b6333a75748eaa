import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { register as registerModel } from '../catalog/world.ts';
import { card, openWorld, register, until, type Json, type World } from './world.ts';

let world: World;
before(async () => void (world = await openWorld()));
after(() => world.close());

const detail = (id: string) => world.ada.ask('GET', `/catalog/datasets/${id}`);
const idsOf = (rows: Json[]) => rows.map(({ id }) => id);

describe('records of datasets', () => {
  it('FR-001: a card is stored as a draft, with what it lacks and what stands before an approval', async () => {
    const dataset = await register(world.ada, {
      name: 'questions',
      type: 'sft_pair',
      metadata: { description: 'Questions.' },
      change_log: 'First.',
      key_columns: ['id', 'id'],
      column_rules: [{ name: 'prompt', min_length: 1 }],
    });
    assert.equal(`${dataset.status} ${dataset.version} ${dataset.type}`, 'draft 1.0 sft_pair');
    assert.deepEqual(dataset.key_columns, ['id']);
    assert.equal(dataset.column_rules[0].required, true);
    assert.equal(`${dataset.pii_scan_status} ${dataset.quality_score} ${dataset.rows}`, 'pending null null');
    assert.deepEqual(dataset.source, { kind: 'upload', dataset_id: null, huggingface_dataset_id: null });
    assert.deepEqual(
      dataset.completeness.missing.map(({ path, required }: Json) => `${path} ${required}`),
      ['license', 'language', 'source', 'intended_use', 'limitations'].map((field) => `metadata.${field} false`),
    );
    assert.deepEqual(
      dataset.gates.map(({ gate, passed }: Json) => `${gate} ${passed}`),
      ['metadata true', 'files false', 'validation false', 'pii false', 'quality false', 'diff true'],
    );
    const [entry] = await world.audits('dataset.create', dataset.id);
    assert.equal(`${entry.actor_id} ${entry.detail.name}`, 'ada questions');
  });

  it('FR-002: a name, team and version exist once; a further version follows the newest of its name', async () => {
    const first = await register(world.ada, { name: 'once' });
    const again = await world.ada.call('POST', '/catalog/datasets', {
      name: 'once',
      version: '1.0',
      owner_team: 'nlp',
    });
    assert.equal(`${again.status} ${again.data.code}`, '409 dataset_version_exists');
    const second = await register(world.ada, { name: 'once', version: '2.0' });
    assert.equal(second.parent_id, first.id);
    const third = await world.ada.ask('POST', `/catalog/datasets/${first.id}/versions`, { version: '3.0' });
    assert.equal(third.parent_id, first.id);
    const versions = await world.ada.ask('GET', `/catalog/datasets/${third.id}/versions`);
    assert.deepEqual(
      versions.map(({ version }: Json) => version),
      ['3.0', '2.0', '1.0'],
    );
    const key = { 'idempotency-key': 'datasets-once' };
    const body = { name: 'key', owner_team: 'nlp' };
    const made = [
      await world.ada.call('POST', '/catalog/datasets', body, key),
      await world.ada.call('POST', '/catalog/datasets', body, key),
    ];
    assert.equal(made[0]!.data.id, made[1]!.data.id);
  });

  it('FR-001: the card of a draft changes, that of a submitted dataset does not', async () => {
    const dataset = await register(world.ada, { task: 'qa' });
    const changed = await world.ada.ask('PATCH', `/catalog/datasets/${dataset.id}`, {
      type: 'benchmark',
      metadata: { ...card, description: 'Other.' },
      task: null,
      visibility: 'organization',
    });
    assert.equal(
      `${changed.type} ${changed.metadata.description} ${changed.task} ${changed.visibility}`,
      'benchmark Other. null organization',
    );
    assert.ok(changed.completeness.missing.some(({ path, required }: Json) => path === 'task' && required));
    const odd = await world.ada.call('PATCH', `/catalog/datasets/${dataset.id}`, {
      column_rules: [
        { name: 'a', minimum: 2, maximum: 1 },
        { name: 'a', min_length: 5, max_length: 1 },
      ],
    });
    assert.deepEqual(
      odd.data.issues.map(({ path }: Json) => path),
      ['column_rules.0.minimum', 'column_rules.1.name', 'column_rules.1.min_length'],
    );
    await world.db.pool.query(`update dataset set status = 'under_review' where id = $1`, [dataset.id]);
    const frozen = await world.ada.call('PATCH', `/catalog/datasets/${dataset.id}`, { change_log: 'x' });
    assert.equal(`${frozen.status} ${frozen.data.code}`, '409 dataset_frozen');
    assert.equal((await world.ada.upload(dataset.id, { 'a.csv': 'a\n1\n' })).data.code, 'dataset_frozen');
  });

  it('FR-001: a list is filtered and paged, newest first, and the pages make up the whole', async () => {
    const team = 'lists';
    const ada = world.as('lister', 'researcher', team);
    const made: Json[] = [];
    for (let index = 0; index < 5; index++) {
      made.push(
        await register(ada, {
          name: `list-${index}`,
          owner_team: team,
          type: index % 2 === 0 ? 'rag_qa' : 'pretrain_corpus',
        }),
      );
    }
    await world.db.pool.query(
      `update dataset set quality_score = 50 + 10 * right(name, 1)::int, pii_scan_status = 'clean' where owner_team = $1 and name <> 'list-0'`,
      [team],
    );
    const listed = async (query: string) =>
      (await ada.ask('GET', `/catalog/datasets?owner_team=${team}&${query}`))
        .map(({ name }: Json) => name.at(-1))
        .join('');
    assert.equal(await listed('limit=50'), '43210');
    assert.equal(await listed('type=rag_qa'), '420');
    assert.equal(await listed('name=LIST-3'), '3');
    assert.equal(await listed('pii_scan_status=pending'), '0');
    assert.equal(await listed('min_quality_score=65&max_quality_score=80'), '32');
    assert.equal(await listed('status=pending_review'), '');
    assert.equal(await listed('version=2.0'), '');
    const pages: string[] = [];
    let next: string | null = `/catalog/datasets?owner_team=${team}&limit=2`;
    while (next !== null) {
      const page = await ada.call('GET', next);
      pages.push(...idsOf(page.data));
      const link = /<([^>]*)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
      next = link === undefined ? null : link.slice(link.indexOf('/catalog'));
    }
    assert.deepEqual(pages, idsOf(made).toReversed());
  });

  it('FR-010: drafts of another team answer 404, what everybody sees only its team changes, and roles bind', async () => {
    const dataset = await register(world.ada);
    const other = world.as('mallory', 'researcher', 'vision');
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['GET', '/lineage'],
      ['GET', '/validation'],
      ['GET', '/preview'],
      ['GET', '/jobs'],
    ] as const) {
      const answer = await other.call(
        method,
        `/catalog/datasets/${dataset.id}${path}`,
        method === 'PATCH' ? {} : undefined,
      );
      assert.equal(`${method} ${path} ${answer.status} ${answer.data.code}`, `${method} ${path} 404 dataset_not_found`);
    }
    assert.equal((await other.upload(dataset.id, { 'a.csv': 'a\n1\n' })).status, 404);
    assert.equal((await other.call('POST', '/catalog/datasets', { name: 'x', owner_team: 'nlp' })).status, 403);
    assert.ok(!idsOf(await other.ask('GET', '/catalog/datasets?limit=200')).includes(dataset.id));
    await world.ada.ask('PATCH', `/catalog/datasets/${dataset.id}`, { visibility: 'organization' });
    assert.equal((await other.call('GET', `/catalog/datasets/${dataset.id}`)).status, 200);
    const refused = await other.call('PATCH', `/catalog/datasets/${dataset.id}`, { change_log: 'x' });
    assert.equal(`${refused.status} ${refused.data.rule}`, '403 team');
    assert.equal((await world.ada.call('DELETE', `/catalog/datasets/${dataset.id}`)).status, 403);
    assert.equal((await world.grace.call('PATCH', `/catalog/datasets/${dataset.id}`, {})).status, 403);
    assert.ok((await world.audits('dataset.update', dataset.id)).some(({ result }) => result === 'denied'));
  });

  it('FR-010: a policy that denies a dataset by a field of its card takes it out of lists and answers 403 with the rule', async () => {
    const dataset = await register(world.ada, { metadata: { ...card, classification: 'secret' } });
    const rules = [
      {
        effect: 'deny',
        actions: ['dataset:*'],
        resources: { type: 'dataset', match: { metadata: { classification: 'secret' } } },
        subjects: { users: ['ada'] },
        reason: 'Secret datasets are not for Ada.',
      },
    ];
    await world.db.pool.query(
      `insert into policy (id, name, scope, status, rules, created_by) values ($1, 'no-secrets', 'catalog', 'active', $2, 'root')`,
      [crypto.randomUUID(), JSON.stringify(rules)],
    );
    const denied = await until('the policy holds', async () => {
      const answer = await world.ada.call('GET', `/catalog/datasets/${dataset.id}`);
      return answer.status === 403 && answer;
    });
    assert.equal(denied.data.rule, 'policy:no-secrets#1');
    assert.ok(!idsOf(await world.ada.ask('GET', '/catalog/datasets?limit=200')).includes(dataset.id));
    assert.ok(idsOf(await world.grace.ask('GET', '/catalog/datasets?limit=200')).includes(dataset.id));
    await world.db.pool.query(`delete from policy where name = 'no-secrets'`);
    await until(
      'it is gone',
      async () => (await world.ada.call('GET', `/catalog/datasets/${dataset.id}`)).status === 200,
    );
  });

  it('FR-006i: a dataset that a model was trained on is not deleted; else its row goes, then its files, both in the audit log', async () => {
    const dataset = await register(world.ada);
    const upload = await world.ada.upload(dataset.id, { 'rows.csv': 'a,b\n1,2\n' });
    assert.equal(upload.status, 200, JSON.stringify(upload.data));
    const model = await registerModel(world.ada as never, { lineage_dataset_ids: [dataset.id] });
    const refused = await world.root.call('DELETE', `/catalog/datasets/${dataset.id}`);
    assert.equal(`${refused.status} ${refused.data.code}`, '409 dataset_in_use');
    assert.deepEqual(refused.data.references, [
      { kind: 'model', id: model.id, label: `${model.name} 1.0`, status: 'draft' },
    ]);
    await world.ada.ask('PATCH', `/catalog/models/${model.id}`, { lineage_dataset_ids: [] });
    const removed = await world.root.ask('DELETE', `/catalog/datasets/${dataset.id}`);
    assert.equal(removed.filesLeft, 1);
    assert.equal((await world.ada.call('GET', `/catalog/datasets/${dataset.id}`)).status, 404);
    await until('the objects are gone', async () => !(await world.stored()).some((key) => key.includes(dataset.id)));
    const entries = await until('both removals are in the audit log', async () => {
      const found = await world.audits('dataset.files.remove', dataset.id);
      return found.length === 2 && found;
    });
    assert.equal(
      entries.map(({ actor_id: by, detail: { removed: count } }) => `${by} ${count}`).join(),
      'root 1,root 1',
    );
    assert.equal(
      (await world.audits('dataset.delete', dataset.id)).map(({ result }) => result).join(),
      'failed,allowed',
    );
  });

  it('FR-001: lineage shows versions, sources and models, and models show what their datasets are called', async () => {
    const first = await register(world.ada, { name: 'line' });
    const second = await world.ada.ask('POST', `/catalog/datasets/${first.id}/versions`, { version: '2.0' });
    const model = await registerModel(world.ada as never, {
      type: 'fine-tuned',
      lineage_dataset_ids: [second.id, crypto.randomUUID()],
    });
    const graph = await world.ada.ask('GET', `/catalog/datasets/${second.id}/lineage`);
    const edges = graph.edges.map(({ from, to, relation }: Json) => `${from} ${relation} ${to}`);
    assert.deepEqual(
      edges.sort(),
      [`${model.id} trained_on ${second.id}`, `${second.id} version_of ${first.id}`].sort(),
    );
    assert.ok(graph.nodes.some(({ id, focus }: Json) => id === second.id && focus));
    const other = await world.ada.ask('GET', `/catalog/models/${model.id}/lineage`);
    const datasets = other.nodes.filter(({ kind }: Json) => kind === 'dataset');
    assert.deepEqual(datasets.map(({ label, status }: Json) => `${label} ${status}`).sort(), [
      `Dataset ${model.lineage_dataset_ids.find((id: string) => id !== second.id).slice(0, 8)} linked`,
      'line 2.0 draft',
    ]);
    // who sees the model but not the dataset learns its id and no more
    await world.ada.ask('PATCH', `/catalog/models/${model.id}`, { visibility: 'organization' });
    const mallory = world.as('mallory', 'researcher', 'vision');
    const hidden = await mallory.ask('GET', `/catalog/models/${model.id}/lineage`);
    assert.ok(hidden.nodes.every(({ label }: Json) => !label.startsWith('line')));
    await world.ada.ask('PATCH', `/catalog/models/${model.id}`, { visibility: 'team' });
    await world.ada.ask('PATCH', `/catalog/datasets/${second.id}`, { visibility: 'organization' });
    const seen = await mallory.ask('GET', `/catalog/datasets/${second.id}/lineage`);
    assert.deepEqual(idsOf(seen.nodes), [second.id]);
  });

  it('FR-008: no odd parameter becomes an error of the server', async () => {
    const { id } = await register(world.ada);
    for (const path of [
      `/catalog/datasets/${id}/files/%00`,
      `/catalog/datasets/${id}/files/..%2f..%2frows.csv`,
      `/catalog/datasets/${id}/files/%ff`,
      `/catalog/datasets/not-an-id`,
      `/catalog/datasets?cursor=${Buffer.from('["+275760-09-13",""]').toString('base64url')}`,
      `/catalog/datasets?min_quality_score=x`,
      `/catalog/datasets?limit=0`,
    ]) {
      const { status } = await world.ada.call('GET', path);
      assert.ok(status === 400 || status === 404, `${path} ${status}`);
    }
    assert.equal((await world.ada.call('GET', `/catalog/datasets/${id.toUpperCase()}`)).data.id, id);
    assert.equal((await detail(id)).id, id);
  });
});
