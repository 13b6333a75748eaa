import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';

export interface SecretRow {
  owner: string;
  name: string;
  key_id: string;
  nonce: Buffer;
  ciphertext: Buffer;
}

interface Tables {
  secret: SecretRow;
  secret_check: Omit<SecretRow, 'owner' | 'name'>;
  idempotency: { scope: string; key: string; response: Buffer; sealed: boolean };
}

export type Trx = Transaction<unknown>;
type Executor = Kysely<unknown> | Trx;

const on = (executor: Executor) => executor as unknown as Kysely<Tables>;

export async function readSecret(executor: Executor, owner: string, name: string): Promise<SecretRow | null> {
  const row = await on(executor)
    .selectFrom('secret')
    .selectAll()
    .where('owner', '=', owner)
    .where('name', '=', name)
    .executeTakeFirst();
  return row ?? null;
}

export async function writeSecret(executor: Executor, row: SecretRow, options: { keep?: boolean } = {}): Promise<void> {
  await on(executor)
    .insertInto('secret')
    .values(row)
    .onConflict((conflict) => {
      const same = conflict.columns(['owner', 'name']);
      if (options.keep) return same.doNothing();
      return same.doUpdateSet({ ...row, updated_at: sql`now()` } as never);
    })
    .execute();
}

export async function removeSecrets(executor: Executor, owner: string): Promise<void> {
  await on(executor).deleteFrom('secret').where('owner', '=', owner).execute();
}

export async function readCheck(executor: Executor): Promise<Tables['secret_check'] | null> {
  return (await on(executor).selectFrom('secret_check').selectAll().executeTakeFirst()) ?? null;
}

/** Keeps the first when two servers start at once. */
export async function writeCheck(executor: Executor, row: Tables['secret_check']): Promise<void> {
  await sql`lock table secret_check in exclusive mode`.execute(on(executor));
  if (!(await readCheck(executor))) await on(executor).insertInto('secret_check').values(row).execute();
}

export async function replaceCheck(executor: Executor, row: Tables['secret_check']): Promise<void> {
  await on(executor).deleteFrom('secret_check').execute();
  await on(executor).insertInto('secret_check').values(row).execute();
}

/** Nobody else writes them until the transaction ends. */
export async function everySecret(trx: Trx): Promise<SecretRow[]> {
  await sql`lock table secret, secret_check, idempotency in exclusive mode`.execute(on(trx));
  return on(trx).selectFrom('secret').selectAll().execute();
}

export async function everySealedAnswer(trx: Trx): Promise<{ scope: string; key: string; response: Buffer }[]> {
  return on(trx).selectFrom('idempotency').select(['scope', 'key', 'response']).where('sealed', '=', true).execute();
}

export async function replaceSealedAnswer(trx: Trx, scope: string, key: string, response: Buffer): Promise<void> {
  await on(trx)
    .updateTable('idempotency')
    .set({ response })
    .where('scope', '=', scope)
    .where('key', '=', key)
    .execute();
}
