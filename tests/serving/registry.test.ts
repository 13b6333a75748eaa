import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../../contracts/index.ts';
import { createRouteTable } from '../../backend/src/domains/serving/index.ts';
import { codeOf, grounds, log, person } from './ground.ts';
import { changePlan } from './plan.ts';

const ground = grounds();

async function served(g: ReturnType<typeof ground>, changes: Record<string, unknown> = {}) {
  const { id } = await g.deploy(changes);
  return g.until(id, ({ status }) => status === 'healthy');
}

test('DEP-3: a registered name routes within 2 s without a reload being asked for; a disabled one is denied; a removed one is unknown', async () => {
  const g = ground();
  const { id } = await served(g);
  await g.table.start();
  const within = async (kind: string) => {
    const began = Date.now();
    while (g.table.resolve('assistant').kind !== kind) {
      assert.ok(Date.now() - began < 2_000, `not ${kind} within 2 s`);
      await sleep(5);
    }
  };
  const made = await g.call('createRegistration', { body: { name: 'assistant', endpointId: id } });
  assert.deepEqual([made.name, made.endpointId, made.environment, made.enabled], ['assistant', id, 'dev', true]);
  await within('route');
  await g.call('updateRegistration', { params: { name: 'assistant' }, body: { enabled: false } });
  assert.equal(g.table.resolve('assistant').kind, 'disabled', 'in this process at once');
  await within('disabled');
  await g.call('updateRegistration', { params: { name: 'assistant' }, body: { enabled: true } });
  await within('route');
  await g.call('deleteRegistration', { params: { name: 'assistant' } });
  await within('unknown');
});

test('DEP-3: a name in several environments needs one to be named; taken and impossible names are refused', async () => {
  const g = ground();
  const dev = await served(g);
  const prod = await served(g, { environment: 'prod', rollbackPlan: 'Back.', change: changePlan() });
  await g.call('createRegistration', { body: { name: 'both', endpointId: dev.id } });
  await g.call('createRegistration', { body: { name: 'both', endpointId: prod.id } });
  await assert.rejects(g.call('getRegistration', { params: { name: 'both' } }), codeOf('registration_ambiguous'));
  const one = await g.call('getRegistration', { params: { name: 'both' }, query: { environment: 'prod' } });
  assert.equal(one.endpointId, prod.id);
  assert.equal(
    (await g.call('listRegistrations', { query: { environment: 'prod' } })).length,
    2,
    'a deploy registers its route too',
  );
  await assert.rejects(
    g.call('createRegistration', { body: { name: 'both', endpointId: dev.id } }),
    codeOf('route_name_taken'),
  );
  await assert.rejects(
    g.call('createRegistration', { body: { name: 'a//b', endpointId: dev.id } }),
    codeOf('route_name_invalid'),
  );
  await assert.rejects(
    g.call('createRegistration', { body: { name: 'x', endpointId: dev.id, environment: 'stg' } }),
    codeOf('validation_failed'),
  );
  await assert.rejects(g.call('getRegistration', { params: { name: 'none' } }), codeOf('registration_not_found'));
  const stranger = person('sam', ['viewer'], ['ads']);
  assert.ok(await g.call('getRegistration', { params: { name: 'both' }, query: { environment: 'dev' } }, stranger));
});

test('FR-006l: a name of one environment is answered with the same object until something of it changes', async () => {
  const g = ground();
  const endpoint = await served(g, { route: '/once' });
  await g.table.reload();
  const where = (options: object = {}) => g.table.resolve('once', options);
  const first = where();
  assert.equal(first.kind, 'route');
  assert.equal(where(), first);
  assert.equal(where({ sees: () => true, pinned: ['dev', 'stg', 'prod'] }), first);
  assert.equal(where({ sees: () => false }).kind, 'unknown');
  assert.equal(where({ pinned: [] }).kind, 'unknown');
  const id = first.kind === 'route' ? first.routeId : '';
  g.table.deny(id);
  assert.equal(where().kind, 'disabled');
  g.table.admit(id);
  assert.equal(where(), first);
  const [revision] = await g.call('listRevisions', { params: { id: endpoint.id } });
  g.engines.crash(revision!.id, 'gone');
  assert.equal(where().kind, 'unavailable');
});

test('FR-006l, DEP-3: environments are tried healthy first, then prod, stg, dev; a pinned request stays; a disabled prod name denies', async () => {
  const g = ground();
  const made: Endpoint[] = [];
  for (const environment of ['dev', 'stg', 'prod'])
    made.push(
      await served(g, {
        environment,
        route: '/a/b',
        modelId: made[0]?.modelId ?? g.model().id,
        rollbackPlan: 'Back.',
        change: changePlan(),
      }),
    );
  await g.table.reload();
  const where = (options: object = {}) => {
    const found = g.table.resolve('a/b', options);
    return found.kind === 'route' ? found.environment : found.kind;
  };
  assert.equal(where(), 'prod');
  assert.equal(where({ environment: 'dev' }), 'dev');
  assert.equal(where({ pinned: ['stg', 'dev'] }), 'stg');
  const [revision] = await g.call('listRevisions', { params: { id: made[2]!.id } });
  g.engines.crash(revision!.id, 'gone');
  assert.equal(where(), 'stg', 'it has no address, before any status was written');
  assert.equal(where({ environment: 'prod' }), 'unavailable', 'a pinned request never falls through');
  assert.equal(where({ sees: () => false }), 'unknown');
  await g.call('updateRegistration', {
    params: { name: 'a/b' },
    query: { environment: 'prod' },
    body: { enabled: false },
  });
  await g.table.reload();
  assert.equal(where(), 'disabled');
  assert.equal(where({ environment: 'stg' }), 'stg');
  assert.deepEqual(
    g.table.list().map(({ environment }) => environment),
    ['stg', 'dev'],
  );
  const health = g.table.health('a/b', { environment: 'dev' });
  assert.equal(health.kind === 'health' && health.status, 'healthy');
});

test('DEP-3: a route shares its traffic by weight, also between revisions of one endpoint, and falls back by priority', async () => {
  const g = ground();
  const first = await served(g);
  const second = await served(g);
  const route = await g.call('createRoute', {
    body: {
      name: 'mixed',
      environment: 'dev',
      targets: [
        { endpointId: first.id, weight: 75 },
        { endpointId: second.id, weight: 25 },
      ],
    },
  });
  await g.table.reload();
  const targets = () => {
    const found = g.table.resolve('mixed');
    assert.equal(found.kind, 'route');
    return found.kind === 'route'
      ? found.targets.map(({ endpointId, revisionNumber, weight }) => [endpointId, revisionNumber, weight])
      : [];
  };
  assert.deepEqual(targets(), [
    [first.id, 1, 75],
    [second.id, 1, 25],
  ]);
  await g.call('redeployEndpoint', { params: { id: first.id } });
  await g.call('updateRoute', {
    params: { id: route.id },
    body: {
      targets: [
        { endpointId: first.id, revision: 1, weight: 50 },
        { endpointId: first.id, weight: 50 },
        { endpointId: second.id, priority: 1 },
      ],
    },
  });
  await g.until(first.id, ({ revision }) => revision === 2);
  await sleep(150);
  await g.until(first.id, () => true);
  await g.table.reload();
  assert.deepEqual(
    targets(),
    [
      [first.id, 1, 50],
      [first.id, 2, 50],
      [second.id, 1, 100],
    ],
    'the old revision lives as long as a route names it',
  );
  await g.call('deleteEndpoint', { params: { id: second.id } });
  await assert.rejects(
    g.until(second.id, () => false),
    codeOf('endpoint_not_found'),
  );
  const left = await g.call('getRoute', { params: { id: route.id } });
  assert.equal(left.targets.length, 2, 'a deleted endpoint leaves the routes that name it');
  await g.call('deleteRoute', { params: { id: route.id } });
  await g.until(first.id, () => g.engines.engines.size === 1);
});

test('FR-006l: the last snapshot is kept while the database is away, and resolving never asks it', async () => {
  const g = ground();
  const { route } = await served(g);
  await g.table.start();
  await g.table.stop();
  assert.equal(g.table.resolve(route.slice(1)).kind, 'route');
  const began = performance.now();
  for (let count = 0; count < 100_000; count += 1) g.table.resolve(route.slice(1));
  const each = (performance.now() - began) / 100_000;
  assert.ok(each < 0.05, `${each} ms each`);
});

test('FR-006: a gateway of one environment knows the routes of no other', async () => {
  const g = ground();
  const { id } = await served(g);
  await g.call('createRegistration', { body: { name: 'somewhere', endpointId: id } });
  const of = async (name: 'dev' | 'prod') => {
    const table = createRouteTable({ db: g.db, runtimes: g.runtimes, log, environments: [name] });
    await table.reload();
    return table.resolve('somewhere').kind;
  };
  assert.deepEqual([await of('dev'), await of('prod')], ['route', 'unknown']);
});
