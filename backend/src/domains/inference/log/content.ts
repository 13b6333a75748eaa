import type { Db } from '#platform/db';
import { dayOf, timeOf } from '../ledger/days.ts';
import { createPartitions } from '../ledger/partitions.ts';
import type { ContentRow } from './capture.ts';
import { insertContent } from './store.ts';

/** Writes captured content into the partition of its day; what is older than is kept is left out. */
export function createContentInsert(deps: {
  db: Db;
  /** days that content is kept */
  contentDays: number;
  now(): Date;
}): (rows: readonly ContentRow[]) => Promise<void> {
  const { db } = deps;
  const partitions = createPartitions({
    db,
    table: 'request_content',
    closedUntil: async () => dayOf(deps.now().getTime()) - deps.contentDays - 1,
    now: deps.now,
  });
  const dayOfRow = (row: ContentRow): number | null => {
    const time = timeOf(row.id);
    return time === null ? null : dayOf(time);
  };
  return async (rows) => {
    const days = rows.map(dayOfRow).filter((day) => day !== null);
    const stateOf = await partitions.prepare(days);
    const open = rows.filter((row) => {
      const day = dayOfRow(row);
      return day !== null && stateOf(day) === 'open';
    });
    if (open.length === 0) return;
    try {
      await insertContent(db.kysely, open);
    } catch (error) {
      // a day may have been dropped meanwhile
      partitions.forget();
      throw error;
    }
  };
}
