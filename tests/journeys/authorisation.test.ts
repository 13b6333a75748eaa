import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  catalogRoutes,
  governanceRoutes,
  permissionsOfRole,
  platformRoutes,
  roles,
  servingRoutes,
  usageRoutes,
  type Role,
  type RouteSpec,
} from '@llm-ops/contracts';
import {
  approvedModel,
  ask,
  call,
  people,
  person,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from './harness.ts';

const tables: Record<string, RouteSpec>[] = [
  catalogRoutes,
  servingRoutes,
  governanceRoutes,
  platformRoutes,
  usageRoutes,
];
const routes = tables.flatMap((table) => Object.entries(table));
const nobody = '01890000-0000-7000-8000-000000000000';
const fill = (path: string, id: string): string =>
  path.replace(
    /\{(\w+)\}/g,
    (_, name: string) =>
      ({
        id,
        name: 'no-such-name',
        version: '1',
        v1: '1',
        v2: '2',
        path: 'config.json',
        team: 'no-such-team',
        userId: 'nobody',
      })[name] ?? 'x',
  );

let platform: RunningPlatform;
before(async () => {
  platform = await startPlatform();
});
after(() => platform.stop());

test('FR-010: every route declares its permission, and without an identity none but the public ones answers', async () => {
  for (const [name, route] of routes) {
    assert.ok(route.permission, name);
    const answer = await call(
      platform.api,
      {},
      route.method,
      fill(route.path, nobody),
      route.method === 'GET' ? undefined : {},
    );
    if (route.permission === 'public') assert.notEqual(answer.status, 401, name);
    else assert.deepEqual([answer.status, answer.body.data.code], [401, 'unauthenticated'], name);
  }
});

test('FR-010: route × role, generated from the tables: denied without the permission, with the rule and what would help', async () => {
  let checked = 0;
  for (const [name, route] of routes) {
    if (route.permission === 'public' || route.permission === 'authenticated') continue;
    for (const role of roles) {
      const may = permissionsOfRole[role].includes(route.permission);
      const body = route.method === 'GET' || route.rawBody === true ? undefined : {};
      const answer = await call(
        platform.api,
        person('matrix', role, 'matrix'),
        route.method,
        fill(route.path, nobody),
        body,
      );
      const denied =
        answer.status === 403 && answer.body.data.code === 'permission_denied' && answer.body.data.rule === 'role';
      assert.equal(denied, !may, `${name} as ${role}: ${answer.status} ${JSON.stringify(answer.body)}`);
      if (denied) assert.match(answer.body.data.remedy, /role/i, name);
      assert.ok(answer.status < 500, `${name} as ${role}: ${answer.status} ${JSON.stringify(answer.body)}`);
      assert.equal(answer.body.status, answer.status === 200 ? 'success' : 'fail');
      checked += 1;
    }
  }
  assert.ok(checked > 400, `${checked} pairs`);
});

test('FR-010: what belongs to another team and is not for the organisation does not exist for a stranger', async () => {
  const model = await ask(platform.api, people.researcher, 'POST', '/catalog/models', {
    name: 'private',
    version: '1',
    type: 'base',
    owner_team: 'platform',
    metadata: { description: 'Ours alone.' },
  });
  for (const role of roles.filter((candidate): candidate is Role => candidate !== 'admin')) {
    const stranger = person('stranger', role, 'elsewhere');
    const list = await call(platform.api, stranger, 'GET', '/catalog/models');
    if (list.status === 200) assert.deepEqual(list.body.data, [], role);
    for (const [name, route] of Object.entries(catalogRoutes) as [string, RouteSpec][]) {
      if (
        !route.path.startsWith('/catalog/models/{id}') ||
        !permissionsOfRole[role].includes(route.permission as never)
      )
        continue;
      const answer = await call(
        platform.api,
        stranger,
        route.method,
        fill(route.path, model.id),
        route.rawBody === true || route.method === 'GET'
          ? undefined
          : { status: 'draft', version: '2', decision: 'approve' },
      );
      // A body that is wrong for a route is told before anything is looked up: that tells nothing of the row.
      assert.ok(
        answer.status === 404 || answer.status === 400 || answer.status === 415,
        `${name} as ${role}: ${answer.status} ${JSON.stringify(answer.body)}`,
      );
      assert.ok(!JSON.stringify(answer.body).includes('Ours alone'), name);
    }
  }
  const log = await ask(platform.api, people.admin, 'GET', '/governance/audit/logs?actor_id=stranger&result=denied');
  assert.ok(
    log.some((entry: Json) => entry.rule === 'team' && entry.resource_id === model.id),
    'the attempt is in the audit log',
  );
});

test('GOV-rbac, FR-010: a policy denies by name within five seconds, is told to the denied, and ends as fast', async () => {
  const model = await approvedModel(platform.api, 'classified');
  const reader = person('reader', 'viewer', 'platform');
  assert.equal((await call(platform.api, reader, 'GET', `/catalog/models/${model.id}`)).status, 200);
  const policy = await ask(platform.api, people.admin, 'POST', '/governance/policies', {
    name: 'classified models',
    scope: 'catalog',
    status: 'active',
    rules: [
      {
        effect: 'deny',
        actions: ['model:read'],
        resources: { type: 'model', match: { name: 'classified' } },
        subjects: { roles: ['viewer'] },
        reason: 'Viewers may not see classified models.',
      },
    ],
  });
  const denied = await until<Json>(
    'denied',
    async () => {
      const answer = await call(platform.api, reader, 'GET', `/catalog/models/${model.id}`);
      return answer.status === 403 ? answer : null;
    },
    5000,
  );
  assert.match(denied.body.message, /Viewers may not see classified models/);
  assert.match(denied.body.data.rule, /policy:classified models/);
  const list = await ask(platform.api, reader, 'GET', '/catalog/models');
  assert.ok(!list.some((row: Json) => row.name === 'classified'), 'policies are part of the query');
  const log = await ask(platform.api, people.admin, 'GET', '/governance/audit/logs?actor_id=reader&result=denied');
  assert.ok(log.length > 0 && /policy:classified models/.test(log[0].rule));
  await ask(platform.api, people.admin, 'DELETE', `/governance/policies/${policy.id}`);
  await until(
    'allowed again',
    async () => (await call(platform.api, reader, 'GET', `/catalog/models/${model.id}`)).status === 200,
    5000,
  );
});
