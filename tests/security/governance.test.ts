import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { createGovernance, ensureTeam, type Governance } from '../../backend/src/domains/governance/index.ts';
import { loadAuditKeys } from '../../backend/src/platform/audit/index.ts';
import { createAuthenticator, type Authenticator } from '../../backend/src/platform/auth/index.ts';
import { isFailure } from '../../backend/src/platform/errors/index.ts';
import { createHttp } from '../../backend/src/platform/http/index.ts';
import { createSecrets, parseKey } from '../../backend/src/platform/secrets/index.ts';
import { eventually, openWorld, type World } from './world.ts';

let world: World;
let authenticator: Authenticator;
let governance: Governance;
let app: ReturnType<typeof createHttp>;
let base: string;

interface Reply {
  status: number;
  data: any;
  next: string | null;
  text: string;
}
const admin = { 'x-user-id': 'root', 'x-user-roles': 'admin' };
const developer = { 'x-user-id': 'dee', 'x-user-roles': 'developer', 'x-user-team': 'nlp' };
const viewer = { 'x-user-id': 'vic', 'x-user-roles': 'viewer', 'x-user-team': 'nlp' };

async function call(
  method: string,
  path: string,
  who: Record<string, string>,
  body?: unknown,
  extra = {},
): Promise<Reply> {
  const response = await fetch(base + path, {
    method,
    headers: { ...who, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...extra },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
  const json = response.headers.get('content-type')?.includes('application/json') ? JSON.parse(text) : null;
  return { status: response.status, data: json?.data, next, text };
}

before(async () => {
  world = await openWorld();
  const { db, log } = world;
  const secrets = await createSecrets({ db, keys: [parseKey(randomBytes(32).toString('hex'))], log });
  authenticator = await createAuthenticator({ config: { mode: 'header', publicUrl: 'http://127.0.0.1' }, db, log });
  governance = createGovernance({
    db,
    authenticator,
    auditKeys: await loadAuditKeys(secrets),
    objects: await createFileObjects({ root: join(world.folder, 'objects') }),
    log,
    now: () => new Date(),
  });
  app = createHttp({
    db,
    log,
    routes: [governance.routes],
    raw: [],
    authenticate: authenticator.authenticate,
    accessFor: authenticator.createAccessFor,
    checkHost: () => {},
    sealer: secrets,
    observe: () => {},
    bodyLimit: 1_000_000,
  });
  base = `${await app.listen({ host: '127.0.0.1', port: 0 })}/llm-ops/v1/governance`;
});
after(async () => {
  await app.close();
  await governance.sealer.stop();
  await authenticator.close();
  await world.close();
});

test('GOV: a key is shown once, works at once, lists without its secret, and is revoked', async () => {
  const made = await call('POST', '/api-keys', developer, {
    name: 'ci',
    team: 'nlp',
    roles: ['viewer'],
    environments: ['dev'],
  });
  assert.equal(made.status, 200, made.text);
  assert.match(made.data.key, /^lo_[\w-]{43}$/);
  const bearer = { authorization: `Bearer ${made.data.key}` };
  assert.equal((await call('GET', '/policies', bearer)).status, 200);
  assert.equal((await call('GET', '/api-keys', bearer)).status, 403);
  const listed = await call('GET', '/api-keys', developer);
  assert.equal(listed.data[0].id, made.data.id);
  assert.ok(!listed.text.includes(made.data.key));
  assert.equal((await call('DELETE', `/api-keys/${made.data.id}`, developer)).data.revokedAt?.length, 24);
  await eventually(async () => (await call('GET', '/policies', bearer)).status === 401);
});

test('GOV: the same Idempotency-Key shows the same key again, kept encrypted', async () => {
  const body = { name: 'once', team: 'nlp', roles: ['viewer'] };
  const one = await call('POST', '/api-keys', developer, body, { 'idempotency-key': 'k-1' });
  const two = await call('POST', '/api-keys', developer, body, { 'idempotency-key': 'k-1' });
  assert.equal(one.data.key, two.data.key);
  const { rows } = await world.db.pool.query(
    `select encode(response, 'escape') as text from idempotency where key = 'k-1'`,
  );
  assert.ok(rows.length === 1 && !rows[0].text.includes(one.data.key));
});

test('GOV: nobody gives more than they may themselves, nor a key of another team', async () => {
  for (const roles of [['admin'], ['operator'], ['viewer', 'reviewer'], ['auditor']]) {
    const refused = await call('POST', '/api-keys', developer, { name: 'x', team: 'nlp', roles });
    assert.deepEqual([refused.status, refused.data.code], [403, 'role_not_grantable'], roles.join());
  }
  const other = await call('POST', '/api-keys', developer, { name: 'x', team: 'vision', roles: ['viewer'] });
  assert.equal(other.data.code, 'team_not_found');
  const past = { name: 'x', team: 'nlp', roles: ['viewer'], expiresAt: '2020-01-01T00:00:00Z' };
  assert.equal((await call('POST', '/api-keys', developer, past)).data.issues[0].path, 'expiresAt');
  const project = { name: 'x', team: 'nlp', roles: ['viewer'], project: 'none' };
  assert.equal((await call('POST', '/api-keys', developer, project)).data.issues[0].path, 'project');
  const held = await call('POST', '/api-keys', developer, {
    name: 'held',
    team: 'nlp',
    roles: ['developer'],
    environments: ['dev'],
  });
  const freer = { name: 'free', team: 'nlp', roles: ['viewer'] };
  assert.equal(
    (await call('POST', '/api-keys', { authorization: `Bearer ${held.data.key}` }, freer)).data.code,
    'role_not_grantable',
  );
});

test('GOV, FR-006d: a key is given other limits, routes and another end; what is not named stays, and nothing goes beyond whoever changes it', async () => {
  const body = { name: 'bot', team: 'nlp', roles: ['developer'], routes: ['a'], limits: { requestsPerMinute: 5 } };
  const made = await call('POST', '/api-keys', developer, body);
  const at = `/api-keys/${made.data.id}`;
  const changed = await call('PATCH', at, developer, {
    limits: { tokensPerMinute: 9 },
    expiresAt: '2099-01-01T00:00:00Z',
  });
  assert.equal(changed.status, 200, changed.text);
  const { name, routes, limits, expiresAt, roles } = changed.data;
  assert.deepEqual(
    { name, routes, limits, expiresAt, roles },
    {
      name: 'bot',
      routes: ['a'],
      limits: { tokensPerMinute: 9 },
      expiresAt: '2099-01-01T00:00:00.000Z',
      roles: ['developer'],
    },
  );
  assert.equal(changed.data.key, undefined);
  assert.equal((await call('PATCH', at, developer, { expiresAt: null, limits: null })).data.limits, null);
  assert.equal(
    (await call('PATCH', at, developer, { expiresAt: '2020-01-01T00:00:00Z' })).data.issues[0].path,
    'expiresAt',
  );
  assert.equal((await call('PATCH', at, developer, { limits: { requestsPerMin: 5 } })).status, 400, 'a misspelt limit');
  assert.equal(
    (await call('PATCH', at, { ...developer, 'x-user-id': 'eve', 'x-user-team': 'vision' }, { name: 'x' })).data.code,
    'api_key_not_found',
  );
  assert.equal((await call('PATCH', at, { ...developer, 'x-user-roles': 'viewer' }, { name: 'x' })).status, 403);

  const held = await call('POST', '/api-keys', developer, { ...body, name: 'held' });
  const bearer = { authorization: `Bearer ${held.data.key}` };
  for (const more of [{ limits: null }, { limits: { requestsPerMinute: 6 } }, { routes: null }, { routes: ['a', 'b'] }])
    assert.equal((await call('PATCH', `/api-keys/${held.data.id}`, bearer, more)).data.code, 'role_not_grantable');
  assert.equal(
    (await call('POST', '/api-keys', bearer, { ...body, limits: null })).data.code,
    'role_not_grantable',
    'a key with limits makes none without',
  );
  const brief = { name: 'brief', team: 'nlp', roles: ['developer'], expiresAt: '2099-01-01T00:00:00Z' };
  const ending = await call('POST', '/api-keys', developer, brief);
  const until = { authorization: `Bearer ${ending.data.key}` };
  for (const expiresAt of [null, '2099-01-01T00:00:01Z'])
    assert.equal(
      (await call('PATCH', `/api-keys/${ending.data.id}`, until, { expiresAt })).data.code,
      'role_not_grantable',
      'a key does not put off its own end',
    );
  assert.equal((await call('POST', '/api-keys', until, { ...brief, expiresAt: null })).data.code, 'role_not_grantable');
  assert.equal((await call('POST', '/api-keys', until, brief)).status, 200);
  const root = await call('POST', '/api-keys', admin, { name: 'root', team: 'nlp', roles: ['admin'] });
  assert.equal(
    (await call('PATCH', `/api-keys/${root.data.id}`, developer, { limits: null })).data.code,
    'role_not_grantable',
  );
  await call('DELETE', at, developer);
  assert.equal((await call('PATCH', at, developer, { name: 'x' })).data.code, 'api_key_revoked');
});

test('GOV: another team’s keys are not there', async () => {
  const mine = await call('POST', '/api-keys', developer, { name: 'mine', team: 'nlp', roles: ['viewer'] });
  const other = { 'x-user-id': 'eve', 'x-user-roles': 'developer', 'x-user-team': 'vision' };
  assert.deepEqual((await call('GET', '/api-keys', other)).data, []);
  assert.equal((await call('DELETE', `/api-keys/${mine.data.id}`, other)).data.code, 'api_key_not_found');
  assert.ok((await call('GET', '/api-keys', admin)).data.length > 0);
});

const rule = {
  effect: 'deny',
  actions: ['model:read'],
  resources: { type: 'model', match: { 'metadata.classification': 'secret' } },
  subjects: { roles: ['viewer'] },
  reason: 'Secret models are not for viewers.',
};

test('GOV-rbac: policies are made, read, changed and deleted; the change is in the audit log', async () => {
  const made = await call('POST', '/policies', admin, { name: 'secret', scope: 'catalog', rules: [rule] });
  assert.equal(made.data.status, 'draft');
  assert.equal(
    (await call('POST', '/policies', admin, { name: 'secret', scope: 'catalog', rules: [rule] })).data.code,
    'policy_name_taken',
  );
  assert.deepEqual((await call('GET', `/policies/${made.data.id}`, viewer)).data, made.data);
  const active = await call('PATCH', `/policies/${made.data.id}`, admin, { status: 'active' });
  assert.equal(active.data.status, 'active');
  assert.equal((await call('GET', '/policies?scope=catalog&status=active', viewer)).data.length, 1);
  assert.equal((await call('GET', '/policies?status=draft', viewer)).data.length, 0);
  const second = await call('POST', '/policies', admin, { name: 'second', scope: 'global', rules: [rule] });
  assert.equal(
    (await call('PATCH', `/policies/${second.data.id}`, admin, { name: 'secret' })).data.code,
    'policy_name_taken',
  );
  assert.equal((await call('DELETE', `/policies/${second.data.id}`, admin)).status, 200);
  assert.equal((await call('GET', `/policies/${second.data.id}`, admin)).data.code, 'policy_not_found');
  const log = await call('GET', `/audit/logs?resource_type=policy&resource_id=${made.data.id}`, admin);
  assert.deepEqual(
    log.data.map((entry: any) => [entry.action, entry.result]),
    [
      ['policy.update', 'allowed'],
      ['policy.create', 'allowed'],
    ],
  );
  assert.equal(log.data[0].detail.after.status, 'active');
  assert.equal((await call('POST', '/policies', viewer, { name: 'x', scope: 'global', rules: [rule] })).status, 403);
});

test('GOV-rbac: rules that could never match, or would lock everybody out, are refused by field', async () => {
  const issues = async (over: object, scope = 'global') =>
    (await call('POST', '/policies', admin, { name: 'bad', scope, rules: [{ ...rule, ...over }] })).data.issues?.map(
      (issue: any) => issue.path,
    );
  assert.deepEqual(await issues({ actions: ['model:raed'] }), ['rules.0.actions.0']);
  assert.deepEqual(await issues({ actions: ['endpoint:deploy'] }, 'catalog'), ['rules.0.actions.0']);
  assert.deepEqual(await issues({ resources: { type: 'model', match: { name: [] } } }), [
    'rules.0.resources.match.name',
  ]);
  assert.deepEqual(await issues({ resources: { type: 'model', match: { $where: 'x' } } }), [
    'rules.0.resources.match.$where',
  ]);
  assert.deepEqual(await issues({ actions: ['*'], resources: { type: '*' }, subjects: {} }), ['rules.0']);
  assert.deepEqual(
    await issues({ actions: ['policy:*'], resources: { type: 'policy' }, subjects: { roles: ['admin'] } }),
    ['rules.0'],
  );
});

test('GOV-rbac: a dry run names the rule, by the rules in force or by those given', async () => {
  const ask = { action: 'model:read', resource: { type: 'model', metadata: { classification: 'secret' } } };
  const subject = { userId: 'vic', roles: ['viewer'], teams: ['nlp'] };
  await eventually(
    async () => (await call('POST', '/policies/evaluate', viewer, { ...ask, subject })).data.rule === 'policy:secret#1',
  );
  const empty = await call('POST', '/policies/evaluate', viewer, {
    ...ask,
    subject,
    rules: [{ ...rule, effect: 'allow' }],
  });
  assert.deepEqual([empty.data.allowed, empty.data.rule], [true, 'policy:dry run#1']);
  const nobody = await call('POST', '/policies/evaluate', viewer, { ...ask, subject: { userId: 'x' } });
  assert.match(nobody.data.remedy, /viewer/);
  const forged = { type: 'model', __caslSubjectType__: 'x', __proto__: { a: 1 } };
  assert.equal((await call('POST', '/policies/evaluate', viewer, { ...ask, resource: forged, subject })).status, 200);
});

test('FR-010: denied and failed requests leave entries too, named by rule and code', async () => {
  await call('POST', '/policies', viewer, { name: 'no', scope: 'global', rules: [rule] });
  const denied = await call('GET', '/audit/logs?actor_id=vic&result=denied', admin);
  assert.deepEqual([denied.data[0].action, denied.data[0].rule], ['policy.create', 'role']);
  const failed = await call('GET', '/audit/logs?action=api-key.create&result=failed', admin);
  assert.ok(failed.data.some((entry: any) => entry.detail.code === 'role_not_grantable'));
  assert.equal((await call('GET', '/audit/logs', developer)).status, 403);
});

test('GOV-audit: pages hold every entry once, filters narrow, the export is the same log, and the chain verifies', async () => {
  const seen: string[] = [];
  for (let path: string | null = '/audit/logs?limit=3'; path !== null;) {
    const page: Reply = await call('GET', path, admin);
    seen.push(...page.data.map((entry: any) => entry.id));
    path = page.next === null ? null : page.next.slice(page.next.indexOf('/audit/logs'));
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual(seen, [...seen].sort().reverse());
  const { rows } = await world.db.pool.query('select count(*) as count from audit_entry');
  assert.equal(seen.length, Number(rows[0].count));
  await governance.sealer.sealNow();
  const exported = (await call('GET', '/audit/export', admin)).text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(exported.map(({ id }) => id).reverse(), seen);
  assert.ok(exported.every(({ sequence, hash }) => sequence > 0 && /^[0-9a-f]{64}$/.test(hash)));
  assert.equal((await call('GET', '/audit/logs?until=2020-01-01T00:00:00Z', admin)).data.length, 0);
  const verdict = (await call('GET', '/audit/verify', admin)).data;
  assert.deepEqual([verdict.ok, verdict.sealed, verdict.firstBroken], [true, exported.length, null]);
  await world.db.pool.query(`update audit_entry set actor_id = 'nobody' where id = $1`, [exported[1].id]);
  const broken = (await call('GET', '/audit/verify', admin)).data;
  assert.deepEqual([broken.ok, broken.firstBroken.id], [false, exported[1].id]);
  await world.db.pool.query('update audit_entry set actor_id = $1 where id = $2', [
    exported[1].actor_id,
    exported[1].id,
  ]);
});

test('SEC: no key is in the audit log, in a reply of a list or in the log of the server', async () => {
  const { data } = await call('POST', '/api-keys', developer, { name: 'canary', team: 'nlp', roles: ['viewer'] });
  const places = [await call('GET', '/audit/export', admin), await call('GET', '/api-keys', admin)].map(
    ({ text }) => text,
  );
  assert.ok(![...places, world.logged.join('')].some((text) => text.includes(data.key)));
});

test('GOV: teams, projects and members; a member’s roles hold within 5 s', async () => {
  assert.equal((await call('POST', '/teams', viewer, { name: 'speech' })).status, 403);
  const made = await call('POST', '/teams', admin, { name: 'speech' });
  assert.deepEqual([made.data.name, made.data.members], ['speech', 0]);
  assert.equal((await call('POST', '/teams', admin, { name: 'speech' })).data.code, 'team_name_taken');
  assert.equal((await call('POST', '/teams/none/projects', admin, { name: 'p' })).data.code, 'team_not_found');
  assert.equal((await call('POST', '/teams/speech/projects', admin, { name: 'asr' })).data.name, 'asr');
  assert.equal((await call('POST', '/teams/speech/projects', admin, { name: 'asr' })).data.code, 'project_name_taken');
  assert.equal((await call('GET', '/teams/speech/projects', viewer)).data.length, 1);
  await call('PUT', '/teams/speech/members/kim', admin, { roles: ['developer'] });
  const kim = { 'x-user-id': 'kim', 'x-user-team': 'speech' };
  await eventually(async () => (await call('GET', '/api-keys', kim)).status === 200);
  assert.equal((await call('GET', '/teams/speech/members', viewer)).data[0].userId, 'kim');
  await call('DELETE', '/teams/speech/members/kim', admin);
  await eventually(async () => (await call('GET', '/api-keys', kim)).status === 403);
  const pages: string[] = [];
  for (let path: string | null = '/teams?limit=1'; path !== null;) {
    const page: Reply = await call('GET', path, viewer);
    pages.push(...page.data.map((team: any) => team.name));
    path = page.next === null ? null : page.next.slice(page.next.indexOf('/teams'));
  }
  assert.deepEqual(pages, ['speech', 'nlp']);
  assert.equal((await call('GET', '/teams?cursor=x', viewer)).status, 400);
});

test('GOV: a team named by header or claim is made on first use; elsewhere it must be there', async () => {
  const identity = {
    ...authenticator,
    kind: 'oidc',
    userId: 'o',
    displayName: 'O',
    roles: [],
    teams: ['claimed'],
    project: null,
    apiKeyId: null,
    routes: null,
    environments: null,
    sessionId: null,
    csrfToken: null,
  } as never;
  const within = (name: string) =>
    world.db.kysely.transaction().execute((trx) => ensureTeam(trx as never, name, identity));
  await within('claimed');
  await within('nlp');
  await assert.rejects(within('unheard'), (error) => isFailure(error, 'team_not_found'));
});
