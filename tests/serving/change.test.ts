import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangePlan } from '../../contracts/index.ts';
import { codeOf, grounds, operator, person, type Ground } from './ground.ts';
import { changePlan as plan } from './plan.ts';

const ground = grounds();
const image = 'vllm/vllm-openai:v0.9.0';
const reviewer = person('rita', ['reviewer']);

async function healthyDev(g: Ground, route: string) {
  const dev = await g.deploy({ route, servingRuntimeImage: image, rollbackPlan: 'Back to the revision before.' });
  await g.until(dev.id, ({ status }) => status === 'healthy');
  return dev;
}
const toProd = (endpointId: string, change?: ChangePlan) => ({
  kind: 'promote',
  endpointId,
  environment: 'prod',
  change,
});

test('FR-012: prod takes no deployment, promotion or changed redeployment without backup plan and maintenance procedure', async () => {
  const g = ground();
  const dev = await healthyDev(g, '/planned');
  const promotion = { params: { id: dev.id }, body: { environment: 'prod' } };
  const missing = ({ code, issues, remedy }: { code: string; issues: { path: string }[]; remedy: string }) =>
    code === 'change_plan_missing' &&
    /preview/.test(remedy) &&
    issues.map(({ path }) => path).join() === 'change.backup,change.maintenance';
  await assert.rejects(g.call('promoteEndpoint', promotion), missing);
  await assert.rejects(g.deploy({ environment: 'prod', rollbackPlan: 'Back.' }), missing);
  const check = await g.call('preflight', {
    body: { modelId: dev.modelId, environment: 'prod', rollbackPlan: 'Back.' },
  });
  assert.equal(check.checks.find(({ name }) => name === 'change')!.level, 'red');
  await assert.rejects(
    g.call('promoteEndpoint', { ...promotion, body: { ...promotion.body, change: plan(1, 2) } }),
    ({ code, issues }) => code === 'change_outside_window' && issues[0].path === 'change.maintenance.startsAt',
  );
  const prod = await g.call('promoteEndpoint', { ...promotion, body: { ...promotion.body, change: plan() } });
  await g.until(prod.id, ({ status }) => status === 'healthy');
  await assert.rejects(
    g.call('redeployEndpoint', { params: { id: prod.id }, body: { cpuLimit: '4', parityNote: 'More load.' } }),
    missing,
  );
  // the same again is a restart, and a rollback never waits
  await g.call('redeployEndpoint', { params: { id: prod.id } });
  await g.call('rollbackEndpoint', { params: { id: prod.id } });
  const changes = await g.call('listChanges', { query: { endpointId: prod.id } });
  assert.equal(changes.length, 1, 'neither a restart nor a rollback is a change');
  const [kept] = changes;
  assert.deepEqual([kept!.status, kept!.revision, kept!.plan], ['applied', 1, { ...kept!.plan! }]);
  assert.equal(kept!.plan!.backup.restore, 'Roll back.');
  await assert.rejects(
    g.db.pool.query(`update change_request set plan = null where id = '${kept!.id}'`),
    /never changed/,
    'what was applied is kept as it was',
  );
});

test('FR-012: reviewers see topology, parity, preflight and plans in one answer before they approve; only what they saw is applied', async () => {
  const g = ground(() => ({}), { fourEyes: true });
  const dev = await healthyDev(g, '/reviewed');
  await assert.rejects(
    g.call('promoteEndpoint', { params: { id: dev.id }, body: { environment: 'prod', change: plan() } }),
    codeOf('change_approval_required'),
  );
  const preview = await g.call('previewChange', { body: toProd(dev.id) });
  assert.deepEqual([preview.planRequired, preview.approvalRequired], [true, true]);
  assert.match(preview.plan.backup.kept, new RegExp(dev.modelName));
  const submitted = await g.call('submitChange', { body: toProd(dev.id, preview.plan) });
  assert.equal(submitted.status, 'open');
  assert.equal(submitted.mayApprove, false, 'whoever submitted it does not approve it');

  const read = await g.call('getChange', { params: { id: submitted.id } }, reviewer);
  assert.deepEqual([read.mayApprove, read.mayApply, read.preflight!.level], [true, false, 'green']);
  const row = read.topology.rows.find(({ field }) => field === 'image')!;
  assert.deepEqual(
    [row.values, row.wanted, row.differs],
    [{ dev: image, stg: null, prod: null }, image, false],
    'the environments beside each other',
  );
  assert.deepEqual(
    read.topology.environments.map(({ endpointId }) => endpointId),
    [dev.id, null, null],
  );
  assert.deepEqual(read.plan, preview.plan);

  const apply = () => g.call('applyChange', { params: { id: submitted.id } });
  const decide = (version: number, as = reviewer) =>
    g.call(
      'decideChange',
      { params: { id: submitted.id }, body: { decision: 'approve', version, notes: 'Good.' } },
      as,
    );
  await assert.rejects(apply(), codeOf('change_not_approved'));
  await assert.rejects(decide(1, operator), codeOf('permission_denied'));
  await assert.rejects(decide(1, person('olga', ['admin'])), codeOf('change_four_eyes'));
  assert.deepEqual(
    [(await decide(1)).status, await decide(1).catch(({ code }) => code)],
    ['approved', 'change_closed'],
  );

  // another plan is to be approved anew, and by whoever read it
  const amended = await g.call('amendChange', { params: { id: submitted.id }, body: { change: plan() } });
  assert.deepEqual([amended.status, amended.version, amended.decidedBy], ['open', 2, null]);
  await assert.rejects(apply(), codeOf('change_not_approved'));
  await assert.rejects(decide(1), codeOf('change_amended'));
  await decide(2);

  // what is promoted is no longer what was approved
  await g.call('redeployEndpoint', { params: { id: dev.id }, body: { cpuLimit: '4' } });
  await g.until(dev.id, ({ revision }) => revision === 2);
  await assert.rejects(apply(), codeOf('change_outdated'));
  await g.call('amendChange', { params: { id: submitted.id }, body: {} });
  await decide(3);
  const applied = await apply();
  assert.deepEqual([applied.status, applied.revision, applied.decidedBy], ['applied', 1, 'rita']);
  const prod = await g.until(applied.endpointId!, ({ status }) => status === 'healthy');
  assert.equal(prod.rollbackPlan, 'Back to the revision before.');
  await assert.rejects(apply(), codeOf('change_closed'));
  await assert.rejects(
    g.call('amendChange', { params: { id: submitted.id }, body: { change: plan() } }),
    codeOf('change_closed'),
  );
  assert.deepEqual(
    g.published.filter(({ type }) => type.startsWith('change.')).map(({ type }) => type),
    ['change.submitted', 'change.decided', 'change.submitted', 'change.decided', 'change.submitted', 'change.decided'],
  );
});

test('FR-012, EC-drift: a change that differs needs its parity note when it is submitted, and shows no value of a variable', async () => {
  const g = ground(() => ({}), { fourEyes: true });
  const dev = await healthyDev(g, '/secretive');
  const deploy = {
    kind: 'deploy',
    modelId: dev.modelId,
    environment: 'prod',
    route: '/secretive',
    servingRuntimeImage: 'vllm/vllm-openai:v0.8.0',
    rollbackPlan: 'Back.',
    env: { TOKEN: 'hidden-value' },
    args: ['--api-key', 'hidden-argument'],
    change: plan(-2, -1),
  };
  const preview = await g.call('previewChange', { body: deploy });
  assert.deepEqual(
    preview.differences.map(({ path }) => path),
    ['runtimeImage', 'args', 'env'],
  );
  await assert.rejects(g.call('submitChange', { body: deploy }), codeOf('drift_unexplained'));
  const change = await g.call('submitChange', { body: { ...deploy, parityNote: 'Older drivers there.' } });
  assert.equal(change.parityNote, 'Older drivers there.');
  const differing = change.topology.rows
    .filter(({ differs }) => differs)
    .map(({ group, field }) => `${group}.${field}`);
  assert.deepEqual(differing, ['runtime.image', 'runtime.args', 'runtime.env']);
  assert.doesNotMatch(JSON.stringify([preview.topology, change]), /hidden-/);
  await g.call('decideChange', { params: { id: change.id }, body: { decision: 'approve', version: 1 } }, reviewer);
  await assert.rejects(
    g.call('applyChange', { params: { id: change.id } }),
    ({ code, issues }) => code === 'change_outside_window' && issues[0].path === 'change.maintenance.endsAt',
  );
  const gone = await g.call('withdrawChange', { params: { id: change.id } });
  assert.equal(gone.status, 'withdrawn');
});

test('FR-012: stg is recorded without plans, dev with them alone; another team’s changes do not exist', async () => {
  const g = ground();
  const model = g.model({ visibility: 'team' });
  const dev = await g.deploy({ modelId: model.id, route: '/own' });
  await g.until(dev.id, ({ status }) => status === 'healthy');
  const stg = await g.call('promoteEndpoint', { params: { id: dev.id }, body: { environment: 'stg' } });
  const [recorded, ...rest] = await g.call('listChanges', { query: { endpointId: dev.id } });
  assert.deepEqual([rest.length, recorded!.endpointId, recorded!.plan], [0, stg.id, null]);
  const { topology } = await g.call('getChange', { params: { id: recorded!.id } });
  assert.deepEqual([topology.target, topology.isNew], ['stg', true]);
  await g.call('redeployEndpoint', { params: { id: dev.id }, body: { cpuLimit: '4', change: plan() } });
  assert.equal((await g.call('listChanges', { query: { environment: 'dev' } })).length, 1);
  const stranger = person('sven', ['operator'], ['billing']);
  await assert.rejects(g.call('getChange', { params: { id: recorded!.id } }, stranger), codeOf('change_not_found'));
  assert.deepEqual(await g.call('listChanges', {}, stranger), []);
});
