import { sql, type Kysely, type Transaction } from 'kysely';
import type { SealedEntry } from './chain.ts';

export type Executor = Kysely<unknown> | Transaction<unknown>;

const micros = sql`to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const fields = sql`
  e.id, ${micros} as at, e.actor_id, e.actor_kind, e.roles, e.action, e.resource_type, e.resource_id, e.result, e.rule, e.request_id,
  e.remote_address, e.detail::text as detail`;

export interface SealRow {
  sequence: number;
  entry_id: string;
  hash: Buffer;
  key_id: string;
}

/** False when another server seals just now; the lock ends with the transaction. */
export async function lockSealing(trx: Executor): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('llm-ops audit seal', 0)) as taken`.execute(trx);
  return rows[0]?.taken ?? false;
}

export async function lastSeal(executor: Executor): Promise<(SealRow & { sealed_at: Date }) | null> {
  const { rows } = await sql<SealRow & { sealed_at: Date }>`
    select sequence, entry_id, hash, key_id, sealed_at from audit_seal order by sequence desc limit 1`.execute(
    executor,
  );
  return rows[0] ?? null;
}

export async function anyUnsealed(executor: Executor): Promise<boolean> {
  const { rows } = await sql<{ any: boolean }>`select exists (select from audit_unsealed) as any`.execute(executor);
  return rows[0]?.any ?? false;
}

export async function unsealedEntries(trx: Executor, limit: number): Promise<SealedEntry[]> {
  const { rows } = await sql<SealedEntry>`
    select ${fields} from audit_unsealed u join audit_entry e on e.id = u.entry_id order by u.entry_id limit ${limit}`.execute(
    trx,
  );
  return rows;
}

export async function insertSeals(trx: Executor, seals: readonly SealRow[]): Promise<void> {
  await sql`
    insert into audit_seal (sequence, entry_id, hash, key_id)
    select * from unnest(
      ${seals.map((one) => one.sequence)}::bigint[], ${seals.map((one) => one.entry_id)}::uuid[],
      ${seals.map((one) => one.hash)}::bytea[], ${seals.map((one) => one.key_id)}::text[])`.execute(trx);
  await sql`delete from audit_unsealed where entry_id = any(${seals.map((one) => one.entry_id)}::uuid[])`.execute(trx);
}

/** Seals after a sequence with their entries; `id` null where the entry is gone. */
export async function sealsAfter(
  executor: Executor,
  sequence: number,
  limit: number,
): Promise<(SealRow & (SealedEntry | { id: null }))[]> {
  const { rows } = await sql<SealRow & (SealedEntry | { id: null })>`
    select s.sequence, s.entry_id, s.hash, s.key_id, ${fields}
    from audit_seal s left join audit_entry e on e.id = s.entry_id
    where s.sequence > ${sequence} order by s.sequence limit ${limit}`.execute(executor);
  return rows;
}

/** Entries not in the chain, and the first that was to be sealed but is gone. */
export async function unsealedTail(executor: Executor): Promise<{ unsealed: number; vanished: string | null }> {
  const { rows } = await sql<{ unsealed: number; vanished: string | null }>`
    select
      (select count(*) from audit_entry e where not exists (select 1 from audit_seal s where s.entry_id = e.id)) as unsealed,
      (select u.entry_id from audit_unsealed u where not exists (select 1 from audit_entry e where e.id = u.entry_id)
       order by u.entry_id limit 1) as vanished`.execute(executor);
  return { unsealed: Number(rows[0]!.unsealed), vanished: rows[0]!.vanished };
}
