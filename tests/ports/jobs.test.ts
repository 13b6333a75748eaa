import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { PgBoss } from 'pg-boss';
import { pino } from 'pino';
import { openDatabase, type Db } from '../../backend/src/platform/db/index.ts';
import { createJobs, type Jobs } from '../../backend/src/platform/jobs/index.ts';

const log = pino({ level: 'silent' });

describe('REL: jobs', () => {
  let folder: string;
  let db: Db;
  let kysely: Kysely<unknown>;
  const running: Jobs[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llm-ops-jobs-'));
    await chmod(folder, 0o755);
    db = await openDatabase({ dataDir: join(folder, 'data'), log });
    kysely = db.kysely as unknown as Kysely<unknown>;
  });
  afterEach(async () => {
    for (const jobs of running.splice(0)) await jobs.stop();
  });
  after(async () => {
    await db.close();
    await rm(folder, { recursive: true });
  });

  async function start(jobs: Jobs, work = true): Promise<void> {
    running.push(jobs);
    await jobs.start({ work });
  }

  const send = (jobs: Jobs, queue: string, count: number): Promise<void> =>
    kysely.transaction().execute(async (trx) => {
      for (let number = 0; number < count; number += 1) await jobs.send(trx, queue, { number });
    });

  it('are taken one right after the other, and none twice', async () => {
    const jobs = createJobs({ db, log });
    const taken: number[] = [];
    let done = (): void => {};
    const all = new Promise<void>((resolve) => (done = resolve));
    jobs.define<{ number: number }>('test.many', {}, async ({ number }) => {
      taken.push(number);
      if (taken.length === 40) done();
    });
    await start(jobs);
    await send(jobs, 'test.many', 40);
    // a look at the queue every half second would take 20 s, one every five 200
    await Promise.race([all, sleep(12_000, undefined, { ref: false })]);
    assert.deepEqual(
      taken.toSorted((a, b) => a - b),
      Array.from({ length: 40 }, (_, number) => number),
    );
  });

  it('are told of when their transaction commits, and not when it does not', async () => {
    const told: string[] = [];
    let heard = (): void => {};
    const one = new Promise<void>((resolve) => (heard = resolve));
    const listen: Db['listen'] = (channel, onNotify) =>
      db.listen(channel, (queue) => {
        if (queue !== null) {
          told.push(queue);
          heard();
        }
        onNotify(queue);
      });
    const jobs = createJobs({ db: { pool: db.pool, listen }, log });
    jobs.define('test.lost', {}, async () => {});
    jobs.define('test.told', {}, async () => {});
    await start(jobs);
    const lost = kysely.transaction().execute(async (trx) => {
      await jobs.send(trx, 'test.lost', {});
      throw new Error('changed its mind');
    });
    await assert.rejects(lost, /changed its mind/);
    await send(jobs, 'test.told', 1);
    await one;
    assert.deepEqual(told, ['test.told']);
  });

  it('follow their definition in queues that an earlier version made', async () => {
    const boss = new PgBoss({
      db: { executeSql: async (text, values) => db.pool.query(text, values as unknown[]) },
      schema: 'pgboss',
    });
    await boss.start();
    await boss.createQueue('test.older', { policy: 'short', retryLimit: 1 });
    const jobs = createJobs({ db, log });
    jobs.define('test.older', { retryLimit: 8 }, async () => {});
    await start(jobs, false);
    const queue = await boss.getQueue('test.older');
    await boss.stop({ graceful: false });
    assert.equal(queue?.retryLimit, 8);
    assert.equal(queue?.notify, true);
  });
});
