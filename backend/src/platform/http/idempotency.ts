import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Trx } from './types.ts';
import { failure } from '#platform/errors';

type IdempotencyTables = {
  idempotency: { scope: string; key: string; body_hash: Buffer; response: Buffer; sealed: boolean; expires_at: Date };
};

/** Encrypts answers that hold something shown once. */
export interface Sealer {
  seal(text: string): Buffer;
  open(sealed: Buffer): string;
}

export interface IdempotentCall {
  /** identity and route: another person's key is another key */
  scope: string;
  key: string;
  body: unknown;
  sensitive: boolean;
}

/**
 * Runs `work` once for a key, inside its transaction: the stored answer commits with the change, so nothing stays in flight after a
 * crash. The same key and body replays; another body 422; a key being worked on elsewhere 409.
 */
export async function once<T>(trx: Trx, sealer: Sealer, call: IdempotentCall, work: () => Promise<T>): Promise<T> {
  const db = trx.withTables<IdempotencyTables>();
  const bodyHash = createHash('sha256')
    .update(JSON.stringify(call.body ?? null))
    .digest();
  const lock = await sql<{
    held: boolean;
  }>`select pg_try_advisory_xact_lock(hashtextextended(${`${call.scope}\n${call.key}`}, 7)) as held`.execute(trx);
  if (lock.rows[0]?.held !== true) throw failure('idempotency_conflict', { headers: { 'retry-after': '1' } });
  const stored = await db
    .selectFrom('idempotency')
    .select(['body_hash', 'response', 'sealed'])
    .where('scope', '=', call.scope)
    .where('key', '=', call.key)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  if (stored !== undefined) {
    if (!stored.body_hash.equals(bodyHash)) throw failure('idempotency_mismatch');
    return JSON.parse(stored.sealed ? sealer.open(stored.response) : stored.response.toString('utf8')) as T;
  }
  const answer = await work();
  const text = JSON.stringify(answer);
  const row = {
    body_hash: bodyHash,
    response: call.sensitive ? sealer.seal(text) : Buffer.from(text),
    sealed: call.sensitive,
  };
  await db
    .insertInto('idempotency')
    .values({ scope: call.scope, key: call.key, ...row, expires_at: sql<Date>`now() + interval '24 hours'` })
    .onConflict((conflict) =>
      conflict.columns(['scope', 'key']).doUpdateSet({ ...row, expires_at: sql<Date>`now() + interval '24 hours'` }),
    )
    .execute();
  return answer;
}
