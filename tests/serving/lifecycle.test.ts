import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../../contracts/index.ts';
import { codeOf, grounds, person } from './ground.ts';

const ground = grounds();

test('FR-006i: an endpoint that cannot be removed at once shows why, is tried again, and ends with an audit entry', async () => {
  const g = ground(() => ({ removeFails: 2 }));
  const { id, route } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  const asked = await g.call('deleteEndpoint', { params: { id } });
  assert.equal(asked.status, 'deleting');
  const stuck = await g.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'DeleteFailed'));
  assert.equal(stuck.status, 'deleting');
  assert.match(stuck.conditions[0]!.message, /held by a finalizer/);
  await assert.rejects(g.call('redeployEndpoint', { params: { id } }), codeOf('endpoint_deleting'));
  await assert.rejects(g.deploy({ route }), codeOf('endpoint_route_taken'));
  assert.match((await g.call('deleteEndpoint', { params: { id } })).message, /finalizer/, 'asked again: tried at once');
  await assert.rejects(
    g.until(id, () => false),
    codeOf('endpoint_not_found'),
  );
  assert.equal(g.engines.engines.size, 0);
  const { rows } = await g.db.pool.query(`select action from audit_entry where resource_id = $1`, [id]);
  assert.deepEqual(
    rows.map(({ action }: { action: string }) => action),
    ['endpoint.delete.done'],
  );
  assert.deepEqual(await g.call('listRoutes', { query: { name: route.slice(1) } }), []);
  assert.ok(await g.deploy({ route }), 'the route is free again');
});

test('FR-006r: reconciling writes nothing when nothing changed', async () => {
  const g = ground();
  for (let index = 0; index < 3; index += 1) {
    const { id } = await g.deploy();
    await g.until(id, ({ status }) => status === 'healthy');
  }
  await g.serving.reconciler.once();
  const versions = async () =>
    (
      await g.db.pool.query(
        'select xmin, ctid from endpoint union all select xmin, ctid from revision_state union all select xmin, ctid from route union all select xmin, ctid from verification',
      )
    ).rows;
  const before = await versions();
  const { apply, remove } = g.engines.calls;
  for (let look = 0; look < 20; look += 1) assert.equal(await g.serving.reconciler.once(), false);
  assert.deepEqual(await versions(), before);
  assert.deepEqual([g.engines.calls.apply, g.engines.calls.remove], [apply, remove]);
});

test('FR-006: two servers reconcile the same endpoints at once and each revision is started, verified and removed once', async () => {
  const g = ground(() => ({ startMs: 30 }));
  const other = g.another();
  const made: Endpoint[] = [];
  for (let index = 0; index < 5; index += 1) made.push(await g.deploy());
  await Promise.all([g.serving.reconciler.start(), other.reconciler.start()]);
  const settle = async (wanted: number) => {
    for (let waited = 0; ; waited += 1) {
      const all = await Promise.all(made.map(({ id }) => g.get(id)));
      if (
        all.every(({ status, revision }) => status === 'healthy' && revision === wanted) &&
        g.engines.engines.size === 5
      )
        return;
      assert.ok(waited < 300, 'not settled');
      await sleep(20);
    }
  };
  await settle(1);
  for (const { id } of made) await g.call('redeployEndpoint', { params: { id } });
  await settle(2);
  await other.reconciler.stop();
  assert.equal(g.engines.calls.apply, 10);
  assert.equal(g.engines.calls.remove, 5);
  assert.equal(g.engines.calls.completions, 10);
});

test('FR-006: a server that starts again continues a rollout where the first one ended, and removes what nobody wants', async () => {
  const g = ground(() => ({ startMs: 50 }));
  const { id } = await g.deploy();
  await g.serving.reconciler.once();
  const left = await g.engines.runtime.plan({
    ...(await firstSpec(g, id)),
    revisionId: 'a0000000-0000-7000-8000-000000000000',
  });
  await g.engines.runtime.apply(left, { ...(await firstSpec(g, id)), revisionId: left.revisionId });
  assert.equal(g.engines.engines.size, 2);
  const second = g.another();
  // a busy machine may have let the first one come to the end
  await second.reconciler.once();
  for (let waited = 0; (await g.get(id)).status !== 'healthy'; waited += 1) {
    assert.ok(waited < 200);
    await second.reconciler.once();
    await sleep(10);
  }
  assert.equal(g.engines.engines.size, 1);
});

async function firstSpec(g: ReturnType<typeof ground>, id: string) {
  const { rows } = await g.db.pool.query('select spec from revision where endpoint_id = $1', [id]);
  return rows[0].spec;
}

test('FR-006r: while the runtime cannot be reached nothing is changed or deleted', async () => {
  const g = ground();
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  g.engines.goDown(true);
  for (let look = 0; look < 5; look += 1) await g.serving.reconciler.once();
  assert.equal((await g.get(id)).status, 'healthy');
  await g.call('redeployEndpoint', { params: { id } });
  for (let look = 0; look < 5; look += 1) await g.serving.reconciler.once();
  assert.equal((await g.get(id)).revision, 1);
  g.engines.goDown(false);
  await g.until(id, ({ revision, status }) => revision === 2 && status === 'healthy');
});

test('FR-006g: PATCH changes policy and prompt and keeps the rollback data; a mark holds until the next look', async () => {
  const g = ground();
  const { id } = await g.deploy({ rollbackPlan: 'See the runbook.' });
  await g.until(id, ({ status }) => status === 'healthy');
  const patched = await g.call('updateEndpoint', {
    params: { id },
    body: { autoscalePolicy: { cpuUtilization: 70 }, promptPolicyId: 'p1', status: 'degraded' },
  });
  assert.equal(patched.status, 'degraded');
  assert.equal(patched.rollbackPlan, 'See the runbook.');
  assert.deepEqual(patched.autoscalePolicy, { cpuUtilization: 70 });
  assert.equal(patched.promptPolicyId, 'p1');
  assert.match(patched.conditions[0]!.message, /olga marked it degraded/);
  const seen = await g.until(id, ({ status }) => status === 'healthy');
  assert.deepEqual(seen.conditions, []);
  assert.ok(seen.lastHealthCheck);
  assert.equal(seen.version, '1');
});

test('FR-006g, kubernetes 20: scale reaches the running revision; 0 is a stop, min above max is refused naming both', async () => {
  const g = ground();
  await assert.rejects(g.deploy({ minReplicas: 0 }), codeOf('validation_failed'));
  await assert.rejects(g.deploy({ minReplicas: 3, maxReplicas: 2 }), ({ issues }) => {
    assert.deepEqual(
      issues.map(({ path }: { path: string }) => path),
      ['minReplicas', 'maxReplicas'],
    );
    return true;
  });
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  await g.call('updateEndpoint', { params: { id }, body: { minReplicas: 2, maxReplicas: 4 } });
  await g.until(id, () => [...g.engines.engines.values()][0]?.spec.minReplicas === 2);
  assert.equal((await g.get(id)).revision, 1, 'no new revision');
  await assert.rejects(
    g.call('updateEndpoint', { params: { id }, body: { minReplicas: 0 } }),
    codeOf('validation_failed'),
  );
  await g.call('updateEndpoint', { params: { id }, body: { minReplicas: 0, maxReplicas: 0 } });
  await g.until(id, ({ status }) => status === 'stopped' && g.engines.engines.size === 0);
  await g.call('updateEndpoint', { params: { id }, body: { minReplicas: 1 } });
  await g.until(id, ({ status, revision }) => status === 'healthy' && revision === 1);
});

test('FR-001c, FR-006d: an external model is healthy at once and needs no image', async () => {
  const g = ground();
  await g.table.start();
  const model = g.model({ type: 'external', files: [], metadata: { provider: 'openai', model_name: 'gpt-x' } });
  const made = await g.deploy({ modelId: model.id, route: '/ext' });
  assert.equal(made.status, 'healthy');
  assert.equal(made.revision, 1);
  assert.equal(made.runtime, 'openai');
  assert.equal(made.runtimeImage, '');
  await g.table.reload();
  assert.equal(g.table.resolve('ext').kind, 'route', 'before any look of the reconciler');
  await g.until(made.id, ({ lastHealthCheck }) => lastHealthCheck !== null);
  assert.equal((await g.call('verifyEndpoint', { params: { id: made.id } })).ok, true);
});

test('FR-006a: endpoints are listed newest first by environment, model and status; other teams see organization rows alone', async () => {
  const g = ground();
  const open = g.model();
  const closed = g.model({ visibility: 'team' });
  const first = await g.deploy({ modelId: open.id });
  const second = await g.deploy({ modelId: closed.id, environment: 'stg' });
  const ids = async (query: object, as?: ReturnType<typeof person>) =>
    (await g.call('listEndpoints', { query }, as)).map(({ id }) => id);
  assert.deepEqual(await ids({}), [second.id, first.id]);
  assert.deepEqual(await ids({ environment: 'stg' }), [second.id]);
  assert.deepEqual(await ids({ modelId: open.id }), [first.id]);
  assert.deepEqual(await ids({ status: 'healthy' }), []);
  const stranger = person('sam', ['developer'], ['ads']);
  assert.deepEqual(await ids({}, stranger), [first.id]);
  await assert.rejects(g.call('getEndpoint', { params: { id: second.id } }, stranger), codeOf('endpoint_not_found'));
  await assert.rejects(g.deploy({ modelId: closed.id }, stranger), codeOf('model_not_found'));
  const policy = {
    id: 'b0000000-0000-7000-8000-000000000000',
    name: 'hands off',
    scope: 'serving' as const,
    rules: [
      {
        effect: 'deny' as const,
        actions: ['endpoint:read'],
        resources: { type: 'endpoint', match: { environment: 'stg' } },
        subjects: {},
        reason: 'Audit week.',
      },
    ],
  };
  const limited = person('lea', ['operator'], '*', [policy]);
  assert.deepEqual(await ids({}, limited), [first.id]);
  await assert.rejects(g.call('getEndpoint', { params: { id: second.id } }, limited), codeOf('permission_denied'));
  assert.deepEqual(await g.serving.references(g.db.kysely as never, open.id), [
    { kind: 'endpoint', id: first.id, label: `${first.route.slice(1)} (dev)`, status: 'deploying' },
  ]);
});

test('FR-006, FR-006i: whatever call to the runtime breaks, before or after its effect, everything converges and nothing is doubled', async () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const g = ground(() => ({}), { crash: { limit: 1_000, settleMs: 60_000 }, drainMs: 20 });
    let state = seed;
    // a small generator of its own, so that a failing seed can be run again
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    g.engines.beFlaky(0.3, random);
    const { id } = await g.deploy();
    await g.until(id, ({ revision, status }) => revision === 1 && status === 'healthy');
    await g.call('redeployEndpoint', { params: { id }, query: { cpuLimit: '3' } });
    await g.until(id, ({ revision }) => revision === 2);
    await g.call('rollbackEndpoint', { params: { id } });
    await g.until(id, ({ revision, status }) => revision === 3 && status === 'healthy');
    const states = async () => (await g.call('listRevisions', { params: { id } })).map(({ state: at }) => at).join();
    for (let waited = 0; (await states()) !== 'live,retired,retired'; waited += 1) {
      assert.ok(waited < 200, `seed ${seed}: ${await states()}`);
      await g.db.pool.query('update revision_state set remove_after = null where remove_after is not null');
      await g.serving.reconciler.once();
    }
    assert.equal(g.engines.engines.size, 1, `seed ${seed}`);
    await g.call('deleteEndpoint', { params: { id } });
    const gone = async () => (await g.call('listEndpoints', {})).every((one) => one.id !== id);
    for (let waited = 0; !(await gone()); waited += 1) {
      assert.ok(waited < 200, `seed ${seed}: not deleted`);
      await g.db.pool.query('update revision_state set remove_after = null where remove_after is not null');
      await g.serving.reconciler.once();
    }
    assert.equal(g.engines.engines.size, 0, `seed ${seed}`);
  }
});

test('FR-006, QS-2: many new endpoints are brought up by few reads: those worked on at a time read their rows together', async () => {
  const g = ground();
  const many = 48;
  const asked = await Promise.all(Array.from({ length: many }, () => g.deploy()));
  let taken = 0;
  const count = () => void (taken += 1);
  g.db.pool.on('acquire', count);
  try {
    await g.serving.reconciler.once();
  } finally {
    g.db.pool.off('acquire', count);
  }
  for (const { id } of asked) assert.equal((await g.get(id)).status, 'healthy');
  assert.ok(taken / many < 14, `${taken / many} times a connection for each; read one by one it was 22`);
});
