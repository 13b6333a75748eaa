import { sql, type Kysely, type Transaction } from 'kysely';

type Executor = Kysely<unknown> | Transaction<unknown>;

export interface AuditRow {
  id: string;
  sequence: number | null;
  at: Date;
  actor_id: string;
  actor_kind: string;
  roles: string[];
  action: string;
  resource_type: string;
  resource_id: string | null;
  result: 'allowed' | 'denied' | 'failed';
  rule: string | null;
  request_id: string | null;
  remote_address: string | null;
  detail: Record<string, unknown>;
  hash: string | null;
}

export interface AuditFilters {
  actor_id?: string | undefined;
  resource_type?: string | undefined;
  resource_id?: string | undefined;
  action?: string | undefined;
  result?: string | undefined;
  /** inclusive */
  since?: string | undefined;
  /** exclusive */
  until?: string | undefined;
}

/** Entries in the order of their ids, which is that of time; `beyond` is the id of the last one had. */
export async function listEntries(
  db: Executor,
  filters: AuditFilters,
  page: { limit: number; beyond: string | null; order: 'newest' | 'oldest' },
): Promise<AuditRow[]> {
  const newest = page.order === 'newest';
  const where = [sql`true`];
  if (page.beyond !== null) where.push(newest ? sql`e.id < ${page.beyond}::uuid` : sql`e.id > ${page.beyond}::uuid`);
  for (const name of ['actor_id', 'resource_type', 'resource_id', 'action', 'result'] as const) {
    if (filters[name] !== undefined) where.push(sql`${sql.ref(`e.${name}`)} = ${filters[name]}`);
  }
  if (filters.since !== undefined) where.push(sql`e.at >= ${filters.since}::timestamptz`);
  if (filters.until !== undefined) where.push(sql`e.at < ${filters.until}::timestamptz`);
  const { rows } = await sql<AuditRow>`
    select e.*, s.sequence, encode(s.hash, 'hex') as hash
    from audit_entry e left join audit_seal s on s.entry_id = e.id
    where ${sql.join(where, sql` and `)}
    order by e.id ${newest ? sql`desc` : sql`asc`} limit ${page.limit}`.execute(db);
  return rows;
}
