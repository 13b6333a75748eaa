import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf, grounds, person } from './ground.ts';

const ground = grounds();
const image = 'vllm/vllm-openai:v0.9.0';

test('DEP-5: promotion carries image, resources and model to the next environment as a revision of its own', async () => {
  const g = ground();
  const { id, route } = await g.deploy({ servingRuntimeImage: image, cpuRequest: '500m', route: '/promoted' });
  await assert.rejects(
    g.call('promoteEndpoint', { params: { id }, body: { environment: 'stg' } }),
    codeOf('endpoint_not_healthy'),
  );
  await g.until(id, ({ status }) => status === 'healthy');
  const stg = await g.call('promoteEndpoint', { params: { id }, body: { environment: 'stg' } });
  assert.deepEqual([stg.environment, stg.route, stg.runtimeImage], ['stg', route, image]);
  await g.until(stg.id, ({ status }) => status === 'healthy');
  const [revision] = await g.call('listRevisions', { params: { id: stg.id } });
  assert.equal(revision!.reason, 'promote');
  assert.equal(revision!.resources.cpuRequest, '500m');
  assert.deepEqual(await g.call('listDrift', {}), []);
  // the next version goes the same way: another version alone needs no note
  const next = g.model({ name: stg.modelName, version: '2' });
  await g.call('redeployEndpoint', { params: { id }, body: { modelId: next.id } });
  await g.until(id, ({ revision: number }) => number === 2);
  const again = await g.call('promoteEndpoint', { params: { id }, body: { environment: 'stg' } });
  assert.deepEqual([again.id, again.targetRevision, again.version], [stg.id, 2, '2']);
  await g.until(stg.id, ({ revision: number }) => number === 2);
});

test('EC-drift: a difference to the environment before blocks deployment, redeployment and promotion until a parity note explains it', async () => {
  const g = ground();
  const model = g.model();
  const dev = await g.deploy({ modelId: model.id, route: '/drifting', servingRuntimeImage: image });
  await g.until(dev.id, ({ status }) => status === 'healthy');
  const wanted = {
    modelId: model.id,
    environment: 'stg',
    route: '/drifting',
    servingRuntimeImage: 'vllm/vllm-openai:v0.8.0',
    env: { TOKEN: 'hidden-value' },
  };
  await assert.rejects(
    g.deploy(wanted),
    (error: { code: string; message: string; issues: { path: string }[]; data: unknown }) => {
      assert.equal(error.code, 'drift_unexplained');
      assert.deepEqual(
        error.issues.map(({ path }) => path),
        ['runtimeImage', 'env'],
      );
      assert.match(error.message, /v0\.9\.0 → vllm\/vllm-openai:v0\.8\.0/);
      assert.doesNotMatch(JSON.stringify(error.data) + error.message, /hidden-value/);
      return true;
    },
  );
  const stg = await g.deploy({ ...wanted, parityNote: 'The GPUs of stg need the older image.' });
  const [drift] = await g.call('listDrift', { query: { route: '/drifting' } });
  assert.deepEqual(drift!.environments, { from: 'dev', to: 'stg' });
  assert.deepEqual([drift!.parityNote, drift!.blocked], ['The GPUs of stg need the older image.', false]);
  await g.until(stg.id, ({ status }) => status === 'healthy');
  await g.call('redeployEndpoint', { params: { id: stg.id } });
  const [still] = await g.call('listDrift', { query: { route: '/drifting' } });
  assert.equal(still!.blocked, false, 'what was explained stays explained by a restart');
  await assert.rejects(
    g.call('redeployEndpoint', { params: { id: stg.id }, query: { cpuLimit: '4' } }),
    codeOf('drift_unexplained'),
  );
  await g.call('redeployEndpoint', { params: { id: stg.id }, body: { cpuLimit: '4', parityNote: 'More load.' } });
  await assert.rejects(
    g.call('promoteEndpoint', { params: { id: dev.id }, body: { environment: 'stg' } }),
    codeOf('drift_unexplained'),
  );
  const promoted = await g.call('promoteEndpoint', {
    params: { id: dev.id },
    body: { environment: 'stg', parityNote: 'Back to one image.' },
  });
  assert.equal(promoted.runtimeImage, image);
  const found = await g.call('preflight', { body: { ...wanted, route: '/drifting-2', env: {} } });
  assert.equal(found.checks.find(({ name }) => name === 'drift')!.level, 'red');
});

test('FR-006: approved models only, an allowed environment, a rollback plan and a green preflight for prod', async () => {
  const g = ground();
  const draft = g.model({ status: 'draft' });
  await assert.rejects(g.deploy({ modelId: draft.id }), codeOf('model_not_approved'));
  const developer = person('dev', ['developer']);
  await assert.rejects(
    g.deploy({ environment: 'prod', rollbackPlan: 'Back.' }, developer),
    codeOf('environment_not_allowed'),
  );
  const { id } = await g.deploy({}, developer);
  await g.until(id, ({ status }) => status === 'healthy');
  await assert.rejects(
    g.call('promoteEndpoint', { params: { id }, body: { environment: 'prod' } }, developer),
    codeOf('environment_not_allowed'),
  );
  await assert.rejects(g.deploy({ environment: 'prod' }), ({ issues }) => issues[0].path === 'rollbackPlan');
  assert.match((await g.get(id)).rollbackPlan, /previous revision/);
  const large = g.model({ metadata: { tooLarge: true } });
  await assert.rejects(
    g.deploy({ modelId: large.id, environment: 'prod', rollbackPlan: 'Back.' }),
    codeOf('preflight_red'),
  );
  assert.ok(await g.deploy({ modelId: large.id, environment: 'dev' }), 'outside of prod it may be tried');
});

test('DEP-7: preflight tells everything that would be refused, each with what to do', async () => {
  const g = ground();
  const draft = g.model({ status: 'draft', metadata: { tooLarge: true } });
  const developer = person('dev', ['developer']);
  const found = await g.call('preflight', { body: { modelId: draft.id, environment: 'prod', route: '/x' } }, developer);
  assert.equal(found.level, 'red');
  const levels = Object.fromEntries(found.checks.map(({ name, level }) => [name, level]));
  assert.deepEqual(levels, {
    permission: 'red',
    approval: 'red',
    request: 'red',
    route: 'green',
    drift: 'green',
    change: 'red',
    memory: 'red',
  });
  assert.ok(found.checks.every(({ level, remedy }) => level === 'green' || remedy !== null));
  const good = await g.call('preflight', { body: { modelId: g.model().id, environment: 'dev' } }, developer);
  assert.equal(good.level, 'green');
});

test('FR-006f, kubernetes 5: resources follow useGpu and the request; a request above the limit names both fields', async () => {
  const g = ground();
  await assert.rejects(g.deploy({ cpuRequest: '8' }), (error: { code: string; issues: { path: string }[] }) => {
    assert.equal(error.code, 'validation_failed');
    assert.deepEqual(
      error.issues.map(({ path }) => path),
      ['cpuRequest', 'cpuLimit'],
    );
    return true;
  });
  const { id } = await g.deploy({ cpuLimit: '4' });
  await g.until(id, ({ status }) => status === 'healthy');
  const gpu = await g.call('redeployEndpoint', { params: { id }, query: { useGpu: 'true' } });
  assert.equal(gpu.useGpu, true);
  const [revision] = await g.call('listRevisions', { params: { id } });
  assert.deepEqual(revision!.resources, { cpuRequest: '1', cpuLimit: '4', memoryRequest: '2Gi', memoryLimit: '4Gi' });
});

test('FR-006g: a version that is not the model’s is refused; FR-006k: the image stays over redeployments until another is named', async () => {
  const g = ground();
  await assert.rejects(g.deploy({ version: '9' }), ({ issues }) => issues[0].path === 'version');
  const { id } = await g.deploy({ version: '1', servingRuntimeImage: image });
  assert.equal((await g.call('redeployEndpoint', { params: { id } })).runtimeImage, image);
  assert.equal(
    (await g.call('redeployEndpoint', { params: { id }, query: { servingRuntimeImage: 'x:2' } })).runtimeImage,
    'x:2',
  );
  const manifests = await g.call('getManifests', { params: { id } });
  assert.deepEqual(manifests.manifests, [{ revision: 3, image: 'x:2', replicas: 1 }]);
  const images = await g.call('listRuntimes');
  assert.deepEqual(
    images.map(({ runtime, available }) => [runtime, available]),
    [
      ['llama.cpp', true],
      ['vllm', false],
      ['tgi', false],
    ],
  );
});
