import { sql } from 'kysely';
import type { Said } from '#platform/words';
import { json, on, type Connection, type JobRow } from './tables.ts';

const live = ['queued', 'running'] as const;

export type NewJob = Pick<JobRow, 'id' | 'dataset_id' | 'kind' | 'detail' | 'created_by'>;

export function createJobStore(kysely: Connection) {
  const pool = on(kysely);
  return {
    async insert(trx: Connection, row: NewJob): Promise<JobRow> {
      return on(trx)
        .insertInto('dataset_job')
        .values({
          ...row,
          detail: json(row.detail),
          status: 'queued',
          progress: 0,
          attempt: 0,
          error: null,
          said: null,
          finished_at: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
    },

    /** Newest first. */
    async list(datasetId: string, trx: Connection = kysely): Promise<JobRow[]> {
      const query = on(trx).selectFrom('dataset_job').selectAll().where('dataset_id', '=', datasetId);
      return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(100).execute();
    },

    async lock(trx: Connection, datasetId: string, id: string): Promise<JobRow | null> {
      const query = on(trx).selectFrom('dataset_job').selectAll().where('dataset_id', '=', datasetId);
      return (await query.where('id', '=', id).forUpdate().executeTakeFirst()) ?? null;
    },

    /**
     * Begins a try; what earlier ones still write from now on is lost. null when it is over or gone. A try that was the last of its
     * `most` and never came to an end was killed: then the work fails so.
     */
    async begin(id: string, most: number, killed: { error: string; said: Said }): Promise<JobRow | null> {
      await pool
        .updateTable('dataset_job')
        .set({ status: 'failed', error: killed.error, said: json(killed.said), finished_at: sql<Date>`now()` })
        .where('id', '=', id)
        .where('status', '=', 'running')
        .where(sql<boolean>`attempt % ${most} = 0`)
        .execute();
      const begun = await pool
        .updateTable('dataset_job')
        .set({ status: 'running', attempt: sql<number>`attempt + 1` })
        .where('id', '=', id)
        .where('status', 'in', live)
        .returningAll()
        .executeTakeFirst();
      return begun ?? null;
    },

    /** Answers false when the work is over or a later try has taken over. */
    async progress(
      row: JobRow,
      change: { progress?: number; detail?: Record<string, unknown> },
      trx: Connection = kysely,
    ): Promise<boolean> {
      const { detail, ...plain } = change;
      const result = await on(trx)
        .updateTable('dataset_job')
        .set({ ...plain, ...(detail === undefined ? {} : { detail: json(detail) }) })
        .where('id', '=', row.id)
        .where('attempt', '=', row.attempt)
        .where('status', '=', 'running')
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    /** Ends this try; false when it is no longer the one that counts. */
    async finish(
      trx: Connection,
      row: JobRow,
      end: { status: 'succeeded' | 'failed'; error?: string; said?: Said; detail?: Record<string, unknown> },
    ): Promise<boolean> {
      const { detail, said, ...plain } = end;
      const result = await on(trx)
        .updateTable('dataset_job')
        .set({
          ...plain,
          ...(detail === undefined ? {} : { detail: json(detail) }),
          ...(said === undefined ? {} : { said: json(said) }),
          ...(end.status === 'succeeded' ? { progress: 1 } : {}),
          finished_at: sql<Date>`now()`,
        })
        .where('id', '=', row.id)
        .where('attempt', '=', row.attempt)
        .where('status', '=', 'running')
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    /** Makes failed work wait again. */
    async again(trx: Connection, id: string): Promise<JobRow> {
      return on(trx)
        .updateTable('dataset_job')
        .set({ status: 'queued', error: null, said: null, progress: 0, finished_at: null })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
    },
  };
}
