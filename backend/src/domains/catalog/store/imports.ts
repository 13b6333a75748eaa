import { sql, type Generated, type Kysely, type Selectable } from 'kysely';
import type { HubFile } from '#ports/hub';
import type { Connection } from './tables.ts';

interface ImportTable {
  id: string;
  model_id: string;
  huggingface_model_id: string;
  revision: string;
  commit_sha: string;
  status: 'queued' | 'running' | 'succeeded' | 'failed';
  files: HubFile[];
  files_done: Generated<number>;
  bytes_done: Generated<number>;
  attempt: Generated<number>;
  error: string | null;
  created_by: string;
  created_at: Generated<Date>;
}

export type ImportRow = Selectable<ImportTable>;

const on = (connection: Connection) => (connection as Kysely<object>).$extendTables<{ model_import: ImportTable }>();

export function createImportStore(kysely: Connection) {
  return {
    async insert(
      trx: Connection,
      row: Omit<ImportRow, 'files_done' | 'bytes_done' | 'attempt' | 'created_at' | 'error' | 'status'>,
    ): Promise<ImportRow> {
      return on(trx)
        .insertInto('model_import')
        .values({ ...row, status: 'queued', error: null, files: sql<HubFile[]>`${JSON.stringify(row.files)}::jsonb` })
        .returningAll()
        .executeTakeFirstOrThrow();
    },

    async list(modelId: string): Promise<ImportRow[]> {
      const query = on(kysely).selectFrom('model_import').selectAll().where('model_id', '=', modelId);
      return query.orderBy('created_at', 'desc').limit(50).execute();
    },

    /** Begins a try; what earlier ones still write from now on is lost. null when it is over or gone. */
    async begin(id: string): Promise<ImportRow | null> {
      const begun = await on(kysely)
        .updateTable('model_import')
        .set({ status: 'running', attempt: sql<number>`attempt + 1` })
        .where('id', '=', id)
        .where('status', 'in', ['queued', 'running'])
        .returningAll()
        .executeTakeFirst();
      return begun ?? null;
    },

    /** Answers false when a later try has taken over. */
    async progress(
      row: ImportRow,
      change: Partial<Pick<ImportRow, 'status' | 'files_done' | 'bytes_done' | 'error'>>,
    ): Promise<boolean> {
      const result = await on(kysely)
        .updateTable('model_import')
        .set(change)
        .where('id', '=', row.id)
        .where('attempt', '=', row.attempt)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
  };
}
