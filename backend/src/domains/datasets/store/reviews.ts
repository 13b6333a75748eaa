import { sql } from 'kysely';
import { ownedRows, type Scope } from '#platform/access';
import { after } from '#platform/db';
import type { PageOfRows } from './datasets.ts';
import { on, type Connection, type ReviewRow } from './tables.ts';

export function createReviewRows(kysely: Connection) {
  const pool = on(kysely);
  return {
    async openReview(trx: Connection, review: { id: string; datasetId: string; by: string }): Promise<void> {
      await on(trx)
        .insertInto('dataset_review')
        .values({
          id: review.id,
          dataset_id: review.datasetId,
          submitted_by: review.by,
          status: 'open',
          decided_by: null,
          decided_at: null,
          notes: null,
        })
        .execute();
    },

    async closeReview(
      trx: Connection,
      id: string,
      end: { status: ReviewRow['status']; by: string; notes: string | null },
    ): Promise<void> {
      await on(trx)
        .updateTable('dataset_review')
        .set({ status: end.status, decided_by: end.by, decided_at: sql<Date>`now()`, notes: end.notes })
        .where('dataset_id', '=', id)
        .where('status', '=', 'open')
        .execute();
    },

    /** One row more than `page.limit`, newest first. */
    async reviews(scope: Scope, status: ReviewRow['status'], page: PageOfRows): Promise<ReviewRow[]> {
      let query = pool
        .selectFrom('dataset_review')
        .innerJoin('dataset', 'dataset.id', 'dataset_review.dataset_id')
        .selectAll('dataset_review')
        .where('dataset_review.status', '=', status)
        .where(ownedRows('dataset').within(scope));
      if (page.cursor) query = query.where(after('dataset_review.submitted_at', 'dataset_review.id', page.cursor));
      return query
        .orderBy('dataset_review.submitted_at', 'desc')
        .orderBy('dataset_review.id', 'desc')
        .limit(page.limit + 1)
        .execute();
    },
  };
}
