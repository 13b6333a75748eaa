import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';

const channel = 'upload_lock';
const retryMs = 100;

export interface UploadLock {
  /** aborted when somebody else waits for the lock, or when it is lost with its connection: stop reading, keep what is there */
  signal: AbortSignal;
  /** Throws when the lock is no longer held; asked right before something is published. */
  verify(): Promise<void>;
}

export interface UploadLocks {
  /**
   * Runs `work` as the only one on all servers for this upload. Who holds it already is asked to end, if `interrupt`; after `waitMs`
   * throws `upload_locked`.
   */
  hold<T>(
    id: string,
    options: { waitMs: number; interrupt: boolean },
    work: (lock: UploadLock) => Promise<T>,
  ): Promise<T>;
  /** Asks every holder to end and waits for them. */
  close(): Promise<void>;
}

interface Session {
  client: PoolClient;
  broken: boolean;
  onError(error: Error): void;
  /** a connection takes one query at a time */
  last: Promise<unknown>;
}

/**
 * PostgreSQL advisory locks, so that several servers take one upload one after the other. They belong to a connection; all locks of
 * a process share one, since an upload may last for hours and the pool is small. In the process itself a map keeps them apart.
 */
export function createUploadLocks(db: Pick<Db, 'pool' | 'listen'>, log: Logger): UploadLocks {
  /** tells our own notifications from those of other servers */
  const server = randomUUID();
  const holders = new Map<string, { abort: AbortController; released: Promise<void> }>();
  let session: Promise<Session> | null = null;
  let closed = false;
  let listening: ReturnType<Db['listen']> | null = null;

  async function open(): Promise<Session> {
    const client = await db.pool.connect();
    const opened: Session = { client, broken: false, onError: (error) => lose(opened, error), last: Promise.resolve() };
    client.on('error', opened.onError);
    return opened;
  }

  /** The database frees the locks of a connection that ends: nobody may go on as if they held one. */
  function lose(lost: Session, error: unknown): void {
    if (lost.broken) return;
    lost.broken = true;
    session = null;
    log.warn({ err: error }, 'upload locks were lost with their database connection');
    for (const { abort } of holders.values()) abort.abort();
    lost.client.release(true);
  }

  /** Runs a query that answers one boolean named `done`. */
  async function ask(current: Session, text: string, parameters: string[]): Promise<boolean> {
    const turn = current.last.then(async () => {
      if (current.broken) throw failure('database_unavailable');
      return current.client.query<{ done: boolean }>(text, parameters);
    });
    current.last = turn.catch(() => undefined);
    try {
      return (await turn).rows[0]?.done ?? false;
    } catch (error) {
      lose(current, error);
      throw failure('database_unavailable', { cause: error });
    }
  }

  async function hold<T>(
    id: string,
    options: { waitMs: number; interrupt: boolean },
    work: (lock: UploadLock) => Promise<T>,
  ): Promise<T> {
    const until = Date.now() + options.waitMs;
    listening ??= db.listen(channel, (payload) => {
      const [sender, wanted = ''] = payload?.split(' ') ?? [];
      if (sender !== server) holders.get(wanted)?.abort.abort();
    });
    await listening;
    for (let attempt = 0; ; attempt++) {
      if (closed) throw failure('upload_locked');
      const other = holders.get(id);
      if (other) {
        if (options.interrupt) other.abort.abort();
        await Promise.race([other.released, wait(Math.max(0, until - Date.now()), undefined, { ref: false })]);
      } else {
        const outcome = await attemptHold(id, options.interrupt && attempt === 0, work);
        if (outcome) return outcome.value;
        await wait(retryMs);
      }
      if (Date.now() >= until) throw failure('upload_locked', { headers: { 'retry-after': '2' } });
    }
  }

  /** Null when another server holds it. */
  async function attemptHold<T>(
    id: string,
    notify: boolean,
    work: (lock: UploadLock) => Promise<T>,
  ): Promise<{ value: T } | null> {
    const name = `upload ${id}`;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const abort = new AbortController();
    holders.set(id, { abort, released });
    let current: Session | undefined;
    let held = false;
    try {
      current = await (session ??= open().catch((error: unknown) => {
        session = null;
        throw failure('database_unavailable', { cause: error });
      }));
      const mine = current;
      held = await ask(mine, 'select pg_try_advisory_lock(hashtextextended($1, 0)) as done', [name]);
      if (!held) {
        if (notify) await ask(mine, 'select pg_notify($1, $2) is not null as done', [channel, `${server} ${id}`]);
        return null;
      }
      const verify = async () => void (await ask(mine, 'select true as done', []));
      return { value: await work({ signal: abort.signal, verify }) };
    } finally {
      if (held && current && !current.broken) {
        await ask(current, 'select pg_advisory_unlock(hashtextextended($1, 0)) as done', [name]).catch(() => undefined);
      }
      holders.delete(id);
      release();
      if (current && holders.size === 0) await leave(current);
    }
  }

  /** Gives the connection back to the pool once nobody holds or wants a lock. */
  async function leave(current: Session): Promise<void> {
    await current.last;
    if (holders.size > 0 || current.broken) return;
    current.broken = true;
    session = null;
    current.client.off('error', current.onError);
    current.client.release();
  }

  return {
    hold,
    async close() {
      closed = true;
      for (const { abort } of holders.values()) abort.abort();
      await Promise.all([...holders.values()].map(({ released }) => released));
      await (await listening)?.close();
    },
  };
}
