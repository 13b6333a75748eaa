import type { DatasetProfile } from '@llm-ops/contracts';
import { sql } from 'kysely';
import { json, on, type Connection, type Report, type ValidationRow } from './tables.ts';

const live = ['queued', 'running'] as const;

export type NewValidation = Pick<ValidationRow, 'id' | 'dataset_id' | 'files_digest' | 'options' | 'requested_by'>;

/** A validation but for its profile of the columns, which may be of megabytes where there are thousands of them. */
export type Validation = Omit<ValidationRow, 'report'> & { report: Omit<Report, 'profile'> | null };

const told = [
  ...([
    'id',
    'dataset_id',
    'files_digest',
    'status',
    'options',
    'stage',
    'progress',
    'attempt',
    'findings_kept',
    'error',
    'remedy',
    'requested_by',
    'created_at',
    'started_at',
    'finished_at',
  ] as const),
  sql<Omit<Report, 'profile'> | null>`report - 'profile'`.as('report'),
] as const;

export function createValidationStore(kysely: Connection) {
  const pool = on(kysely);
  return {
    /** Waits its turn; those before it that are not over end as superseded. */
    async insert(trx: Connection, row: NewValidation): Promise<ValidationRow> {
      await this.supersede(trx, row.dataset_id);
      return on(trx)
        .insertInto('dataset_validation')
        .values({
          ...row,
          options: json(row.options),
          status: 'queued',
          stage: 'waiting',
          progress: 0,
          attempt: 0,
          report: null,
          findings_kept: 0,
          error: null,
          remedy: null,
          started_at: null,
          finished_at: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
    },

    /** Ends what waits or runs; whoever works on it is told with the next thing it writes. */
    async supersede(trx: Connection, datasetId: string): Promise<void> {
      await on(trx)
        .updateTable('dataset_validation')
        .set({ status: 'superseded', finished_at: sql<Date>`now()` })
        .where('dataset_id', '=', datasetId)
        .where('status', 'in', live)
        .execute();
    },

    async find(id: string, trx: Connection = kysely): Promise<Validation | null> {
      const query = on(trx).selectFrom('dataset_validation').select(told).where('id', '=', id);
      return (await query.executeTakeFirst()) ?? null;
    },

    async newest(
      datasetId: string,
      options: { succeeded?: boolean; digest?: string | undefined } = {},
      trx: Connection = kysely,
    ): Promise<Validation | null> {
      let query = on(trx).selectFrom('dataset_validation').select(told).where('dataset_id', '=', datasetId);
      if (options.succeeded === true) query = query.where('status', '=', 'succeeded');
      if (options.digest !== undefined) query = query.where('files_digest', '=', options.digest);
      return (await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(1).executeTakeFirst()) ?? null;
    },

    /** What a finished validation says of the columns. */
    async profileOf(validationId: string): Promise<DatasetProfile | null> {
      const query = pool.selectFrom('dataset_validation').where('id', '=', validationId);
      const row = await query.select(sql<DatasetProfile | null>`report -> 'profile'`.as('profile')).executeTakeFirst();
      return row?.profile ?? null;
    },

    /**
     * Begins a try; what earlier ones still write from now on is lost. null when it is over or gone. After `most` tries that never came
     * to an end (the server was killed in each) it fails with `problem`.
     */
    async begin(id: string, most: number, problem: { error: string; remedy: string }): Promise<ValidationRow | null> {
      await pool
        .updateTable('dataset_validation')
        .set({ status: 'failed', ...problem, finished_at: sql<Date>`now()` })
        .where('id', '=', id)
        .where('status', '=', 'running')
        .where('attempt', '>=', most)
        .execute();
      const begun = await pool
        .updateTable('dataset_validation')
        .set({
          status: 'running',
          attempt: sql<number>`attempt + 1`,
          started_at: sql<Date>`now()`,
          progress: 0,
          stage: 'waiting',
        })
        .where('id', '=', id)
        .where('status', 'in', live)
        .returningAll()
        .executeTakeFirst();
      return begun ?? null;
    },

    /** Answers false when it was superseded or a later try has taken over. */
    async progress(row: ValidationRow, change: Pick<ValidationRow, 'stage' | 'progress'>): Promise<boolean> {
      const result = await pool
        .updateTable('dataset_validation')
        .set(change)
        .where('id', '=', row.id)
        .where('attempt', '=', row.attempt)
        .where('status', '=', 'running')
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    /** Keeps others from ending this try until the transaction has; false when they did already. */
    async hold(trx: Connection, row: ValidationRow): Promise<boolean> {
      const query = on(trx).selectFrom('dataset_validation').select('id').where('id', '=', row.id);
      const mine = query.where('attempt', '=', row.attempt).where('status', '=', 'running').forUpdate();
      return (await mine.executeTakeFirst()) !== undefined;
    },

    /** Ends this try; false when it is no longer the one that counts, and then nothing is written. */
    async finish(
      trx: Connection,
      row: ValidationRow,
      end: Pick<ValidationRow, 'status'> & {
        report?: Report;
        findings_kept?: number;
        error?: string;
        remedy?: string;
      },
    ): Promise<boolean> {
      const { report, ...plain } = end;
      const result = await on(trx)
        .updateTable('dataset_validation')
        .set({
          ...plain,
          ...(report === undefined ? {} : { report: json(report), progress: 1, stage: 'recording' }),
          finished_at: sql<Date>`now()`,
        })
        .where('id', '=', row.id)
        .where('attempt', '=', row.attempt)
        .where('status', '=', 'running')
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
  };
}
