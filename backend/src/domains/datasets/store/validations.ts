import type { ColumnProfile } from '@llm-ops/contracts';
import { sql } from 'kysely';
import type { Said } from '#platform/words';
import { json, keepable, on, type Connection, type Report, type ValidationRow } from './tables.ts';

const live = ['queued', 'running'] as const;

export type NewValidation = Pick<ValidationRow, 'id' | 'dataset_id' | 'files_digest' | 'options' | 'requested_by'>;

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
    'said',
    'requested_by',
    'created_at',
    'started_at',
    'finished_at',
  ] as const),
  // earlier versions kept the columns here
  sql<Report | null>`report #- '{profile,columns}'`.as('report'),
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
          said: null,
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

    async find(id: string, trx: Connection = kysely): Promise<ValidationRow | null> {
      const query = on(trx).selectFrom('dataset_validation').select(told).where('id', '=', id);
      return (await query.executeTakeFirst()) ?? null;
    },

    async newest(
      datasetId: string,
      options: { succeeded?: boolean; digest?: string | undefined } = {},
      trx: Connection = kysely,
    ): Promise<ValidationRow | null> {
      let query = on(trx).selectFrom('dataset_validation').select(told).where('dataset_id', '=', datasetId);
      if (options.succeeded === true) query = query.where('status', '=', 'succeeded');
      if (options.digest !== undefined) query = query.where('files_digest', '=', options.digest);
      return (await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(1).executeTakeFirst()) ?? null;
    },

    /** What a validation says of its columns, at most a few hundred at a time, each the JSON of a profile; `first` is the place of the first. */
    async addColumns(trx: Connection, validationId: string, first: number, lines: readonly string[]): Promise<void> {
      await sql`insert into dataset_column_profile (validation_id, place, profile)
        select ${validationId}::uuid, ${first}::int + place - 1, profile
        from json_array_elements(${keepable(`[${lines.join(',')}]`)}::json) with ordinality as found (profile, place)`.execute(
        on(trx),
      );
    },

    /** Some of the columns of a finished validation, and how many there are. */
    async columnsOf(
      validationId: string,
      page: { limit: number; offset: number },
    ): Promise<{ columns: ColumnProfile[]; total: number }> {
      const all = pool.selectFrom('dataset_column_profile').where('validation_id', '=', validationId);
      const rows = await all
        .select('profile')
        .where('place', '>=', page.offset)
        .where('place', '<', page.offset + page.limit)
        .orderBy('place')
        .execute();
      const { total } = await all.select(sql<number>`count(*)::int`.as('total')).executeTakeFirstOrThrow();
      return { columns: rows.map(({ profile }) => profile), total };
    },

    /**
     * Begins a try; what earlier ones still write from now on is lost. null when it is over or gone. After `most` tries that never came
     * to an end (the server was killed in each) it fails with `problem`.
     */
    async begin(
      id: string,
      most: number,
      problem: { error: string; remedy: string; said: Said },
    ): Promise<ValidationRow | null> {
      await pool
        .updateTable('dataset_validation')
        .set({ status: 'failed', ...problem, said: json(problem.said), finished_at: sql<Date>`now()` })
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
        said?: Said;
      },
    ): Promise<boolean> {
      const { report, said, ...plain } = end;
      const result = await on(trx)
        .updateTable('dataset_validation')
        .set({
          ...plain,
          ...(said === undefined ? {} : { said: json(said) }),
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
