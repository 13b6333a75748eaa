import { sql, type Kysely, type Transaction } from 'kysely';
import type { KeyLimits, Policy, PolicyRule, Role } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Environment, Scope } from '#platform/access';

type Executor = Kysely<unknown> | Transaction<unknown>;

export interface KeyRow {
  id: string;
  name: string;
  prefix: string;
  team: string;
  project: string | null;
  roles: Role[];
  routes: string[] | null;
  environments: Environment[] | null;
  limits: z.output<typeof KeyLimits> | null;
  expires_at: Date | null;
  last_used_at: Date | null;
  revoked_at: Date | null;
  created_by: string;
  created_at: Date;
}

export interface PolicyRow {
  id: string;
  name: string;
  scope: Policy['scope'];
  status: Policy['status'];
  rules: PolicyRule[];
  created_by: string;
  created_at: Date;
  updated_at: Date;
}

export interface MemberRow {
  team: string;
  user_id: string;
  roles: Role[];
  created_at: Date;
}

interface Tables {
  api_key: KeyRow & { hash: Buffer };
  policy: PolicyRow;
  team: { name: string; created_at: Date };
  project: { team: string; name: string; created_at: Date };
  membership: MemberRow;
}

const on = (executor: Executor) => executor as unknown as Kysely<Tables>;
const keyColumns = [
  'id',
  'name',
  'prefix',
  'team',
  'project',
  'roles',
  'routes',
  'environments',
  'limits',
  'expires_at',
  'last_used_at',
  'revoked_at',
  'created_by',
  'created_at',
] as const;

/** Keys, newest first, of the teams in scope and of one's own making; `before` is the id of the last of the page before. */
export function listKeys(db: Executor, scope: Scope, limit: number, before: string | null): Promise<KeyRow[]> {
  let query = on(db).selectFrom('api_key').select(keyColumns).orderBy('id', 'desc').limit(limit);
  if (before !== null) query = query.where('id', '<', before);
  const { teams, userId } = scope;
  if (teams !== null) {
    query = query.where(sql<boolean>`(team = any(${[...teams]}::text[]) or created_by = ${userId})`);
  }
  return query.execute();
}

/** With `lock` it stays as it is until the transaction ends. */
export async function findKey(trx: Executor, id: string, lock = false): Promise<KeyRow | null> {
  let query = on(trx).selectFrom('api_key').select(keyColumns).where('id', '=', id);
  if (lock) query = query.forUpdate();
  return (await query.executeTakeFirst()) ?? null;
}

export function insertKey(
  trx: Executor,
  row: Omit<KeyRow, 'last_used_at' | 'revoked_at' | 'created_at'> & { hash: Buffer },
): Promise<KeyRow> {
  const limits = row.limits === null ? null : JSON.stringify(row.limits);
  return on(trx)
    .insertInto('api_key')
    .values({ ...row, limits } as never)
    .returning(keyColumns)
    .executeTakeFirstOrThrow();
}

export function updateKey(
  trx: Executor,
  id: string,
  row: Pick<KeyRow, 'name' | 'routes' | 'environments' | 'limits' | 'expires_at'>,
): Promise<KeyRow> {
  const limits = row.limits === null ? null : JSON.stringify(row.limits);
  return on(trx)
    .updateTable('api_key')
    .set({ ...row, limits } as never)
    .where('id', '=', id)
    .returning(keyColumns)
    .executeTakeFirstOrThrow();
}

export function revokeKey(trx: Executor, id: string): Promise<KeyRow> {
  return on(trx)
    .updateTable('api_key')
    .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())` })
    .where('id', '=', id)
    .returning(keyColumns)
    .executeTakeFirstOrThrow();
}

export function listPolicies(
  db: Executor,
  filters: { scope?: string | undefined; status?: string | undefined },
  limit: number,
  before: string | null,
): Promise<PolicyRow[]> {
  let query = on(db).selectFrom('policy').selectAll().orderBy('id', 'desc').limit(limit);
  if (before !== null) query = query.where('id', '<', before);
  if (filters.scope !== undefined) query = query.where('scope', '=', filters.scope as Policy['scope']);
  if (filters.status !== undefined) query = query.where('status', '=', filters.status as Policy['status']);
  return query.execute();
}

/** With `lock` it stays as it is until the transaction ends. */
export async function findPolicy(db: Executor, id: string, lock = false): Promise<PolicyRow | null> {
  let query = on(db).selectFrom('policy').selectAll().where('id', '=', id);
  if (lock) query = query.forUpdate();
  return (await query.executeTakeFirst()) ?? null;
}

/** Null when the name is taken. */
export async function insertPolicy(
  trx: Executor,
  row: Omit<PolicyRow, 'created_at' | 'updated_at'>,
): Promise<PolicyRow | null> {
  const inserted = await on(trx)
    .insertInto('policy')
    .values({ ...row, rules: JSON.stringify(row.rules) } as never)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted ?? null;
}

/** Null when the name is another policy's. */
export async function updatePolicy(
  trx: Executor,
  row: Pick<PolicyRow, 'id' | 'name' | 'scope' | 'status' | 'rules'>,
): Promise<PolicyRow | null> {
  const updated = await on(trx)
    .updateTable('policy')
    .set({
      name: row.name,
      scope: row.scope,
      status: row.status,
      rules: sql`${JSON.stringify(row.rules)}::jsonb` as never,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', row.id)
    .where(
      sql<boolean>`not exists (select 1 from policy other where other.name = ${row.name} and other.id <> ${row.id}::uuid)`,
    )
    .returningAll()
    .executeTakeFirst();
  return updated ?? null;
}

export async function deletePolicy(trx: Executor, id: string): Promise<void> {
  await on(trx).deleteFrom('policy').where('id', '=', id).execute();
}

export interface TeamRow {
  name: string;
  created_at: Date;
  /** to the microsecond, for the cursor */
  position: string;
  members: number;
}

export async function listTeams(
  db: Executor,
  limit: number,
  after: { at: string; name: string } | null,
): Promise<TeamRow[]> {
  const rest = after === null ? sql`true` : sql`(created_at, name) < (${after.at}::timestamptz, ${after.name})`;
  const { rows } = await sql<TeamRow>`
    select name, created_at, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position,
      (select count(*) from membership where membership.team = team.name) as members
    from team where ${rest} order by created_at desc, name desc limit ${limit}`.execute(db);
  return rows;
}

export async function teamExists(db: Executor, name: string): Promise<boolean> {
  return (await on(db).selectFrom('team').select('name').where('name', '=', name).executeTakeFirst()) !== undefined;
}

/** Null when there is one. */
export async function insertTeam(trx: Executor, name: string): Promise<Tables['team'] | null> {
  const row = await on(trx)
    .insertInto('team')
    .values({ name } as never)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

export function listProjects(db: Executor, team: string): Promise<Tables['project'][]> {
  return on(db)
    .selectFrom('project')
    .selectAll()
    .where('team', '=', team)
    .orderBy('created_at', 'desc')
    .orderBy('name')
    .execute();
}

export async function projectExists(db: Executor, team: string, name: string): Promise<boolean> {
  const query = on(db).selectFrom('project').select('name').where('team', '=', team).where('name', '=', name);
  return (await query.executeTakeFirst()) !== undefined;
}

/** Null when there is one. */
export async function insertProject(trx: Executor, team: string, name: string): Promise<Tables['project'] | null> {
  const row = await on(trx)
    .insertInto('project')
    .values({ team, name } as never)
    .onConflict((conflict) => conflict.columns(['team', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

export function listMembers(db: Executor, team: string): Promise<MemberRow[]> {
  return on(db).selectFrom('membership').selectAll().where('team', '=', team).orderBy('user_id').execute();
}

export function putMember(trx: Executor, row: Omit<MemberRow, 'created_at'>): Promise<MemberRow> {
  return on(trx)
    .insertInto('membership')
    .values(row as never)
    .onConflict((conflict) => conflict.columns(['team', 'user_id']).doUpdateSet({ roles: row.roles }))
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteMember(trx: Executor, team: string, userId: string): Promise<void> {
  await on(trx).deleteFrom('membership').where('team', '=', team).where('user_id', '=', userId).execute();
}
