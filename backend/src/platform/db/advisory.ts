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
