import type { governanceRoutes, Permission, Policy } from '@llm-ops/contracts';
import { createAccess, type Identity, type PolicyInForce } from '#platform/access';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Context, type Paged } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { GovernanceDeps } from './deps.ts';
import { policyIssues } from './rules.ts';
import * as store from './store.ts';

type Routes = typeof governanceRoutes;

export function createPolicies({ kysely, policies }: GovernanceDeps) {
  function check(policy: Pick<Policy, 'rules' | 'scope'>): void {
    const issues = policyIssues(policy.rules, policy.scope);
    if (issues.length > 0) throw failure('validation_failed', { issues });
  }

  return {
    async list(c: Context<Routes['listPolicies']>): Promise<Paged<Policy[]>> {
      const { limit, cursor, scope, status } = c.query;
      const rows = await store.listPolicies(kysely, { scope, status }, limit + 1, decodeCursor(cursor)?.id ?? null);
      const page = pageOf(rows, limit, (row) => ({ at: row.created_at, id: row.id }));
      return { rows: page.rows.map(view), next: page.next };
    },

    /** Throws `policy_not_found`. */
    async get(c: Context<Routes['getPolicy']>): Promise<Policy> {
      const row = await store.findPolicy(kysely, c.params.id);
      if (!row) throw failure('policy_not_found');
      c.access.require('policy:read', resourceOf(row));
      return view(row);
    },

    /** Throws `validation_failed`, `policy_name_taken`. */
    async create(c: Context<Routes['createPolicy']>): Promise<Policy> {
      check(c.body);
      const made = { id: uuidv7(), ...c.body, created_by: c.identity.userId };
      c.access.require('policy:write', resourceOf(made));
      const row = await store.insertPolicy(c.trx, made);
      if (!row) throw failure('policy_name_taken');
      c.note(row.id, { name: row.name, scope: row.scope, status: row.status, rules: row.rules });
      return view(row);
    },

    /** Throws `policy_not_found`, `validation_failed`, `policy_name_taken`. */
    async update(c: Context<Routes['updatePolicy']>): Promise<Policy> {
      const before = await store.findPolicy(c.trx, c.params.id, true);
      if (!before) throw failure('policy_not_found');
      c.access.require('policy:write', resourceOf(before));
      const { name = before.name, scope = before.scope, status = before.status, rules = before.rules } = c.body;
      check({ rules, scope });
      const row = await store.updatePolicy(c.trx, { id: before.id, name, scope, status, rules });
      if (!row) throw failure('policy_name_taken');
      const { name: oldName, scope: oldScope, status: oldStatus, rules: oldRules } = before;
      c.note(row.id, {
        before: { name: oldName, scope: oldScope, status: oldStatus, rules: oldRules },
        after: { name, scope, status, rules },
      });
      return view(row);
    },

    /** Throws `policy_not_found`. */
    async remove(c: Context<Routes['deletePolicy']>): Promise<{ id: string }> {
      const row = await store.findPolicy(c.trx, c.params.id, true);
      if (!row) throw failure('policy_not_found');
      c.access.require('policy:write', resourceOf(row));
      await store.deletePolicy(c.trx, row.id);
      c.note(row.id, { name: row.name, scope: row.scope, status: row.status, rules: row.rules });
      return { id: row.id };
    },

    /** A dry run: by the rules given, else by those in force. */
    async evaluate(c: Context<Routes['evaluatePolicies']>) {
      const { action, resource, subject, environment, rules } = c.body;
      const tried: PolicyInForce[] | null = rules ? [{ id: uuidv7(), name: 'dry run', scope: 'global', rules }] : null;
      const { userId, roles, teams } = subject;
      const identity: Identity = { ...somebody, userId, displayName: userId, roles, teams };
      const access = createAccess(identity, tried ?? policies());
      const { allowed, rule, reason, remedy } = access.decide(action as Permission, resource, environment);
      return { allowed, rule, reason, remedy };
    },
  };
}

const somebody = {
  kind: 'oidc',
  project: null,
  apiKeyId: null,
  routes: null,
  environments: null,
  sessionId: null,
  csrfToken: null,
} as const;

const resourceOf = ({ id, name, scope, status }: Pick<store.PolicyRow, 'id' | 'name' | 'scope' | 'status'>) => ({
  type: 'policy',
  id,
  name,
  scope,
  status,
});

const view = (row: store.PolicyRow): Policy => ({
  id: row.id,
  name: row.name,
  scope: row.scope,
  status: row.status,
  rules: row.rules,
  createdBy: row.created_by,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
});
