import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';

export interface PostgresServer {
  /** `postgres://…@127.0.0.1:{port}/postgres`, a superuser's */
  url: string;
  /** Makes an empty database and answers its URL, for `role` (made if need be, no superuser) when given. */
  createDatabase(name: string, role?: string): Promise<string>;
  /** Kills the server as a crash would; `start` brings it back on the same port. */
  halt(): Promise<void>;
  start(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/**
 * A real PostgreSQL of the system's package with a cluster of its own in a temporary folder, on a random loopback port, for tests. When
 * the package is missing it is installed as root by apt-get; otherwise it throws with the command to run.
 */
export async function provisionPostgres(): Promise<PostgresServer> {
  const bin = binaries() ?? install();
  const who = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  const folder = await mkdtemp(join(tmpdir(), 'llm-ops-pg-'));
  const data = join(folder, 'data');
  const password = randomBytes(16).toString('hex');
  const secret = join(folder, 'password');
  await writeFile(secret, password, { mode: 0o600 });
  if (who.uid !== undefined && who.gid !== undefined) {
    await chown(folder, who.uid, who.gid);
    await chown(secret, who.uid, who.gid);
  }
  const made = spawnSync(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'tester',
      '--pwfile',
      secret,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ],
    { ...who, cwd: '/', encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb of ${bin} failed: ${made.stderr}`);
  const port = await freePort();
  const url = `postgres://tester:${password}@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    // what a power cut would lose does not matter here
    const settings = ['fsync=off', 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'shared_buffers=32MB'];
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
    const child = spawn(join(bin, 'postgres'), args, { ...who, cwd: data, stdio: ['ignore', 'ignore', 'pipe'] });
    server = child;
    let log = '';
    child.stderr.on('data', (text) => (log = `${log}${text}`.slice(-4000)));
    for (let tries = 0; tries < 300; tries++) {
      if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}: ${log}`);
      if (await answers(url)) return;
      await wait(50);
    }
    child.kill('SIGKILL');
    throw new Error(`postgres does not answer: ${log}`);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server?.once('exit', resolve));
    server.kill(signal);
    await ended;
  }

  await start();
  return {
    url,
    async createDatabase(name, role) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        if (role) {
          const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
          if (rowCount === 0) await client.query(`create role "${role}" login password '${password}'`);
        }
        await client.query(`create database "${name}"${role ? ` owner "${role}"` : ''}`);
      } finally {
        await client.end();
      }
      const its = new URL(url);
      its.pathname = `/${name}`;
      if (role) its.username = role;
      return its.href;
    },
    // immediate: no checkpoint, recovery at the next start; its processes end with it, and free the shared memory
    halt: () => end('SIGQUIT'),
    start,
    async stop() {
      await end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function binaries(): string | null {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root)
    ? readdirSync(root)
        .map(Number)
        .filter((version) => version >= 15)
    : [];
  const newest = versions.sort((a, b) => b - a).find((version) => existsSync(`${root}/${version}/bin/initdb`));
  return newest === undefined ? null : `${root}/${newest}/bin`;
}

function install(): string {
  const command = 'apt-get install -y postgresql';
  if (process.getuid?.() === 0) {
    console.log(`Installing PostgreSQL for the tests of the database: ${command}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const run = () =>
      spawnSync('apt-get', ['install', '-y', 'postgresql'], { env, stdio: ['ignore', 'inherit', 'inherit'] });
    if (run().status !== 0) {
      spawnSync('apt-get', ['update'], { env, stdio: ['ignore', 'inherit', 'inherit'] });
      run();
    }
    const found = binaries();
    if (found) return found;
  }
  throw new Error(`The tests of the database need PostgreSQL 15 or newer. Run: sudo ${command}`);
}

const idOf = (flag: '-u' | '-g') => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
