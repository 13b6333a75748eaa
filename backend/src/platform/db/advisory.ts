import type pg from 'pg';

/**
 * Runs `fn` while holding the advisory lock of that name; it belongs to a session, so the database frees it when this process dies.
 * With `wait: false` somebody else's lock makes it return null without running `fn`.
 */
export async function withAdvisoryLock<T>(
  pool: pg.Pool,
  name: string,
  fn: () => Promise<T>,
  options: { wait?: boolean } = {},
): Promise<T | null> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => (broken = error);
  client.on('error', onError);
  try {
    if (options.wait === false) {
      const { rows } = await client.query<{ taken: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as taken',
        [name],
      );
      if (!rows[0]?.taken) return null;
    } else {
      await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [name]);
    }
    try {
      return await fn();
    } finally {
      await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [name]).catch((error: Error) => {
        broken = error;
      });
    }
  } catch (error) {
    if (error instanceof Error && (error as Error & { code?: string }).code === '57014') broken = error;
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken ?? false);
  }
}

/** Advisory locks of one process on one connection, however many are held. */
export interface SharedLocks {
  /** Runs `fn` while holding the lock of that name; somebody else's, in any process, makes it return null without running `fn`. */
  ifFree<T>(name: string, fn: () => Promise<T>): Promise<T | null>;
}

interface Session {
  users: number;
  broken: Error | null;
  client: Promise<pg.PoolClient>;
  /** settles when the connection has answered what it was asked last */
  answered: Promise<unknown>;
  onError(error: Error): void;
}

/**
 * A lock belongs to a connection: one for each lock that is held would leave none to work with. The connection goes back to the pool when
 * nothing is held; one that breaks is given up, and the next lock is taken on another.
 */
export function createSharedLocks(pool: pg.Pool): SharedLocks {
  const held = new Set<string>();
  let current: Session | null = null;

  function open(): Session {
    const session: Session = {
      users: 0,
      broken: null,
      client: pool.connect(),
      answered: Promise.resolve(),
      onError: (error) => (session.broken = error),
    };
    session.answered = session.client.then((client) => client.on('error', session.onError), session.onError);
    return session;
  }

  return {
    async ifFree(name, fn) {
      // its own connection would be given it again
      if (held.has(name)) return null;
      held.add(name);
      const session = (current ??= open());
      session.users++;
      try {
        if (!(await ask(session, 'select pg_try_advisory_lock(hashtextextended($1, 0)) as done', name))) return null;
        try {
          return await fn();
        } finally {
          await ask(session, 'select pg_advisory_unlock(hashtextextended($1, 0)) as done', name).catch(session.onError);
        }
      } finally {
        held.delete(name);
        session.users--;
        if (current === session && (session.users === 0 || session.broken !== null)) current = null;
        if (session.users === 0) await release(session);
      }
    },
  };
}

/** One question at a time. */
async function ask(session: Session, question: string, name: string): Promise<boolean> {
  const answer = session.answered.then(async () => {
    const client = await session.client;
    if (session.broken !== null) throw session.broken;
    try {
      return await client.query<{ done: boolean }>(question, [name]);
    } catch (error) {
      // a lock that nobody knows of any more would be held as long as the connection is
      session.broken = error as Error;
      throw error;
    }
  });
  session.answered = answer.catch(() => {});
  return (await answer).rows[0]?.done === true;
}

async function release(session: Session): Promise<void> {
  const client = await session.client.catch(() => null);
  client?.off('error', session.onError);
  client?.release(session.broken ?? false);
}
