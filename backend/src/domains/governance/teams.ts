import type { governanceRoutes, Membership, Project, Team } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Identity } from '#platform/access';
import { failure } from '#platform/errors';
import type { Context, Paged, Trx } from '#platform/http';
import type { GovernanceDeps } from './deps.ts';
import { beyondOwn, decodeNameCursor, encodeNameCursor } from './rules.ts';
import { words } from './sentences.ts';
import * as store from './store.ts';

type Routes = typeof governanceRoutes;
type One<T extends z.ZodType> = z.output<T>;

/**
 * The team that a row will belong to. Who names a team that is theirs (by header, or by a claim of the identity provider) makes it by
 * first using it; others name one that there is. Throws `team_not_found`.
 */
export async function ensureTeam(trx: Trx, name: string, identity: Identity): Promise<void> {
  if (await store.teamExists(trx, name)) return;
  const theirs = identity.teams !== '*' && identity.teams.includes(name);
  if (identity.kind !== 'header' && identity.kind !== 'system' && !theirs) {
    throw failure('team_not_found', words.tell('no_team', { team: name }));
  }
  await store.insertTeam(trx, name);
}

export function createTeams({ kysely }: GovernanceDeps) {
  async function requireTeam(db: Parameters<typeof store.teamExists>[0], team: string): Promise<void> {
    if (!(await store.teamExists(db, team))) throw failure('team_not_found', words.tell('no_team', { team }));
  }

  return {
    async list(c: Context<Routes['listTeams']>): Promise<Paged<One<typeof Team>[]>> {
      const { limit, cursor } = c.query;
      const after = cursor === undefined ? null : decodeNameCursor(cursor);
      if (cursor !== undefined && after === null) {
        throw failure('validation_failed', { issues: [{ path: 'cursor', ...words.tell('cursor') }] });
      }
      const rows = await store.listTeams(kysely, limit + 1, after);
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const next = rows.length > limit && last ? encodeNameCursor(last.position, last.name) : null;
      return {
        rows: page.map(({ name, created_at, members }) => ({ name, createdAt: created_at.toISOString(), members })),
        next,
      };
    },

    /** Throws `team_name_taken`. */
    async create(c: Context<Routes['createTeam']>): Promise<One<typeof Team>> {
      c.access.require('team:write', { type: 'team', name: c.body.name });
      const row = await store.insertTeam(c.trx, c.body.name);
      if (!row) throw failure('team_name_taken');
      c.note(row.name);
      return { name: row.name, createdAt: row.created_at.toISOString(), members: 0 };
    },

    /** Throws `team_not_found`. */
    async listProjects(c: Context<Routes['listProjects']>): Promise<One<typeof Project>[]> {
      await requireTeam(kysely, c.params.team);
      return (await store.listProjects(kysely, c.params.team)).map(projectView);
    },

    /** Throws `team_not_found`, `project_name_taken`. */
    async createProject(c: Context<Routes['createProject']>): Promise<One<typeof Project>> {
      const { team } = c.params;
      c.access.require('team:write', { type: 'team', name: team });
      await requireTeam(c.trx, team);
      const row = await store.insertProject(c.trx, team, c.body.name);
      if (!row) throw failure('project_name_taken');
      c.note(`${team}/${row.name}`);
      return projectView(row);
    },

    /** Throws `team_not_found`. */
    async listMembers(c: Context<Routes['listMembers']>): Promise<One<typeof Membership>[]> {
      await requireTeam(kysely, c.params.team);
      return (await store.listMembers(kysely, c.params.team)).map(memberView);
    },

    /** Throws `team_not_found`, `role_not_grantable`, `validation_failed`. */
    async putMember(c: Context<Routes['putMember']>): Promise<One<typeof Membership>> {
      const { team, userId } = c.params;
      c.access.require('team:write', { type: 'team', name: team });
      if (/[\p{Cc}\p{Cf}]/u.test(userId) || userId !== userId.trim()) {
        throw failure('validation_failed', { issues: [{ path: 'userId', ...words.tell('user_id') }] });
      }
      const beyond = beyondOwn(c.body.roles, c.identity);
      if (beyond.length > 0)
        throw failure('role_not_grantable', words.tell('beyond_roles', { roles: beyond, own: c.identity.roles }));
      await requireTeam(c.trx, team);
      c.note(team, { userId, roles: c.body.roles });
      return memberView(await store.putMember(c.trx, { team, user_id: userId, roles: [...new Set(c.body.roles)] }));
    },

    /** No error when they were none. Throws `team_not_found`. */
    async deleteMember(c: Context<Routes['deleteMember']>): Promise<{ team: string; userId: string }> {
      const { team, userId } = c.params;
      c.access.require('team:write', { type: 'team', name: team });
      await requireTeam(c.trx, team);
      c.note(team, { userId });
      await store.deleteMember(c.trx, team, userId);
      return { team, userId };
    },
  };
}

const projectView = (row: { team: string; name: string; created_at: Date }) => ({
  team: row.team,
  name: row.name,
  createdAt: row.created_at.toISOString(),
});

const memberView = (row: store.MemberRow) => ({
  team: row.team,
  userId: row.user_id,
  roles: row.roles,
  createdAt: row.created_at.toISOString(),
});
