import pg from 'pg';
import { PostgresDialect } from 'kysely';
import { databaseUnavailable, unavailable } from './unavailable.ts';

const INT8 = 20;
const DATE = 1082;

/** bigint becomes a number while it is exact, else stays text; a date stays `YYYY-MM-DD`; numeric stays text; timestamptz is a Date. */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format !== 'binary' && oid === INT8) {
      return (text: string) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
    }
    if (format !== 'binary' && oid === DATE) return (text: string) => text;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

/** A session is always in UTC, so that `date_trunc` means the same everywhere. */
function session(url: string, name: string): pg.ClientConfig {
  const given = new URL(url).searchParams;
  return {
    connectionString: url,
    types,
    application_name: given.get('application_name') ?? name,
    options: `${given.get('options') ?? ''} -c TimeZone=UTC`.trim(),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

/** A connection of its own, without time limits on its queries: for migrations, backups, LISTEN. Not yet connected. */
export function ownConnection(url: string, name: string): pg.Client {
  return new pg.Client({ ...session(url, name), connectionTimeoutMillis: 5_000 });
}

export function createPool(url: string, size: number, onIdleError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    ...session(url, 'llm-ops'),
    max: size,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 5_000,
    // the server gives up first when it still can, so that the connection stays usable; waiting for a connection included, nobody
    // waits longer than 20 s
    statement_timeout: 12_000,
    query_timeout: 14_000,
    idle_in_transaction_session_timeout: 60_000,
  });
  // without a listener an idle connection that breaks would end the process
  pool.on('error', onIdleError);
  // nor may one that breaks in the moment it is handed out, before whoever asked for it listens: its next query fails
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/**
 * Kysely's view of the pool: what fails because the database is not there fails as `database_unavailable`, and the connection is
 * thrown away instead of being given to the next request. `refuse` throws as long as nothing may be asked.
 */
export function createDialect(pool: pg.Pool, refuse: () => void = () => {}): PostgresDialect {
  return new PostgresDialect({
    pool: {
      options: pool.options,
      end: async () => {},
      async connect() {
        refuse();
        const client = await pool.connect().catch((error: unknown) => {
          throw unavailable(error) ? databaseUnavailable(error) : error;
        });
        let broken: unknown;
        const onError = (error: Error) => (broken ??= error);
        client.on('error', onError);
        const query = async (sql: string, parameters: unknown[]) => {
          if (broken !== undefined) throw databaseUnavailable(broken);
          try {
            return await client.query(sql, parameters);
          } catch (error) {
            if (!unavailable(error)) throw error;
            broken ??= error;
            throw databaseUnavailable(error);
          }
        };
        return {
          processID: (client as pg.PoolClient & { processID?: number }).processID,
          query: query as never,
          release(destroy?: boolean) {
            client.off('error', onError);
            client.release(destroy === true || broken !== undefined);
          },
        };
      },
    },
  });
}
