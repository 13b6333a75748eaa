import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { PolicyInForce } from '#platform/access';
import { unavailable, type Db } from '#platform/db';
import type { Kept } from '#platform/kept';
import type { Logger } from '#platform/log';
import { readIdentity, type IdentityRows, type KeyRow, type MembershipRow, type SessionRow } from './store.ts';

/** Keys, sessions, memberships and policies in memory: what a request is judged by, without asking the database. */
export interface Snapshot {
  key(hash: string): KeyRow | undefined;
  keyById(id: string): KeyRow | undefined;
  session(hash: string): SessionRow | undefined;
  memberships(userId: string): readonly MembershipRow[];
  /** the same array while they are the same */
  policies(): readonly PolicyInForce[];
  /** Reads now; concurrent calls share a read that began after them. */
  refresh(): Promise<void>;
  /** The same for something unknown, which may be new: once for all who ask within 250 ms, so that strangers cannot flood the database. */
  lookAgain(): Promise<void>;
  /** ms since what is known was read */
  ageMs(): number;
  close(): Promise<void>;
}

const everyMs = 2_000;
/** what is kept is never older than this, even where the database tells of no change */
const keepEveryMs = 60_000;
const lookAgainMs = 250;
const patienceMs = 1_000;

/** Reads first; where that cannot be, `kept` takes its place. */
export async function createSnapshot(deps: {
  db: Pick<Db, 'kysely' | 'listen'>;
  log: Logger;
  kept?: Kept<IdentityRows> | undefined;
}): Promise<Snapshot> {
  const { kept } = deps;
  const kysely = deps.db.kysely as unknown as Kysely<unknown>;
  let keys = new Map<string, KeyRow>();
  let keysById = new Map<string, KeyRow>();
  let sessions = new Map<string, SessionRow>();
  let members = new Map<string, MembershipRow[]>();
  let policies: readonly PolicyInForce[] = [];
  let fingerprint = '';
  let readAt = 0;
  /** a change was told of since; mostly none was, and ten thousand keys need not be looked through for one */
  let toldOf = true;
  let keptAt = 0;
  let lookedAgainAt = 0;
  let again: Promise<void> | null = null;
  let running: Promise<void> | null = null;
  let queued: Promise<void> | null = null;
  let closed = false;

  async function read(): Promise<void> {
    const began = Date.now();
    const keeping = toldOf || began - keptAt > keepEveryMs;
    toldOf = false;
    try {
      const rows = await readIdentity(kysely);
      know(rows);
      readAt = began;
      if (keeping) {
        kept?.learnt(() => rows);
        keptAt = began;
      } else kept?.unchanged();
    } catch (error) {
      toldOf ||= keeping;
      throw error;
    }
  }

  function know(rows: IdentityRows): void {
    keys = new Map(rows.keys.map((row) => [row.hash.toString('hex'), row]));
    keysById = new Map(rows.keys.map((row) => [row.id, row]));
    sessions = new Map(rows.sessions.map((row) => [row.hash.toString('hex'), row]));
    members = Map.groupBy(rows.memberships, (row) => row.user_id);
    const next = createHash('sha256').update(JSON.stringify(rows.policies)).digest('hex');
    if (next !== fingerprint) {
      fingerprint = next;
      policies = rows.policies as unknown as PolicyInForce[];
    }
  }

  function refresh(): Promise<void> {
    if (!running) return (running = read().finally(() => (running = null)));
    // what runs may have begun before the change
    return (queued ??= running
      .catch(() => {})
      .then(() => {
        queued = null;
        return refresh();
      }));
  }

  const inBackground = () => {
    if (closed) return;
    refresh().catch((error: Error) => {
      if (!closed) deps.log.warn({ reason: error.message, ageMs: Date.now() - readAt }, 'cannot read who may do what');
    });
  };

  await refresh().catch((error: unknown) => {
    const found = unavailable(error) ? kept?.found : null;
    if (!found) throw error;
    know(found);
  });
  const listening = await deps.db.listen('identity', () => {
    toldOf = true;
    inBackground();
  });
  const timer = setInterval(inBackground, everyMs).unref();

  return {
    key: (hash) => keys.get(hash),
    keyById: (id) => keysById.get(id),
    session: (hash) => sessions.get(hash),
    memberships: (userId) => members.get(userId) ?? [],
    policies: () => policies,
    refresh,
    lookAgain() {
      again ??= sleep(Math.max(0, lookedAgainAt + lookAgainMs - Date.now()), undefined, { ref: false }).then(() => {
        again = null;
        lookedAgainAt = Date.now();
        // nobody waits long for a database that is away
        return Promise.race([refresh().catch(() => {}), sleep(patienceMs, undefined, { ref: false })]);
      });
      return again;
    },
    ageMs: () => Date.now() - readAt,
    async close() {
      closed = true;
      clearInterval(timer);
      await listening.close();
      await running?.catch(() => {});
    },
  };
}
