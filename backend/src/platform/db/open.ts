import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely } from 'kysely';
import type pg from 'pg';
import type { Logger } from '#platform/log';
import { failure, isFailure } from '#platform/errors';
import { createArrival } from './arrival.ts';
import { createDialect, createPool, ownConnection } from './connection.ts';
import { startEmbedded } from './embedded.ts';
import { createListener, type Listener } from './listen.ts';
import { databaseUnavailable, unavailable } from './unavailable.ts';

/** No tables of its own: a domain adds its own by `db.kysely.$extendTables<CatalogTables>()`. */
// oxlint-disable-next-line typescript/no-empty-object-type
export interface NoTables {}

export interface Db {
  /** what fails because the database is not there fails as `database_unavailable` (503) */
  kysely: Kysely<NoTables>;
  /** raw: its errors are told by `unavailable(error)`; queries end after 12 s */
  pool: pg.Pool;
  /** holds the password: never logged */
  url: string;
  embedded: boolean;
  /** major version of the server; 0 while it is away */
  version: number;
  /** It did not answer when it was opened, and has not been prepared since: all that is asked of it fails as `database_unavailable`. */
  readonly away: boolean;
  /**
   * Does what must have been done before anything else is asked, with connections for that alone: now, throwing what it throws; while the
   * database is away as soon as it answers, in the order given, again and again until all is done.
   */
  prepare(step: (kysely: Kysely<NoTables>) => Promise<void>): Promise<void>;
  /** Throws `database_unavailable` unless a query is answered within 2 s. */
  check(): Promise<void>;
  /**
   * Calls `onNotify` with the payload of each NOTIFY on the channel, and with null after each (re)connection, when some may have been
   * missed: NOTIFY is a hint, whoever listens reloads. All channels share one connection.
   */
  listen(channel: string, onNotify: (payload: string | null) => void): Promise<{ close(): Promise<void> }>;
  /** Ends connections and stops the embedded server; no error when called twice. */
  close(): Promise<void>;
}

export interface OpenDatabase {
  /** PostgreSQL 15+; without it the embedded one under `dataDir` */
  url?: string | undefined;
  dataDir: string;
  log: Logger;
  /** connections of the pool, 10 when not given */
  poolSize?: number;
  /** of the embedded database: use the running one of another process, neither start nor stop it */
  guest?: boolean;
  /** how long an unreachable server is waited for, 30 s when not given */
  patienceMs?: number;
  /** go on without a server that cannot be reached in that time; see `Db.away` */
  optional?: boolean;
}

/**
 * Opens the database. Throws `database_unavailable` when it cannot be reached in time (unless it is `optional`) or refuses us, `database_unsupported` below
 * PostgreSQL 15, `database_start_failed` when the embedded one does not start. Whoever opens the embedded one as its owner holds
 * `lockDataDir`.
 */
export async function openDatabase(options: OpenDatabase): Promise<Db> {
  const { log, dataDir } = options;
  const external = options.url === undefined || options.url === '' ? null : options.url;
  const server = external === null ? await startEmbedded(dataDir, log, options.guest ?? false) : null;
  const url = external ?? server!.url;
  const patienceMs = options.patienceMs ?? 30_000;
  const version = await versionOf(url, log, patienceMs).catch(async (error: unknown) => {
    if (options.optional === true && isFailure(error, 'database_unavailable')) return 0;
    await server?.close();
    throw error;
  });
  let closed: Promise<void> | null = null;
  const pool = createPool(url, options.poolSize ?? 10, (error) => {
    if (!closed) log.warn({ reason: error.message }, 'lost an idle database connection');
  });
  const early = new Kysely<NoTables>({ dialect: createDialect(pool) });
  const arrival = createArrival({ reached: version > 0, reach: () => versionOf(url, log, 0), kysely: early, log });
  const kysely = new Kysely<NoTables>({ dialect: createDialect(pool, arrival.refuse) });
  let listener: Listener | null = null;
  return {
    kysely,
    pool,
    url,
    embedded: server !== null,
    version,
    get away() {
      return arrival.away;
    },
    prepare: arrival.prepare,
    async check() {
      arrival.refuse();
      try {
        await Promise.race([
          pool.query('select 1'),
          sleep(2_000, undefined, { ref: false }).then(() => {
            throw new Error('no answer within 2 s');
          }),
        ]);
      } catch (error) {
        throw databaseUnavailable(error);
      }
    },
    listen(channel, onNotify) {
      listener ??= createListener(url, log);
      return listener.listen(channel, onNotify, !arrival.away);
    },
    close() {
      closed ??= (async () => {
        await arrival.close();
        await listener?.close();
        await kysely.destroy();
        await pool.end();
        await server?.close();
      })();
      return closed;
    },
  };
}

async function versionOf(url: string, log: Logger, patienceMs: number): Promise<number> {
  const where = safeName(url);
  for (const until = Date.now() + patienceMs; ;) {
    try {
      const client = ownConnection(url, 'llm-ops');
      client.on('error', () => {});
      try {
        await client.connect();
        const { rows } = await client.query<{ number: number; full: string }>(
          `select current_setting('server_version_num')::int as number, current_setting('server_version') as full`,
        );
        const { number, full } = rows[0]!;
        const major = Math.floor(number / 10_000);
        if (major >= 15) return major;
        throw failure('database_unsupported', {
          message: `The database at ${where} is PostgreSQL ${full}; 15 or newer is needed.`,
        });
      } finally {
        await client.end().catch(() => {});
      }
    } catch (error) {
      if (!unavailable(error) && !isStarting(error)) throw refused(error, where);
      if (Date.now() > until) {
        throw failure('database_unavailable', {
          message: `The database at ${where} cannot be reached: ${reason(error)}.`,
          remedy: 'Check DATABASE_URL, the network, and that the server runs.',
        });
      }
      log.warn({ database: where, reason: reason(error) }, 'the database cannot be reached, trying again');
      await sleep(Math.min(1_000, Math.max(patienceMs / 10, 50)));
    }
  }
}

const isStarting = (error: unknown) => (error as { code?: string }).code === '57P03';

/** A wrong password, name or database does not become right by waiting. */
function refused(error: unknown, where: string): unknown {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string' || !/^(28...|3D000)$/.test(code)) return error;
  return failure('database_unavailable', {
    message: `The database at ${where} refuses us: ${reason(error)}.`,
    remedy: 'Check user, password and database name in DATABASE_URL.',
  });
}

const reason = (error: unknown) => {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || 'no answer';
};

function safeName(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || '5432'}${pathname}`;
}
