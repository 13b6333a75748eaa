import type { Db } from '#platform/db';
import { dayOf, type Day } from './days.ts';
import { daysOf, makeDays, type DailyTable } from './store.ts';

/** Whether a day can take rows: `closed` days were archived or dropped, days of the `future` come from a clock that is wrong. */
export type DayState = 'open' | 'closed' | 'future';

export interface Partitions {
  /** Makes the days that are missing, and those to come. From memory when nothing is missing. */
  prepare(days: Iterable<Day>): Promise<(day: Day) => DayState>;
  /** Somebody else changed them: looks again. */
  forget(): void;
}

/** Made ahead, so that midnight waits for nothing. */
const daysAhead = 3;
/** A later id than this comes from a clock that is wrong. */
const futureDays = 2;

/** The days of one table. `closedUntil` tells the newest day that takes no more rows unless it still has a partition. */
export function createPartitions(deps: {
  db: Db;
  table: DailyTable;
  closedUntil(): Promise<Day | null>;
  now(): Date;
}): Partitions {
  const { db, table } = deps;
  let known: { days: Set<Day>; closedUntil: Day } | null = null;

  async function look(): Promise<NonNullable<typeof known>> {
    const days = new Set(await daysOf(db.kysely, table));
    return { days, closedUntil: (await deps.closedUntil()) ?? Number.NEGATIVE_INFINITY };
  }

  return {
    async prepare(days) {
      const today = dayOf(deps.now().getTime());
      const wanted = new Set(days);
      for (let ahead = 0; ahead <= daysAhead; ahead += 1) wanted.add(today + ahead);
      const stateOf = (day: Day): DayState => {
        if (day > today + futureDays) return 'future';
        return known!.days.has(day) || day > known!.closedUntil ? 'open' : 'closed';
      };
      const missing = (): Day[] =>
        [...wanted].filter((day) => !known!.days.has(day) && day > known!.closedUntil && day <= today + daysAhead);
      known ??= await look();
      if (missing().length > 0) {
        known = await look();
        const make = missing();
        if (make.length > 0) await db.kysely.transaction().execute((trx) => makeDays(trx, table, make));
        for (const day of make) known.days.add(day);
      }
      return stateOf;
    },
    forget() {
      known = null;
    },
  };
}
