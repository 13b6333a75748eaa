import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { withAdvisoryLock, type Db } from '#platform/db';
import type { Logger } from '#platform/log';
import type { Objects } from '#ports/objects';
import type { UsageEvent } from '../usage.ts';
import { dateOf, dayMs, dayOf, type Day } from './days.ts';
import {
  closeDay,
  daysOf,
  deleteMinutes,
  dropDay,
  eventsOf,
  forgetGateways,
  lockDays,
  recordArchive,
} from './store.ts';

export interface Upkeep {
  /** Moves days beyond `keepDays` to the object store, the oldest first; answers how many. For an hourly job. */
  archive(): Promise<number>;
  /** Drops captured content beyond `contentDays` and sums by minute beyond 14 days; answers how many days of content. */
  prune(): Promise<number>;
}

const minuteDays = 14;
const page = 2_000;

export function createUpkeep(deps: {
  db: Db;
  objects: Objects;
  log: Logger;
  now(): Date;
  /** days of single events in the database */
  keepDays: number;
  /** days of captured requests and answers */
  contentDays: number;
}): Upkeep {
  const { db, objects, log } = deps;
  const today = (): Day => dayOf(deps.now().getTime());

  /**
   * The file comes first; then, in one transaction, the day is closed to others, counted, recorded and dropped. A crash in between
   * leaves the day, and the file is written again. An event that came meanwhile leaves the day as well.
   */
  async function archiveDay(day: Day): Promise<boolean> {
    const key = `archive/usage/${dateOf(day)}.ndjson.gz`;
    let rows = 0;
    async function* lines(): AsyncGenerator<string> {
      for (let beyond: string | null = null; ;) {
        const events = await eventsOf(db.kysely, day, beyond, page);
        if (events.length === 0) return;
        rows += events.length;
        beyond = events.at(-1)!.id;
        yield events.map((event) => `${JSON.stringify(asJournalled(event))}\n`).join('');
      }
    }
    const gzip = createGzip();
    // an error of either reaches `put` by the stream that it reads
    pipeline(Readable.from(lines(), { highWaterMark: 1 }), gzip, () => {});
    const { sha256 } = await objects.put(key, gzip);
    const dropped = await db.kysely.transaction().execute(async (trx) => {
      await lockDays(trx, 'usage_event');
      if ((await closeDay(trx, day)) !== rows) return false;
      await recordArchive(trx, { day, key, rows, sha256 });
      await dropDay(trx, 'usage_event', day);
      return true;
    });
    if (dropped) log.info({ key, rows }, 'a day of usage is archived');
    return dropped;
  }

  return {
    async archive() {
      const archived = await withAdvisoryLock(
        db.pool,
        'llm-ops usage archive',
        async () => {
          let count = 0;
          for (const day of await daysOf(db.kysely, 'usage_event'))
            if (day < today() - deps.keepDays && (await archiveDay(day))) count += 1;
          return count;
        },
        { wait: false },
      );
      return archived ?? 0;
    },

    async prune() {
      const old = (await daysOf(db.kysely, 'request_content')).filter((day) => day < today() - deps.contentDays);
      for (const day of old)
        await db.kysely.transaction().execute(async (trx) => {
          await lockDays(trx, 'request_content');
          await dropDay(trx, 'request_content', day);
        });
      await deleteMinutes(db.kysely, new Date(deps.now().getTime() - minuteDays * dayMs));
      await forgetGateways(db.kysely);
      return old.length;
    },
  };
}

const asJournalled = (event: Omit<UsageEvent, 'at'> & { at: Date }): UsageEvent => ({
  ...event,
  at: event.at.toISOString(),
});
