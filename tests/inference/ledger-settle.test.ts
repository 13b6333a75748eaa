import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql, type Kysely } from 'kysely';
import type { UsageEvent } from '../../backend/src/domains/inference/usage.ts';
import type { Db } from '../../backend/src/platform/db/index.ts';
import { begun, event, idAt, openGround, rowsOf, sumsAgree, until, writtenLog, type Ground } from './ground.ts';
import { startProxy } from './proxy.ts';

let ground: Ground;
before(async () => (ground = await openGround()));
after(() => ground?.close());

const day = 86_400_000;

/** Charges a table of its own in the transaction, as budgets are. */
async function account(db: Db) {
  await db.pool.query('create table account (name text primary key, spent numeric not null, events integer not null)');
  await db.pool.query(`insert into account values ('all', 0, 0)`);
  const settled: number[] = [];
  return {
    settled,
    async charge(trx: unknown, events: readonly UsageEvent[]) {
      const sum = events.reduce((total, { cost }) => total + Number(cost), 0);
      await sql`update account set spent = spent + ${sum}, events = events + ${events.length}`.execute(
        trx as Kysely<unknown>,
      );
      return () => void settled.push(events.length);
    },
  };
}

test('REL, FR-009: a commit whose answer is lost counts once, and what follows from it follows once', async (t) => {
  const direct = await ground.database();
  const proxy = await startProxy(direct.url);
  t.after(() => proxy.close());
  const db = await ground.open(proxy.url);
  const { charge, settled } = await account(direct);
  const ledger = ground.ledger(db, { charge, settleMs: 60_000 });
  await ledger.settle();
  const events = Array.from({ length: 1_500 }, () => begun());
  for (const one of events) {
    ledger.begin(one);
    ledger.end(one.id, { status: 200, cost: '2' });
  }
  for (const times of [2, 1, 1]) {
    proxy.loseCommits(times);
    await ledger.settle();
    const more = begun();
    ledger.begin(more);
    ledger.end(more.id, { status: 200, cost: '2' });
  }
  await until('all is settled', async () => {
    await ledger.settle();
    return ledger.state().unsettled === 0;
  });
  assert.ok(proxy.lost() >= 3, `${proxy.lost()} commits were lost`);
  const [row] = await rowsOf(direct, 'select count(*)::int as count, sum(cost)::int as cost from usage_event');
  assert.deepEqual(row, { count: 1_503, cost: 3_006 });
  const [account_] = await rowsOf(direct, 'select spent::int as spent, events from account');
  assert.deepEqual(account_, { spent: 3_006, events: 1_503 });
  assert.equal(
    settled.reduce((sum, count) => sum + count, 0),
    1_503,
    'each was told of once',
  );
  await sumsAgree(direct);
  await ledger.close();
});

test('REL, FR-009: connections ended by the database in the middle of everything lose and double nothing', async () => {
  const db = await ground.database();
  const { charge } = await account(db);
  const ledger = ground.ledger(db, { charge, settleMs: 5, batch: 50 });
  let ids = 0;
  for (const end = Date.now() + 1_500; Date.now() < end;) {
    for (let number = 0; number < 40; number += 1, ids += 1) {
      const one = begun();
      ledger.begin(one, () => ledger.end(one.id, { status: 200, cost: '1' }));
    }
    await rowsOf(
      db,
      `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and random() < 0.3`,
    ).catch(() => {});
  }
  await until('all is settled', async () => {
    await ledger.settle();
    return ledger.state().unsettled === 0 && ledger.state().open === 0;
  });
  const [row] = await rowsOf(
    db,
    'select count(*)::int as count, (select spent::int from account) as spent from usage_event',
  );
  assert.deepEqual(row, { count: ids, spent: ids });
  await sumsAgree(db);
});

test('REL, FR-009: several gateways on one database: sums are those of the events, no deadlock', async () => {
  const db = await ground.database();
  const { lines, log } = writtenLog();
  const others = await Promise.all([1, 2, 3].map(() => ground.open(db.url)));
  const ledgers = others.map((own) => ground.ledger(own, { log, settleMs: 10, batch: 200 }));
  assert.equal(new Set(ledgers.map(({ gateway }) => gateway)).size, 3);
  // a row takes its time, so that transactions that take the same rows in another order would hold up each other for good
  await db.pool.query(`
    create function dawdle() returns trigger language plpgsql as 'begin perform pg_sleep(0.003); return new; end';
    create trigger dawdle before insert or update on usage_minute for each row execute function dawdle();
    create trigger dawdle before insert or update on usage_hour for each row execute function dawdle()`);
  const routes = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (let round = 0; round < 12; round += 1) {
    for (const [place, ledger] of ledgers.entries())
      for (let number = 0; number < 50; number += 1) {
        const route = routes[(number * (place + 1) + round) % routes.length]!;
        const one = begun({
          gateway: ledger.gateway,
          route,
          team: number % 3 === 0 ? null : route,
          user_id: `u${number % 4}`,
        });
        ledger.begin(one);
        ledger.end(one.id, {
          status: number % 10 === 0 ? 502 : 200,
          cost: '0.001',
          latency_ms: number * 7,
          cached: number % 7 === 0,
        });
      }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(ledgers.map((ledger) => ledger.close()));
  await Promise.all(others.map((other) => other.close()));
  const [row] = await rowsOf(db, 'select count(*)::int as count from usage_event');
  assert.equal(row.count, 1_800);
  const [stat] = await rowsOf(
    db,
    'select deadlocks::int as deadlocks from pg_stat_database where datname = current_database()',
  );
  assert.equal(stat.deadlocks, 0);
  await sumsAgree(db);
  assert.deepEqual(
    lines.filter(({ level }) => level >= 40),
    [],
  );
  const [histogram] = await rowsOf(
    db,
    `select (select sum(count) from usage_minute, unnest(latency) as count)::int as counted,
      (select count(*) from usage_event where status <> 598)::int as events`,
  );
  assert.equal(histogram.counted, histogram.events, 'each answer is in the histogram once');
});

test('FR-009: an event that the database refuses becomes a dead letter and holds up none of the others', async () => {
  const db = await ground.database();
  const { lines, log } = writtenLog();
  const { charge, settled } = await account(db);
  const ledger = ground.ledger(db, { charge, log, settleMs: 60_000 });
  const poison: Partial<UsageEvent>[] = [
    { route: 'nul\u0000' },
    { user_id: 'half \ud800 a pair' },
    { prompt_tokens: 3_000_000_000 },
    { api_key_id: 'no uuid' },
    { user_id: null as never },
    { cost: 'much' },
    { at: 'once' },
    { id: 'no-uuid-\u0000' },
    { id: '6f1e0c52-0000-4000-8000-000000000000', at: new Date().toISOString() },
  ];
  const good = Array.from({ length: 300 }, () => begun());
  const bad = poison.map((changes) => begun(changes));
  const all = good.flatMap((one, place) => (place % 33 === 0 && bad[place / 33] ? [one, bad[place / 33]!] : [one]));
  assert.equal(all.length, 309);
  for (const one of all) {
    ledger.begin(one);
    ledger.end(one.id, { status: 200 });
  }
  await ledger.settle();
  assert.equal(ledger.state().unsettled, 0);
  const ids = (await rowsOf(db, 'select id from usage_event')).map(({ id }) => id);
  assert.deepEqual(new Set(ids), new Set(good.map(({ id }) => id)));
  const letters = await rowsOf(db, 'select id, reason, detail, event from usage_dead_letter order by at, id');
  assert.equal(letters.length, bad.length);
  for (const one of bad) {
    const letter = letters.find(({ event: text }) => JSON.parse(text).request_id === one.request_id);
    assert.deepEqual(
      JSON.parse(letter.event),
      JSON.parse(JSON.stringify({ ...one, status: 200 })),
      'it is kept as it was',
    );
    assert.ok(letter.detail.length > 5);
  }
  assert.deepEqual(new Set(letters.map(({ reason }) => reason)), new Set(['refused', 'invalid']));
  assert.equal(lines.filter(({ msg }) => msg.includes('dead letter')).length, bad.length);
  assert.equal(
    settled.reduce((sum, count) => sum + count, 0),
    300,
  );
  await sumsAgree(db);
});

test('FR-009: each day of UTC has its partition, over borders and gaps; a clock that runs ahead is told', async () => {
  const made = await ground.database();
  await made.pool.query(`alter database "${new URL(made.url).pathname.slice(1)}" set timezone = 'Asia/Seoul'`);
  const db = await ground.open(made.url);
  const ledger = ground.ledger(db, { settleMs: 60_000 });
  const today = Math.floor(Date.now() / day) * day;
  const border = Date.UTC(2026, 0, 31);
  const times = [border - 1, border, border + day - 1, border + day, Date.UTC(2025, 5, 15), today + 2 * day + 5];
  const ids = times.map((time) => idAt(new Date(time)));
  const ahead = [today + 3 * day, today + 400 * day].map((time) => idAt(new Date(time)));
  for (const id of [...ids, ...ahead]) {
    ledger.begin(event({ id }));
    ledger.end(id, {});
  }
  await ledger.settle();
  const rows = await rowsOf(db, 'select id, tableoid::regclass::text as partition from usage_event');
  const found = new Map(rows.map(({ id, partition }) => [id, partition]));
  const name = (time: number) => `usage_event_${new Date(time).toISOString().slice(0, 10).replaceAll('-', '')}`;
  for (const [place, id] of ids.entries()) assert.equal(found.get(id), name(times[place]!));
  assert.equal(rows.length, ids.length);
  const letters = await rowsOf(db, 'select id, reason from usage_dead_letter');
  assert.deepEqual(new Set(letters.map(({ id }) => id)), new Set(ahead));
  assert.deepEqual([...new Set(letters.map(({ reason }) => reason))], ['future']);
  // made ahead
  const partitions = (
    await rowsOf(
      db,
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_event'::regclass`,
    )
  ).map(({ name: one }) => one);
  for (const days of [0, 1, 2, 3]) assert.ok(partitions.includes(name(today + days * day)), `${days} days ahead`);
  await sumsAgree(db);
  // an event whose own time is far from its id's takes its id's
  const odd = event({ at: '2001-01-01T00:00:00.000Z' });
  ledger.begin(odd);
  ledger.end(odd.id, {});
  await ledger.settle();
  const [row] = await rowsOf(db, 'select at from usage_event where id = $1', [odd.id]);
  assert.ok(Math.abs(row.at.getTime() - Date.now()) < 60_000);
});

test('FR-009, FR-011: a gateway whose clock is wrong is charged by the database’s, and its events lie at their ids’ time', async () => {
  const db = await ground.database();
  const charged: string[] = [];
  const ledger = ground.ledger(db, {
    charge: async (_, events) => {
      charged.push(...events.map(({ at }) => at));
      return () => {};
    },
  });
  const [hourMs, minuteMs] = [3_600_000, 60_000];
  const off = [hourMs, minuteMs / 2].map((ms) => event({ at: new Date(Date.now() - ms).toISOString() }));
  for (const one of off) {
    ledger.begin(one);
    ledger.end(one.id, {});
  }
  await ledger.settle();
  assert.deepEqual(
    charged,
    off.map(({ at }) => at),
  );
  const rows = await rowsOf(db, 'select at from usage_event order by id');
  assert.ok(Date.now() - rows[0].at.getTime() < minuteMs);
  assert.equal(rows[1].at.toISOString(), off[1]!.at);
});

test('REL, FR-009: what is charged that fails is no settlement: it is told and tried again', async () => {
  const db = await ground.database();
  const { lines, log } = writtenLog();
  let fail = true;
  const ledger = ground.ledger(db, {
    log,
    settleMs: 60_000,
    charge: async () => {
      if (fail) throw new TypeError('a mistake in the program');
      return () => {
        throw new Error('a mistake after it');
      };
    },
  });
  const one = begun();
  ledger.begin(one);
  ledger.end(one.id, { status: 200 });
  await ledger.settle();
  await ledger.settle();
  assert.deepEqual(await rowsOf(db, 'select id from usage_event'), []);
  assert.equal(ledger.state().unsettled, 1);
  assert.equal(lines.filter(({ msg }) => msg.includes('cannot be settled')).length, 1, 'told once');
  fail = false;
  await ledger.settle();
  assert.equal(ledger.state().unsettled, 0);
  assert.equal((await rowsOf(db, 'select id from usage_event')).length, 1);
  assert.ok(lines.some(({ msg }) => msg.includes('the settlement itself stands')));
});
