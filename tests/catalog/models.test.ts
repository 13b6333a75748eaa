import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { approve, card, openWorld, register, until, type World } from './world.ts';
import { goodTorchFile, sound } from './files.ts';

let world: World;
before(async () => void (world = await openWorld()));
after(() => world.close());

describe('the catalog of models', () => {
  it('US1.1: a card is stored, gets a version, and reviewers get a task', async () => {
    const model = await register(world.ada, { name: 'helper', type: 'base' });
    assert.equal(model.status, 'draft');
    assert.equal(model.version, '1.0');
    const submitted = await world.ada.ask('PATCH', `/catalog/models/${model.id}/status?status=pending_review`);
    assert.equal(submitted.status, 'under_review');
    assert.equal(submitted.storage_uri, `s3://models/${model.id}/1.0/`);
    const tasks = await world.grace.ask('GET', '/catalog/approvals');
    const task = tasks.find((one: { model_id: string }) => one.model_id === model.id);
    assert.equal(task.submitted_by, 'ada');
    assert.equal(task.completeness.score, 100);
    const approved = await world.grace.ask('POST', `/catalog/models/${model.id}/versions/1.0/approve`, {
      decision: 'approve',
      notes: 'Good.',
    });
    assert.equal(approved.status, 'approved');
    assert.equal(approved.approved_by, 'grace');
    assert.equal(approved.visibility, 'organization');
    const done = await world.grace.ask('GET', '/catalog/approvals?status=approved');
    assert.equal(done.find((one: { model_id: string }) => one.model_id === model.id).decided_by, 'grace');
    assert.equal((await world.audits('model.review', model.id)).length, 1);
  });

  it('EC-metadata: an incomplete card is refused before a reviewer sees it, naming each field', async () => {
    const model = await register(world.ada, { metadata: { license: 'MIT' }, type: 'fine-tuned' });
    assert.deepEqual(
      model.completeness.missing.map(
        ({ path, required }: { path: string; required: boolean }) => `${path} ${required}`,
      ),
      [
        'metadata.description true',
        'metadata.intended_use false',
        'metadata.limitations false',
        'base_model_id false',
        'lineage_dataset_ids false',
      ],
    );
    const refused = await world.ada.call('PATCH', `/catalog/models/${model.id}/status`, { status: 'under_review' });
    assert.equal(refused.status, 400);
    assert.equal(refused.data.code, 'model_incomplete');
    assert.deepEqual(
      refused.data.issues.map(({ path }: { path: string }) => path),
      ['metadata.description'],
    );
    await world.ada.ask('PATCH', `/catalog/models/${model.id}`, { metadata: { ...card } });
    await world.ada.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'under_review' });
  });

  it('FR-001d: a status changes only along the workflow, and a refusal lists what is possible', async () => {
    const model = await register(world.ada);
    const refused = await world.grace.call('PATCH', `/catalog/models/${model.id}/status`, { status: 'approved' });
    assert.equal(refused.status, 409);
    assert.deepEqual(refused.data.possible, ['under_review']);
    await world.ada.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'under_review' });
    const sentBack = await world.grace.ask('POST', `/catalog/models/${model.id}/versions/1.0/approve`, {
      decision: 'request_changes',
      notes: 'Say more.',
    });
    assert.equal(sentBack.status, 'draft');
    assert.equal(sentBack.review_notes, 'Say more.');
    await approve(world, model.id);
    const frozen = await world.ada.call('PATCH', `/catalog/models/${model.id}`, { metadata: { description: 'other' } });
    assert.equal(frozen.data.code, 'model_frozen');
    assert.equal(
      (await world.ada.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'deprecated' })).status,
      'deprecated',
    );
  });

  it('FR-001: whoever submitted a model cannot approve it', async () => {
    const both = world.as('eve', 'researcher,reviewer', 'nlp');
    const model = await register(both);
    await both.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'under_review' });
    const refused = await both.call('PATCH', `/catalog/models/${model.id}/status`, { status: 'approved' });
    assert.equal(refused.data.code, 'model_four_eyes');
    const writer = await world.ada.call('PATCH', `/catalog/models/${model.id}/status`, { status: 'approved' });
    assert.equal(writer.data.code, 'permission_denied');
    assert.equal(
      (await world.grace.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'approved' })).status,
      'approved',
    );
  });

  it('FR-001: a name, team and version exist once, and versions are listed with the card carried over', async () => {
    const first = await register(world.ada, { name: 'once', metadata: card });
    const again = await world.ada.call('POST', '/catalog/models', {
      name: 'once',
      version: '1.0',
      type: 'base',
      owner_team: 'nlp',
    });
    assert.equal(again.status, 409);
    assert.equal(again.data.code, 'model_version_exists');
    const second = await world.ada.ask('POST', `/catalog/models/${first.id}/versions`, { version: '2.0' });
    assert.notEqual(second.id, first.id);
    assert.deepEqual(second.metadata, card);
    const versions = await world.ada.ask('GET', `/catalog/models/${second.id}/versions`);
    assert.deepEqual(
      versions.map(({ version }: { version: string }) => version),
      ['2.0', '1.0'],
    );
  });

  it('FR-001: one Idempotency-Key makes one model', async () => {
    const body = { name: 'key', version: '1', type: 'base', owner_team: 'nlp' };
    const answers = await Promise.all(
      [1, 2, 3].map(() => world.ada.call('POST', '/catalog/models', body, { 'idempotency-key': 'k1' })),
    );
    const made = answers.filter(({ status }) => status === 200);
    assert.ok(made.length >= 1);
    assert.equal(new Set(made.map(({ data }) => data.id)).size, 1);
  });

  it('FR-001b: a list is filtered and paged, newest first, and the pages make up the whole', async () => {
    for (const [index, type] of (['base', 'fine-tuned', 'base', 'base'] as const).entries()) {
      await register(world.root, { name: `listed-${index}`, type, owner_team: 'lists' });
    }
    const query = '/catalog/models?owner_team=lists&type=base&status=draft';
    const all = await world.root.ask('GET', query);
    assert.deepEqual(
      all.map(({ name }: { name: string }) => name),
      ['listed-3', 'listed-2', 'listed-0'],
    );
    const names: string[] = [];
    for (let next: string | null = `${query}&limit=1`; next !== null;) {
      const page = await world.root.call('GET', next);
      names.push(...page.data.map(({ name }: { name: string }) => name));
      const link = /<\/llm-ops\/v1([^>]+)>/.exec(page.headers.get('link') ?? '');
      next = link ? link[1]! : null;
    }
    assert.deepEqual(names, ['listed-3', 'listed-2', 'listed-0']);
    assert.equal((await world.root.call('GET', '/catalog/models?name=%00')).status, 400);
    const bad = await world.root.call(
      'GET',
      `/catalog/models?cursor=${Buffer.from('["2020","------------------------------------"]').toString('base64url')}`,
    );
    assert.equal(bad.status, 400);
  });

  it('FR-010: drafts of another team answer 404, and what everybody sees only its team changes', async () => {
    const model = await register(world.ada);
    const stranger = world.as('mallory', 'researcher,reviewer', 'vision');
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { metadata: {} }],
      ['GET', '/versions', undefined],
      ['GET', '/lineage', undefined],
      ['GET', '/changes', undefined],
      ['PATCH', '/status', { status: 'under_review' }],
      ['POST', '/rollback', {}],
      ['GET', '/files/config.json', undefined],
    ] as const) {
      const answer = await stranger.call(method, `/catalog/models/${model.id}${path}`, body);
      assert.equal(`${path} ${answer.status}`, `${path} 404`);
    }
    assert.equal((await stranger.upload(model.id, { 'config.json': '{}' })).status, 404);
    assert.ok(
      !(await stranger.ask('GET', '/catalog/models?limit=200')).some(({ id }: { id: string }) => id === model.id),
    );
    await approve(world, model.id);
    assert.equal((await stranger.ask('GET', `/catalog/models/${model.id}`)).id, model.id);
    const denied = await stranger.call('PATCH', `/catalog/models/${model.id}/status`, { status: 'under_review' });
    assert.ok([403, 409].includes(denied.status));
    const other = await stranger.call('POST', '/catalog/models', {
      name: 'x',
      version: '1',
      type: 'base',
      owner_team: 'nlp',
    });
    assert.equal(other.status, 403);
    assert.equal(other.data.rule, 'team');
  });

  it('FR-002: the history of a card is kept and brought back', async () => {
    const model = await register(world.ada, { metadata: { description: 'one', tags: ['a'] } });
    await world.ada.ask('PATCH', `/catalog/models/${model.id}`, {
      metadata: { description: 'two', extra: { depth: 1 } },
    });
    const changes = await world.ada.ask('GET', `/catalog/models/${model.id}/changes`);
    assert.deepEqual(changes[0].changes, [
      { path: 'metadata.description', change: 'changed', before: 'one', after: 'two' },
      { path: 'metadata.extra', change: 'added', before: null, after: { depth: 1 } },
      { path: 'metadata.tags', change: 'removed', before: ['a'], after: null },
    ]);
    const back = await world.ada.ask('POST', `/catalog/models/${model.id}/rollback`, {});
    assert.deepEqual(back.metadata, { description: 'one', tags: ['a'] });
    const forth = await world.ada.ask('POST', `/catalog/models/${model.id}/rollback`, { change: 2 });
    assert.equal(forth.metadata.description, 'two');
    assert.equal((await world.ada.call('POST', `/catalog/models/${model.id}/rollback`, { change: 99 })).status, 404);
    assert.equal((await world.ada.ask('GET', `/catalog/models/${model.id}/changes`)).length, 4);
  });

  it('FR-001: lineage shows bases, versions, datasets and what runs on a model', async () => {
    const base = await register(world.ada, { name: 'root-model' });
    const dataset = crypto.randomUUID();
    const tuned = await register(world.ada, {
      name: 'tuned',
      type: 'fine-tuned',
      base_model_id: base.id,
      lineage_dataset_ids: [dataset],
    });
    const next = await world.ada.ask('POST', `/catalog/models/${tuned.id}/versions`, { version: '2' });
    const graph = await world.ada.ask('GET', `/catalog/models/${tuned.id}/lineage`);
    const kinds = graph.nodes.map(
      ({ id, kind, focus }: { id: string; kind: string; focus: boolean }) => `${kind} ${id} ${focus}`,
    );
    for (const node of [
      `model ${tuned.id} true`,
      `model ${base.id} false`,
      `model ${next.id} false`,
      `dataset ${dataset} false`,
    ]) {
      assert.ok(kinds.includes(node), node);
    }
    const edges = graph.edges.map(({ from, to, relation }: Record<string, string>) => `${from} ${relation} ${to}`);
    for (const edge of [
      `${tuned.id} derived_from ${base.id}`,
      `${tuned.id} trained_on ${dataset}`,
      `${next.id} version_of ${tuned.id}`,
    ]) {
      assert.ok(edges.includes(edge), edge);
    }
    const missing = await world.ada.call('POST', '/catalog/models', {
      name: 'y',
      version: '1',
      type: 'fine-tuned',
      owner_team: 'nlp',
      base_model_id: crypto.randomUUID(),
    });
    assert.equal(missing.data.issues[0].path, 'base_model_id');
  });

  it('FR-006i: a model in use is not deleted; else its row goes, then its files, both in the audit log', async () => {
    const model = await register(world.ada);
    assert.equal((await world.ada.upload(model.id, sound)).status, 200);
    let used = true;
    world.catalog.registerReferences('endpoint', async (_trx, id) =>
      used && id === model.id ? [{ kind: 'endpoint', id: 'e1', label: 'dev /chat' }] : [],
    );
    const graph = await world.ada.ask('GET', `/catalog/models/${model.id}/lineage`);
    assert.ok(
      graph.edges.some(
        ({ from, relation }: { from: string; relation: string }) => from === 'e1' && relation === 'serves',
      ),
    );
    const refused = await world.root.call('DELETE', `/catalog/models/${model.id}`);
    assert.equal(refused.status, 409);
    assert.match(refused.message, /endpoint dev \/chat/);
    assert.equal((await world.ada.call('DELETE', `/catalog/models/${model.id}`)).status, 403);
    used = false;
    const removed = await world.root.ask('DELETE', `/catalog/models/${model.id}`);
    assert.equal(removed.filesLeft, 2);
    assert.equal((await world.ada.call('GET', `/catalog/models/${model.id}`)).status, 404);
    const [entry] = await until('files removed', async () => {
      const entries = await world.audits('model.files.remove', model.id);
      return entries.length > 0 && entries;
    });
    assert.equal(entry.detail.removed, 2);
    assert.equal(entry.actor_id, 'root');
    assert.deepEqual(await Array.fromAsync(world.objects.list(`models/${model.id}/`)), []);
    assert.equal(
      (await world.audits('model.delete', model.id)).map(({ result }) => result).join(),
      'failed,denied,allowed',
    );
  });

  it('FR-001a: deployable tells what is missing, and only what was approved is served', async () => {
    const model = await register(world.ada);
    const codeOf = async () =>
      world.catalog.deployable(model.id).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      );
    assert.equal(await codeOf(), 'model_not_approved');
    await approve(world, model.id);
    assert.equal(await codeOf(), 'model_files_missing');
    assert.equal((await world.ada.upload(model.id, sound)).data.status, 'under_review');
    assert.equal(await codeOf(), 'model_approval_void');
    await world.grace.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'approved' });
    const { model: servable } = await world.catalog.deployable(model.id);
    assert.equal(servable.prefix, `models/${model.id}/1.0/`);
    assert.equal(servable.inspection?.architecture, 'LlamaForCausalLM');
    await world.db.pool.query(`update model_file set sha256 = 'x' where model_id = $1 and path = 'config.json'`, [
      model.id,
    ]);
    assert.equal(await codeOf(), 'model_approval_void');
  });

  it('FR-001a: a file that is gone from the store is noticed before serving', async () => {
    const model = await register(world.ada);
    await world.ada.upload(model.id, sound);
    await approve(world, model.id);
    await world.objects.delete(`models/${model.id}/1.0/model.safetensors`);
    await assert.rejects(world.catalog.deployable(model.id), { code: 'model_files_missing' });
  });

  it('FR-001a: pickles are served only when a reviewer accepted them', async () => {
    const model = await register(world.ada);
    const { data } = await world.ada.upload(model.id, {
      'config.json': sound['config.json'],
      'pytorch_model.bin': goodTorchFile,
    });
    assert.match(data.files.find(({ path }: { path: string }) => path === 'pytorch_model.bin').notes[0], /pickle/);
    const approved = await approve(world, model.id);
    assert.equal(approved.contains_pickle, true);
    await assert.rejects(world.catalog.deployable(model.id), { code: 'model_pickle_not_accepted' });
    const accepted = await world.grace.ask(
      'PATCH',
      `/catalog/models/${model.id}/status?status=approved&accept_pickle=true`,
    );
    assert.equal(accepted.pickle_accepted, true);
    await world.catalog.deployable(model.id);
  });

  it('FR-001: what PostgreSQL cannot keep is refused, not an error of the server', async () => {
    for (const metadata of [
      '{"a":"\\u0000"}',
      '{"a":"\\ud800"}',
      '{"a\\u0000":1}',
      `{"a":${'['.repeat(40)}${']'.repeat(40)}}`,
      '{"x":{"api_key":"sk"}}',
    ]) {
      const response = await fetch(`${world.api}/catalog/models`, {
        method: 'POST',
        headers: { ...world.ada.headers, 'content-type': 'application/json' },
        body: `{"name":"odd","version":"1","type":"base","owner_team":"nlp","metadata":${metadata}}`,
      });
      assert.equal(`${metadata} ${response.status}`, `${metadata} 400`);
    }
  });

  it('FR-008: no odd parameter becomes an error of the server', async () => {
    const model = await register(world.ada);
    const upper = model.id.toUpperCase();
    for (const path of [
      `/catalog/models/${model.id}/files/%00`,
      `/catalog/models/${model.id}/files/..%2f..%2fconfig.json`,
      `/catalog/models/${model.id}/files/%ff`,
      `/catalog/models/${model.id}/versions/..%2f/compare/1`,
      `/catalog/models/not-an-id`,
      `/catalog/models?cursor=${Buffer.from('["+275760-09-13",""]').toString('base64url')}`,
      `/catalog/models?limit=0`,
      `/catalog/approvals?status=nothing`,
    ]) {
      const { status } = await world.ada.call('GET', path);
      assert.ok(status === 400 || status === 404, `${path} ${status}`);
    }
    const far = Buffer.from(JSON.stringify(['+275760-09-13T00:00:00.000Z', model.id])).toString('base64url');
    assert.equal((await world.ada.call('GET', `/catalog/models?cursor=${far}`)).status, 200);
    assert.equal((await world.ada.call('GET', `/catalog/models/${upper}`)).data.id, model.id);
    assert.equal((await world.ada.call('PATCH', `/catalog/models/${upper}`, { base_model_id: upper })).status, 400);
  });

  it('FR-010: a policy that denies a model by a field of its card takes it out of lists and answers 403 with the rule', async () => {
    const model = await register(world.ada, { metadata: { ...card, classification: 'secret' } });
    const rules = [
      {
        effect: 'deny',
        actions: ['model:*'],
        resources: { type: 'model', match: { metadata: { classification: 'secret' } } },
        subjects: { users: ['ada'] },
        reason: 'Secret models are not for Ada.',
      },
    ];
    await world.db.pool.query(
      `insert into policy (id, name, scope, status, rules, created_by) values ($1, 'no-secrets', 'catalog', 'active', $2, 'root')`,
      [crypto.randomUUID(), JSON.stringify(rules)],
    );
    const denied = await until('the policy holds', async () => {
      const answer = await world.ada.call('GET', `/catalog/models/${model.id}`);
      return answer.status === 403 && answer;
    });
    assert.equal(denied.data.rule, 'policy:no-secrets#1');
    const listed = await world.ada.ask('GET', '/catalog/models?limit=200');
    assert.ok(listed.length > 0 && !listed.some(({ id }: { id: string }) => id === model.id));
    assert.ok(
      (await world.grace.ask('GET', '/catalog/models?limit=200')).some(({ id }: { id: string }) => id === model.id),
    );
    await world.db.pool.query(`delete from policy where name = 'no-secrets'`);
  });
});
