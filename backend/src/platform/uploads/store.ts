import { sql, type ColumnType, type Generated, type JSONColumnType, type Selectable } from 'kysely';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import type { Trx } from '#platform/http';
import type { Creation } from './rules.ts';

type UploadStatus = 'receiving' | 'verifying' | 'complete' | 'failed';

type UploadTable = {
  id: string;
  subject_kind: string;
  subject_id: string;
  path: string;
  size: number;
  received: Generated<number>;
  status: UploadStatus;
  metadata: JSONColumnType<Record<string, string>>;
  object_key: string | null;
  sha256: string | null;
  created_by: string;
  created_at: ColumnType<Date, Date, never>;
  updated_at: Date;
  expires_at: Date;
  error: string | null;
};

/** A file that arrives, or arrived, in pieces. */
export interface Upload {
  id: string;
  /** what it belongs to: `model` or `dataset`, and which */
  subjectKind: string;
  subjectId: string;
  /** below the subject's folder */
  path: string;
  /** bytes */
  size: number;
  /** bytes that are stored */
  received: number;
  /** `verifying`: all bytes are there, a durable job has to assemble them */
  status: UploadStatus;
  metadata: Record<string, string>;
  /** where it was assembled, and the SHA-256 (hex) of it; null until `complete` */
  objectKey: string | null;
  sha256: string | null;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
  /** given up when nothing arrives until then */
  expiresAt: Date;
  error: string | null;
}

export type UploadStore = ReturnType<typeof createUploadStore>;

export function createUploadStore(kysely: Db['kysely']) {
  const db = kysely.$extendTables<{ upload: UploadTable }>();
  return {
    async find(id: string): Promise<Upload | null> {
      const row = await db.selectFrom('upload').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? toUpload(row) : null;
    },

    async create(creation: Creation & { id: string; createdBy: string; now: Date; expiresAt: Date }): Promise<Upload> {
      const row = await db
        .insertInto('upload')
        .values({
          id: creation.id,
          subject_kind: creation.subjectKind,
          subject_id: creation.subjectId,
          path: creation.path,
          size: creation.size,
          status: 'receiving',
          metadata: JSON.stringify(creation.metadata),
          created_by: creation.createdBy,
          created_at: creation.now,
          updated_at: creation.now,
          expires_at: creation.expiresAt,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return toUpload(row);
    },

    /**
     * Counts stored bytes. Whoever brings the last one makes it `verifying`, together with what `onComplete` writes in the same
     * transaction. Throws `upload_offset_conflict` when somebody else was faster.
     */
    async advance(
      upload: Upload,
      change: { received: number; now: Date; expiresAt: Date },
      onComplete: (upload: Upload, trx: Trx) => Promise<void>,
    ): Promise<Upload> {
      return db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('upload')
          .set({
            received: change.received,
            status: change.received === upload.size ? 'verifying' : 'receiving',
            updated_at: change.now,
            expires_at: change.expiresAt,
          })
          .where('id', '=', upload.id)
          .where('received', '=', upload.received)
          .where('status', '=', 'receiving')
          .returningAll()
          .executeTakeFirst();
        if (!row) throw failure('upload_offset_conflict');
        const advanced = toUpload(row);
        if (advanced.status === 'verifying') await onComplete(advanced, trx as unknown as Trx);
        return advanced;
      });
    },

    async complete(id: string, result: { objectKey: string; sha256: string; now: Date }): Promise<void> {
      await db
        .updateTable('upload')
        .set({
          status: 'complete',
          object_key: result.objectKey,
          sha256: result.sha256,
          updated_at: result.now,
          error: null,
        })
        .where('id', '=', id)
        .where('status', '=', 'verifying')
        .execute();
    },

    async fail(id: string, error: string, now: Date): Promise<void> {
      await db
        .updateTable('upload')
        .set({ status: 'failed', error, updated_at: now })
        .where('id', '=', id)
        .where('status', 'in', ['receiving', 'verifying'])
        .execute();
    },

    async remove(id: string): Promise<void> {
      await db.deleteFrom('upload').where('id', '=', id).execute();
    },

    /** Ids of what nobody continues, and of what was complete before `completeBefore`. */
    async collectable(now: Date, completeBefore: Date): Promise<string[]> {
      const rows = await db
        .selectFrom('upload')
        .select('id')
        .where(({ or, and, eb }) =>
          or([
            and([eb('status', 'in', ['receiving', 'failed']), eb('expires_at', '<', now)]),
            and([eb('status', '=', 'complete'), eb('updated_at', '<', completeBefore)]),
          ]),
        )
        .orderBy(sql`expires_at`)
        .limit(1000)
        .execute();
      return rows.map(({ id }) => id);
    },
  };
}

function toUpload(row: Selectable<UploadTable>): Upload {
  return {
    id: row.id,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    path: row.path,
    size: row.size,
    received: row.received,
    status: row.status,
    metadata: row.metadata,
    objectKey: row.object_key,
    sha256: row.sha256,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    expiresAt: row.expires_at,
    error: row.error,
  };
}
