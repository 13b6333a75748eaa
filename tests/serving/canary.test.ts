import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Canary, Endpoint } from '../../contracts/index.ts';
import { uuidv7 } from '../../backend/src/platform/ids/index.ts';
import { codeOf, grounds, type Ground } from './ground.ts';

const ground = grounds();
const plan = { steps: [10, 50, 100], stepSeconds: 5, minimumRequests: 20 };

/** Requests as gateways record them. */
async function asked(
  g: Ground,
  endpointId: string,
  revision: number,
  count: number,
  how: { status?: number; latencyMs?: number; decision?: object } = {},
): Promise<void> {
  const { status = 200, latencyMs = 100, decision = null } = how;
  const ids = Array.from({ length: count }, () => uuidv7());
  await g.db.pool.query(
    `insert into usage_event (id, at, gateway, request_id, user_id, route, environment, endpoint_id, revision, operation, streamed,
       status, forwarded, prompt_tokens, completion_tokens, estimated, cached, cost, latency_ms, attempts, decision)
     select id, clock_timestamp(), 'g', id::text, 'u', 'r', 'dev', $2, $3, 'chat', false, $4, true, 1, 1, false, false, 0, $5, 1, $6
     from unnest($1::uuid[]) as id`,
    [ids, endpointId, revision, status, latencyMs, decision && JSON.stringify(decision)],
  );
  // a look counts what came before the millisecond that it is of
  await sleep(2);
}

/** An endpoint whose revision 2 has its first share of the traffic. */
async function shared(g: Ground, canary: object = {}): Promise<Endpoint> {
  await g.table.start();
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  await g.call('redeployEndpoint', { params: { id }, body: { canary: { ...plan, ...canary } } });
  return g.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'Canary'));
}
const canaryOf = async (g: Ground, id: string): Promise<Canary> => (await g.call('getCanary', { params: { id } }))!;
/** As if so much time had gone by since the share was given. */
const later = (g: Ground, id: string, seconds: number) =>
  g.db.pool.query(`update canary set weight_since = weight_since - make_interval(secs => $2) where endpoint_id = $1`, [
    id,
    seconds,
  ]);
async function shares(g: Ground, endpoint: Endpoint): Promise<Record<number, number>> {
  await g.table.reload();
  const found = g.table.resolve(endpoint.route.slice(1));
  assert.equal(found.kind, 'route');
  return Object.fromEntries(
    (found.kind === 'route' ? found.targets : []).map(({ revisionNumber, weight }) => [revisionNumber, weight]),
  );
}

test('FR-006, DEP-4: a new revision gets a share of the traffic of every name, more when it does as well, all at the end', async () => {
  const g = ground();
  const endpoint = await shared(g);
  const { id } = endpoint;
  assert.equal(endpoint.revision, 1, 'revision 1 serves');
  assert.equal(endpoint.targetRevision, 2);
  assert.match(endpoint.conditions[0]!.message, /Revision 2 gets 10 % of the traffic beside revision 1/);
  assert.deepEqual(await shares(g, endpoint), { 1: 90, 2: 10 });
  await g.call('createRegistration', { body: { name: 'other-name', endpointId: id } });
  await g.table.reload();
  const other = g.table.resolve('other-name');
  assert.equal(other.kind === 'route' && other.targets.length, 2);

  await later(g, id, 60);
  await asked(g, id, 1, 200);
  await asked(g, id, 2, 19);
  await g.serving.reconciler.once();
  const few = await canaryOf(g, id);
  assert.equal(few.weight, 10, 'time alone does not take it further');
  assert.equal(few.comparison!.verdict.reason, 'FewRequests');
  assert.deepEqual([few.comparison!.stable.requests, few.comparison!.canary.requests], [200, 19]);

  await asked(g, id, 2, 1);
  await g.serving.reconciler.once();
  assert.equal((await canaryOf(g, id)).weight, 50);
  assert.deepEqual(await shares(g, endpoint), { 1: 50, 2: 50 });
  await later(g, id, 60);
  await asked(g, id, 1, 30);
  await asked(g, id, 2, 30);
  const whole = await g.until(id, ({ revision }) => revision === 2);
  assert.deepEqual(whole.conditions, []);
  const ended = await canaryOf(g, id);
  assert.deepEqual([ended.state, ended.weight, ended.endedBy], ['promoted', 100, 'reconciler']);
  assert.deepEqual(await shares(g, endpoint), { 2: 100 });
  await g.until(id, () => g.engines.engines.size === 1);
});

test('FR-006, DEP-4: more errors take it back, with the reason on the endpoint, the revision, the canary and in the audit log', async () => {
  const g = ground();
  const endpoint = await shared(g);
  const { id } = endpoint;
  await asked(g, id, 1, 300);
  await asked(g, id, 2, 14);
  await asked(g, id, 2, 4, { status: 502 });
  // one that failed on revision 2 and was answered by revision 1 after all
  const failed = {
    endpoint_id: id,
    revision: 2,
    priority: 0,
    address: 'h:1',
    outcome: 'error',
    status: 500,
    milliseconds: 1,
  };
  await asked(g, id, 1, 2, { decision: { environments: [], attempts: [failed], skipped: [] } });
  const after = await g.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'RolloutFailed'));
  assert.equal(after.status, 'healthy');
  assert.deepEqual([after.revision, after.targetRevision], [1, 1]);
  assert.equal(after.conditions[0]!.reason, 'MoreErrors');
  assert.match(
    after.conditions[0]!.message,
    /Revision 2 failed and was taken out of the traffic; revision 1 serves it\. 6 of 20/,
  );
  assert.deepEqual(await shares(g, endpoint), { 1: 100 });
  const ended = await canaryOf(g, id);
  assert.deepEqual([ended.state, ended.reason, ended.weight], ['aborted', 'MoreErrors', 0]);
  assert.equal(ended.comparison!.canary.errors, 6);
  const [second] = await g.call('listRevisions', { params: { id } });
  assert.deepEqual([second!.state, second!.conditions[0]!.reason], ['failed', 'MoreErrors']);
  const { rows } = await g.db.pool.query(
    `select action, result, detail from audit_entry where resource_id = $1 order by at`,
    [id],
  );
  const entry = rows.find(({ result }) => result === 'failed');
  assert.equal(entry.detail.reason, 'MoreErrors');
  assert.ok(rows.some(({ action, detail }) => action === 'endpoint.canary' && detail.weight === 10));
  await g.until(id, () => g.engines.engines.size === 1);
});

test('FR-006: slower answers take it back; a client that goes away and a 429 count for nothing', async () => {
  const g = ground();
  const { id } = await shared(g);
  await asked(g, id, 1, 200);
  await asked(g, id, 2, 50, { status: 429 });
  await asked(g, id, 2, 50, { status: 499 });
  await g.serving.reconciler.once();
  assert.equal((await canaryOf(g, id)).state, 'running');
  await asked(g, id, 2, 30, { latencyMs: 900 });
  const after = await g.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'RolloutFailed'));
  assert.equal(after.conditions[0]!.reason, 'Slower');
});

test('FR-006: by hand: a share is set, all is given, or it is taken back; what is not ready or ended refuses', async () => {
  const g = ground(({ number }) => (number === 2 ? { startMs: 600 } : {}));
  await g.table.start();
  const { id, route } = await g.deploy();
  await assert.rejects(
    g.call('redeployEndpoint', { params: { id }, body: { canary: plan } }),
    codeOf('canary_without_live'),
  );
  await g.until(id, ({ status }) => status === 'healthy');
  assert.equal(await g.call('getCanary', { params: { id } }), null);
  await g.call('redeployEndpoint', { params: { id }, body: { canary: { ...plan, automatic: false } } });
  await assert.rejects(g.call('updateCanary', { params: { id }, body: { weight: 5 } }), codeOf('canary_not_ready'));
  const endpoint = await g.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'Canary'));
  assert.equal(endpoint.conditions.find(({ type }) => type === 'Canary')!.reason, 'SharingByHand');
  await g.call('updateCanary', { params: { id }, body: { weight: 33 } });
  await later(g, id, 600);
  await asked(g, id, 1, 100);
  await asked(g, id, 2, 100);
  await g.serving.reconciler.once();
  assert.equal((await canaryOf(g, id)).weight, 33, 'it does not go on by itself');
  assert.deepEqual(await shares(g, { ...endpoint, route }), { 1: 67, 2: 33 });
  const taken = await g.call('abortCanary', { params: { id } });
  assert.deepEqual([taken.state, taken.reason, taken.endedBy], ['aborted', 'ByHand', 'olga']);
  await g.until(id, ({ targetRevision, conditions }) => targetRevision === 1 && conditions.length === 0);
  await g.until(id, () => g.engines.engines.size === 1);
  await assert.rejects(g.call('abortCanary', { params: { id } }), codeOf('canary_not_open'));

  await g.call('redeployEndpoint', { params: { id }, body: { canary: { ...plan, automatic: false } } });
  await g.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'Canary'));
  await g.call('updateCanary', { params: { id }, body: { weight: 100 } });
  await g.until(id, ({ revision }) => revision === 3);
  assert.equal((await canaryOf(g, id)).state, 'promoted');
});

test('FR-006: something newer, a stop and a delete end it; started again, what served serves', async () => {
  const g = ground();
  const { id } = await shared(g);
  await g.call('redeployEndpoint', { params: { id } });
  assert.equal((await canaryOf(g, id)).state, 'superseded');
  await g.until(id, ({ revision }) => revision === 3);
  await g.call('redeployEndpoint', { params: { id }, body: { canary: plan } });
  await g.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'Canary'));
  await g.call('updateEndpoint', { params: { id }, body: { minReplicas: 0, maxReplicas: 0 } });
  await g.until(id, ({ status }) => status === 'stopped');
  await g.until(id, () => g.engines.engines.size === 0);
  await g.call('updateEndpoint', { params: { id }, body: { minReplicas: 1, maxReplicas: 1 } });
  await g.until(id, ({ status, revision }) => status === 'healthy' && revision === 3);
});

test('DEP-4: a revision that took all the traffic and errs more than the one before gives it back within its time', async () => {
  const g = ground(() => ({}), { watch: { ms: 60_000, everyMs: 0, minimumRequests: 20, moreErrors: 1, slower: 20 } });
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  await asked(g, id, 1, 200);
  await g.call('redeployEndpoint', { params: { id } });
  await g.until(id, ({ revision }) => revision === 2);
  await asked(g, id, 2, 20, { status: 500 });
  const back = await g.until(id, ({ revision }) => revision === 1);
  assert.equal(back.targetRevision, 1);
  const told = await g.until(id, ({ conditions }) => conditions.some(({ type }) => type === 'RolloutFailed'));
  assert.equal(told.conditions[0]!.reason, 'MoreErrors');
  // a later rollback does not go to what was given up
  await g.call('redeployEndpoint', { params: { id }, query: { cpuLimit: '4' } });
  await g.until(id, ({ revision }) => revision === 3);
  await g.call('rollbackEndpoint', { params: { id } });
  const last = await g.until(id, ({ revision }) => revision === 4);
  assert.equal(last.revision, 4);
  const history = await g.call('listRevisions', { params: { id } });
  assert.equal(history[0]!.rolledBackTo, 1);
});
