import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { failure } from '#platform/errors';
import type { Objects } from '#ports/objects';
import { ownConnection } from '../connection.ts';
import { migrate, readMigrations, restoreMarker } from '../migrate.ts';
import type { Db } from '../open.ts';
import { databaseUnavailable, unavailable } from '../unavailable.ts';
import { copyIn } from './copy.ts';
import { readFileOf } from './files.ts';
import { prepareJobs, writeJobs } from './jobs.ts';
import { readManifest, type Manifest } from './manifest.ts';
import { partitionsOf, quoted, tablesOf, withoutConstraints } from './schema.ts';

/**
 * Puts a backup back into an empty database and an object store. It first brings the schema to the backup's migrations (the next start
 * brings it forward from there), puts every object and compares its digest, then loads all rows in one transaction, which checks counts
 * and foreign keys. When it fails the database has no rows of it, and it can be run again. Throws `restore_refused` (database not
 * empty, other secret key, unknown migrations) before anything is changed, `backup_invalid` when digests or counts differ.
 */
export async function restore(deps: {
  db: Pick<Db, 'url'>;
  objects: Objects;
  /** `…/backup-TIME` */
  dir: string;
  migrationsDir: string;
  /** id of the key in force, null when there is none: must be the backup's, if that has one; not compared when left out */
  secretKeyId?: string | null;
}): Promise<Manifest> {
  const { db, objects } = deps;
  const folder = resolve(deps.dir);
  const manifest = await readManifest(folder);
  checkKey(manifest, deps.secretKeyId);
  await checkMigrations(manifest, deps.migrationsDir);
  const client = ownConnection(db.url, 'llm-ops restore');
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(`set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set statement_timeout = 0`);
    await checkEmpty(client);
    await client.query(`create table if not exists ${restoreMarker} (since timestamptz not null default now())`);
    const last = manifest.migrations.at(-1)?.name;
    await migrate(db, deps.migrationsDir, { upTo: last ?? '' });
    if (manifest.jobs) await prepareJobs(client);
    await restoreObjects(objects, folder, manifest);
    await client.query('begin');
    await withoutConstraints(client, () => load(client, folder, manifest));
    await client.query(`drop table ${restoreMarker}`);
    await client.query('commit');
    return manifest;
  } catch (error) {
    throw unavailable(error) ? databaseUnavailable(error) : error;
  } finally {
    // an open transaction ends with its connection
    await client.end().catch(() => {});
  }
}

function checkKey(manifest: Manifest, secretKeyId: string | null | undefined): void {
  if (manifest.secretKeyId === null || secretKeyId === undefined || manifest.secretKeyId === secretKeyId) return;
  const instead = secretKeyId === null ? 'none is configured' : `the configured one is ${secretKeyId}`;
  throw failure('restore_refused', {
    message: `The secrets of this backup are encrypted with key ${manifest.secretKeyId}; ${instead}.`,
    remedy: 'Set SECRETS_KEY to that key, or copy secrets.key of the old data folder into the new one.',
  });
}

async function checkMigrations(manifest: Manifest, dir: string): Promise<void> {
  const known = new Map((await readMigrations(dir)).map(({ name, sha256 }) => [name, sha256]));
  const strange = manifest.migrations.find(({ name, sha256 }) => known.get(name) !== sha256);
  if (!strange) return;
  throw failure('restore_refused', {
    message: `The backup was made with the migration ${strange.name}, which this program does not have in that form.`,
    remedy: 'Restore with the version of the program that made the backup, or a newer one.',
  });
}

async function checkEmpty(client: pg.Client): Promise<void> {
  const tables = await tablesOf(client);
  if (tables.length === 0 || tables.some(({ name }) => name === restoreMarker)) return;
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  throw failure('restore_refused', {
    message: `The database ${rows[0]?.name} is not empty: it has ${tables.length} tables, ${tables[0]!.name} among them.`,
  });
}

async function load(client: pg.Client, folder: string, manifest: Manifest): Promise<void> {
  await alignPartitions(client, manifest);
  const present = (await tablesOf(client)).filter(({ name }) => name !== restoreMarker);
  const missing = manifest.tables.find((table) => !present.some((other) => quoted(other) === quoted(table)));
  if (missing) {
    throw failure('backup_invalid', {
      message: `The backup has a table ${missing.name}, which its migrations do not make.`,
    });
  }
  // migrations may have put rows of their own there
  if (present.length > 0) await client.query(`truncate ${present.map(quoted).join(', ')}`);
  for (const table of manifest.tables) {
    const columns = table.columns.map((name) => pg.escapeIdentifier(name)).join(', ');
    const sink = copyIn(client, `copy ${quoted(table)} (${columns}) from stdin`);
    await readFileOf(folder, table, sink);
    checkCount(table.name, sink.rows(), table.rows);
  }
  for (const sequence of manifest.sequences) {
    await client.query('select setval($1::regclass, $2::bigint)', [quoted(sequence), sequence.value]);
  }
  if (manifest.jobs) {
    let rows = 0;
    await readFileOf(folder, manifest.jobs, async (source) => {
      rows = await writeJobs(client, source);
    });
    checkCount('jobs', rows, manifest.jobs.rows);
  }
}

function checkCount(what: string, found: number, expected: number): void {
  if (found === expected) return;
  throw failure('backup_invalid', { message: `${what} has ${found} rows, the manifest says ${expected}.` });
}

/** The program makes and drops partitions as time goes by, so those that the migrations made are not those of the backup. */
async function alignPartitions(client: pg.Client, manifest: Manifest): Promise<void> {
  const wanted = new Set(manifest.partitions.map(quoted));
  const present = new Set<string>();
  for (const partition of await partitionsOf(client)) {
    if (wanted.has(quoted(partition))) present.add(quoted(partition));
    else await client.query(`drop table if exists ${quoted(partition)} cascade`);
  }
  for (const partition of manifest.partitions) {
    if (present.has(quoted(partition))) continue;
    const parent = quoted({ schema: partition.parentSchema, name: partition.parent });
    const by = partition.partitionBy === null ? '' : ` partition by ${partition.partitionBy}`;
    await client.query(`create table ${quoted(partition)} partition of ${parent} ${partition.bound}${by}`);
  }
}

async function restoreObjects(objects: Objects, folder: string, manifest: Manifest): Promise<void> {
  const lines = new PassThrough();
  let count = 0;
  const reading = readFileOf(folder, manifest.objects, lines);
  // its error also ends the lines; it is thrown below
  reading.catch(() => {});
  for await (const line of createInterface({ input: lines })) {
    const { key, sha256 } = JSON.parse(line) as { key: string; sha256: string };
    const put = await objects.put(key, createReadStream(join(folder, 'objects', key)));
    if (put.sha256 !== sha256) {
      await objects.delete(key);
      throw failure('backup_invalid', { message: `The object ${key} of the backup was changed: its digest differs.` });
    }
    count += 1;
  }
  await reading;
  checkCount('the list of objects', count, manifest.objects.count);
}
