import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { createFileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { createS3Objects } from '../../backend/src/adapters/objects/s3/index.ts';
import { backup, migrate, openDatabase, restore, type Db } from '../../backend/src/platform/db/index.ts';
import { isFailure, type ErrorCode } from '../../backend/src/platform/errors/index.ts';
import { createLog } from '../../backend/src/platform/log/index.ts';
import type { Objects } from '../../backend/src/ports/objects.ts';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';
import { provisionS3, type S3Server } from '../../scripts/provision/s3.ts';

const log = createLog({ level: 'silent' });
const failsWith = (code: ErrorCode, text?: RegExp) => (error: unknown) => {
  assert.ok(isFailure(error, code), `expected ${code}, got ${String(error)}`);
  if (text) assert.match(error.message, text);
  return true;
};

/** Everything that makes copying a database hard. */
const schema = {
  '0001_teams.sql': `
    create type mood as enum ('fine', 'so so');
    create table team (
      id int8 generated always as identity primary key,
      name text not null unique deferrable initially deferred,
      upper_name text generated always as (upper(name)) stored,
      parent int8 references team deferrable initially deferred,
      owner int8,
      mood mood not null default 'fine'
    );
    create table person (id serial primary key, team int8 not null references team on delete cascade, facts jsonb, tags text[], picture bytea);
    alter table team add constraint team_owner foreign key (owner) references person;
    insert into team (name) values ('seeded by a migration');`,
  '0002_audit.sql': `
    create table audit (id int8 primary key, note text);
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'append only'; end $$;
    create trigger audit_rows before update or delete on audit for each row execute function refuse();
    create trigger audit_all before truncate on audit execute function refuse();
    create schema metering;
    create table metering.usage (id uuid not null, day date not null, tokens int8, cost numeric(20,10), primary key (id, day))
      partition by range (day);
    create table metering.usage_first partition of metering.usage for values from ('2026-01-01') to ('2026-01-02');
    create table metering.usage_other partition of metering.usage default;`,
};

async function fill(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('begin');
  await client.query(
    `update team set mood = 'so so'; insert into team (name, parent) values ('a', 3), ('b', 2), (E'tab\\t newline\\n back\\\\slash \\\\. 한국', null)`,
  );
  await client.query(
    `insert into person (team, facts, tags, picture) values (2, '{"a":[1,null,"\\\\u00e9"]}', '{x,"y,z",NULL}', '\\x00ff'), (3, null, null, null)`,
  );
  await client.query('update team set owner = 1 where id = 2; delete from person where id = 2');
  await client.query(`insert into audit select n, repeat(md5(n::text), 8) from generate_series(1, 30000) n`);
  // as the program does when days go by
  await client.query(`drop table metering.usage_first;
    create table metering.usage_2026 partition of metering.usage for values from ('2026-02-01') to ('2026-03-01') partition by range (day);
    create table metering.usage_20260203 partition of metering.usage_2026 for values from ('2026-02-03') to ('2026-02-04')`);
  await client.query(
    `insert into metering.usage select gen_random_uuid(), '2026-02-03', n, n / 7.0 from generate_series(1, 100) n`,
  );
  await client.query(`insert into metering.usage values (gen_random_uuid(), '2020-01-01', 1, 'NaN')`);
  await client.query('commit');
  await client.end();

  const boss = new PgBoss({ connectionString: url, schema: 'pgboss', schedule: false, supervise: false });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue('dead');
  await boss.createQueue('plain', { deadLetter: 'dead', retryLimit: 7 });
  await boss.createQueue('own-table', { partition: true, policy: 'stately' });
  await boss.send('plain', { n: 1 }, { startAfter: new Date('2099-01-01') });
  await boss.send('plain', { n: 2, text: "it's" });
  await boss.send('own-table', { n: 3 });
  await boss.send('plain', { n: 4 }, { priority: 10 });
  assert.deepEqual(
    (await boss.fetch<{ n: number }>('plain')).map(({ data }) => data.n),
    [4],
  );
  const [done] = await boss.fetch('own-table');
  await boss.complete('own-table', done!.id);
  await boss.send('own-table', { n: 5 });
  await boss.stop({ graceful: false });
}

/** A digest of every row of every table, and what comes next from every sequence. */
async function contents(url: string): Promise<Record<string, string>> {
  const client = new pg.Client(url);
  await client.connect();
  const found: Record<string, string> = {};
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'metering') and tablename <> 'schema_migration'`,
  );
  for (const { name } of rows) {
    const { rows: digest } = await client.query<{ digest: string }>(
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' order by t::text)), '') as digest from ${name} t`,
    );
    found[name] = digest[0]!.digest;
  }
  const { rows: jobs } = await client.query<{ found: string }>(
    `select string_agg(concat_ws('|', name, data, case state when 'active' then 'retry' else state end, priority, retry_limit, dead_letter,
       start_after > now() + interval '1 year', created_on), E'\\n' order by data::text) as found
     from pgboss.job where state < 'completed'`,
  );
  found['jobs'] = jobs[0]!.found;
  const { rows: rules } = await client.query<{ found: string }>(
    `select (select string_agg(conname || pg_get_constraintdef(oid), ' ' order by conname) from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n')
       || (select string_agg(tgname || tgenabled::text, ' ' order by tgname) from pg_trigger where not tgisinternal) as found`,
  );
  found['rules'] = rules[0]!.found;
  const { rows: sequences } = await client.query(
    'select sequencename, last_value from pg_sequences where schemaname = $1 order by 1',
    ['public'],
  );
  found['sequences'] = JSON.stringify(sequences);
  await client.end();
  return found;
}

async function objectsIn(objects: Objects): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { key } of objects.list('')) found[key] = (await buffer(await objects.get(key))).toString('base64');
  return found;
}

describe('backup and restore', () => {
  const folders: string[] = [];
  const databases: Db[] = [];
  let postgres: PostgresServer;
  let s3: S3Server;
  let migrationsDir: string;
  let source: Db;
  let files: Objects;
  let made: Awaited<ReturnType<typeof backup>>;
  let expected: Record<string, string>;
  let expectedObjects: Record<string, string>;

  async function folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'llm-ops-backup-'));
    await chmod(path, 0o755);
    folders.push(path);
    return path;
  }
  async function embedded(): Promise<Db> {
    const db = await openDatabase({ dataDir: await folder(), log });
    databases.push(db);
    return db;
  }
  const fileObjects = async () => createFileObjects({ root: await folder() });
  /** a copy of the backup, to be spoilt */
  async function copyOf(path: string): Promise<string> {
    const copy = join(await folder(), 'backup');
    await cp(path, copy, { recursive: true });
    return copy;
  }

  before(async () => {
    [postgres, s3, source] = await Promise.all([provisionPostgres(), provisionS3(), embedded()]);
    migrationsDir = await folder();
    for (const [name, sql] of Object.entries(schema)) await writeFile(join(migrationsDir, name), sql);
    await migrate(source, migrationsDir);
    await fill(source.url);
    files = await fileObjects();
    await files.put('models/1/config.json', Readable.from(['{}']));
    await files.put('models/1/weights.bin', Readable.from([randomBytes(3_000_000)]));
    await files.put('empty', Readable.from([]));
    expected = await contents(source.url);
    expectedObjects = await objectsIn(files);
    made = await backup({ db: source, objects: files, dir: await folder(), secretKeyId: 'key-1' });
  });
  after(async () => {
    for (const db of databases) await db.close();
    await postgres.stop();
    await s3.stop();
    for (const path of folders) await rm(path, { recursive: true, force: true });
  });

  it('goes round: embedded and files → by URL, as a plain owner, and S3 → embedded and files: every row, job, rule and byte is equal', async () => {
    // a program that is newer than the backup
    await writeFile(join(migrationsDir, '0003_later.sql'), 'alter table audit add column later text');
    const there = await postgres.createDatabase('restored', 'owner');
    await s3.createBucket('restored');
    const bucket = createS3Objects({ ...s3, bucket: 'restored', secure: false });
    await restore({ db: { url: there }, objects: bucket, dir: made.folder, migrationsDir, secretKeyId: 'key-1' });
    assert.deepEqual(await contents(there), expected);
    assert.deepEqual(await objectsIn(bucket), expectedObjects);

    const second = await backup({
      db: { url: there, embedded: false, version: 15 },
      objects: bucket,
      dir: await folder(),
    });
    const back = await embedded();
    const filesAgain = await fileObjects();
    await restore({ db: back, objects: filesAgain, dir: second.folder, migrationsDir });
    assert.deepEqual(await contents(back.url), expected);
    assert.deepEqual(await objectsIn(filesAgain), expectedObjects);
    assert.deepEqual(await migrate(back, migrationsDir), { applied: ['0003_later'] });

    // and it works: sequences go on, rules hold, jobs are done, one after the other
    const { rows } = await back.pool.query(`insert into person (team) values (1) returning id`);
    assert.deepEqual(rows, [{ id: 3 }]);
    await assert.rejects(back.pool.query('delete from audit where id = 1'), /append only/);
    const boss = new PgBoss({ connectionString: back.url, schema: 'pgboss', schedule: false, supervise: false });
    await boss.start();
    try {
      const jobs = await boss.fetch<{ n: number }>('plain', { batchSize: 10 });
      assert.deepEqual(jobs.map(({ data }) => data.n).sort(), [2, 4]);
      assert.deepEqual(
        (await boss.fetch<{ n: number }>('own-table')).map(({ data }) => data.n),
        [5],
      );
      assert.equal((await boss.getQueue('plain'))?.retryLimit, 7);
    } finally {
      await boss.stop({ graceful: false });
    }
  });

  it('is private, complete only with its manifest, and holds counts and digests', async () => {
    assert.equal((await stat(made.folder)).mode & 0o777, 0o700);
    assert.deepEqual((await readdir(made.folder)).sort(), [
      'jobs.jsonl.gz',
      'manifest.json',
      'objects',
      'objects.jsonl.gz',
      'tables',
    ]);
    const { manifest } = made;
    assert.deepEqual(
      manifest.migrations.map(({ name }) => name),
      ['0001_teams', '0002_audit'],
    );
    assert.equal(manifest.tables.find(({ name }) => name === 'audit')?.rows, 30_000);
    assert.equal(manifest.objects.count, 3);
    assert.equal(manifest.secretKeyId, 'key-1');
    assert.equal(manifest.jobs?.rows, 3 + 4);
    const partial = await copyOf(made.folder);
    await rm(join(partial, 'manifest.json'));
    const deps = { db: { url: postgres.url }, objects: files, migrationsDir };
    await assert.rejects(restore({ ...deps, dir: partial }), failsWith('backup_invalid', /no complete backup/));
  });

  it('is refused by a database with tables, another secret key or other migrations, before anything is changed', async () => {
    const url = await postgres.createDatabase('full', 'owner');
    const client = new pg.Client(url);
    await client.connect();
    await client.query('create table something ()');
    const objects = await fileObjects();
    const deps = { db: { url }, objects, dir: made.folder, migrationsDir };
    await assert.rejects(restore(deps), failsWith('restore_refused', /full is not empty.*something/));
    await client.query('drop table something');
    await assert.rejects(restore({ ...deps, secretKeyId: 'key-2' }), failsWith('restore_refused', /key-1.*key-2/));
    await assert.rejects(restore({ ...deps, secretKeyId: null }), failsWith('restore_refused', /key-1.*none/));
    await assert.rejects(
      restore({ ...deps, migrationsDir: await folder() }),
      failsWith('restore_refused', /0001_teams/),
    );
    const { rows } = await client.query('select from pg_tables where schemaname = $1', ['public']);
    assert.equal(rows.length, 0);
    assert.deepEqual(await objectsIn(objects), {});
    await client.end();
  });

  it('finds a changed byte in an object or a table; the same database takes a sound backup afterwards', async () => {
    const url = await postgres.createDatabase('spoilt', 'owner');
    const objects = await fileObjects();
    const deps = { db: { url }, objects, migrationsDir };
    const spoiltObject = await copyOf(made.folder);
    await flip(join(spoiltObject, 'objects/models/1/weights.bin'), 1_000_000);
    await assert.rejects(
      restore({ ...deps, dir: spoiltObject }),
      failsWith('backup_invalid', /models\/1\/weights\.bin/),
    );
    assert.equal(await objects.stat('models/1/weights.bin'), null);
    const spoiltTable = await copyOf(made.folder);
    const table = made.manifest.tables.find(({ name }) => name === 'audit')!;
    await flip(join(spoiltTable, table.file), Math.floor(table.bytes / 2));
    await assert.rejects(restore({ ...deps, dir: spoiltTable }), failsWith('backup_invalid'));
    const missingTable = await copyOf(made.folder);
    await rm(join(missingTable, table.file));
    await assert.rejects(restore({ ...deps, dir: missingTable }), failsWith('backup_invalid', /audit/));
    await restore({ ...deps, dir: made.folder });
    assert.deepEqual(await contents(url), expected);
  });

  it('that is killed in the middle keeps the platform from starting on half of it, and is simply run again', async () => {
    const url = await postgres.createDatabase('killed', 'owner');
    const child = fork(new URL('./database.child.ts', import.meta.url), ['restore', url, made.folder, migrationsDir]);
    assert.deepEqual(await once(child, 'message').then(([answer]) => answer), { ok: true });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await assert.rejects(migrate({ url }, migrationsDir), failsWith('migration_refused', /interrupted/));
    await restore({ db: { url }, objects: await fileObjects(), dir: made.folder, migrationsDir });
    assert.deepEqual(await contents(url), expected);
    await migrate({ url }, migrationsDir);
  });

  it('keeps nothing of a backup during which an object was deleted', async () => {
    const dir = await folder();
    const objects = await fileObjects();
    await objects.put('a', Readable.from(['a']));
    await objects.put('b', Readable.from(['b']));
    const vanishing: Objects = {
      ...objects,
      async get(key) {
        await objects.delete('b');
        return objects.get(key);
      },
    };
    await assert.rejects(
      backup({ db: source, objects: vanishing, dir }),
      failsWith('backup_unsettled', /^b was deleted/),
    );
    assert.deepEqual(await readdir(dir), []);
  });

  it('sees one moment of a database that goes on changing', async () => {
    let running = true;
    let n = 0;
    const writing = (async () => {
      while (running) {
        n += 1;
        await source.pool.query(
          'with team as (insert into team (name) values ($1) returning id) insert into person (team) select id from team',
          [`moment ${n}`],
        );
      }
    })();
    const result = await backup({ db: source, objects: files, dir: await folder() });
    running = false;
    await writing;
    const rowsOf = (name: string) => result.manifest.tables.find((table) => table.name === name)!.rows;
    // each team of the writer has its person; of those from before, two teams and one person have none
    const { rows } = await source.pool.query(
      `select count(*) filter (where name not like 'moment %') as teams from team`,
    );
    assert.equal(rowsOf('team') - rows[0].teams, rowsOf('person') - 1);
    assert.ok(n > 1);
  });
});

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at]! ^= 1;
  await writeFile(path, bytes);
}
