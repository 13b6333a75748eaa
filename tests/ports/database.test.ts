import assert from 'node:assert/strict';
import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  lockDataDir,
  migrate,
  openDatabase,
  unavailable,
  createSharedLocks,
  withAdvisoryLock,
  type Db,
} from '../../backend/src/platform/db/index.ts';
import { findHome, nativeFolder } from '../../backend/src/platform/db/home.ts';
import { isFailure, type ErrorCode } from '../../backend/src/platform/errors/index.ts';
import { createLog } from '../../backend/src/platform/log/index.ts';
import { provisionPostgres } from '../../scripts/provision/postgres.ts';

const log = createLog({ level: 'silent' });
const root = process.getuid?.() === 0;
const failsWith = (code: ErrorCode, text?: RegExp) => (error: unknown) => {
  assert.ok(isFailure(error, code), `expected ${code}, got ${String(error)}`);
  if (text) assert.match(error.message, text);
  return true;
};

interface Answer {
  ok: boolean;
  code?: string;
  message?: string;
  applied?: string[];
  url?: string;
  postmaster?: number;
}

const children = new Set<ChildProcess>();
async function child(...args: string[]): Promise<{ process: ChildProcess; answer: Answer }> {
  const process = fork(new URL('./database.child.ts', import.meta.url), args);
  children.add(process);
  const [answer] = (await once(process, 'message')) as [Answer];
  return { process, answer };
}
async function kill(process: ChildProcess): Promise<void> {
  const ended = once(process, 'exit');
  process.kill('SIGKILL');
  await ended;
}

const folders: string[] = [];
async function folder(mode = 0o755): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'llm-ops-db-'));
  await chmod(path, mode);
  folders.push(path);
  return path;
}
async function migrations(files: Record<string, string>): Promise<string> {
  const path = await folder();
  for (const [name, sql] of Object.entries(files)) await writeFile(join(path, name), sql);
  return path;
}
after(async () => {
  for (const process of children) process.kill('SIGKILL');
  for (const path of folders.toReversed()) {
    const location = await readFile(join(path, 'postgres.location'), 'utf8').catch(() => null);
    if (location)
      await rm(join((JSON.parse(location) as { location: string }).location, '..'), { recursive: true, force: true });
    await rm(path, { recursive: true, force: true });
  }
});

async function poll<T>(what: () => Promise<T | false>, ms: number): Promise<T> {
  for (const until = Date.now() + ms; ; await wait(50)) {
    const found = await what();
    if (found !== false) return found;
    assert.ok(Date.now() < until, `not within ${ms} ms`);
  }
}

interface Server {
  db: Db;
  createDatabase(name: string): Promise<string>;
  /** ends the server as a crash would; resolves when it is gone */
  crash(): Promise<void>;
  /** brings it back, where nobody else does */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

const postmasterOf = async (dataDir: string) =>
  Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);

const servers: Record<string, () => Promise<Server>> = {
  async embedded() {
    const dataDir = await folder();
    const since = Date.now();
    const db = await openDatabase({ dataDir, log });
    console.log(`embedded: first start ${Date.now() - since} ms`);
    return {
      db,
      async createDatabase(name) {
        await db.pool.query(`create database ${name}`);
        return db.url.replace(/\/postgres$/, `/${name}`);
      },
      async crash() {
        process.kill(await postmasterOf(dataDir), 'SIGQUIT');
      },
      revive: async () => {},
      stop: () => db.close(),
    };
  },
  async 'by URL'() {
    const server = await provisionPostgres();
    const db = await openDatabase({
      url: await server.createDatabase('platform', 'owner'),
      dataDir: await folder(),
      log,
    });
    return {
      db,
      // not a superuser's: nothing may need more than the owner's rights
      createDatabase: (name) => server.createDatabase(name, 'owner'),
      crash: () => server.halt(),
      revive: () => server.start(),
      async stop() {
        await db.close();
        await server.stop();
      },
    };
  },
};

for (const [kind, provide] of Object.entries(servers)) {
  describe(`database, ${kind}`, () => {
    let server: Server;
    before(async () => {
      server = await provide();
    });
    after(() => server.stop());

    it('answers, gives numbers, text and dates as the domains expect them', async () => {
      const { db } = server;
      await db.check();
      assert.ok(db.version >= 15);
      const { rows } = await db.pool.query(
        `select 9007199254740991::int8 as safe, 9007199254740993::int8 as big, 1.10::numeric as amount, date '2026-01-31' as day,
           timestamptz '2026-01-31 12:00+09' as at, current_setting('TimeZone') as zone`,
      );
      assert.deepEqual(rows[0], {
        safe: 9007199254740991,
        big: '9007199254740993',
        amount: '1.10',
        day: '2026-01-31',
        at: new Date('2026-01-31T03:00:00Z'),
        zone: 'UTC',
      });
    });

    it('migrations run once, in order, when several servers start at once', async () => {
      const url = await server.createDatabase('race');
      const dir = await migrations({
        '0001_one.sql': 'create table one (id int8 primary key); select pg_sleep(0.2)',
        '0002_two.sql': 'create table two (id int8 references one); insert into one values (1)',
      });
      const starters = await Promise.all([
        child('migrate', url, dir),
        child('migrate', url, dir),
        migrate({ url }, dir),
      ]);
      const applied = starters.flatMap((one) =>
        'answer' in one ? (one.answer.applied ?? [one.answer.message]) : one.applied,
      );
      assert.deepEqual(applied, ['0001_one', '0002_two']);
    });

    it('a migration that was edited, removed or inserted before an applied one is refused by name', async () => {
      const url = await server.createDatabase('edited');
      const dir = await migrations({ '0001_a.sql': 'create table a ()', '0003_c.sql': 'create table c ()' });
      await migrate({ url }, dir);
      assert.deepEqual(await migrate({ url }, dir), { applied: [] });
      await writeFile(join(dir, '0002_b.sql'), 'create table b ()');
      await assert.rejects(migrate({ url }, dir), failsWith('migration_refused', /0002_b/));
      await rm(join(dir, '0002_b.sql'));
      await writeFile(join(dir, '0001_a.sql'), 'create table a (x int)');
      await assert.rejects(migrate({ url }, dir), failsWith('migration_refused', /0001_a was edited/));
      await rm(join(dir, '0001_a.sql'));
      await assert.rejects(migrate({ url }, dir), failsWith('migration_refused', /0001_a/));
    });

    it('DEP-4: a program that was taken back works with what a newer one added, and refuses what it changed', async () => {
      const url = await server.createDatabase('taken_back');
      const old = await migrations({ '0001_a.sql': 'create table a ()' });
      const additive = { '0002_b.sql': '-- additive: a table that nobody else asks for\ncreate table b ()' };
      const newer = await migrations({ '0001_a.sql': 'create table a ()', ...additive });
      await migrate({ url }, newer);
      assert.deepEqual(await migrate({ url }, old), { applied: [] });
      await writeFile(join(newer, '0003_c.sql'), 'alter table a add column c int not null');
      await migrate({ url }, newer);
      await assert.rejects(
        migrate({ url }, old),
        failsWith('migration_refused', /0003_c, which this program does not have/),
      );
    });

    it('a migration that fails, or whose program is killed, leaves nothing of itself', async () => {
      const url = await server.createDatabase('failing');
      const dir = await migrations({
        '0001_a.sql': 'create table a ()',
        '0002_b.sql': 'create table b (); select 1/0',
      });
      await assert.rejects(migrate({ url }, dir), failsWith('migration_failed', /0002_b.*division by zero/));
      await writeFile(join(dir, '0002_b.sql'), 'create table b (); select pg_sleep(30)');
      const dying = fork(new URL('./database.child.ts', import.meta.url), ['migrate', url, dir]);
      await wait(700);
      await kill(dying);
      await writeFile(join(dir, '0002_b.sql'), 'create table b ()');
      // the server notices the death when the sleep ends or at once when it writes; it is not waited for
      await server.db.pool
        .query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'failing'`)
        .catch(() => {});
      assert.deepEqual(await migrate({ url }, dir), { applied: ['0002_b'] });
    });

    it('an advisory lock admits one at a time, and says so to whoever does not wait', async () => {
      const { pool } = server.db;
      let inside = 0;
      const one = () =>
        withAdvisoryLock(pool, 'test', async () => {
          assert.equal(++inside, 1);
          assert.equal(await withAdvisoryLock(pool, 'test', async () => 'both', { wait: false }), null);
          await wait(20);
          inside -= 1;
          return 'done';
        });
      assert.deepEqual(await Promise.all([one(), one(), one()]), ['done', 'done', 'done']);
    });

    it('many locks of one process cost one connection, exclude each other and other processes, and outlive that connection', async () => {
      const { pool } = server.db;
      const locks = createSharedLocks(pool);
      const others = createSharedLocks(pool);
      const most = pool.options.max! * 2;
      const { promise: end, resolve: go } = Promise.withResolvers<void>();
      let inside = 0;
      const held = Array.from({ length: most }, (_, index) =>
        locks.ifFree(`shared ${index}`, async () => {
          inside += 1;
          await end;
          return 'done';
        }),
      );
      await poll(async () => inside === most, 5_000);
      const { rows } = await pool.query(
        `select count(distinct pid)::int as n from pg_locks where locktype = 'advisory'`,
      );
      assert.deepEqual(rows, [{ n: 1 }]);
      assert.equal(await locks.ifFree('shared 0', async () => 'both'), null);
      assert.equal(await others.ifFree('shared 1', async () => 'both'), null);
      assert.equal(await withAdvisoryLock(pool, 'shared 2', async () => 'both', { wait: false }), null);
      go();
      assert.deepEqual(
        await Promise.all(held),
        Array.from({ length: most }, () => 'done'),
      );
      assert.equal(await others.ifFree('shared 0', async () => 'free'), 'free');

      const broken = await locks.ifFree('shared 0', async () => {
        await pool.query(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'`);
        return 'ended';
      });
      assert.equal(broken, 'ended');
      // a session that is ended tells its client before it lets go of its locks
      await poll(async () => (await locks.ifFree('shared 0', async () => 'again')) === 'again', 5_000);
    });

    it('NOTIFY reaches a listener, also after the server was restarted while the pool is in use; meanwhile queries fail as 503', async () => {
      const { db } = server;
      const heard: (string | null)[] = [];
      const listening = await db.listen('news', (payload) => heard.push(payload));
      assert.equal(heard.length, 1);
      await db.pool.query(`notify news, 'first'`);
      await poll(async () => heard.includes('first'), 2_000);

      const failures: { error: unknown; begun: number }[] = [];
      let running = true;
      const tables = db.kysely.$extendTables<{ pg_class: { relname: string } }>();
      const load = Array.from({ length: 6 }, async () => {
        while (running) {
          const begun = performance.now();
          await tables
            .transaction()
            .execute((trx) => trx.selectFrom('pg_class').select('relname').limit(1).execute())
            .catch((error: unknown) => failures.push({ error, begun }));
          await wait(5);
        }
      });
      await wait(100);
      await server.crash();
      await poll(async () => failures.length > 0, 5_000);
      const since = Date.now();
      await server.revive();
      await poll(
        () =>
          db.check().then(
            () => true,
            () => false as const,
          ),
        10_000,
      );
      console.log(`${kind}: answers again ${Date.now() - since} ms after its crash`);
      // what began before may still be told that it was away
      const back = performance.now();
      await wait(300);
      running = false;
      await Promise.all(load);
      assert.deepEqual(
        failures.filter(({ begun }) => begun > back),
        [],
        'no failure once it is back',
      );
      for (const { error } of failures) assert.ok(isFailure(error, 'database_unavailable'), String(error));

      await poll(async () => heard.filter((payload) => payload === null).length === 2, 6_000);
      await db.pool.query(`notify news, 'second'`);
      await poll(async () => heard.includes('second'), 2_000);
      await listening.close();
    });

    it('tells errors of the connection from errors of the query', async () => {
      const { db } = server;
      await assert.rejects(db.pool.query('select nonsense'), (error) => !unavailable(error));
      await assert.rejects(db.pool.query('select pg_terminate_backend(pg_backend_pid())'), unavailable);
      await db.check();
    });
  });
}

describe('embedded database', () => {
  it('survives the death of its program: the next one adopts it, and stops it when it closes', async () => {
    const dataDir = await folder();
    const first = await child('own', dataDir);
    assert.ok(first.answer.ok, first.answer.message);
    await kill(first.process);
    const second = await child('own', dataDir);
    assert.equal(second.answer.postmaster, first.answer.postmaster);
    assert.equal(second.answer.url, first.answer.url);
    second.process.send('close');
    await once(second.process, 'exit');
    await assert.rejects(postmasterOf(dataDir), { code: 'ENOENT' });

    const since = Date.now();
    const db = await openDatabase({ dataDir, log });
    console.log(`embedded: later start ${Date.now() - since} ms`);
    const guest = await openDatabase({ dataDir, log, guest: true });
    await guest.close();
    await db.check();
    await db.close();
  });

  it('REL: starts beside what a first start that was killed is still making', async () => {
    const dataDir = await folder();
    const { data } = await findHome(dataDir, log);
    const left = `${data}.new`;
    folders.push(left);
    const killed = new AbortController();
    const making = (async () => {
      for (let number = 0; !killed.signal.aborted; number += 1) {
        await mkdir(join(left, 'base/1'), { recursive: true });
        await writeFile(join(left, 'base/1', String(number % 1_000)), '').catch(() => {});
      }
    })();
    await wait(200);
    const opening = openDatabase({ dataDir, log });
    await Promise.race([opening, wait(1_000)]);
    killed.abort();
    await making;
    const db = await opening;
    await db.check();
    await db.close();
  });

  it('starts when the number of a dead postmaster now belongs to somebody else', async () => {
    const dataDir = await folder();
    await (await openDatabase({ dataDir, log })).close();
    const lines = [process.pid, join(dataDir, 'postgres'), 1, 5432, '', '127.0.0.1', '1 1', 'ready', ''];
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), lines.join('\n'));
    const db = await openDatabase({ dataDir, log });
    await db.check();
    await db.close();
  });

  it('a second platform on the same folder is refused with the pid of the first; of many starters after a crash one wins', async () => {
    const dataDir = await folder();
    const first = await child('lock', dataDir);
    await assert.rejects(
      lockDataDir(dataDir),
      failsWith('platform_already_running', new RegExp(`${first.process.pid} .*${dataDir}`)),
    );
    await kill(first.process);
    const starters = await Promise.all(Array.from({ length: 4 }, () => child('lock', dataDir)));
    const winners = starters.filter(({ answer }) => answer.ok);
    assert.equal(winners.length, 1, JSON.stringify(starters.map(({ answer }) => answer)));
    for (const { answer } of starters) if (!answer.ok) assert.equal(answer.code, 'platform_already_running');
    for (const starter of starters) await kill(starter.process);
    const lock = await lockDataDir(dataDir);
    assert.deepEqual(await readdir(dataDir), ['platform.pid']);
    await lock.release();
    assert.deepEqual(await readdir(dataDir), []);
  });

  it('keeps its password to its owner, and every connection must give it', async () => {
    const dataDir = await folder();
    const db = await openDatabase({ dataDir, log });
    assert.equal((await stat(join(dataDir, 'postgres.password'))).mode & 0o777, 0o600);
    const url = new URL(db.url);
    url.password = 'wrong';
    await assert.rejects(
      openDatabase({ url: url.href, dataDir, log }),
      failsWith('database_unavailable', /refuses us/),
    );
    await db.close();
  });

  if (root) {
    it('as root below a 0700 folder: data and binaries go where the user postgres reaches them, and are found again', async () => {
      const closed = await folder(0o700);
      const dataDir = join(closed, '.data');
      await mkdir(dataDir);
      folders.push(dataDir);
      const db = await openDatabase({ dataDir, log });
      await db.pool.query('create table kept (id int8)');
      await db.close();
      const { location } = JSON.parse(await readFile(join(dataDir, 'postgres.location'), 'utf8')) as {
        location: string;
      };
      assert.match(location, /^\/var\/lib\/llm-ops\/[0-9a-f]{16}\/postgres$/);
      const again = await openDatabase({ dataDir, log });
      await again.pool.query('select from kept');
      await again.close();
      // emptied by hand, then started anew: nothing of the old platform may come back
      await rm(join(dataDir, 'postgres.location'));
      await rm(join(dataDir, 'postgres.password'));
      const fresh = await openDatabase({ dataDir, log });
      await assert.rejects(fresh.pool.query('select from kept'), /does not exist/);
      await fresh.close();
      // and of a temporary folder that was deleted nothing stays
      await rm(closed, { recursive: true });
      const other = join(await folder(0o700), '.data');
      folders.push(other);
      await (await openDatabase({ dataDir: other, log })).close();
      await assert.rejects(stat(location), { code: 'ENOENT' });
    });

    it('as root with the program below a 0700 folder: its binaries are copied to where the user postgres can run them', async () => {
      const name = `native-test-${process.pid}`;
      const native = join(await folder(0o700), 'native');
      await cp(nativeFolder().folder, native, { recursive: true, verbatimSymlinks: true });
      const [one, other] = await Promise.all(
        [0, 1].map(async () => findHome(await folder(), log, { folder: native, name })),
      );
      folders.push(`/var/lib/llm-ops/${name}`);
      assert.deepEqual(
        [one?.bin, other?.bin],
        Array.from({ length: 2 }, () => `/var/lib/llm-ops/${name}/bin`),
      );
      const version = execFileSync(join(one!.bin, 'postgres'), ['--version'], {
        ...one!.identity,
        cwd: '/',
        encoding: 'utf8',
      });
      assert.match(version, /PostgreSQL/);
    });
  }
});

describe('a database that cannot be used', () => {
  it('is waited for, then named without its password', async () => {
    const url = 'postgres://somebody:hunter2@127.0.0.1:1/nothing';
    const opening = openDatabase({ url, dataDir: await folder(), log, patienceMs: 300 });
    await assert.rejects(opening, (error: Error) => {
      assert.ok(isFailure(error, 'database_unavailable'));
      assert.match(error.message, /127\.0\.0\.1:1\/nothing cannot be reached/);
      assert.doesNotMatch(`${error.message} ${error.stack}`, /hunter2/);
      return true;
    });
  });

  it('is refused below PostgreSQL 15, naming its version', async () => {
    const old = await oldServer();
    const opening = openDatabase({ url: `postgres://u:p@127.0.0.1:${old.port}/d`, dataDir: await folder(), log });
    await assert.rejects(opening, failsWith('database_unsupported', /PostgreSQL 14\.19; 15 or newer/));
    old.close();
  });
});

/** Speaks just enough of the wire protocol to be a PostgreSQL 14: there is no package of it to install any more. */
async function oldServer(): Promise<{ port: number; close(): void }> {
  const message = (type: string, body: Buffer) => {
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const int16 = (value: number) => Buffer.from([value >> 8, value & 255]);
  const int32 = (value: number) => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
  const ready = message('Z', Buffer.from('I'));
  const field = (name: string, oid: number) =>
    Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(oid), int16(4), int32(-1), int16(0)]);
  const value = (text: string) => Buffer.concat([int32(text.length), Buffer.from(text)]);
  const server = createServer((socket) => {
    let started = false;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      if (!started) {
        started = true;
        socket.write(Buffer.concat([message('R', int32(0)), ready]));
      } else if (data[0] === 'Q'.charCodeAt(0)) {
        socket.write(
          Buffer.concat([
            message('T', Buffer.concat([int16(2), field('number', 23), field('full', 25)])),
            message('D', Buffer.concat([int16(2), value('140019'), value('14.19')])),
            message('C', Buffer.from('SELECT 1\0')),
            ready,
          ]),
        );
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}
