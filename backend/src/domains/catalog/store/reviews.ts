import { sql } from 'kysely';
import { ownedRows, type Scope } from '#platform/access';
import { after } from '#platform/db';
import type { Cursor } from '#platform/http';
import { on, type Connection, type ReviewRow } from './tables.ts';

export function createReviewStore(kysely: Connection) {
  const pool = on(kysely);
  return {
    async openReview(trx: Connection, review: { id: string; modelId: string; by: string }): Promise<void> {
      await on(trx)
        .insertInto('model_review')
        .values({
          id: review.id,
          model_id: review.modelId,
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
        .updateTable('model_review')
        .set({ status: end.status, decided_by: end.by, decided_at: sql<Date>`now()`, notes: end.notes })
        .where('model_id', '=', id)
        .where('status', '=', 'open')
        .execute();
    },

    /** The approval that held is no longer one. */
    async voidApproval(trx: Connection, id: string, notes: string): Promise<void> {
      await on(trx)
        .updateTable('model_review')
        .set({ status: 'void', notes: sql<string>`concat_ws(E'\n', notes, ${notes}::text)` })
        .where('model_id', '=', id)
        .where('status', '=', 'approved')
        .execute();
    },

    async reviews(scope: Scope, status: ReviewRow['status'], page: { limit: number; cursor: Cursor | null }) {
      let query = pool
        .selectFrom('model_review')
        .innerJoin('model', 'model.id', 'model_review.model_id')
        .selectAll('model_review')
        .where('model_review.status', '=', status)
        .where(ownedRows('model').within(scope));
      if (page.cursor) query = query.where(after('model_review.submitted_at', 'model_review.id', page.cursor));
      return query
        .orderBy('model_review.submitted_at', 'desc')
        .orderBy('model_review.id', 'desc')
        .limit(page.limit + 1)
        .execute();
    },
  };
}
