import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { grounds } from './ground.ts';

const ground = grounds();

test('FR-006, DEP-1: a deployed model becomes healthy after a test completion, then answers under its route', async () => {
  const g = ground(() => ({ startMs: 100 }));
  await g.table.start();
  const made = await g.deploy({ route: ' /team/assistant/ ' });
  assert.equal(made.status, 'deploying');
  assert.equal(made.route, '/team/assistant');
  assert.equal(made.revision, 0);
  const healthy = await g.until(made.id, ({ status }) => status === 'healthy');
  assert.equal(healthy.revision, 1);
  assert.deepEqual(healthy.replicas, { total: 1, ready: 1, available: 1 });
  assert.ok(healthy.lastHealthCheck);
  await g.table.reload();
  assert.equal(g.table.resolve('team/assistant').kind, 'route');
  assert.equal(g.engines.calls.completions, 1, 'warmed by one completion before traffic');
});

test('FR-006j: redeploy and rollback are revisions beside the old one; a second rollback goes further back, then scales to 0', async () => {
  const g = ground();
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  for (const cpuLimit of ['3', '4']) {
    const again = await g.call('redeployEndpoint', { params: { id }, query: { cpuLimit } });
    assert.equal(again.targetRevision, again.revision + 1);
    await g.until(id, ({ revision, targetRevision }) => revision === targetRevision);
  }
  const back = await g.call('rollbackEndpoint', { params: { id } });
  assert.equal(back.targetRevision, 4);
  await g.until(id, ({ revision }) => revision === 4);
  await g.call('rollbackEndpoint', { params: { id } });
  await g.until(id, ({ revision }) => revision === 5);
  const history = await g.call('listRevisions', { params: { id } });
  assert.deepEqual(
    history.map((one) => [one.number, one.reason, one.rolledBackTo, one.resources.cpuLimit]),
    [
      [5, 'rollback', 1, '2'],
      [4, 'rollback', 2, '3'],
      [3, 'redeploy', null, '4'],
      [2, 'redeploy', null, '3'],
      [1, 'deploy', null, '2'],
    ],
  );
  const none = await g.call('rollbackEndpoint', { params: { id } });
  assert.match(none.conditions[0]!.message, /scaled to 0/);
  const stopped = await g.until(id, ({ status, revision }) => status === 'stopped' && revision === 0);
  assert.equal(stopped.conditions[0]!.reason, 'ScaledToZero');
  assert.equal((await g.call('listRevisions', { params: { id } })).length, 5, 'the history is kept');
});

test('FR-006h, FR-006j: a failed rollout is kept away from traffic; its cause, log lines and remedy are shown; the endpoint stays healthy', async () => {
  const g = ground(({ image }) => (image === 'bad:1' ? { failsWith: 'ImagePullBackOff' } : {}));
  await g.table.start();
  const { id, route } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  const asked = await g.call('redeployEndpoint', { params: { id }, body: { servingRuntimeImage: 'bad:1' } });
  assert.equal(asked.runtimeImage, 'bad:1');
  const after = await g.until(id, ({ targetRevision, conditions }) => targetRevision === 1 && conditions.length > 0);
  assert.equal(after.status, 'healthy');
  assert.equal(after.revision, 1);
  assert.equal(after.runtimeImage, 'llama.cpp', 'FR-006k: the image that serves is the one that is told');
  assert.equal(after.conditions[0]!.type, 'RolloutFailed');
  assert.equal(after.conditions[0]!.reason, 'ImagePullBackOff');
  assert.match(after.conditions[0]!.message, /Revision 2 failed and got no traffic/);
  assert.notEqual(after.conditions[0]!.remedy, '');
  await g.table.reload();
  const found = g.table.resolve(route.slice(1));
  assert.equal(found.kind === 'route' && found.targets[0]!.revisionNumber, 1);
  await g.until(id, () => g.engines.engines.size === 1);
  const logs = await g.call('getEndpointLogs', { params: { id }, query: { revision: 2 } });
  assert.deepEqual(logs.lines.at(-1), 'error: out of luck');
  const [failed] = await g.call('listRevisions', { params: { id } });
  assert.equal(failed!.state, 'failed');
  // a rollback after it confirms what serves, it does not stop it
  const back = await g.call('rollbackEndpoint', { params: { id } });
  assert.equal(back.targetRevision, 3);
  const calm = await g.until(id, ({ revision }) => revision === 3);
  assert.deepEqual(calm.conditions, []);
});

test('DEP-6: a revision that does not answer a test completion gets no traffic', async () => {
  const g = ground(({ env }) => (env.BROKEN ? { status: 500 } : {}));
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  await g.call('redeployEndpoint', { params: { id }, body: { env: { BROKEN: '1' } } });
  const after = await g.until(id, ({ conditions }) => conditions[0]?.type === 'RolloutFailed');
  assert.equal(after.conditions[0]!.reason, 'VerificationFailed');
  assert.match(after.conditions[0]!.message, /status 500/);
  const said = await g.call('verifyEndpoint', { params: { id }, body: { prompt: 'hello?' } });
  assert.equal(said.ok, true);
  assert.equal(said.completion, 'from 1');
  assert.deepEqual(said.usage, { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 });
});

test('DEP-6: without verification in its environment a revision takes traffic as soon as it is ready', async () => {
  const g = ground(() => ({ status: 500 }), { verify: ['prod'] });
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  assert.equal((await g.call('verifyEndpoint', { params: { id } })).ok, false);
});

test('DEP-8: a rollout that takes too long is given up; a first one leaves the endpoint failed, and a redeploy repairs it', async () => {
  const g = ground(({ number }) => (number === 1 ? { startMs: 60_000 } : {}), {
    rolloutTimeoutMs: 300,
  });
  const { id } = await g.deploy();
  const failed = await g.until(id, ({ status }) => status === 'failed');
  assert.equal(failed.conditions[0]!.reason, 'RolloutTimeout');
  assert.equal(failed.revision, 0);
  await g.call('redeployEndpoint', { params: { id } });
  const healthy = await g.until(id, ({ status }) => status === 'healthy');
  assert.equal(healthy.revision, 2);
  assert.deepEqual(healthy.conditions, []);
});

test('FR-006h: what a runtime refuses for good is failed with its message', async () => {
  const g = ground(() => ({ refuses: 'The architecture Foo is not supported; supported: Llama.' }));
  const { id } = await g.deploy();
  const failed = await g.until(id, ({ status }) => status === 'failed');
  assert.match(failed.conditions[0]!.message, /supported: Llama/);
});

test('FR-006r: a crash under traffic shows failed with the failing part, and healthy again when it is back', async () => {
  const g = ground();
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  const [revision] = await g.call('listRevisions', { params: { id } });
  g.engines.crash(revision!.id, 'The engine ended with signal SIGKILL.');
  const failed = await g.until(id, ({ status }) => status === 'failed');
  assert.equal(failed.conditions[0]!.reason, 'EngineExited');
  assert.match(failed.conditions[0]!.message, /SIGKILL/);
  assert.deepEqual(failed.replicas, { total: 1, ready: 0, available: 0 });
  g.engines.engines.delete(revision!.id);
  const healthy = await g.until(id, ({ status }) => status === 'healthy');
  assert.deepEqual(healthy.conditions, []);
  assert.equal(healthy.revision, 1);
});

test('DEP-4: a revision that fails right after it took the traffic gives it back to the old one, which still drains', async () => {
  const g = ground(() => ({}), { drainMs: 5_000 });
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  await g.call('redeployEndpoint', { params: { id } });
  await g.until(id, ({ revision }) => revision === 2);
  const [second] = await g.call('listRevisions', { params: { id } });
  g.engines.crash(second!.id, 'out of memory');
  const back = await g.until(id, ({ revision }) => revision === 1);
  assert.equal(back.targetRevision, 1);
  await g.until(id, ({ status, conditions }) => status === 'healthy' && conditions[0]?.type === 'RolloutFailed');
});

test('FR-006j: while a rollout is under way a further redeploy replaces it; what was overtaken never gets traffic', async () => {
  const g = ground(({ number }) => (number === 2 ? { startMs: 60_000 } : {}));
  const { id } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  await g.call('redeployEndpoint', { params: { id } });
  await g.until(id, () => g.engines.engines.size === 2);
  await g.call('redeployEndpoint', { params: { id } });
  await g.until(id, ({ revision }) => revision === 3);
  await g.until(id, () => g.engines.engines.size === 1);
  const history = await g.call('listRevisions', { params: { id } });
  assert.deepEqual(
    history.map(({ number, state, liveAt }) => [number, state, liveAt !== null]),
    [
      [3, 'live', true],
      [2, 'retired', false],
      [1, 'retired', true],
    ],
  );
});

test('FR-006j, DEP-4: redeploy and rollback under load: no request fails', async () => {
  const g = ground(() => ({ answerMs: 15, startMs: 50 }), { drainMs: 150 });
  await g.table.start();
  const { id, route } = await g.deploy();
  await g.until(id, ({ status }) => status === 'healthy');
  await g.table.reload();
  await g.serving.reconciler.start();
  const seen = new Map<number, number>();
  const failures: unknown[] = [];
  let running = true;
  const client = async () => {
    while (running) {
      const found = g.table.resolve(route.slice(1));
      if (found.kind !== 'route') {
        failures.push(found);
        continue;
      }
      const target = found.targets[0]!;
      const release = g.table.acquire(target.revisionId);
      try {
        const answer = await fetch(`${target.addresses[0]!.baseUrl}/chat/completions`, { method: 'POST', body: '{}' });
        if (answer.status !== 200) failures.push(answer.status);
        await answer.json();
        seen.set(target.revisionNumber, (seen.get(target.revisionNumber) ?? 0) + 1);
      } catch (error) {
        failures.push(error);
      } finally {
        release();
      }
    }
  };
  const clients = Array.from({ length: 4 }, client);
  const reached = async (number: number) => {
    for (let waited = 0; (await g.get(id)).revision !== number || g.engines.engines.size > 1; waited += 1) {
      assert.ok(waited < 400, `revision ${number} never took over`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await g.call('redeployEndpoint', { params: { id }, query: { cpuLimit: '3' } });
  await reached(2);
  await g.call('rollbackEndpoint', { params: { id } });
  await reached(3);
  running = false;
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(total >= 100, `${total} requests`);
  assert.deepEqual([...seen.keys()].sort(), [1, 2, 3]);
});

test('DEP-8: an endpoint whose test completion takes long holds up no other', async () => {
  const g = ground(({ env }) => (env.SLOW ? { answerMs: 2_000 } : {}), {
    verification: { attempts: 2, timeoutMs: 4_000, prompt: 'Hi' },
  });
  await g.serving.reconciler.start();
  const slow = await g.deploy({ env: { SLOW: '1' } });
  await sleep(300);
  const fast = await g.deploy();
  for (let waited = 0; (await g.get(fast.id)).status !== 'healthy'; waited += 1) {
    assert.ok(waited < 100, 'the fast one waits');
    await sleep(10);
  }
  assert.equal((await g.get(slow.id)).status, 'deploying');
});

test('FR-006: twenty deployments at once all become healthy and share the connections', async () => {
  const g = ground();
  await g.serving.reconciler.start();
  const made = await Promise.all(Array.from({ length: 20 }, () => g.deploy()));
  for (let waited = 0; ; waited += 1) {
    const all = await Promise.all(made.map(({ id }) => g.get(id)));
    if (all.every(({ status }) => status === 'healthy')) break;
    assert.ok(waited < 200, 'not all healthy');
    await sleep(50);
  }
  const same = await Promise.allSettled(Array.from({ length: 10 }, () => g.deploy({ route: '/one-name' })));
  assert.equal(same.filter(({ status }) => status === 'fulfilled').length, 1, 'one name, one endpoint');
});
