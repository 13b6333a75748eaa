import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { createFileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { createUpkeep } from '../../backend/src/domains/inference/ledger/archive.ts';
import { createHeartbeat } from '../../backend/src/domains/inference/ledger/heartbeat.ts';
import { createContentInsert } from '../../backend/src/domains/inference/log/content.ts';
import { summarise } from '../../backend/src/domains/inference/store.ts';
import type { UsageEvent } from '../../backend/src/domains/inference/usage.ts';
import { migrate, type Db } from '../../backend/src/platform/db/index.ts';
import type { Objects } from '../../backend/src/ports/objects.ts';
import { event, idAt, log, migrations, openGround, rowsOf, sumsAgree, type Ground } from './ground.ts';

let ground: Ground;
before(async () => (ground = await openGround()));
after(() => ground?.close());

const day = 86_400_000;
const everything = { userId: '', teams: null, denied: [], allowed: null };

async function settled(db: Db, events: readonly UsageEvent[]): Promise<void> {
  const ledger = ground.ledger(db, { settleMs: 60_000 });
  for (const one of events) {
    ledger.begin(one);
    ledger.end(one.id, {});
  }
  await ledger.close();
}

const upkeepOf = (db: Db, objects: Objects, now: Date) =>
  createUpkeep({ db, objects, log, now: () => now, keepDays: 8, contentDays: 2 });

test('FR-009: days beyond those kept go to the object store whole, then leave the database; a late event becomes a dead letter', async () => {
  const db = await ground.database();
  const objects = await createFileObjects({ root: ground.folder() });
  const today = Math.floor(Date.now() / day) * day;
  const oldest = today - 10 * day;
  const old = [
    ...Array.from({ length: 2_500 }, (_, number) =>
      event({ id: idAt(new Date(oldest + number * 30_000)), cost: '0.1' }),
    ),
    event({
      id: idAt(new Date(oldest + 1)),
      decision: { environments: ['prod'], attempts: [], skipped: [] },
      team: null,
    }),
  ];
  const young = [event({ id: idAt(new Date(today - 8 * day)) }), event()];
  await settled(db, [...old, ...young]);
  const upkeep = upkeepOf(db, objects, new Date());
  assert.equal(await upkeep.archive(), 1, 'one day is old; those without a partition are no days');
  const key = `archive/usage/${new Date(oldest).toISOString().slice(0, 10)}.ndjson.gz`;
  const file = await buffer(await objects.get(key));
  const lines = gunzipSync(file)
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as UsageEvent);
  assert.deepEqual(
    lines,
    old.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    'every event, as it was journalled',
  );
  const archives = await rowsOf(db, 'select day::text as day, key, rows, sha256 from usage_archive');
  assert.deepEqual(archives, [
    { day: key.slice(14, 24), key, rows: 2_501, sha256: createHash('sha256').update(file).digest('hex') },
  ]);
  assert.equal((await rowsOf(db, 'select id from usage_event')).length, 2);

  const late = event({ id: idAt(new Date(oldest + 5)) });
  const later = event({ id: idAt(new Date(oldest - 30 * day)) });
  const gap = event({ id: idAt(new Date(oldest + day + 5)) });
  await settled(db, [late, later, gap]);
  const letters = await rowsOf(db, 'select id, reason from usage_dead_letter');
  assert.deepEqual(new Set(letters.map(({ id }) => id)), new Set([late.id, later.id]));
  assert.deepEqual([...new Set(letters.map(({ reason }) => reason))], ['archived']);
  assert.equal(
    (await rowsOf(db, 'select id from usage_event where id = $1', [gap.id])).length,
    1,
    'a day that was not archived is made',
  );
  assert.equal(await upkeep.archive(), 1, 'and archived in its turn');

  // sums go on to be right: by the hour where the events are gone
  const query = { group: 'team' as const, scope: everything, limit: 10 };
  const all = await summarise(db.kysely, { ...query, since: new Date(oldest), until: new Date(today + day) });
  assert.deepEqual(
    all.map(({ key: team, requests, cost }) => ({ team, requests, cost })),
    [
      { team: 'search', requests: 2_503, cost: '250.000375' },
      { team: '', requests: 1, cost: '0.000125' },
    ],
  );
  const hour = await summarise(db.kysely, {
    ...query,
    since: new Date(oldest + 2 * 3_600_000 + 60_000),
    until: new Date(oldest + 3 * 3_600_000 - 60_000),
  });
  assert.equal(hour[0]!.requests, 120, 'of an archived day, hours count whole');
});

test('REL, FR-009: no day is dropped that is not in the archive as it is: a crash or a late event only leaves it', async () => {
  const db = await ground.database();
  const objects = await createFileObjects({ root: ground.folder() });
  const old = new Date(Math.floor(Date.now() / day) * day - 20 * day + 1_000);
  await settled(db, [event({ id: idAt(old) }), event({ id: idAt(old) })]);
  const count = async () => (await rowsOf(db, 'select id from usage_event')).length;

  const away: Objects = { ...objects, put: () => Promise.reject(new Error('the store is away')) };
  await assert.rejects(upkeepOf(db, away, new Date()).archive(), /the store is away/);
  assert.equal(await count(), 2);

  const crash: Objects = {
    ...objects,
    put: async (key, body) => {
      await objects.put(key, body);
      throw new Error('the program dies after the file is there');
    },
  };
  await assert.rejects(upkeepOf(db, crash, new Date()).archive(), /dies/);
  assert.equal(await count(), 2);
  assert.deepEqual(await rowsOf(db, 'select day from usage_archive'), []);

  const late: Objects = {
    ...objects,
    put: async (key, body) => {
      const put = await objects.put(key, body);
      await settled(db, [event({ id: idAt(old) })]);
      return put;
    },
  };
  assert.equal(await upkeepOf(db, late, new Date()).archive(), 0, 'the day is left for the next time');
  assert.equal(await count(), 3);
  assert.equal(await upkeepOf(db, objects, new Date()).archive(), 1);
  assert.deepEqual(await rowsOf(db, 'select rows from usage_archive'), [{ rows: 3 }]);
  // a gateway that knew the day as open learns that it is gone
  const ledger = ground.ledger(db, { settleMs: 60_000, now: () => new Date() });
  const before_ = event({ id: idAt(new Date(old.getTime() - 3 * day)) });
  ledger.begin(before_);
  ledger.end(before_.id, {});
  await ledger.settle();
  assert.deepEqual(await rowsOf(db, 'select id, reason from usage_dead_letter'), [
    { id: before_.id, reason: 'archived' },
  ]);
});

test('REL, FR-009: a gateway that has a day in memory as open, which was archived meanwhile, looks again', async () => {
  const db = await ground.database();
  const objects = await createFileObjects({ root: ground.folder() });
  const old = new Date(Math.floor(Date.now() / day) * day - 20 * day + 1_000);
  const ledger = ground.ledger(db, { settleMs: 60_000 });
  const [first, second] = [event({ id: idAt(old) }), event({ id: idAt(old) })];
  ledger.begin(first);
  ledger.end(first.id, {});
  await ledger.settle();
  assert.equal(await upkeepOf(db, objects, new Date()).archive(), 1);
  ledger.begin(second);
  ledger.end(second.id, {});
  await ledger.settle();
  await ledger.settle();
  assert.equal(ledger.state().unsettled, 0);
  assert.deepEqual(await rowsOf(db, 'select id, reason from usage_dead_letter'), [
    { id: second.id, reason: 'archived' },
  ]);
});

test('FR-009: content beyond its days and sums by minute beyond two weeks are dropped, nothing else', async () => {
  const db = await ground.database();
  const objects = await createFileObjects({ root: ground.folder() });
  const now = Date.now();
  const ids = [0, 1, 2, 3, 5].map((days) => idAt(new Date(now - days * day)));
  const insert = createContentInsert({ db, contentDays: 400, now: () => new Date() });
  await insert(
    ids.map((id) => ({
      id,
      at: new Date().toISOString(),
      request: '{}',
      response: null,
      redacted: 0,
      truncated: false,
    })),
  );
  await settled(db, [event({ id: idAt(new Date(now - 15 * day)) }), event({ id: idAt(new Date(now - 13 * day)) })]);
  const upkeep = upkeepOf(db, objects, new Date(now));
  assert.equal(await upkeep.prune(), 2);
  assert.deepEqual(
    new Set((await rowsOf(db, 'select id from request_content')).map(({ id }) => id)),
    new Set(ids.slice(0, 3)),
  );
  assert.equal((await rowsOf(db, 'select minute from usage_minute')).length, 1);
  assert.equal((await rowsOf(db, 'select hour from usage_hour')).length, 2);
  // content that comes too late for its day makes no day
  const short = createContentInsert({ db, contentDays: 2, now: () => new Date(now) });
  await short([
    {
      id: idAt(new Date(now - 5 * day)),
      at: new Date().toISOString(),
      request: '{}',
      response: null,
      redacted: 0,
      truncated: false,
    },
  ]);
  assert.equal((await rowsOf(db, 'select id from request_content')).length, 3);
});

test('FR-009: rows of before are kept by the migration, in the days of their ids, with their sums', async () => {
  const db = await ground.open(await ground.server.createDatabase('migrated', 'plain'));
  await migrate(db, migrations, { upTo: '0007_routes' });
  const ids = ['2026-01-31T23:59:59.999Z', '2026-02-01T00:00:00.000Z', '2026-03-01T12:00:00.000Z'].map((time) =>
    idAt(time),
  );
  for (const [place, id] of ids.entries()) {
    const at = ['2026-01-31T23:59:59.999Z', '2026-02-01T00:00:00.000Z', '2026-03-01T12:00:00.000Z'][place];
    await db.pool.query(
      `insert into usage_event values ($1, $2, 'r', 'rita', 'search', null, null, 'chat', 'prod',
        '0192f0e5-6c00-7000-8000-0000000000e1', '0192f0e5-6c00-7000-8000-0000000000a1', 'assistant', 2, 'chat', true, $3, 10, 5,
        false, 100, 20, 'stop')`,
      [id, at, place === 0 ? 502 : 200],
    );
  }
  await migrate(db, migrations);
  const rows = await rowsOf(db, 'select tableoid::regclass::text as partition, * from usage_event order by id');
  assert.deepEqual(
    rows.map(({ partition }) => partition),
    ['usage_event_20260131', 'usage_event_20260201', 'usage_event_20260301'],
  );
  const { id, cost, forwarded, attempts, gateway, prompt_tokens: tokens, first_token_ms: first } = rows[1];
  assert.deepEqual(
    { id, cost, forwarded, attempts, gateway, tokens, first },
    { id: ids[1], cost: '0', forwarded: true, attempts: 1, gateway: '', tokens: 10, first: 20 },
  );
  const [hour] = await rowsOf(db, 'select hour, requests, errors, latency_ms from usage_hour order by hour limit 1');
  assert.deepEqual(hour, { hour: new Date('2026-01-31T23:00:00Z'), requests: 1, errors: 1, latency_ms: 100 });
  // the same events settle once: they are there
  await settled(db, [event({ id: ids[0]! })]);
  assert.equal((await rowsOf(db, 'select id from usage_event')).length, 3);
  const indexes = await rowsOf(db, `select indexname from pg_indexes where indexname = 'request_content_words'`);
  assert.equal(indexes.length, 1, 'an owner that is no superuser has trigrams');
});

test('FR-009: a role that may make no extension gets the tables all the same', async () => {
  const url = await ground.server.createDatabase('guarded');
  await ground.server.createDatabase('its_own', 'guest');
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query('grant create, usage on schema public to guest');
  await admin.end();
  const guest = new URL(url);
  guest.username = 'guest';
  const db = await ground.open(guest.href);
  await migrate(db, migrations);
  assert.deepEqual(await rowsOf(db, `select extname from pg_extension where extname = 'pg_trgm'`), []);
  const insert = createContentInsert({ db, contentDays: 2, now: () => new Date() });
  await insert([
    { id: event().id, at: new Date().toISOString(), request: '{}', response: null, redacted: 0, truncated: false },
  ]);
  await settled(db, [event()]);
  await sumsAgree(db);
});

test('FR-009: a gateway tells that it lives and how it stands, and takes itself off the list', async () => {
  const db = await ground.database();
  const breaker = { endpoint_id: event().endpoint_id!, address: '127.0.0.1:9', until: new Date().toISOString() };
  const heartbeat = createHeartbeat({
    db,
    gateway: 'one',
    read: () => ({ inFlight: 3, unsettled: 4, openBreakers: [breaker], outage: null }),
    log,
    everyMs: 20,
  });
  heartbeat.start();
  heartbeat.start();
  const look = async () => (await rowsOf(db, 'select * from gateway_heartbeat'))[0];
  let first = await look();
  for (; first === undefined; first = await look()) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual([first.in_flight, first.unsettled, first.open_breakers], [3, 4, [breaker]]);
  let again = first;
  for (; again.seen_at.getTime() === first.seen_at.getTime(); again = await look())
    await new Promise((resolve) => setTimeout(resolve, 10));
  await heartbeat.stop();
  assert.equal(await look(), undefined);
});
