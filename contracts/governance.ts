import { z } from 'zod';
import { Environment, Id, IdParams, Name, Page, TeamName, Time, TimeIn } from './common.ts';
import { roles } from './permissions.ts';
import { defineRoutes } from './route.ts';
import { sentences } from './sentences.ts';

const RoleName = z.enum(roles);

/** What one key may ask in a minute. */
export const KeyLimits = z.object({
  requestsPerMinute: z.number().int().min(1).max(1_000_000_000).optional(),
  tokensPerMinute: z.number().int().min(1).max(1_000_000_000_000).optional(),
});

const KeyRoutes = z.array(z.string().min(1).max(200)).max(200);
export const ApiKey = z.object({
  id: Id,
  name: z.string(),
  prefix: z.string().describe('The first characters, to tell keys apart.'),
  team: z.string(),
  project: z.string().nullable(),
  roles: z.array(RoleName),
  routes: z.array(z.string()).nullable(),
  environments: z.array(Environment).nullable(),
  limits: KeyLimits.nullable(),
  expiresAt: Time.nullable(),
  lastUsedAt: Time.nullable(),
  revokedAt: Time.nullable(),
  createdBy: z.string(),
  createdAt: Time,
});

export const policyScopes = ['catalog', 'training', 'serving', 'prompts', 'inference', 'global'] as const;
export const PolicyRule = z.object({
  effect: z.enum(['allow', 'deny']),
  actions: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(50)
    .describe('`model:read`, `endpoint:deploy`, `model:*` or `*`'),
  resources: z.object({
    type: z.string().min(1).max(50),
    match: z
      .record(z.string().max(100), z.unknown())
      .default({})
      .describe(
        'Field values that all must agree; a list means any of them; `metadata.classification` reaches into the card.',
      ),
  }),
  subjects: z
    .object({
      roles: z.array(RoleName).optional(),
      teams: z.array(z.string()).optional(),
      users: z.array(z.string()).optional(),
    })
    .default({}),
  environments: z.array(Environment).optional(),
  reason: z.string().min(1, sentences.why_denied).max(500),
});
export type PolicyRule = z.infer<typeof PolicyRule>;
const policyFields = {
  name: Name,
  scope: z.enum(policyScopes),
  status: z.enum(['draft', 'active', 'deprecated']),
  rules: z.array(PolicyRule).min(1).max(100),
};
export const Policy = z.object({ id: Id, ...policyFields, createdBy: z.string(), createdAt: Time, updatedAt: Time });
export type Policy = z.infer<typeof Policy>;

export const AuditEntry = z.object({
  id: Id,
  sequence: z.number().nullable().describe('Place in the sealed chain; null for the second before it is sealed.'),
  at: Time,
  actor_id: z.string(),
  actor_kind: z.string(),
  roles: z.array(z.string()),
  action: z.string(),
  resource_type: z.string(),
  resource_id: z.string().nullable(),
  result: z.enum(['allowed', 'denied', 'failed']),
  rule: z.string().nullable(),
  request_id: z.string().nullable(),
  remote_address: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()),
  hash: z.string().nullable(),
});

export const Team = z.object({ name: z.string(), createdAt: Time, members: z.number() });
export const Project = z.object({ team: z.string(), name: z.string(), createdAt: Time });
export const Membership = z.object({ team: z.string(), userId: z.string(), roles: z.array(RoleName), createdAt: Time });
const TeamParams = z.object({ team: z.string().min(1).max(63) });

export const governanceRoutes = defineRoutes({
  listApiKeys: {
    method: 'GET',
    path: '/governance/api-keys',
    summary: 'API keys, without their secrets',
    tag: 'governance',
    permission: 'api-key:read',
    list: true,
    query: Page,
    data: z.array(ApiKey),
  },
  createApiKey: {
    method: 'POST',
    path: '/governance/api-keys',
    summary: 'A key for a program; shown once',
    tag: 'governance',
    permission: 'api-key:write',
    body: z.object({
      name: Name,
      team: TeamName,
      project: Name.nullish(),
      roles: z.array(RoleName).min(1),
      routes: KeyRoutes.nullish(),
      environments: z.array(Environment).nullish(),
      expiresAt: TimeIn.nullish(),
      limits: KeyLimits.nullish(),
    }),
    data: ApiKey.extend({ key: z.string() }),
    idempotent: true,
    sensitive: true,
    audit: { action: 'api-key.create', resource: 'api-key' },
    failures: ['role_not_grantable'],
  },
  updateApiKey: {
    method: 'PATCH',
    path: '/governance/api-keys/{id}',
    summary: 'Change what a key may ask, how much and until when; the key itself, its team and its roles stay',
    tag: 'governance',
    permission: 'api-key:write',
    params: IdParams,
    body: z
      .object({
        name: Name,
        routes: KeyRoutes.nullable(),
        environments: z.array(Environment).nullable(),
        expiresAt: TimeIn.nullable(),
        limits: KeyLimits.nullable(),
      })
      .partial(),
    data: ApiKey,
    audit: { action: 'api-key.update', resource: 'api-key' },
    failures: ['api_key_not_found', 'api_key_revoked', 'role_not_grantable'],
  },
  revokeApiKey: {
    method: 'DELETE',
    path: '/governance/api-keys/{id}',
    summary: 'Revoke a key',
    tag: 'governance',
    permission: 'api-key:write',
    params: IdParams,
    data: ApiKey,
    audit: { action: 'api-key.revoke', resource: 'api-key' },
    failures: ['api_key_not_found'],
  },
  listPolicies: {
    method: 'GET',
    path: '/governance/policies',
    summary: 'Policies',
    tag: 'governance',
    permission: 'policy:read',
    list: true,
    query: Page.extend({ scope: z.enum(policyScopes).optional(), status: policyFields.status.optional() }),
    data: z.array(Policy),
  },
  createPolicy: {
    method: 'POST',
    path: '/governance/policies',
    summary: 'A policy',
    tag: 'governance',
    permission: 'policy:write',
    body: z.object({ ...policyFields, status: policyFields.status.default('draft') }),
    data: Policy,
    idempotent: true,
    audit: { action: 'policy.create', resource: 'policy' },
    failures: ['policy_name_taken'],
  },
  getPolicy: {
    method: 'GET',
    path: '/governance/policies/{id}',
    summary: 'One policy',
    tag: 'governance',
    permission: 'policy:read',
    params: IdParams,
    data: Policy,
    failures: ['policy_not_found'],
  },
  updatePolicy: {
    method: 'PATCH',
    path: '/governance/policies/{id}',
    summary: 'Change a policy',
    tag: 'governance',
    permission: 'policy:write',
    params: IdParams,
    body: z.object(policyFields).partial(),
    data: Policy,
    audit: { action: 'policy.update', resource: 'policy' },
    failures: ['policy_not_found', 'policy_name_taken'],
  },
  deletePolicy: {
    method: 'DELETE',
    path: '/governance/policies/{id}',
    summary: 'Delete a policy',
    tag: 'governance',
    permission: 'policy:write',
    params: IdParams,
    data: z.object({ id: Id }),
    audit: { action: 'policy.delete', resource: 'policy' },
    failures: ['policy_not_found'],
  },
  evaluatePolicies: {
    method: 'POST',
    path: '/governance/policies/evaluate',
    summary: 'Dry run: would this be allowed, and by which rule?',
    tag: 'governance',
    permission: 'policy:read',
    body: z.object({
      action: z.string().min(1).max(100),
      // beside its type, the fields that rules match on: any of any resource
      resource: z.object({ type: z.string().min(1).max(50) }).catchall(z.unknown()),
      subject: z.object({
        userId: z.string(),
        roles: z.array(RoleName).default([]),
        teams: z.array(z.string()).default([]),
      }),
      environment: Environment.optional(),
      rules: z.array(PolicyRule).optional().describe('Instead of the active ones.'),
    }),
    data: z.object({
      allowed: z.boolean(),
      rule: z.string().nullable(),
      reason: z.string(),
      remedy: z.string().nullable(),
    }),
  },
  listAuditLogs: {
    method: 'GET',
    path: '/governance/audit/logs',
    summary: 'Who did what, newest first',
    tag: 'governance',
    permission: 'audit:read',
    list: true,
    query: Page.extend({
      actor_id: z.string().max(200).optional(),
      resource_type: z.string().max(50).optional(),
      resource_id: z.string().max(200).optional(),
      action: z.string().max(100).optional(),
      result: z.enum(['allowed', 'denied', 'failed']).optional(),
      since: TimeIn.optional(),
      until: TimeIn.optional(),
    }),
    data: z.array(AuditEntry),
  },
  exportAuditLogs: {
    method: 'GET',
    path: '/governance/audit/export',
    summary: 'The log as JSON lines',
    tag: 'governance',
    permission: 'audit:read',
    query: z.object({ since: TimeIn.optional(), until: TimeIn.optional() }),
    answer: 'file',
  },
  verifyAuditChain: {
    method: 'GET',
    path: '/governance/audit/verify',
    summary: 'Is the chain whole?',
    tag: 'governance',
    permission: 'audit:read',
    data: z.object({
      ok: z.boolean(),
      sealed: z.number(),
      unsealed: z.number(),
      firstBroken: z.object({ sequence: z.number(), id: Id, reason: z.string() }).nullable(),
      head: z.string().nullable(),
    }),
  },
  listTeams: {
    method: 'GET',
    path: '/governance/teams',
    summary: 'Teams',
    tag: 'governance',
    permission: 'team:read',
    list: true,
    query: Page,
    data: z.array(Team),
  },
  createTeam: {
    method: 'POST',
    path: '/governance/teams',
    summary: 'A team',
    tag: 'governance',
    permission: 'team:write',
    body: z.object({ name: TeamName }),
    data: Team,
    idempotent: true,
    audit: { action: 'team.create', resource: 'team' },
    failures: ['team_name_taken'],
  },
  listProjects: {
    method: 'GET',
    path: '/governance/teams/{team}/projects',
    summary: 'Projects of a team',
    tag: 'governance',
    permission: 'team:read',
    params: TeamParams,
    data: z.array(Project),
    failures: ['team_not_found'],
  },
  createProject: {
    method: 'POST',
    path: '/governance/teams/{team}/projects',
    summary: 'A project',
    tag: 'governance',
    permission: 'team:write',
    params: TeamParams,
    body: z.object({ name: Name }),
    data: Project,
    idempotent: true,
    audit: { action: 'project.create', resource: 'project' },
    failures: ['team_not_found', 'project_name_taken'],
  },
  listMembers: {
    method: 'GET',
    path: '/governance/teams/{team}/members',
    summary: 'Members of a team',
    tag: 'governance',
    permission: 'team:read',
    params: TeamParams,
    data: z.array(Membership),
    failures: ['team_not_found'],
  },
  putMember: {
    method: 'PUT',
    path: '/governance/teams/{team}/members/{userId}',
    summary: 'Add a member or change their roles',
    tag: 'governance',
    permission: 'team:write',
    params: TeamParams.extend({ userId: z.string().min(1).max(200) }),
    body: z.object({ roles: z.array(RoleName) }),
    data: Membership,
    audit: { action: 'membership.put', resource: 'team' },
    failures: ['team_not_found', 'role_not_grantable'],
  },
  deleteMember: {
    method: 'DELETE',
    path: '/governance/teams/{team}/members/{userId}',
    summary: 'Remove a member',
    tag: 'governance',
    permission: 'team:write',
    params: TeamParams.extend({ userId: z.string().min(1).max(200) }),
    data: z.object({ team: z.string(), userId: z.string() }),
    audit: { action: 'membership.delete', resource: 'team' },
    failures: ['team_not_found'],
  },
});
