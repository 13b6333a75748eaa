import { sql, type SqlBool } from 'kysely';
import { json, on, type Connection, type FileRow } from './tables.ts';

export function createFileStore(kysely: Connection) {
  const pool = on(kysely);
  return {
    async files(ids: readonly string[], trx: Connection = kysely): Promise<FileRow[]> {
      if (ids.length === 0) return [];
      return on(trx)
        .selectFrom('model_file')
        .selectAll()
        .where('model_id', 'in', ids)
        .orderBy(sql`path collate "C"`)
        .execute();
    },

    async file(id: string, path: string, trx: Connection = kysely): Promise<FileRow | null> {
      const query = on(trx).selectFrom('model_file').selectAll().where('model_id', '=', id).where('path', '=', path);
      return (await query.executeTakeFirst()) ?? null;
    },

    async putFile(trx: Connection, file: Omit<FileRow, 'written_at'>): Promise<void> {
      const values = { ...file, notes: json(file.notes), facts: json(file.facts) };
      await on(trx)
        .insertInto('model_file')
        .values(values)
        .onConflict((conflict) =>
          conflict.columns(['model_id', 'path']).doUpdateSet({ ...values, written_at: sql<Date>`now()` }),
        )
        .execute();
    },

    async setFileStatus(trx: Connection, id: string, path: string, status: FileRow['status']): Promise<void> {
      await on(trx)
        .updateTable('model_file')
        .set({ status })
        .where('model_id', '=', id)
        .where('path', '=', path)
        .execute();
    },

    async removeFile(trx: Connection, id: string, path: string): Promise<void> {
      await on(trx).deleteFrom('model_file').where('model_id', '=', id).where('path', '=', path).execute();
    },

    /** Takes the right to write a path; false when another upload that is alive has it. */
    async claim(trx: Connection, claim: { modelId: string; path: string; uploadId: string }): Promise<boolean> {
      const { rows } = await sql`
        insert into model_upload as held (model_id, path, upload_id) values (${claim.modelId}, ${claim.path}, ${claim.uploadId})
        on conflict (model_id, path) do update set upload_id = excluded.upload_id, touched_at = now()
        where held.upload_id = excluded.upload_id or held.touched_at < now() - interval '20 seconds'
        returning upload_id`.execute(on(trx));
      return rows.length > 0;
    },

    async touchClaims(uploadId: string): Promise<void> {
      await pool
        .updateTable('model_upload')
        .set({ touched_at: sql<Date>`now()` })
        .where('upload_id', '=', uploadId)
        .execute();
    },

    /** Gives the claims of an upload back; answers which it still had. */
    async dropClaims(trx: Connection, uploadId: string): Promise<string[]> {
      const rows = await on(trx)
        .deleteFrom('model_upload')
        .where('upload_id', '=', uploadId)
        .returning('path')
        .execute();
      return rows.map(({ path }) => path);
    },

    /** Paths of a model that somebody writes at this moment; what was not kept fresh for 20 s was abandoned. */
    async claimed(trx: Connection, modelId: string): Promise<string[]> {
      const query = on(trx).selectFrom('model_upload').select('path').where('model_id', '=', modelId);
      const rows = await query.where(sql<SqlBool>`touched_at > now() - interval '20 seconds'`).execute();
      return rows.map(({ path }) => path);
    },
  };
}
