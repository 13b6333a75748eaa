import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import { openDatabase } from '../../backend/src/platform/db/index.ts';
import { isFailure } from '../../backend/src/platform/errors/index.ts';
import { createLog } from '../../backend/src/platform/log/index.ts';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';

const log = createLog({ level: 'silent' });
let postgres: PostgresServer;
let url: string;
before(async () => {
  postgres = await provisionPostgres();
  url = await postgres.createDatabase('away');
});
after(() => postgres.stop());

const gone = (error: unknown): boolean => isFailure(error, 'database_unavailable');

test('REL: a database that may be away is opened without it, refuses at once, and is prepared in order before anybody else asks', async () => {
  await postgres.halt();
  await assert.rejects(openDatabase({ url, dataDir: '/nowhere', log, patienceMs: 200 }), gone);
  const db = await openDatabase({ url, dataDir: '/nowhere', log, patienceMs: 200, optional: true });
  assert.deepEqual([db.away, db.version], [true, 0]);
  const done: string[] = [];
  let tries = 0;
  await db.prepare(async (kysely) => {
    await sql`create table thing (name text)`.execute(kysely);
    done.push('made');
  });
  await db.prepare(async (kysely) => {
    tries += 1;
    if (tries < 3) throw new Error('not yet');
    await assert.rejects(sql`select 1`.execute(db.kysely), gone, 'nobody else asks yet');
    await sql`insert into thing values ('one')`.execute(kysely);
    done.push('filled');
  });
  const heard: (string | null)[] = [];
  const listening = await db.listen('news', (payload) => heard.push(payload));

  const began = performance.now();
  await assert.rejects(sql`select 1`.execute(db.kysely), gone);
  await assert.rejects(db.check(), gone);
  assert.ok(performance.now() - began < 500, 'nobody waits for it');
  assert.equal(done.length, 0);

  await postgres.start();
  for (let left = 300; db.away && left > 0; left -= 1) await wait(100);
  assert.deepEqual(done, ['made', 'filled'], 'each once, in order');
  await db.check();
  const { rows } = await sql<{ name: string }>`select name from thing`.execute(db.kysely);
  assert.deepEqual(rows, [{ name: 'one' }]);
  await db.prepare(async () => void done.push('at once'));
  assert.equal(done.at(-1), 'at once');
  await assert.rejects(
    db.prepare(async () => {
      throw new Error('wrong');
    }),
    /wrong/,
  );
  for (let left = 100; heard.length === 0 && left > 0; left -= 1) await wait(100);
  assert.deepEqual(heard, [null], 'who listens is told to look');
  await sql`notify news, 'here'`.execute(db.kysely);
  for (let left = 100; heard.length === 1 && left > 0; left -= 1) await wait(100);
  assert.deepEqual(heard, [null, 'here']);
  await listening.close();
  await db.close();
});

test('REL: one that never came is closed without waiting for it', async () => {
  await postgres.halt();
  const db = await openDatabase({ url, dataDir: '/nowhere', log, patienceMs: 100, optional: true });
  await db.prepare(async () => assert.fail('it is away'));
  const listening = await db.listen('news', () => {});
  const began = performance.now();
  await listening.close();
  await db.close();
  assert.ok(performance.now() - began < 8_000);
  await postgres.start();
});
