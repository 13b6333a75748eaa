import assert from 'node:assert/strict';
import fs, { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UsageEvent } from '../../backend/src/domains/inference/usage.ts';
import { uuidv7 } from '../../backend/src/platform/ids/index.ts';
import type { Db } from '../../backend/src/platform/db/index.ts';
import { begun, event, openGround, rowsOf, sumsAgree, until, writtenLog, type Ground } from './ground.ts';

let ground: Ground;
let db: Db;
before(async () => {
  ground = await openGround();
  db = await ground.database();
});
after(() => ground?.close());

const segments = (directory: string): string[] => readdirSync(directory).filter((name) => name.endsWith('.ndjson'));
const idsOf = async (where: string, values: unknown[] = []): Promise<string[]> =>
  (await rowsOf<{ id: string }>(db, `select id from usage_event where ${where}`, values)).map(({ id }) => id);

test('FR-009: a request settles once with all that was known at its end, and its segment goes', async () => {
  const directory = ground.folder();
  const ledger = ground.ledger(db, { directory });
  const one = begun({ route: 'whole', user_id: 'ünïcode 한국어', price: null });
  ledger.begin(one);
  ledger.progress(one.id, { completion_tokens: 3 });
  const decision = { environments: ['dev' as const], attempts: [], skipped: [] };
  ledger.end(one.id, {
    status: 200,
    error_code: null,
    estimated: false,
    completion_tokens: 7,
    cost: '12.000000000001',
    latency_ms: 12.6,
    first_token_ms: 3.2,
    finish_reason: 'stop',
    price: { input: '1', output: '2', request: '0.5' },
    decision,
  });
  await ledger.settle();
  const [row] = await rowsOf(db, 'select *, cost::text as cost from usage_event where id = $1', [one.id]);
  assert.equal(row.at.toISOString(), one.at);
  assert.deepEqual(
    { ...row, at: null },
    {
      ...one,
      at: null,
      status: 200,
      error_code: null,
      estimated: false,
      completion_tokens: 7,
      cost: '12.000000000001',
      latency_ms: 13,
      first_token_ms: 3,
      finish_reason: 'stop',
      price: { input: '1', output: '2', request: '0.5' },
      decision,
    },
  );
  await ledger.close();
  assert.deepEqual(segments(directory), [], 'what is settled leaves no file');
  await sumsAgree(db);
});

test('FR-009: a begin is in the file when it returns, many of one turn by one write before `go` is called', async () => {
  const directory = ground.folder();
  const ledger = ground.ledger(db, { directory, settleMs: 60_000 });
  const alone = begun();
  const text = (): string =>
    segments(directory)
      .map((name) => readFileSync(path.join(directory, name), 'utf8'))
      .join('');
  ledger.begin(alone);
  assert.ok(text().includes(alone.id), 'it is there before anything else can happen');
  const many = Array.from({ length: 32 }, () => begun());
  const seen: boolean[] = [];
  for (const one of many) ledger.begin(one, () => seen.push(text().includes(many.at(-1)!.id)));
  assert.ok(!text().includes(many[0]!.id), 'nothing is written one by one');
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(
    seen,
    many.map(() => true),
    'each goes on when all are in the file',
  );
  for (const one of [alone, ...many]) ledger.end(one.id, { status: 200 });
  await ledger.close();
  assert.equal((await idsOf('id = any($1)', [many.map(({ id }) => id)])).length, 32);
});

test('REL, FR-009: with the database away events stay in the journal and arrive once when it is back', async () => {
  const own = await ground.database();
  const directory = ground.folder();
  const ledger = ground.ledger(own, { directory, maxInMemory: 3_000, segmentBytes: 200_000 });
  await ledger.settle();
  await ground.server.halt();
  for (let number = 0; number < 12_000; number += 1) {
    const one = begun();
    ledger.begin(one, () => ledger.end(one.id, { status: 200, cost: '0.5' }));
    if (number % 100 === 0) await sleep(1);
  }
  for (let number = 0; number < 20; number += 1) ledger.note(event({ status: 429, forwarded: false }));
  await sleep(20);
  await ledger.settle();
  assert.equal(ledger.state().unsettled, 12_000, 'nothing is lost while it is away');
  assert.equal(ledger.state().unnoted, 20, 'refusals are not kept for it');
  await ground.server.start();
  await until('all of it is settled', async () => {
    await ledger.settle();
    return ledger.state().unsettled === 0;
  });
  const [row] = await rowsOf(
    own,
    'select count(*)::int as count, trim_scale(sum(cost))::text as cost from usage_event',
  );
  assert.deepEqual(row, { count: 12_000, cost: '6000' });
  await sumsAgree(own);
  await ledger.close();
  assert.deepEqual(segments(directory), []);
});

test('REL, FR-009: what a gateway left is settled by the next one, orphans as aborted, torn and damaged lines told', async () => {
  const directory = ground.folder();
  const first = ground.ledger(db, { directory, settleMs: 60_000 });
  const ended = begun({ route: 'left' });
  const long = begun({ route: 'left', completion_tokens: 0 });
  const short = begun({ route: 'left' });
  for (const one of [ended, long, short]) first.begin(one);
  first.progress(long.id, { completion_tokens: 40 });
  first.progress(long.id, { completion_tokens: 80, latency_ms: 2_000 });
  first.end(ended.id, { status: 200, estimated: false, error_code: null, cost: '0.25' });
  await new Promise(setImmediate);
  const [file] = segments(directory);
  const whole = readFileSync(path.join(directory, file!), 'utf8').split('\n');
  const damaged = [
    ...whole.slice(0, 2),
    '{"progress":"x","pat',
    '\u0000\u0000\u0000',
    ...whole.slice(2, -1),
    '["torn',
  ].join('\n');
  const elsewhere = ground.folder();
  writeFileSync(path.join(elsewhere, file!), damaged);
  writeFileSync(path.join(elsewhere, 'gateway-id'), readFileSync(path.join(directory, 'gateway-id')));
  const { lines, log } = writtenLog();
  const next = ground.ledger(db, { directory: elsewhere, log });
  assert.equal(next.gateway, first.gateway, 'it is the same gateway');
  await next.replayed;
  const rows = await rowsOf(
    db,
    `select id, status, estimated, error_code, completion_tokens, cost::text as cost, latency_ms from usage_event where route = 'left'`,
  );
  const byId = new Map(rows.map(({ id, ...row }) => [id, row]));
  assert.deepEqual(byId.get(ended.id), {
    status: 200,
    estimated: false,
    error_code: null,
    completion_tokens: 0,
    cost: '0.25',
    latency_ms: 0,
  });
  const aborted = { status: 598, estimated: true, error_code: 'gateway_aborted' };
  assert.deepEqual(byId.get(long.id), { ...aborted, completion_tokens: 80, cost: '0.0005', latency_ms: 2_000 });
  assert.deepEqual(byId.get(short.id), { ...aborted, completion_tokens: 0, cost: '0.0001', latency_ms: 0 });
  assert.equal(rows.length, 3);
  assert.deepEqual(segments(elsewhere), [], 'the folder is clean');
  assert.equal(lines.filter(({ msg }) => msg.startsWith('a damaged line')).length, 2);
  assert.equal(lines.filter(({ msg }) => msg.startsWith('a torn line')).length, 1);
  // the first, which lived on, settles the same requests: they count once, as they were settled first
  for (const one of [long, short]) first.end(one.id, { status: 200 });
  await first.close();
  assert.equal((await idsOf(`route = 'left'`)).length, 3);
  await sumsAgree(db);
});

test('REL, FR-009: a journal that an older version wrote, each event whole in a line, settles as well', async () => {
  const directory = ground.folder();
  const [done, orphan] = [begun({ route: 'older' }), begun({ route: 'older', price: null })];
  const names = Object.keys(done) as (keyof UsageEvent)[];
  const lines = [
    { fields: names },
    ...[done, orphan].map((one) => names.map((name) => one[name])),
    { end: done.id, patch: { status: 200, cost: '0.5' } },
  ];
  writeFileSync(path.join(directory, `${uuidv7()}.ndjson`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const ledger = ground.ledger(db, { directory });
  await ledger.replayed;
  const rows = await rowsOf(db, `select id, status from usage_event where route = 'older' order by status`);
  assert.deepEqual(rows, [
    { id: done.id, status: 200 },
    { id: orphan.id, status: 598 },
  ]);
  await ledger.close();
  assert.deepEqual(segments(directory), []);
});

test('REL, FR-009: what is left in many segments, ends beyond their begins, is put together, and waits for the database', async () => {
  const own = await ground.database();
  const directory = ground.folder();
  const first = ground.ledger(own, { directory, settleMs: 60_000, segmentBytes: 20_000 });
  const open: UsageEvent[] = [];
  for (let number = 0; number < 1_000; number += 1) {
    const one = begun();
    first.begin(one);
    open.push(one);
    // each ends when about forty others have begun
    if (open.length > 40) first.end(open.shift()!.id, { status: 200, cost: '1' });
  }
  await new Promise(setImmediate);
  assert.ok(segments(directory).length > 10);
  // a copy is what a killed process would have left
  const copy = ground.folder();
  for (const name of segments(directory))
    writeFileSync(path.join(copy, name), readFileSync(path.join(directory, name)));
  await ground.server.halt();
  const next = ground.ledger(own, { directory: copy, maxInMemory: 100 });
  await sleep(500);
  const late = begun();
  next.begin(late);
  next.end(late.id, { status: 200, cost: '1' });
  await ground.server.start();
  await next.replayed;
  await next.settle();
  const rows = await rowsOf(
    own,
    'select status, count(*)::int as count, trim_scale(sum(cost))::text as cost from usage_event group by 1 order by 1',
  );
  assert.deepEqual(rows, [
    { status: 200, count: 961, cost: '961' },
    { status: 598, count: 40, cost: '0.004' },
  ]);
  await sumsAgree(own);
  await next.close();
  assert.deepEqual(segments(copy), []);
});

test('REL, FR-009: a long stream does not keep the segments of all that came after it', async () => {
  const directory = ground.folder();
  const ledger = ground.ledger(db, { directory, segmentBytes: 10_000 });
  const stream = begun({ route: 'long' });
  ledger.begin(stream);
  for (let round = 0; round < 30; round += 1) {
    for (let number = 0; number < 20; number += 1) {
      const one = begun({ route: 'short' });
      ledger.begin(one);
      ledger.end(one.id, { status: 200 });
    }
    ledger.progress(stream.id, { completion_tokens: round + 1 });
    await ledger.settle();
  }
  assert.ok(segments(directory).length <= 10, `${segments(directory).length} segments are kept`);
  // and what is kept of it is whole
  const copy = ground.folder();
  for (const name of segments(directory))
    writeFileSync(path.join(copy, name), readFileSync(path.join(directory, name)));
  const next = ground.ledger(db, { directory: copy });
  await next.replayed;
  const rows = await rowsOf(db, `select completion_tokens, status from usage_event where route = 'long'`);
  assert.deepEqual(rows, [{ completion_tokens: 30, status: 598 }]);
  ledger.end(stream.id, { status: 200 });
  await ledger.close();
});

test('REL, FR-009: a folder that cannot be written costs no request: events are in memory, settle, and are written again when it can be', async () => {
  const directory = path.join(ground.folder(), 'usage');
  const { lines, log } = writtenLog();
  const ledger = ground.ledger(db, { directory, log, settleMs: 60_000, segmentBytes: 500_000 });
  const before = begun({ route: 'unwritable' });
  ledger.begin(before);
  // where the folder was is a file now: no user may write below it, the superuser neither
  await ledger.settle();
  rmSync(directory, { recursive: true });
  writeFileSync(directory, '');
  // the file that is open goes on; the next one cannot be made
  for (let number = 0; number < 6_000; number += 1) {
    const one = begun({ route: 'unwritable' });
    ledger.begin(one, () => ledger.end(one.id, { status: 200 }));
    if (number % 500 === 0) await sleep(1);
  }
  await sleep(20);
  assert.equal(ledger.state().writable, false);
  assert.equal(lines.filter(({ level }) => level >= 50).length, 1, 'told once');
  const open = begun({ route: 'unwritable' });
  ledger.begin(open);
  rmSync(directory);
  mkdirSync(directory);
  await ledger.settle();
  assert.equal(ledger.state().writable, true, 'it recovers by itself');
  const text = segments(directory)
    .map((name) => readFileSync(path.join(directory, name), 'utf8'))
    .join('');
  assert.ok(text.includes(open.id) && !text.includes(`"end":"${open.id}"`), 'what is open is in the new file');
  for (const one of [before, open]) ledger.end(one.id, { status: 200 });
  await ledger.close();
  assert.equal((await idsOf(`route = 'unwritable' and status = 200`)).length, 6_002);
});

test('REL, FR-009: with neither disk nor database what ended first is given up, told and counted', async () => {
  const own = await ground.database();
  const file = path.join(ground.folder(), 'file');
  writeFileSync(file, '');
  const { lines, log } = writtenLog();
  const ledger = ground.ledger(own, {
    directory: path.join(file, 'usage'),
    log,
    settleMs: 60_000,
    maxUnwritten: 2_000,
  });
  await ground.server.halt();
  const all = Array.from({ length: 3_500 }, () => begun());
  for (const one of all) {
    ledger.begin(one);
    ledger.end(one.id, { status: 200 });
  }
  const { dropped, unsettled, writable } = ledger.state();
  assert.equal(writable, false);
  assert.equal(dropped, 2_000);
  assert.equal(unsettled, 1_500);
  assert.ok(lines.some(({ msg }) => msg.includes('were dropped')));
  await ground.server.start();
  await until('the rest settles', async () => {
    await ledger.settle();
    return ledger.state().unsettled === 0;
  });
  const rows = await rowsOf(own, 'select id from usage_event order by id');
  assert.deepEqual(
    rows.map(({ id }) => id),
    all.slice(2_000).map(({ id }) => id),
  );
});

test('REL, FR-009: lines go to disk within 50 ms, together and never in the way of the loop', async () => {
  const real = fs.fdatasync;
  const synced: number[] = [];
  fs.fdatasync = ((descriptor: number, done: (error: NodeJS.ErrnoException | null) => void) => {
    synced.push(performance.now());
    real(descriptor, done);
  }) as typeof fs.fdatasync;
  syncBuiltinESMExports();
  try {
    const ledger = ground.ledger(db, { settleMs: 60_000 });
    const written: number[] = [];
    for (const end = performance.now() + 600; performance.now() < end;) {
      const one = begun();
      ledger.begin(one);
      written.push(performance.now());
      ledger.end(one.id, { status: 200 });
      await new Promise(setImmediate);
    }
    await sleep(200);
    const late = written.filter((time) => !synced.some((sync) => sync >= time - 1 && sync <= time + 150));
    assert.deepEqual(late, [], 'each is synced soon after');
    assert.ok(written.length > 100 && synced.length < 20, `${synced.length} times for ${written.length}`);
    await ledger.close();
  } finally {
    fs.fdatasync = real;
    syncBuiltinESMExports();
  }
});

test('REL, FR-009: a disk that does not keep what it took is not relied on: all that is in memory is written anew', async () => {
  const directory = ground.folder();
  const { lines, log } = writtenLog();
  const ledger = ground.ledger(db, { directory, log, settleMs: 60_000 });
  const one = begun({ route: 'unkept' });
  const real = fs.fdatasync;
  fs.fdatasync = ((_descriptor: number, done: (error: NodeJS.ErrnoException | null) => void) =>
    done(Object.assign(new Error('EIO'), { code: 'EIO' }))) as typeof fs.fdatasync;
  syncBuiltinESMExports();
  try {
    ledger.begin(one);
    await until('it is noticed', () => !ledger.state().writable);
  } finally {
    fs.fdatasync = real;
    syncBuiltinESMExports();
  }
  const before = segments(directory);
  await ledger.settle();
  assert.equal(ledger.state().writable, true);
  const fresh = segments(directory).filter((name) => !before.includes(name));
  assert.ok(fresh.some((name) => readFileSync(path.join(directory, name), 'utf8').includes(one.id)));
  assert.equal(lines.filter(({ msg }) => msg.includes('cannot be written')).length, 1);
  ledger.end(one.id, { status: 200 });
  await ledger.close();
  assert.deepEqual(segments(directory), []);
});

test('FR-009: the first end holds, also when its entry serves another request, and a damaged id of a gateway is replaced', async () => {
  const directory = ground.folder();
  writeFileSync(path.join(directory, 'gateway-id'), '\u0000\u0000');
  const ledger = ground.ledger(db, { directory });
  assert.match(ledger.gateway, /^[0-9a-f]{8}-/);
  assert.equal(readFileSync(path.join(directory, 'gateway-id'), 'utf8').trim(), ledger.gateway);
  const one = begun();
  ledger.begin(one);
  ledger.end(one.id, { status: 200 });
  ledger.end(one.id, { status: 500 });
  await ledger.settle();
  const next = begun();
  ledger.begin(next);
  ledger.end(one.id, { status: 500 });
  ledger.progress(one.id, { completion_tokens: 500 });
  assert.deepEqual(ledger.state().open, 1);
  ledger.end(next.id, { status: 201 });
  await ledger.close();
  const found = await rowsOf(
    db,
    'select status, completion_tokens < 500 as own from usage_event where id in ($1, $2) order by id',
    [one.id, next.id],
  );
  assert.deepEqual(found, [
    { status: 200, own: true },
    { status: 201, own: true },
  ]);
});

test('FR-009: refusals are noted without the journal and without charge', async () => {
  const directory = ground.folder();
  const charged: string[] = [];
  const ledger = ground.ledger(db, {
    directory,
    charge: async (_trx, events) => {
      charged.push(...events.map(({ id }) => id));
      return () => {};
    },
  });
  const refused = event({
    route: 'noted',
    status: 429,
    forwarded: false,
    error_code: 'rate_limited',
    endpoint_id: null,
    model_id: null,
    model_name: null,
    cost: '0',
  });
  ledger.note(refused);
  assert.deepEqual(segments(directory), []);
  await ledger.settle();
  const [row] = await rowsOf(db, `select requests, errors, refused from usage_minute where route = 'noted'`);
  assert.deepEqual(row, { requests: 1, errors: 0, refused: 1 });
  assert.deepEqual(charged, []);
  for (let number = 0; number < 6_000; number += 1)
    ledger.note(event({ route: 'flood', status: 429, forwarded: false }));
  assert.equal(ledger.state().unnoted, 1_000, 'too many are left out');
  await ledger.close();
});
