import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { config, safetensors, sound } from './files.ts';
import { approve, openWorld, register, until, type Json, type World } from './world.ts';

let world: World;
before(async () => void (world = await openWorld()));
after(() => world.close());

const settled = (id: string) =>
  until('files are ready', async () => {
    const model = await world.ada.ask('GET', `/catalog/models/${id}`);
    return model.files.every(({ status }: Json) => status === 'ready') && (model as Json);
  });

describe('versions', () => {
  it('FR-002: two versions are compared by metadata, card text, files by digest, architecture and tensors', async () => {
    const first = await register(world.ada, { metadata: { description: 'one' } });
    await world.ada.upload(first.id, { ...sound, 'README.md': '# One' });
    const second = await world.ada.ask('POST', `/catalog/models/${first.id}/versions`, {
      version: '2',
      copy_files: true,
      metadata: { description: 'two' },
    });
    await settled(second.id);
    await world.ada.upload(second.id, {
      'README.md': '# Two',
      'config.json': config.replace('"max_position_embeddings":256', '"max_position_embeddings":512'),
      'model.safetensors': safetensors({ a: [2, 4], c: [1] }),
      'tokenizer.json': '{}',
    });
    const found = await world.ada.ask('GET', `/catalog/models/${second.id}/versions/1.0/compare/2`);
    assert.deepEqual(found.card, { before: '# One', after: '# Two' });
    assert.deepEqual(found.metadata, [
      { path: 'metadata.description', change: 'changed', before: 'one', after: 'two' },
    ]);
    assert.deepEqual(Object.fromEntries(found.files.map((file: Json) => [file.path, file.change])), {
      'README.md': 'changed',
      'config.json': 'changed',
      'model.safetensors': 'changed',
      'tokenizer.json': 'added',
    });
    assert.deepEqual(found.tensors, [
      { name: 'a', change: 'changed', before: { dtype: 'F32', shape: [2, 3] }, after: { dtype: 'F32', shape: [2, 4] } },
      { name: 'b', change: 'removed', before: { dtype: 'F32', shape: [4] }, after: null },
      { name: 'c', change: 'added', before: null, after: { dtype: 'F32', shape: [1] } },
    ]);
    const architecture = Object.fromEntries(
      found.architecture.map((change: Json) => [change.path, [change.before, change.after]]),
    );
    assert.deepEqual(architecture['contextLength'], [256, 512]);
    assert.deepEqual(architecture['tokenizer'], [false, true]);
    assert.deepEqual(found.summary, { fields: 1, files: 4, tensors: 3 });
    const same = await world.ada.ask('GET', `/catalog/models/${second.id}/versions/2/compare/2`);
    assert.deepEqual(same.summary, { fields: 0, files: 0, tensors: 0 });
    assert.equal(
      (await world.ada.call('GET', `/catalog/models/${second.id}/versions/2/compare/9`)).data.code,
      'model_version_not_found',
    );
  });

  it('FR-002: files are copied to a new version with their digests; the approval is not', async () => {
    const first = await register(world.ada);
    await world.ada.upload(first.id, sound);
    await approve(world, first.id);
    const second = await world.ada.ask('POST', `/catalog/models/${first.id}/versions`, {
      version: '2',
      copy_files: true,
    });
    assert.equal(`${second.status} ${second.approval_digest}`, 'draft null');
    const model = await settled(second.id);
    const digests = ({ files }: Json) => files.map(({ path, sha256 }: Json) => `${path} ${sha256}`);
    assert.deepEqual(digests(model), digests(await world.ada.ask('GET', `/catalog/models/${first.id}`)));
    await approve(world, second.id);
    await world.catalog.deployable(second.id);
    assert.equal(
      (await world.catalog.deployable(first.id)).model.filesDigest,
      (await world.catalog.deployable(second.id)).model.filesDigest,
    );
  });

  it('FR-002: the card of another version is brought back to a draft, never to what was submitted', async () => {
    const first = await register(world.ada, { metadata: { description: 'good' } });
    const second = await world.ada.ask('POST', `/catalog/models/${first.id}/versions`, {
      version: '2',
      metadata: { description: 'bad' },
    });
    const restored = await world.ada.ask('POST', `/catalog/models/${second.id}/rollback`, { version: '1.0' });
    assert.equal(restored.metadata.description, 'good');
    await approve(world, second.id);
    assert.equal(
      (await world.ada.call('POST', `/catalog/models/${second.id}/rollback`, { version: '1.0' })).data.code,
      'model_frozen',
    );
  });
});

describe('a team of one', () => {
  it("FR-001: without four eyes one approves one's own, and the audit entry says so", async () => {
    const alone = await openWorld({ fourEyes: false });
    try {
      const me = alone.as('me', 'admin');
      const model = await register(me, { owner_team: 'home' });
      await me.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'under_review' });
      await me.ask('PATCH', `/catalog/models/${model.id}/status`, { status: 'approved' });
      const entries = await alone.audits('model.status', model.id);
      assert.equal(entries.at(-1).detail.four_eyes, 'off');
    } finally {
      await alone.close();
    }
  });
});
