import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import pg from 'pg';
import { failure, isFailure } from '#platform/errors';
import type { Objects } from '#ports/objects';
import { ownConnection } from '../connection.ts';
import type { Db } from '../open.ts';
import { databaseUnavailable, unavailable } from '../unavailable.ts';
import { copyOut } from './copy.ts';
import { writeFileOf } from './files.ts';
import { hasJobs, readJobs } from './jobs.ts';
import type { Manifest, TableFile } from './manifest.ts';
import { migrationsOf, partitionsOf, quoted, sequencesOf, tablesOf } from './schema.ts';

export interface BackupResult {
  /** `DIR/backup-20260131T120000Z` */
  folder: string;
  manifest: Manifest;
}

/**
 * Writes `backup-TIME/` below `dir`, while the platform may go on working: the database as of one moment, every object of the store
 * with its digest, the list of migrations, and the id of the secret key (not the key: keep that elsewhere). Memory does not grow with
 * the data. A row is written after its objects, so the objects, copied after that moment, include all the rows name, unless some were
 * deleted meanwhile: then it throws `backup_unsettled`. Nothing stays of a backup that failed.
 */
export async function backup(deps: {
  db: Pick<Db, 'url' | 'embedded' | 'version'>;
  objects: Objects;
  dir: string;
  secretKeyId?: string | null;
  now?: () => Date;
}): Promise<BackupResult> {
  const { db, objects } = deps;
  const createdAt = (deps.now?.() ?? new Date()).toISOString();
  const folder = join(resolve(deps.dir), `backup-${createdAt.replace(/[-:]|\.\d+/g, '')}`);
  const partial = `${folder}.partial`;
  await mkdir(resolve(deps.dir), { recursive: true });
  if (existsSync(folder))
    throw failure('backup_unsettled', { message: `${folder} exists already.`, remedy: 'Run the backup again.' });
  try {
    // private: it holds all the data; and it must not be there yet
    await mkdir(partial, { mode: 0o700 });
  } catch (cause) {
    throw failure('backup_unsettled', {
      message: `Another backup is being written to ${partial}.`,
      remedy: 'Wait for it, or delete that folder.',
      cause,
    });
  }
  try {
    const before = await keysOf(objects);
    const database = await backupDatabase(db.url, partial);
    const manifest: Manifest = {
      format: 1,
      createdAt,
      postgres: db.version,
      embedded: db.embedded,
      secretKeyId: deps.secretKeyId ?? null,
      ...database,
      objects: await backupObjects(objects, partial, before),
    };
    await writeFile(join(partial, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`, {
      flush: true,
      mode: 0o600,
    });
    await rename(partial, folder);
    await syncFolder(resolve(deps.dir));
    return { folder, manifest };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw unavailable(error) ? databaseUnavailable(error) : error;
  }
}

async function backupDatabase(
  url: string,
  folder: string,
): Promise<Pick<Manifest, 'migrations' | 'tables' | 'partitions' | 'sequences' | 'jobs'>> {
  const client = ownConnection(url, 'llm-ops backup');
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(`set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex';
      set idle_in_transaction_session_timeout = 0; set statement_timeout = 0`);
    await client.query('start transaction isolation level repeatable read read only');
    const migrations = await migrationsOf(client);
    const partitions = await partitionsOf(client);
    const tables: TableFile[] = [];
    for (const [index, table] of (await tablesOf(client)).entries()) {
      const columns = table.columns.map((name) => pg.escapeIdentifier(name)).join(', ');
      const rows = copyOut(client, `copy (select ${columns} from only ${quoted(table)}) to stdout`);
      const name = `${String(index).padStart(4, '0')}-${table.name.replace(/[^A-Za-z0-9_]/g, '_')}.copy.gz`;
      const written = await writeFileOf(folder, `tables/${name}`, rows, { gzip: true });
      tables.push({ ...table, ...written, rows: rows.rows() });
    }
    let jobs: Manifest['jobs'] = null;
    if (await hasJobs(client)) {
      const rows = readJobs(client);
      jobs = { ...(await writeFileOf(folder, 'jobs.jsonl.gz', rows, { gzip: true })), rows: rows.rows() };
    }
    // they do not belong to the snapshot: a later value is as good, an earlier one would give a number twice
    const sequences = await sequencesOf(client);
    await client.query('commit');
    return { migrations, tables, partitions, sequences, jobs };
  } finally {
    await client.end().catch(() => {});
  }
}

async function keysOf(objects: Objects): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const { key } of objects.list('')) keys.add(key);
  return keys;
}

async function backupObjects(objects: Objects, folder: string, before: Set<string>): Promise<Manifest['objects']> {
  const keys = await keysOf(objects);
  const vanished = [...before].find((key) => !keys.has(key));
  if (vanished !== undefined)
    throw failure('backup_unsettled', { message: `${vanished} was deleted during the backup.` });
  let count = 0;
  let totalBytes = 0;
  async function* lines() {
    for (const key of keys) {
      const body = await objects.get(key).catch((cause: unknown) => {
        if (!isFailure(cause, 'object_not_found')) throw cause;
        throw failure('backup_unsettled', { message: `${key} was deleted during the backup.`, cause });
      });
      const { sha256, bytes } = await writeFileOf(folder, `objects/${key}`, body, { gzip: false });
      count += 1;
      totalBytes += bytes;
      yield `${JSON.stringify({ key, sha256, bytes })}\n`;
    }
  }
  const list = await writeFileOf(folder, 'objects.jsonl.gz', Readable.from(lines()), { gzip: true });
  return { ...list, count, totalBytes };
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
