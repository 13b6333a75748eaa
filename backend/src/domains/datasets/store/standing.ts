import { sql } from 'kysely';
import { on, type Connection, type ValidationRow } from './tables.ts';

/** How a dataset stands with its validations and the version before it: what gates ask. */
export interface Standing {
  dataset_id: string;
  /** null: never validated */
  validation_id: string | null;
  status: ValidationRow['status'] | null;
  files_digest: string | null;
  error: string | null;
  remedy: string | null;
  said: ValidationRow['said'];
  /** the version that the newest result of the present files was compared with */
  compared_with: string | null;
  /** null: there is none, or it is gone */
  parent_version: string | null;
  parent_ready: boolean;
  /** work that fills it is under way */
  filling: boolean;
}

export function createStandings(kysely: Connection) {
  return {
    async standings(ids: readonly string[], trx: Connection = kysely): Promise<Map<string, Standing>> {
      if (ids.length === 0) return new Map();
      const { rows } = await sql<Standing>`
        select dataset.id as dataset_id, newest.id as validation_id, newest.status, newest.files_digest, newest.error, newest.remedy, newest.said,
          done.compared_with, parent.version as parent_version, coalesce(parent_files.ready, false) as parent_ready,
          exists (select from dataset_job where dataset_id = dataset.id and status in ('queued', 'running')) as filling
        from dataset
        left join lateral (
          select id, status, files_digest, error, remedy, said from dataset_validation
          where dataset_id = dataset.id order by created_at desc, id desc limit 1
        ) newest on true
        left join lateral (
          select report #>> '{against,id}' as compared_with from dataset_validation
          where dataset_id = dataset.id and status = 'succeeded' and files_digest = dataset.validated_digest
            and jsonb_typeof(report -> 'diff') = 'object'
          order by created_at desc, id desc limit 1
        ) done on true
        left join dataset parent on parent.id = dataset.parent_id
        left join lateral (
          select bool_and(status = 'ready') as ready from dataset_file where dataset_id = parent.id
        ) parent_files on true
        where dataset.id = any(${[...ids]}::uuid[])`.execute(on(trx));
      return new Map(rows.map((row) => [row.dataset_id, row]));
    },
  };
}
