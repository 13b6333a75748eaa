import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMongoAbility, subject } from '@casl/ability';
import { unpackRules } from '@casl/ability/extra';
import { environments, permissions, permissionsOf, roles, type PolicyRule, type Role } from '@llm-ops/contracts';
import fc from 'fast-check';
import { isFailure } from '#platform/errors';
import { createAccess, type Identity, type PolicyInForce } from '#platform/access';

const identity = (over: Partial<Identity> = {}): Identity => ({
  kind: 'header',
  userId: 'ada',
  displayName: 'Ada',
  roles: ['viewer'],
  teams: ['nlp'],
  project: null,
  apiKeyId: null,
  routes: null,
  environments: null,
  sessionId: null,
  csrfToken: null,
  ...over,
});
const rule = (over: Partial<PolicyRule> = {}): PolicyRule => ({
  effect: 'deny',
  actions: ['model:read'],
  resources: { type: 'model', match: {} },
  subjects: {},
  reason: 'Because.',
  ...over,
});
const policy = (rules: PolicyRule[], over: Partial<PolicyInForce> = {}): PolicyInForce => ({
  id: '01990000-0000-7000-8000-000000000000',
  name: 'guard',
  scope: 'global',
  rules,
  ...over,
});

test('FR-010: every role does exactly what the table says, and a refusal names roles that would help', () => {
  for (const role of roles) {
    const access = createAccess(identity({ roles: [role] }), []);
    for (const permission of permissions) {
      const decision = access.decide(permission);
      assert.equal(decision.allowed, permissionsOf([role]).has(permission), `${role} ${permission}`);
      if (!decision.allowed) assert.match(decision.remedy ?? '', /admin/);
    }
  }
});

test('FR-010: a developer deploys to dev alone, an operator everywhere, others by a policy', () => {
  const developer = createAccess(identity({ roles: ['developer'] }), []);
  assert.equal(developer.decide('endpoint:deploy').allowed, true, 'the gate of the route');
  assert.equal(developer.decide('endpoint:deploy', { type: 'endpoint', environment: 'dev' }).allowed, true);
  const refused = developer.decide('endpoint:deploy', { type: 'endpoint' }, 'prod');
  assert.equal(refused.rule, 'environment');
  assert.match(refused.remedy ?? '', /admin, operator/);
  const operator = createAccess(identity({ roles: ['operator'] }), []);
  assert.equal(operator.decide('endpoint:deploy', { type: 'endpoint' }, 'prod').allowed, true);
  const allow = rule({
    effect: 'allow',
    actions: ['endpoint:deploy'],
    resources: { type: 'endpoint', match: {} },
    subjects: { teams: ['nlp'] },
    environments: ['stg'],
  });
  const trusted = createAccess(identity({ roles: ['developer'] }), [policy([allow])]);
  assert.equal(trusted.decide('endpoint:deploy', { type: 'endpoint' }, 'stg').rule, 'policy:guard#1');
  assert.equal(trusted.decide('endpoint:deploy', { type: 'endpoint' }, 'prod').allowed, false);
});

test('FR-010: a deny by classification hits the matching model, names its rule, and wins over an allow', () => {
  const policies = [
    policy([
      rule({ effect: 'allow', reason: 'All may.' }),
      rule({
        resources: { type: 'model', match: { 'metadata.classification': ['secret', 'restricted'] } },
        subjects: { teams: ['nlp'] },
        reason: 'Restricted models are for the security team.',
      }),
    ]),
  ];
  const access = createAccess(identity({ roles: ['admin'] }), policies);
  const secret = { type: 'model', id: '1', metadata: { classification: 'secret' } };
  assert.deepEqual(access.decide('model:read', secret), {
    allowed: false,
    rule: 'policy:guard#2',
    reason: 'Restricted models are for the security team.',
    remedy: 'The policy "guard" forbids it. Ask an administrator to change it if that is wrong.',
  });
  assert.equal(access.decide('model:read', { type: 'model', metadata: { classification: 'open' } }).allowed, true);
  assert.equal(access.decide('model:write', secret).allowed, true);
  assert.throws(
    () => access.require('model:read', secret),
    (error) => isFailure(error, 'permission_denied') && error.data?.rule === 'policy:guard#2',
  );
  const other = createAccess(identity({ roles: ['admin'], teams: ['vision'] }), policies);
  assert.equal(other.decide('model:read', secret).allowed, true);
});

test('FR-010: the row of a model has a type of its own, which does not hide it from policies', () => {
  const access = createAccess(identity(), [policy([rule({ resources: { type: 'model', match: { name: 'x' } } })])]);
  assert.equal(access.decide('model:read', { type: 'base', name: 'x' }).allowed, false);
});

test('FR-010: nested matches and dotted ones are the same; operators of a query language are not reached', () => {
  const nested = rule({ resources: { type: 'model', match: { metadata: { classification: 'secret' } } } });
  const operator = rule({ resources: { type: 'model', match: { name: { $ne: 'nothing' } } } });
  const model = { type: 'model', name: 'm', metadata: { classification: 'secret' } };
  assert.equal(createAccess(identity(), [policy([nested])]).decide('model:read', model).allowed, false);
  assert.equal(createAccess(identity(), [policy([operator])]).decide('model:read', model).allowed, true);
});

test('FR-010: a scope holds its policy to its own actions', () => {
  const all = rule({ actions: ['*'], resources: { type: '*', match: {} } });
  const access = createAccess(identity({ roles: ['admin'] }), [policy([all], { scope: 'catalog' })]);
  assert.equal(access.decide('model:read').allowed, false);
  assert.equal(access.decide('endpoint:read').allowed, true);
  const everything = createAccess(identity({ roles: ['admin'] }), [policy([all])]);
  for (const permission of permissions) assert.equal(everything.decide(permission).allowed, false, permission);
});

test('FR-010: a conditional allow opens the gate only where the service asks again', () => {
  const allow = (action: string, type: string) =>
    policy([rule({ effect: 'allow', actions: [action], resources: { type, match: { owner_team: 'nlp' } } })]);
  const models = createAccess(identity(), [allow('model:write', 'model')]);
  assert.equal(models.decide('model:write').allowed, true);
  assert.equal(models.decide('model:write', { type: 'model', owner_team: 'nlp' }).allowed, true);
  assert.equal(models.decide('model:write', { type: 'model', owner_team: 'vision' }).allowed, false);
  assert.equal(createAccess(identity(), [allow('audit:read', 'audit')]).decide('audit:read').allowed, false);
  assert.equal(
    createAccess(identity({ roles: ['admin'] }), [allow('audit:read', '*')]).decide('audit:read').allowed,
    true,
  );
});

test('FR-010: an API key is held to its routes and environments', () => {
  const key = identity({ kind: 'api-key', roles: ['admin'], routes: ['/chat-a'], environments: ['dev'] });
  const access = createAccess(key, []);
  assert.equal(access.decide('inference:call', { type: 'route', name: 'chat-a' }, 'dev').allowed, true);
  assert.equal(access.decide('inference:call', { type: 'route', name: 'chat-b' }, 'dev').rule, 'api-key');
  assert.equal(access.decide('inference:call', { type: 'route' }).rule, 'api-key');
  assert.equal(access.decide('endpoint:deploy', { type: 'endpoint', environment: 'prod' }).rule, 'api-key');
});

test('FR-010: rows are seen by team, visibility and maker', () => {
  const access = createAccess(identity(), []);
  assert.equal(access.sees({ team: 'nlp', visibility: 'team' }), true);
  assert.equal(access.sees({ team: 'vision', visibility: 'team' }), false);
  assert.equal(access.sees({ team: 'vision', visibility: 'organization' }), true);
  assert.equal(access.sees({ team: 'vision', visibility: 'team', createdBy: 'ada' }), true);
  const key = createAccess(identity({ kind: 'api-key' }), []);
  assert.equal(key.sees({ team: 'vision', visibility: 'team', createdBy: 'ada' }), false);
  assert.equal(key.scope('model:read', 'model').userId, '');
  assert.equal(createAccess(identity({ teams: '*' }), []).sees({ team: 'vision', visibility: 'team' }), true);
});

test('FR-010: the scope of a list carries denials, and allows where the role gives nothing', () => {
  const denied = rule({ resources: { type: 'model', match: { name: 'x', 'metadata.tier': ['a', 'b'] } } });
  const allowed = rule({ effect: 'allow', actions: ['audit:read'], resources: { type: '*', match: { team: 'nlp' } } });
  const access = createAccess(identity(), [policy([denied, allowed])]);
  assert.deepEqual(access.scope('model:read', 'model'), {
    userId: 'ada',
    teams: ['nlp'],
    denied: [{ name: ['x'], 'metadata.tier': ['a', 'b'] }],
    allowed: null,
  });
  assert.deepEqual(access.scope('audit:read', 'audit').allowed, [{ team: ['nlp'] }]);
});

test('FR-010: the web decides by the same rules, packed', () => {
  const access = createAccess(identity({ roles: ['developer'] }), [
    policy([rule({ resources: { type: 'model', match: { name: 'x' } }, environments: ['dev'] })]),
  ]);
  const ability = createMongoAbility(unpackRules(JSON.parse(JSON.stringify(access.packedRules()))) as never);
  assert.equal(ability.can('model:read', subject('model', { name: 'x', environment: 'dev' })), false);
  assert.equal(ability.can('model:read', subject('model', { name: 'y', environment: 'dev' })), true);
  assert.equal(ability.can('endpoint:deploy', subject('endpoint', { environment: 'prod' })), false);
  assert.equal(ability.can('endpoint:deploy', subject('endpoint', { environment: 'dev' })), true);
});

const word = fc.constantFrom('a', 'b', 'c');
const anyRule: fc.Arbitrary<PolicyRule> = fc.record({
  effect: fc.constantFrom('allow' as const, 'deny' as const),
  actions: fc.uniqueArray(fc.constantFrom('*', 'model:*', 'model:read', 'model:write', 'endpoint:deploy'), {
    minLength: 1,
  }),
  resources: fc.record({
    type: fc.constantFrom('model', 'endpoint', '*'),
    match: fc.dictionary(fc.constantFrom('name', 'metadata.tier', 'environment'), fc.oneof(word, fc.array(word))),
  }),
  subjects: fc.record(
    {
      roles: fc.array(fc.constantFrom<Role>(...roles)),
      teams: fc.array(word),
      users: fc.array(word),
    },
    { requiredKeys: [] },
  ),
  environments: fc.option(fc.uniqueArray(fc.constantFrom(...environments)), { nil: undefined }),
  reason: fc.constant('Because.'),
});
const anyCase = fc.record({
  policies: fc.uniqueArray(
    fc.record({
      id: fc.uuid(),
      name: fc.string({ minLength: 1, maxLength: 5 }),
      scope: fc.constantFrom('global' as const, 'catalog' as const, 'serving' as const),
      rules: fc.array(anyRule, { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 4, selector: (one) => one.name },
  ),
  who: fc.record({
    userId: word,
    roles: fc.uniqueArray(fc.constantFrom<Role>(...roles), { maxLength: 3 }),
    teams: fc.oneof(fc.constant('*' as const), fc.uniqueArray(word)),
  }),
  permission: fc.constantFrom('model:read' as const, 'model:write' as const, 'endpoint:deploy' as const),
  resource: fc.record({ type: fc.constantFrom('model', 'endpoint'), name: word, metadata: fc.record({ tier: word }) }),
  environment: fc.option(fc.constantFrom(...environments), { nil: undefined }),
});

test('FR-010: deny always wins, and neither the order of policies nor the making of more allows changes that', () => {
  fc.assert(
    fc.property(anyCase, ({ policies, who, permission, resource, environment }) => {
      const decide = (all: PolicyInForce[]) =>
        createAccess(identity(who), all).decide(permission, resource, environment);
      const decision = decide(policies);
      assert.deepEqual(decide([...policies].reverse()), decision);
      const only = (effect: 'allow' | 'deny') =>
        policies.map((one) => ({ ...one, rules: one.rules.filter((each) => each.effect === effect) }));
      const deniedAlone = decide(only('deny')).rule.startsWith('policy:');
      if (deniedAlone) assert.equal(decision.allowed, false);
      else assert.equal(decision.allowed, decide(only('allow')).allowed);
    }),
    { numRuns: 2000 },
  );
});

test('FR-010: what a list leaves out and what a single read refuses are the same rows', () => {
  fc.assert(
    fc.property(anyCase, ({ policies, who, resource, environment }) => {
      const access = createAccess(identity(who), policies);
      const row = { ...resource, environment };
      const scope = access.scope('model:read', 'model');
      const field = (path: string) =>
        path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], row);
      const holds = (match: Record<string, unknown>) =>
        Object.entries(match).every(([path, any]) => (any as unknown[]).includes(field(path)));
      const listed = !scope.denied.some(holds) && (scope.allowed === null || scope.allowed.some(holds));
      assert.equal(listed, access.decide('model:read', { ...row, type: 'model' }).allowed);
    }),
    { numRuns: 2000 },
  );
});
