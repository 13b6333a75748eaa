import { sql, type SqlBool } from 'kysely';
import { json, on, type Connection, type FileRow } from './tables.ts';

/** seconds after which work that nobody keeps alive counts as abandoned */
export const abandonedAfter = 20;
const abandoned = sql<SqlBool>`touched_at < now() - make_interval(secs => ${abandonedAfter})`;

/** What is there of a file from its first byte on. */
export type NewFile = Pick<
  FileRow,
  'dataset_id' | 'path' | 'size' | 'sha256' | 'status' | 'bad_rows' | 'upload_id' | 'uploaded_by' | 'attempt'
> &
  Partial<Pick<FileRow, 'facts' | 'rows_key' | 'issues' | 'issue_count'>>;

export type FileChange = Partial<
  Pick<
    FileRow,
    | 'size'
    | 'sha256'
    | 'status'
    | 'bad_rows'
    | 'facts'
    | 'issues'
    | 'issue_count'
    | 'rows_key'
    | 'upload_id'
    | 'attempt'
  >
>;

const plain = [
  'dataset_id',
  'path',
  'size',
  'sha256',
  'status',
  'bad_rows',
  'issues',
  'issue_count',
  'rows_key',
  'upload_id',
  'uploaded_by',
  'attempt',
  'touched_at',
] as const satisfies (keyof FileRow)[];

export function createFileRows(kysely: Connection) {
  const pool = on(kysely);
  return {
    async files(ids: readonly string[], trx: Connection = kysely): Promise<FileRow[]> {
      if (ids.length === 0) return [];
      return on(trx)
        .selectFrom('dataset_file')
        .selectAll()
        .where('dataset_id', 'in', ids)
        .orderBy(sql`path collate "C"`)
        .execute();
    },

    /**
     * The same for lists: facts name at most `columns` columns of a file, and how many it has is told beside them. A table of twenty thousand columns
     * would be megabytes of each entry.
     */
    async fileHeads(
      ids: readonly string[],
      columns: number,
      trx: Connection = kysely,
    ): Promise<(FileRow & { column_count: number | null })[]> {
      if (ids.length === 0) return [];
      const count = sql<number | null>`jsonb_array_length(facts -> 'columns')`;
      const some = sql.raw(`'$[0 to ${columns - 1}]'`);
      return on(trx)
        .selectFrom('dataset_file')
        .select([
          ...plain,
          sql<FileRow['facts']>`case when ${count} > ${columns}
            then jsonb_set(facts, '{columns}', jsonb_path_query_array(facts -> 'columns', ${some})) else facts end`.as(
            'facts',
          ),
          count.as('column_count'),
        ])
        .where('dataset_id', 'in', ids)
        .orderBy(sql`path collate "C"`)
        .execute();
    },

    async file(id: string, path: string, trx: Connection = kysely): Promise<FileRow | null> {
      const query = on(trx)
        .selectFrom('dataset_file')
        .selectAll()
        .where('dataset_id', '=', id)
        .where('path', '=', path);
      return (await query.executeTakeFirst()) ?? null;
    },

    async insertFile(trx: Connection, file: NewFile): Promise<void> {
      const { facts = null, issues = [], issue_count = 0, rows_key = null } = file;
      await on(trx)
        .insertInto('dataset_file')
        .values({ ...file, rows_key, issue_count, issues: json(issues), facts: facts && json(facts) })
        .execute();
    },

    /**
     * Writes what is known of a file and keeps it alive, for whoever works on it (`attempt`): null when it is no longer theirs, or
     * is `ready` or `refused`.
     */
    async advanceFile(trx: Connection, file: FileKey, change: FileChange): Promise<FileRow | null> {
      const { facts, issues, ...plain } = change;
      const advanced = await on(trx)
        .updateTable('dataset_file')
        .set({
          ...plain,
          ...(facts === undefined ? {} : { facts: facts && json(facts) }),
          ...(issues === undefined ? {} : { issues: json(issues) }),
          touched_at: sql<Date>`now()`,
        })
        .where('dataset_id', '=', file.dataset_id)
        .where('path', '=', file.path)
        .where('attempt', '=', file.attempt)
        .where('status', 'in', ['uploading', 'checking'])
        .returningAll()
        .executeTakeFirst();
      return advanced ?? null;
    },

    /** Keeps files alive; answers how many of this attempt are still there and not settled. */
    async touchFiles(attempt: string): Promise<number> {
      const result = await pool
        .updateTable('dataset_file')
        .set({ touched_at: sql<Date>`now()` })
        .where('attempt', '=', attempt)
        .where('status', 'in', ['uploading', 'checking'])
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    },

    /** Takes a `checking` file up: the first to come, or again after a failure, or after whoever had it vanished. null: there is nothing to do. */
    async takeUpFile(file: FileKey): Promise<FileRow | null> {
      const taken = await pool
        .updateTable('dataset_file')
        .set({ attempt: file.attempt, touched_at: sql<Date>`now()` })
        .where('dataset_id', '=', file.dataset_id)
        .where('path', '=', file.path)
        .where('status', '=', 'checking')
        .where((eb) => eb.or([eb('attempt', '=', file.attempt), abandoned]))
        .returningAll()
        .executeTakeFirst();
      return taken ?? null;
    },

    /** `attempt`: only while it is still theirs. Answers what was removed. */
    async removeFile(trx: Connection, id: string, path: string, attempt?: string): Promise<FileRow | null> {
      let query = on(trx).deleteFrom('dataset_file').where('dataset_id', '=', id).where('path', '=', path);
      if (attempt !== undefined) query = query.where('attempt', '=', attempt);
      return (await query.returningAll().executeTakeFirst()) ?? null;
    },

    /** Files that nobody has kept alive for `seconds`. */
    async staleFiles(seconds: number): Promise<FileRow[]> {
      const query = pool.selectFrom('dataset_file').selectAll().where('status', 'in', ['uploading', 'checking']);
      return query
        .where(sql<SqlBool>`touched_at < now() - make_interval(secs => ${seconds})`)
        .orderBy('touched_at')
        .limit(200)
        .execute();
    },

    /** Is it still as stale as it was, by the database's clock? */
    async isAbandoned(trx: Connection, file: FileKey): Promise<boolean> {
      const query = on(trx)
        .selectFrom('dataset_file')
        .select('path')
        .where('dataset_id', '=', file.dataset_id)
        .where('path', '=', file.path)
        .where('attempt', '=', file.attempt);
      return (await query.where(abandoned).executeTakeFirst()) !== undefined;
    },
  };
}

export type FileKey = Pick<FileRow, 'dataset_id' | 'path' | 'attempt'>;
