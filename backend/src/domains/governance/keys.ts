import type { ApiKey, governanceRoutes } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access, Identity } from '#platform/access';
import { newApiKey } from '#platform/auth';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Context, type Paged, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { GovernanceDeps } from './deps.ts';
import { beyondOwn, freerThan, looserThan } from './rules.ts';
import { words } from './sentences.ts';
import * as store from './store.ts';
import { ensureTeam } from './teams.ts';

type Routes = typeof governanceRoutes;
type Key = z.output<typeof ApiKey>;

/** The team that an API key belongs to; null: there is no such key. */
export async function teamOfKey(trx: Trx, id: string): Promise<string | null> {
  return (await store.findKey(trx, id))?.team ?? null;
}

/** Keys for programs: hashed, shown once, never able to do more than whoever made them. */
export function createKeys({ kysely, now }: GovernanceDeps) {
  const isSeen = (access: Access, row: store.KeyRow) =>
    access.sees({ team: row.team, visibility: 'team', createdBy: row.created_by });

  /** Null: never. Throws `validation_failed`. */
  function expiryOf(text: string | null | undefined): Date | null {
    if (!text) return null;
    const at = new Date(text);
    if (at <= now()) {
      throw failure('validation_failed', { issues: [{ path: 'expiresAt', ...words.tell('past') }] });
    }
    return at;
  }

  return {
    async list(c: Context<Routes['listApiKeys']>): Promise<Paged<Key[]>> {
      const { limit, cursor } = c.query;
      const scope = c.access.scope('api-key:read', 'api-key');
      const rows = await store.listKeys(kysely, scope, limit + 1, decodeCursor(cursor)?.id ?? null);
      const page = pageOf(rows, limit, (row) => ({ at: row.created_at, id: row.id }));
      const may = page.rows.filter((row) => c.access.decide('api-key:read', resourceOf(row)).allowed);
      return { rows: may.map(view), next: page.next };
    },

    /** Throws `role_not_grantable`, `team_not_found`, `validation_failed`. */
    async create(c: Context<Routes['createApiKey']>): Promise<Key & { key: string }> {
      const { body, access, trx } = c;
      const { identity } = access;
      const beyond = beyondOwn(body.roles, identity);
      if (beyond.length > 0) {
        throw failure('role_not_grantable', words.tell('beyond_roles', { roles: beyond, own: identity.roles }));
      }
      const routes = body.routes ?? null;
      const environments = body.environments ?? null;
      const limits = body.limits ?? null;
      const expiresAt = expiryOf(body.expiresAt);
      await withinOwn(trx, identity, { routes, environments, limits, expires_at: expiresAt });
      if (!access.sees({ team: body.team, visibility: 'team' })) {
        throw failure('team_not_found', words.tell('no_member', { team: body.team }));
      }
      await ensureTeam(trx, body.team, identity);
      const project = body.project ?? null;
      if (project !== null && !(await store.projectExists(trx, body.team, project))) {
        throw failure('validation_failed', { issues: [{ path: 'project', ...words.tell('no_project') }] });
      }
      const { key, prefix, hash } = newApiKey();
      const { name, team, roles } = body;
      const made = {
        id: uuidv7(),
        name,
        prefix,
        hash,
        team,
        project,
        roles,
        routes,
        environments,
        limits,
        expires_at: expiresAt,
        created_by: identity.userId,
      };
      access.require('api-key:write', resourceOf(made));
      const row = await store.insertKey(trx, made);
      c.note(row.id, { name, team, roles, routes, environments });
      return { ...view(row), key };
    },

    /** What is not named stays. Gateways hold to it at once. Throws `api_key_not_found`, `api_key_revoked`, `role_not_grantable`, `validation_failed`. */
    async update(c: Context<Routes['updateApiKey']>): Promise<Key> {
      const { body, access, trx } = c;
      const row = await store.findKey(trx, c.params.id, true);
      if (!row || !isSeen(access, row)) throw failure('api_key_not_found');
      access.require('api-key:write', resourceOf(row));
      if (row.revoked_at !== null) throw failure('api_key_revoked');
      const beyond = beyondOwn(row.roles, access.identity);
      if (beyond.length > 0) {
        throw failure('role_not_grantable', words.tell('key_beyond_roles', { roles: beyond }));
      }
      const changed = {
        name: body.name ?? row.name,
        routes: body.routes === undefined ? row.routes : body.routes,
        environments: body.environments === undefined ? row.environments : body.environments,
        limits: body.limits === undefined ? row.limits : body.limits,
        expires_at: body.expiresAt === undefined ? row.expires_at : expiryOf(body.expiresAt),
      };
      await withinOwn(trx, access.identity, changed);
      const { name, routes, environments, limits } = changed;
      c.note(row.id, { name, team: row.team, routes, environments, limits });
      return view(await store.updateKey(trx, row.id, changed));
    },

    /** Revoking twice is no error. Throws `api_key_not_found`. */
    async revoke(c: Context<Routes['revokeApiKey']>): Promise<Key> {
      const row = await store.findKey(c.trx, c.params.id);
      if (!row || !isSeen(c.access, row)) throw failure('api_key_not_found');
      c.access.require('api-key:write', resourceOf(row));
      c.note(row.id, { name: row.name, team: row.team });
      return view(await store.revokeKey(c.trx, row.id));
    },
  };
}

/** What is made or changed with a key is no freer than it is. Throws `role_not_grantable`. */
async function withinOwn(
  trx: Trx,
  { apiKeyId, routes, environments }: Identity,
  asked: Pick<store.KeyRow, 'routes' | 'environments' | 'limits' | 'expires_at'>,
): Promise<void> {
  if (freerThan(asked.routes, routes) || freerThan(asked.environments, environments)) {
    throw failure('role_not_grantable', words.tell('key_wider'));
  }
  const own = apiKeyId === null ? null : await store.findKey(trx, apiKeyId);
  if (own !== null && looserThan(asked.limits, own.limits)) {
    throw failure('role_not_grantable', words.tell('key_looser'));
  }
  if (own?.expires_at && (asked.expires_at === null || asked.expires_at > own.expires_at)) {
    throw failure('role_not_grantable', words.tell('key_longer'));
  }
}

const resourceOf = ({
  id,
  name,
  team,
  project,
  created_by,
}: Pick<store.KeyRow, 'id' | 'name' | 'team' | 'project' | 'created_by'>) => ({
  type: 'api-key',
  id,
  name,
  team,
  owner_team: team,
  project,
  created_by,
});

const view = (row: store.KeyRow): Key => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  team: row.team,
  project: row.project,
  roles: row.roles,
  routes: row.routes,
  environments: row.environments,
  limits: row.limits,
  expiresAt: row.expires_at?.toISOString() ?? null,
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
  revokedAt: row.revoked_at?.toISOString() ?? null,
  createdBy: row.created_by,
  createdAt: row.created_at.toISOString(),
});
