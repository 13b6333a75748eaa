import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  basePath,
  catalogRoutes,
  changeRoutes,
  costRoutes,
  datasetRoutes,
  gatewayRoutes,
  governanceRoutes,
  observationRoutes,
  organizationRoutes,
  permissions,
  permissionsOf,
  platformRoutes,
  roles,
  servingRoutes,
  urlOf,
  usageRoutes,
  type Permission,
  type Role,
  type RouteSpec,
} from '@llm-ops/contracts';
import { startPlatform } from '../../backend/src/platform.ts';
import { loadConfig } from '../../backend/src/platform/config/index.ts';

const routes: [string, RouteSpec][] = Object.entries({
  ...catalogRoutes,
  ...changeRoutes,
  ...costRoutes,
  ...datasetRoutes,
  ...gatewayRoutes,
  ...governanceRoutes,
  ...observationRoutes,
  ...organizationRoutes,
  ...platformRoutes,
  ...servingRoutes,
  ...usageRoutes,
});
const nobodys = '01990000-0000-7000-8000-00000000dead';

let folder: string;
let platform: Awaited<ReturnType<typeof startPlatform>>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmops-matrix-'));
  const environment = { PATH: process.env.PATH, PORT: '0', DATA_DIR: folder, LOG_LEVEL: 'silent' };
  platform = await startPlatform(loadConfig(environment, folder));
});
after(async () => {
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

async function ask(route: RouteSpec, who: Record<string, string>, ids: Record<string, string> = {}) {
  const path = urlOf(route).replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(ids[name] ?? (/id$/i.test(name) ? nobodys : 'x')),
  );
  const write = route.method !== 'GET' && route.method !== 'DELETE';
  const ended = new AbortController();
  const response = await fetch(`${platform.url}${path}`, {
    method: route.method,
    headers: { ...who, ...(write ? { 'content-type': 'application/json' } : {}) },
    ...(write ? { body: '{}' } : {}),
    signal: ended.signal,
  });
  const json = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  const data = json ? ((await response.json()) as any).data : null;
  ended.abort();
  // what has no room for a code beside its text tells it in a header
  const plain = response.headers.get('x-error-code');
  if (plain !== null) {
    const denied = plain === 'permission_denied' ? { rule: 'role' } : { rule: undefined };
    return { status: response.status, code: plain, ...denied };
  }
  return { status: response.status, code: data?.code as string | undefined, rule: data?.rule as string | undefined };
}

const as = (role: Role, team = 'nlp') => ({ 'x-user-id': 'someone', 'x-user-roles': role, 'x-user-team': team });

test('FR-010: every route declares what it needs', () => {
  assert.ok(routes.length > 40);
  for (const [name, route] of routes) {
    const declared = ['public', 'authenticated', ...permissions] as string[];
    assert.ok(declared.includes(route.permission), name);
    if (route.method !== 'GET' && route.rawBody !== true)
      assert.ok(route.audit ?? isDryRun(name), `${name} changes something without an audit entry`);
  }
});

/** They change nothing. */
const isDryRun = (name: string) =>
  ['evaluatePolicies', 'preflight', 'previewChange', 'verifyEndpoint', 'testModelConnection', 'testPii'].includes(name);

test('FR-010: every route is closed to nobody, and to each role exactly as declared', async () => {
  for (const [name, route] of routes) {
    if (route.permission === 'public') continue;
    const nobody = await ask(route, {});
    assert.deepEqual([nobody.status, nobody.code], [401, 'unauthenticated'], `${name} without identity`);
    if (route.permission === 'authenticated') continue;
    const answers = await Promise.all(roles.map(async (role) => [role, await ask(route, as(role))] as const));
    for (const [role, answer] of answers) {
      const held = permissionsOf([role]).has(route.permission as Permission);
      const refused = answer.status === 403 && answer.rule === 'role';
      assert.equal(refused, !held, `${name} as ${role}: ${JSON.stringify(answer)}`);
      assert.ok(answer.status < 500 && answer.status !== 401, `${name} as ${role}: ${JSON.stringify(answer)}`);
    }
  }
});

for (const [noun, table, body] of [
  ['model', catalogRoutes, { version: '1', type: 'base', metadata: { description: 'x' } }],
  ['dataset', datasetRoutes, { metadata: { description: 'x' } }],
] as const) {
  test(`FR-010: another team’s ${noun} is not there, whatever one’s roles`, async () => {
    const made = await fetch(`${platform.url}${basePath}/catalog/${noun}s`, {
      method: 'POST',
      headers: { ...as('ml-engineer', 'owners'), 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'hidden', owner_team: 'owners', ...body }),
    });
    const { data } = (await made.json()) as any;
    assert.ok(made.ok, JSON.stringify(data));
    const all = roles.filter((role) => role !== 'admin').join();
    const stranger = { 'x-user-id': 'stranger', 'x-user-roles': all, 'x-user-team': 'strangers' };
    const path = `/catalog/${noun}s/{id}`;
    for (const [name, route] of Object.entries(table) as [string, RouteSpec][]) {
      if (!route.path.startsWith(path) || route.permission === `${noun}:delete`) continue;
      const answer = await ask(route, stranger, { id: data.id });
      const absent = await ask(route, stranger, {});
      assert.deepEqual(answer, absent, `${name} tells a hidden ${noun} from none`);
      assert.ok([400, 404, 415].includes(answer.status), `${name}: ${JSON.stringify(answer)}`);
    }
    const read = Object.values(table as Record<string, RouteSpec>).find(
      (route) => route.path === path && route.method === 'GET',
    )!;
    assert.equal((await ask(read, as('viewer', 'owners'), { id: data.id })).status, 200);
  });
}
