import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { failure } from '#platform/errors';
import { ownConnection } from './connection.ts';
import { databaseUnavailable, unavailable } from './unavailable.ts';

interface Migration {
  /** file name without `.sql`: `0001_organization` */
  name: string;
  /** hex, of the file's bytes */
  sha256: string;
  sql: string;
  /** its first line says so: programs that do not have it go on working with a database that does */
  additive: boolean;
}
type Applied = Pick<Migration, 'name' | 'sha256' | 'additive'>;

/** The migrations of a folder, in order. Throws `migration_refused` for a name that is not `NNNN_name.sql` or a number used twice. */
export async function readMigrations(dir: string): Promise<Migration[]> {
  const files = (await readdir(dir)).filter((file) => file.endsWith('.sql')).sort();
  const numbers = new Set<string>();
  return Promise.all(
    files.map(async (file) => {
      const number = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1];
      if (number === undefined) throw failure('migration_refused', { message: `${file} is not named NNNN_name.sql.` });
      if (numbers.has(number))
        throw failure('migration_refused', { message: `Two migrations have the number ${number}.` });
      numbers.add(number);
      const bytes = await readFile(join(dir, file));
      const sql = bytes.toString('utf8');
      return {
        name: file.slice(0, -4),
        sha256: createHash('sha256').update(bytes).digest('hex'),
        sql,
        additive: /^-- additive\b/.test(sql),
      };
    }),
  );
}

/**
 * Runs what is not yet applied of the folder's `NNNN_name.sql`, each in a transaction of its own, one server at a time. Throws
 * `migration_refused` when an applied one was edited, would be preceded by a new one, or is missing here and not additive; `migration_failed`
 * with the file's name when one fails, of which then nothing stays. `upTo` names the last one to run.
 */
export async function migrate(
  db: { url: string },
  dir: string,
  options: { upTo?: string } = {},
): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(dir);
  const client = ownConnection(db.url, 'llm-ops migrate');
  client.on('error', () => {});
  try {
    await client.connect();
    // of the session: freed by the server when this process dies
    await client.query(`select pg_advisory_lock(hashtextextended('llm-ops migrate', 0))`);
    await client.query(
      `create table if not exists schema_migration (
         name text primary key, sha256 text not null, applied_at timestamptz not null default now())`,
    );
    await client.query('alter table schema_migration add column if not exists additive boolean not null default false');
    if (options.upTo === undefined) await refuseHalfRestored(client);
    const { rows } = await client.query<Applied>('select name, sha256, additive from schema_migration order by name');
    const applied: string[] = [];
    for (const migration of pending(migrations, rows, options.upTo)) {
      await apply(client, migration);
      applied.push(migration.name);
    }
    return { applied };
  } catch (error) {
    throw unavailable(error) ? databaseUnavailable(error) : error;
  } finally {
    await client.end().catch(() => {});
  }
}

/** What is to be run, in order, given what the database says was run. */
function pending(migrations: Migration[], applied: Applied[], upTo?: string): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { name, sha256, additive } of applied) {
    const file = known.get(name);
    if (!file) {
      // a newer program's, which was taken back
      if (additive) continue;
      throw failure('migration_refused', {
        message: `The database was migrated by ${name}, which this program does not have.`,
      });
    }
    if (file.sha256 !== sha256) {
      throw failure('migration_refused', {
        message: `The migration ${name} was edited after it was applied.`,
        remedy: 'Put the file back as it was and write a new migration for the change.',
      });
    }
  }
  const done = new Set(applied.map(({ name }) => name));
  const last =
    applied
      .map(({ name }) => name)
      .sort()
      .at(-1) ?? '';
  const todo = migrations.filter(({ name }) => !done.has(name) && (upTo === undefined || name <= upTo));
  const late = todo.find(({ name }) => name < last);
  if (late) {
    throw failure('migration_refused', {
      message: `The migration ${late.name} comes before ${last}, which was already applied.`,
      remedy: 'Give the new migration the next free number.',
    });
  }
  return todo;
}

/** There from the first change of a restore to its commit, so that an interrupted one can be told from data and run again. */
export const restoreMarker = 'restore_in_progress';

async function refuseHalfRestored(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ half: boolean }>(`select to_regclass($1) is not null as half`, [restoreMarker]);
  if (rows[0]?.half !== true) return;
  throw failure('migration_refused', {
    message: 'A restore into this database was interrupted.',
    remedy: 'Run llmops restore again, with the same backup or another.',
  });
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  try {
    await client.query('begin');
    await client.query(migration.sql);
    await client.query('insert into schema_migration (name, sha256, additive) values ($1, $2, $3)', [
      migration.name,
      migration.sha256,
      migration.additive,
    ]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    if (unavailable(error)) throw error;
    throw failure('migration_failed', {
      message: `The migration ${migration.name} failed: ${(error as Error).message}`,
      cause: error,
    });
  }
}
