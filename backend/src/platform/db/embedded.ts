import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#platform/log';
import { failure } from '#platform/errors';
import { findHome, ownedFolder, type Home } from './home.ts';
import { processStart, workingFolder } from './process.ts';

export interface Postmaster {
  url: string;
  /** Stops the server, adopted or not, unless we are only a guest. */
  close(): Promise<void>;
}

const user = 'llmops';
const maxLogBytes = 5 * 1024 * 1024;
/** Small: the whole platform stays under 450 MB. Durability is left as it is: fsync and full page writes on. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '32MB',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  max_wal_size: '512MB',
  min_wal_size: '64MB',
  // no processes of their own for reading ahead, replication and parallel plans: they cost memory and two cores gain nothing
  io_method: 'sync',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  max_parallel_workers_per_gather: '0',
  autovacuum_max_workers: '2',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  // the program logs what fails
  log_min_error_statement: 'panic',
};

/**
 * The embedded PostgreSQL of a data folder: created when there is none, adopted when it still runs (a killed platform leaves it
 * running), started again when it dies. A guest neither starts nor stops it: it waits up to 30 s for the owner's.
 * Throws `database_start_failed`, or for a guest `database_unavailable`.
 */
export async function startEmbedded(dataDir: string, log: Logger, guest: boolean): Promise<Postmaster> {
  const folder = resolve(dataDir);
  await mkdir(folder, { recursive: true });
  const home = await findHome(folder, log);
  const password = await passwordOf(folder, home, guest);
  const urlOf = (port: number) => `postgres://${user}:${password}@127.0.0.1:${port}/postgres`;
  if (guest) return { url: urlOf((await waitForOwner(home)).port), close: async () => {} };
  if (!existsSync(join(home.data, 'PG_VERSION'))) await initialise(home, password, log);
  const logFile = join(folder, 'postgres.log');
  let server = (await adopt(home)) ?? (await start(home, await freePort(), logFile));
  log.info({ pid: server.pid, port: server.port, adopted: server.adopted }, 'embedded PostgreSQL runs');
  const { port } = server;

  const closing = new AbortController();
  const pause = (ms: number) => sleep(ms, undefined, { ref: false, signal: closing.signal }).catch(() => {});
  let delay = 200;
  let startedAt = Date.now();
  const watch = (async () => {
    while (!closing.signal.aborted) {
      await pause(200);
      if (closing.signal.aborted || processStart(server.pid) === server.start) {
        if (Date.now() - startedAt > 60_000) delay = 200;
        continue;
      }
      log.error({ pid: server.pid, delay }, 'embedded PostgreSQL died, starting it again');
      await pause(delay);
      if (closing.signal.aborted) return;
      delay = Math.min(delay * 2, 10_000);
      try {
        // always on the same port: everybody keeps the same URL
        server = (await adopt(home)) ?? (await start(home, port, logFile));
        startedAt = Date.now();
        log.info({ pid: server.pid, port }, 'embedded PostgreSQL runs again');
      } catch (error) {
        log.error({ err: error }, 'embedded PostgreSQL does not start');
      }
    }
  })();

  return {
    url: urlOf(port),
    async close() {
      closing.abort();
      await watch;
      await stop(server);
    },
  };
}

interface Server {
  pid: number;
  /** tells it from a later process of the same number */
  start: string;
  port: number;
  adopted: boolean;
}

interface PidFile extends Server {
  status: string;
}

/** The postmaster that `postmaster.pid` names, if it is alive and really works in this data folder; null otherwise. */
async function running(home: Home): Promise<PidFile | null> {
  const lines = (await readFile(join(home.data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  const start = pid > 0 ? processStart(pid) : null;
  if (start === null) return null;
  const folder = workingFolder(pid);
  if (folder !== null && folder !== (await realpath(home.data))) return null;
  return { pid, start, port: Number(lines[3]), status: (lines[7] ?? '').trim(), adopted: true };
}

/** Waits for a server that is starting or stopping to have done so. */
async function adopt(home: Home): Promise<Server | null> {
  for (const until = Date.now() + 120_000; Date.now() < until; await sleep(50)) {
    const found = await running(home);
    if (found === null) break;
    if (found.status === 'ready') return found;
  }
  if (await running(home)) {
    throw failure('database_start_failed', { message: `PostgreSQL in ${home.data} neither becomes ready nor ends.` });
  }
  // its number may by now be that of an unrelated process, for which PostgreSQL would refuse to start
  await rm(join(home.data, 'postmaster.pid'), { force: true });
  return null;
}

async function waitForOwner(home: Home): Promise<Server> {
  for (const until = Date.now() + 30_000; Date.now() < until; await sleep(100)) {
    const found = await running(home);
    if (found?.status === 'ready') return found;
  }
  throw failure('database_unavailable', {
    message: `No embedded database runs in ${home.data}.`,
    remedy: 'Start the platform first.',
  });
}

async function start(home: Home, port: number, logFile: string): Promise<Server> {
  const size = (await stat(logFile).catch(() => null))?.size ?? 0;
  if (size > maxLogBytes) await rename(logFile, `${logFile}.1`);
  const output = await open(logFile, 'a', 0o600);
  const from = (await output.stat()).size;
  const args = ['-D', home.data, '-p', String(port)];
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`);
  // in a session of its own: Ctrl-C in a terminal is for the platform, which then stops it in order
  const child = spawn(join(home.bin, 'postgres'), args, {
    ...home.identity,
    cwd: home.data,
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  });
  let ended: string | null = null;
  child.on('error', (error) => (ended = error.message));
  child.on('exit', (code, signal) => (ended = `it ended with ${signal ?? `code ${code}`}`));
  child.unref();
  try {
    // recovery after a crash may take long; it is waited for as long as it lives
    while (ended === null) {
      const found = await running(home);
      if (found && found.pid === child.pid && found.status === 'ready') return { ...found, adopted: false };
      await sleep(15);
    }
  } finally {
    await output.close();
  }
  const said = (await readFile(logFile, 'utf8')).slice(from).trim().split('\n').slice(-5).join(' | ');
  throw failure('database_start_failed', {
    message: `The embedded PostgreSQL does not start: ${ended}. ${said}`.trim(),
    remedy: `See ${logFile}.`,
  });
}

async function stop(server: Server): Promise<void> {
  const alive = () => processStart(server.pid) === server.start;
  // fast, then immediate: which loses nothing either, the next start recovers
  for (const [signal, patience] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 2_000],
  ] as const) {
    if (!alive()) return;
    try {
      process.kill(server.pid, signal);
    } catch {
      return;
    }
    for (const until = Date.now() + patience; alive() && Date.now() < until;) await sleep(15);
  }
}

/**
 * Made under another name first, so that a database whose making was interrupted is never taken for one. A name of its own: `initdb` outlives a
 * killed platform for a moment, writes on and may remove what it made.
 */
async function initialise(home: Home, password: string, log: Logger): Promise<void> {
  const since = Date.now();
  const parent = dirname(home.data);
  const begun = `${basename(home.data)}.new`;
  for (const name of await readdir(parent).catch(() => [])) {
    if (!name.startsWith(begun)) continue;
    await rm(join(parent, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }).catch(
      (error: unknown) => log.warn({ err: error, folder: name }, 'what is left of a database could not be removed'),
    );
  }
  await rm(home.data, { recursive: true, force: true });
  const fresh = join(parent, `${begun}-${randomBytes(6).toString('hex')}`);
  await ownedFolder(fresh, home.identity);
  const secret = await mkdtemp(join(tmpdir(), 'llmops-'));
  try {
    const file = join(secret, 'password');
    await writeFile(file, password, { mode: 0o600 });
    if (home.identity) {
      await chown(file, home.identity.uid, home.identity.gid);
      await chown(secret, home.identity.uid, home.identity.gid);
    }
    await initdb(home, [
      `--pgdata=${fresh}`,
      `--username=${user}`,
      `--pwfile=${file}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // the same order of text on every machine, whatever its locales
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
    ]);
  } finally {
    await rm(secret, { recursive: true, force: true });
  }
  await rename(fresh, home.data);
  log.info({ ms: Date.now() - since, data: home.data }, 'created the embedded database');
}

async function initdb(home: Home, args: string[]): Promise<void> {
  const child = spawn(join(home.bin, 'initdb'), args, {
    ...home.identity,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = await new Promise<string | null>((done) => {
    child.on('error', (error) => done(error.message));
    child.on('close', (code) => done(code === 0 ? null : `it ended with code ${code}`));
  });
  if (ended === null) return;
  throw failure('database_start_failed', {
    message: `The embedded database could not be created: ${ended}. ${output.trim().split('\n').slice(-3).join(' | ')}`,
    remedy: 'Check free disk space and rights of the data folder.',
  });
}

async function passwordOf(folder: string, home: Home, guest: boolean): Promise<string> {
  const file = join(folder, 'postgres.password');
  const known = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (known !== '') return known;
  if (guest || existsSync(join(home.data, 'PG_VERSION'))) {
    throw failure(guest ? 'database_unavailable' : 'database_start_failed', {
      message: `${file} is missing, so the embedded database cannot be opened.`,
      remedy: guest ? 'Start the platform first.' : 'Put the file back from a copy of the data folder.',
    });
  }
  const fresh = randomBytes(24).toString('base64url');
  await writeFile(`${file}.new`, `${fresh}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
  return fresh;
}

/** Below the range from which systems give ports to outgoing connections, so that it is still free for a restart. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    const free = await new Promise<boolean>((done) => {
      server.once('error', () => done(false));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => done(true));
    });
    if (!free) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
}
