import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { Db } from '#platform/db';
import type { Logger } from '#platform/log';
import { genesis, sealOf, type AuditHead } from './chain.ts';
import * as store from './store.ts';

export interface AuditSealer {
  /** Seals what is committed now and exports the head; returns how many entries this server sealed. */
  sealNow(): Promise<number>;
  /** Seals every second from now on. */
  start(): void;
  /** Ends that, after sealing once more. */
  stop(): Promise<void>;
}

const everyMs = 1_000;
const batch = 1_000;

/**
 * Chains committed entries every second, on one server at a time. `exportHead` stores the end of the chain outside of the database;
 * when it fails it is called again a second later.
 */
export function createSealer(deps: {
  db: Pick<Db, 'kysely'>;
  key: Buffer;
  keyId: string;
  log: Logger;
  exportHead: (head: AuditHead) => Promise<void>;
}): AuditSealer {
  const kysely = deps.db.kysely as unknown as Kysely<unknown>;
  const ended = new AbortController();
  let loop: Promise<void> | null = null;
  let exported = 0;
  let head: AuditHead | null = null;
  let running: Promise<number> | null = null;

  async function sealBatch(): Promise<number> {
    if (!(await store.anyUnsealed(kysely))) return 0;
    return kysely.transaction().execute(async (trx) => {
      if (!(await store.lockSealing(trx))) return 0;
      const entries = await store.unsealedEntries(trx, batch);
      if (entries.length === 0) return 0;
      const last = await store.lastSeal(trx);
      let before = last?.hash ?? genesis;
      let sequence = Number(last?.sequence ?? 0);
      const seals = entries.map((entry) => {
        sequence += 1;
        before = sealOf(deps.key, before, sequence, entry);
        return { sequence, entry_id: entry.id, hash: before, key_id: deps.keyId };
      });
      await store.insertSeals(trx, seals);
      const { entry_id: entryId, hash, key_id: keyId } = seals.at(-1)!;
      head = { sequence, entryId, hash: hash.toString('hex'), keyId, sealedAt: new Date().toISOString() };
      return seals.length;
    });
  }

  async function round(): Promise<number> {
    let total = 0;
    for (let sealed = batch; sealed === batch; total += sealed) sealed = await sealBatch();
    if (head && head.sequence > exported) {
      await deps.exportHead(head);
      exported = head.sequence;
    }
    return total;
  }

  const sealNow = () => (running ??= round().finally(() => (running = null)));

  async function everySecond(): Promise<void> {
    while (!ended.signal.aborted) {
      await sleep(everyMs, undefined, { signal: ended.signal, ref: false }).catch(() => {});
      if (ended.signal.aborted) return;
      await sealNow().catch((error: Error) => deps.log.warn({ reason: error.message }, 'could not seal the audit log'));
    }
  }

  return {
    sealNow,
    start() {
      loop ??= everySecond();
    },
    async stop() {
      ended.abort();
      await loop;
      await sealNow().catch((error: Error) => deps.log.warn({ reason: error.message }, 'could not seal the audit log'));
    },
  };
}
