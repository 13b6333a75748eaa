import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openWorld, register, approve, type Json, type World } from './world.ts';

const canary = 'sk-canary-7f3a9';
const openai = { description: 'GPT', provider: 'openai', model_name: 'gpt-4', api_key: canary };

let world: World;
const tested: Json[] = [];
before(async () => {
  world = await openWorld({
    testConnection: async (external) => {
      tested.push(external);
      return { ok: external.apiKey === canary, message: 'asked', latencyMs: 3, models: ['gpt-4'] };
    },
  });
});
after(() => world.close());

describe('external models', () => {
  it('FR-001c: the key goes to the secret store and never comes back, neither in answers, history, rows, audit nor log', async () => {
    const model = await register(world.ada, { type: 'external', metadata: openai });
    assert.equal(model.has_api_key, true);
    assert.equal(await world.catalog.externalSecret(model.id), canary);
    await world.ada.ask('PATCH', `/catalog/models/${model.id}`, { metadata: { ...openai, description: 'Another' } });
    await world.ada.ask('POST', `/catalog/models/${model.id}/versions`, { version: '2' });
    await world.ada.ask('POST', `/catalog/models/${model.id}/rollback`, {});
    const answers = [
      model,
      ...(await Promise.all(
        ['', '/changes', '/versions', '/lineage', '/versions/1.0/compare/2'].map((path) =>
          world.ada.ask('GET', `/catalog/models/${model.id}${path}`),
        ),
      )),
      await world.ada.ask('GET', '/catalog/models'),
    ];
    assert.ok(!JSON.stringify(answers).includes(canary));
    for (const table of ['model', 'model_change', 'audit_entry', 'idempotency', 'secret', 'pgboss.job']) {
      const { rows } = await world.db.pool.query(`select coalesce(string_agg(t::text, ''), '') as all from ${table} t`);
      assert.ok(!rows[0].all.includes(canary), table);
    }
    assert.ok(!world.logged.join('').includes(canary));
  });

  it('FR-001c: needs no files, is approved and deployable; the key of a version goes with the card', async () => {
    const model = await register(world.ada, { type: 'external', metadata: openai });
    assert.equal((await world.ada.upload(model.id, { 'config.json': '{}' })).data.code, 'model_external');
    await approve(world, model.id);
    const { model: servable } = await world.catalog.deployable(model.id);
    assert.equal(`${servable.type} ${servable.storageUri} ${servable.hasApiKey}`, 'external null true');
    const next = await world.ada.ask('POST', `/catalog/models/${model.id}/versions`, { version: '2' });
    assert.equal(await world.catalog.externalSecret(next.id), canary);
    const { data } = await world.root.call('DELETE', `/catalog/models/${next.id}`);
    assert.equal(data.id, next.id);
    assert.equal(await world.catalog.externalSecret(next.id), null);
  });

  it('FR-001c, FR-010: an approved model gets another key by who may change it, which is told to who asks its provider', async () => {
    const model = await register(world.ada, { type: 'external', metadata: openai });
    await approve(world, model.id);
    const told: string[] = [];
    world.catalog.onKeyReplaced(async (_trx, id) => void told.push(id));
    const path = `/catalog/models/${model.id}/key`;
    const changed = await world.ada.ask('PUT', path, { api_key: 'sk-canary-next' });
    assert.deepEqual([changed.status, changed.has_api_key, told], ['approved', true, [model.id]]);
    assert.equal(await world.catalog.externalSecret(model.id), 'sk-canary-next');
    const { rows } = await world.db.pool.query(
      `select coalesce(string_agg(t::text, ''), '') as all from audit_entry t where action = 'model.key'`,
    );
    assert.ok(rows[0].all.includes(model.id) && !rows[0].all.includes('sk-canary'));

    assert.equal((await world.ada.call('PUT', path, { api_key: 'with space' })).data.issues[0].path, 'api_key');
    const own = await register(world.ada, {});
    const refused = await world.ada.call('PUT', `/catalog/models/${own.id}/key`, { api_key: 'sk-x' });
    assert.equal(refused.data.code, 'model_not_external');
    assert.equal(told.length, 1);
  });

  it('EC-metadata: every wrong provider field is named in one answer', async () => {
    const cases: [Record<string, unknown>, string[]][] = [
      [{}, ['metadata.provider', 'metadata.model_name']],
      [{ provider: 'other', model_name: 'x' }, ['metadata.provider']],
      [
        { provider: 'openai', model_name: 3, api_key: 'with space', base_url: 'ftp://x' },
        ['metadata.api_key', 'metadata.model_name', 'metadata.base_url'],
      ],
      [{ provider: 'openai', model_name: 'x', base_url: 'https://user:pass@x/v1' }, ['metadata.base_url']],
      [{ provider: 'ollama', model_name: 'llama2' }, ['metadata.endpoint']],
      [{ provider: 'ollama', model_name: 'llama2', endpoint: 'file:///etc/passwd' }, ['metadata.endpoint']],
      [{ provider: 'openai', model_name: 'x', deep: { apiKey: canary } }, ['metadata.deep.apiKey']],
    ];
    for (const [metadata, paths] of cases) {
      const answer = await world.ada.call('POST', '/catalog/models', {
        name: 'bad',
        version: '1',
        type: 'external',
        owner_team: 'nlp',
        metadata,
      });
      assert.equal(answer.status, 400);
      assert.deepEqual(
        answer.data.issues.map(({ path }: Json) => path),
        paths,
      );
      assert.ok(!JSON.stringify(answer.data).includes(canary));
    }
    const keyless = await register(world.ada, { type: 'external', metadata: { ...openai, api_key: undefined } });
    const refused = await world.ada.call('PATCH', `/catalog/models/${keyless.id}/status`, { status: 'under_review' });
    assert.deepEqual(
      refused.data.issues.map(({ path }: Json) => path),
      ['metadata.api_key'],
    );
    const misplaced = await world.ada.call('POST', '/catalog/models', {
      name: 'bad',
      version: '1',
      type: 'base',
      owner_team: 'nlp',
      metadata: { api_key: canary },
    });
    assert.equal(misplaced.data.issues[0].path, 'metadata.api_key');
  });

  it('FR-001c: a key never goes to an address that it was not registered for', async () => {
    const model = await register(world.ada, {
      type: 'external',
      metadata: { ...openai, base_url: 'https://one.example/v1' },
    });
    const card = { description: 'GPT', provider: 'openai', model_name: 'gpt-4' };
    const kept = await world.ada.ask('PATCH', `/catalog/models/${model.id}`, {
      metadata: { ...card, base_url: 'https://one.example/v2' },
    });
    assert.equal(kept.has_api_key, true);
    const moved = await world.ada.ask('PATCH', `/catalog/models/${model.id}`, {
      metadata: { ...card, base_url: 'https://evil.example/v1' },
    });
    assert.equal(moved.has_api_key, false);
    assert.equal(await world.catalog.externalSecret(model.id), null);
    const source = await register(world.ada, {
      type: 'external',
      metadata: { ...openai, base_url: 'https://one.example/v1' },
    });
    const elsewhere = { version: '2', metadata: { ...card, base_url: 'https://evil.example/v1' } };
    const next = await world.ada.ask('POST', `/catalog/models/${source.id}/versions`, elsewhere);
    assert.equal(next.has_api_key, false);
    assert.equal(await world.catalog.externalSecret(next.id), null);
  });

  it('FR-001c: a connection is tested with the stored key, and only of external models', async () => {
    const model = await register(world.ada, { type: 'external', metadata: openai });
    const answer = await world.ada.ask('POST', `/catalog/models/${model.id}/test-connection`);
    assert.deepEqual(answer, { ok: true, message: 'asked', latencyMs: 3, models: ['gpt-4'] });
    assert.equal(tested.at(-1).metadata.model_name, 'gpt-4');
    const base = await register(world.ada);
    assert.equal(
      (await world.ada.call('POST', `/catalog/models/${base.id}/test-connection`)).data.code,
      'model_not_external',
    );
  });
});
