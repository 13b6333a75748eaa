import { timingSafeEqual } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Db } from '#platform/db';
import { genesis, sealOf, type AuditHead, type AuditKey } from './chain.ts';
import * as store from './store.ts';

export interface AuditVerdict {
  ok: boolean;
  /** entries in the chain */
  sealed: number;
  /** entries not yet in it: those of the last second, unless no sealer runs */
  unsealed: number;
  firstBroken: { sequence: number; id: string; reason: string } | null;
  /** hash of the last seal, hex; null when nothing is sealed */
  head: string | null;
}

const batch = 2_000;

/**
 * Walks the chain from its beginning, a batch at a time, and names the first entry that was changed, moved or deleted, or where the
 * tail was cut off. `head`: what was exported last, null when there is none yet.
 */
export async function verifyAudit(deps: {
  db: Pick<Db, 'kysely'>;
  keys: readonly AuditKey[];
  head: AuditHead | null;
}): Promise<AuditVerdict> {
  const { head } = deps;
  const kysely = deps.db.kysely as unknown as Kysely<unknown>;
  const keys = new Map(deps.keys.map(({ id, key }) => [id, key]));
  let broken: AuditVerdict['firstBroken'] = null;
  let before: Buffer = genesis;
  let sequence = 0;
  let sealed = 0;
  for (let rows = await store.sealsAfter(kysely, 0, batch); rows.length > 0 && !broken;) {
    for (const row of rows) {
      const reason = problem(row, sequence + 1, before, keys, head);
      if (reason !== null) {
        broken = { sequence: sequence + 1, id: row.entry_id, reason };
        break;
      }
      sequence = Number(row.sequence);
      before = row.hash;
      sealed += 1;
    }
    if (!broken) rows = await store.sealsAfter(kysely, sequence, batch);
  }
  const { unsealed, vanished } = await store.unsealedTail(kysely);
  if (!broken && head && head.sequence > sequence) {
    const reason = `the end was cut off: ${head.sequence} entries had been sealed, ${sequence} are left`;
    broken = { sequence: sequence + 1, id: head.entryId, reason };
  }
  if (!broken && vanished !== null) {
    broken = { sequence: sequence + 1, id: vanished, reason: 'deleted before it was sealed' };
  }
  return {
    ok: broken === null,
    sealed,
    unsealed,
    firstBroken: broken,
    head: sealed === 0 ? null : before.toString('hex'),
  };
}

function problem(
  row: Awaited<ReturnType<typeof store.sealsAfter>>[number],
  expected: number,
  before: Buffer,
  keys: ReadonlyMap<string, Buffer>,
  head: AuditHead | null,
): string | null {
  if (Number(row.sequence) !== expected)
    return `its predecessors ${expected} to ${Number(row.sequence) - 1} were removed`;
  if (row.id === null) return 'deleted';
  const key = keys.get(row.key_id);
  if (!key) return `sealed with the unknown key ${row.key_id}`;
  const seal = sealOf(key, before, expected, row);
  if (seal.length !== row.hash.length || !timingSafeEqual(seal, row.hash)) return 'changed or moved';
  if (head?.sequence === expected && head.hash !== seal.toString('hex')) return 'another entry was sealed here before';
  return null;
}
