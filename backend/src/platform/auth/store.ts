import { sql, type Kysely, type Transaction } from 'kysely';
import type { PolicyRule, Role } from '@llm-ops/contracts';
import type { Environment } from '#platform/access';

export interface KeyRow {
  id: string;
  name: string;
  hash: Buffer;
  team: string;
  project: string | null;
  roles: Role[];
  routes: string[] | null;
  environments: Environment[] | null;
  limits: { requestsPerMinute?: number; tokensPerMinute?: number } | null;
  expires_at: Date | null;
  created_by: string;
}

export interface SessionRow {
  id: string;
  hash: Buffer;
  user_id: string;
  display_name: string;
  roles: Role[];
  teams: string[];
  csrf_token: string;
  expires_at: Date;
}

export interface MembershipRow {
  team: string;
  user_id: string;
  roles: Role[];
}

export interface PolicyRow {
  id: string;
  name: string;
  scope: string;
  rules: PolicyRule[];
}

export interface AttemptRow {
  state: string;
  verifier: string;
  nonce: string;
  return_to: string;
}

interface Tables {
  api_key: KeyRow & { revoked_at: Date | null; last_used_at: Date | null };
  web_session: SessionRow & { revoked_at: Date | null };
  membership: MembershipRow;
  policy: PolicyRow & { status: string };
  login_attempt: AttemptRow & { created_at: Date };
}

type Executor = Kysely<unknown> | Transaction<unknown>;
const on = (executor: Executor) => executor as unknown as Kysely<Tables>;

export interface IdentityRows {
  keys: KeyRow[];
  sessions: SessionRow[];
  memberships: MembershipRow[];
  policies: PolicyRow[];
}

/** Everything that authentication needs, as it is now. */
export async function readIdentity(executor: Executor): Promise<IdentityRows> {
  const db = on(executor);
  const [keys, sessions, memberships, policies] = await Promise.all([
    db
      .selectFrom('api_key')
      .select([
        'id',
        'name',
        'hash',
        'team',
        'project',
        'roles',
        'routes',
        'environments',
        'limits',
        'expires_at',
        'created_by',
      ])
      .where('revoked_at', 'is', null)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
      .execute(),
    db
      .selectFrom('web_session')
      .select(['id', 'hash', 'user_id', 'display_name', 'roles', 'teams', 'csrf_token', 'expires_at'])
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', sql<Date>`now()`)
      .execute(),
    db.selectFrom('membership').select(['team', 'user_id', 'roles']).execute(),
    db
      .selectFrom('policy')
      .select(['id', 'name', 'scope', 'rules'])
      .where('status', '=', 'active')
      .orderBy('name')
      .execute(),
  ]);
  return { keys, sessions, memberships, policies };
}

export async function markUsed(executor: Executor, used: readonly { id: string; at: Date }[]): Promise<void> {
  if (used.length === 0) return;
  const ids = used.map(({ id }) => id);
  const times = used.map(({ at }) => at.toISOString());
  await sql`
    update api_key set last_used_at = greatest(last_used_at, used.at)
    from unnest(${ids}::uuid[], ${times}::timestamptz[]) as used (id, at) where api_key.id = used.id
  `.execute(on(executor));
}

export async function insertAttempt(executor: Executor, row: AttemptRow): Promise<void> {
  await on(executor)
    .deleteFrom('login_attempt')
    .where('created_at', '<', sql<Date>`now() - interval '15 minutes'`)
    .execute();
  await on(executor)
    .insertInto('login_attempt')
    .values(row as never)
    .execute();
}

/** Once: a second callback with the same state finds nothing. */
export async function takeAttempt(executor: Executor, state: string): Promise<AttemptRow | null> {
  const row = await on(executor)
    .deleteFrom('login_attempt')
    .where('state', '=', state)
    .where('created_at', '>', sql<Date>`now() - interval '15 minutes'`)
    .returning(['state', 'verifier', 'nonce', 'return_to'])
    .executeTakeFirst();
  return row ?? null;
}

export async function insertSession(
  executor: Executor,
  row: Omit<SessionRow, 'expires_at'>,
  hours: number,
): Promise<void> {
  await on(executor)
    .insertInto('web_session')
    .values({ ...row, expires_at: sql<Date>`now() + make_interval(mins => ${Math.round(hours * 60)})` } as never)
    .execute();
  // those that ended long ago are of no use to anybody
  await on(executor)
    .deleteFrom('web_session')
    .where('expires_at', '<', sql<Date>`now() - interval '1 day'`)
    .execute();
}

export async function revokeSession(executor: Executor, hash: Buffer): Promise<void> {
  await on(executor)
    .updateTable('web_session')
    .set({ revoked_at: sql<Date>`now()` })
    .where('hash', '=', hash)
    .where('revoked_at', 'is', null)
    .execute();
}
