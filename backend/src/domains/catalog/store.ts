import type { ModelStatus, ModelType } from '@llm-ops/contracts';
import {
  sql,
  type Expression,
  type ExpressionBuilder,
  type Generated,
  type Kysely,
  type Selectable,
  type SqlBool,
  type Transaction,
} from 'kysely';
import type { Scope } from '#platform/access';
import type { Cursor } from '#platform/http';
import type { ModelFacts } from '#ports/runtime';
import type { FileFacts } from './inspect/index.ts';
import type { Change } from './rules.ts';

interface ModelTable {
  id: string;
  name: string;
  version: string;
  type: ModelType;
  model_family: string | null;
  status: ModelStatus;
  owner_team: string;
  project: string | null;
  visibility: 'team' | 'organization' | null;
  metadata: Record<string, unknown>;
  lineage_dataset_ids: string[];
  base_model_id: string | null;
  storage_uri: string | null;
  inspection: ModelFacts | null;
  has_api_key: boolean;
  pickle_accepted: boolean;
  submitted_by: string | null;
  submitted_at: Date | null;
  approved_by: string | null;
  approved_at: Date | null;
  approval_digest: string | null;
  review_notes: string | null;
  created_by: string;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

interface FileTable {
  model_id: string;
  path: string;
  size: number;
  sha256: string;
  status: 'ready' | 'verifying' | 'failed';
  notes: string[];
  facts: FileFacts;
  written_at: Generated<Date>;
}

interface ChangeTable {
  model_id: string;
  number: number;
  at: Generated<Date>;
  changed_by: string;
  card: Card;
  changes: Change[];
}

interface ReviewTable {
  id: string;
  model_id: string;
  submitted_by: string;
  submitted_at: Generated<Date>;
  status: 'open' | 'approved' | 'rejected' | 'changes_requested' | 'void';
  decided_by: string | null;
  decided_at: Date | null;
  notes: string | null;
}

interface UploadTable {
  model_id: string;
  path: string;
  upload_id: string;
  touched_at: Generated<Date>;
}

// an interface is not assignable to a record
// oxlint-disable-next-line typescript/consistent-type-definitions
type CatalogTables = {
  model: ModelTable;
  model_file: FileTable;
  model_change: ChangeTable;
  model_review: ReviewTable;
  model_upload: UploadTable;
};

export type ModelRow = Selectable<ModelTable>;
export type FileRow = Selectable<FileTable>;
export type ReviewRow = Selectable<ReviewTable>;

/** What a person writes of a model and history keeps. */
export interface Card {
  model_family: string | null;
  metadata: Record<string, unknown>;
  lineage_dataset_ids: string[];
  base_model_id: string | null;
}

/** A connection: the pool's, or a transaction's. */
export type Connection = Kysely<object> | Transaction<unknown>;

/** Everything of a model but what the database fills in. */
export type NewModel = Omit<ModelRow, 'created_at' | 'updated_at'>;

export interface Filters {
  type?: ModelType | undefined;
  status?: ModelStatus | undefined;
  owner_team?: string | undefined;
  name?: string | undefined;
}

const on = (connection: Connection) => (connection as Kysely<object>).$extendTables<CatalogTables>();
const json = <T>(value: T) => sql<T>`${JSON.stringify(value)}::jsonb`;
const visible = sql<
  'team' | 'organization'
>`coalesce(model.visibility, case when model.status in ('approved', 'deprecated') then 'organization' else 'team' end)`;

type Builder = ExpressionBuilder<CatalogTables, 'model'>;

/** The rows that a list may show, as the access rules put it. */
function within(scope: Scope) {
  return (eb: Builder): Expression<SqlBool> => {
    const every: Expression<SqlBool>[] = scope.denied.map((match) => eb.not(holds(match)));
    if (scope.allowed !== null) every.push(eb.or(scope.allowed.map(holds)));
    if (scope.teams !== null) {
      every.push(
        eb.or([
          eb(visible, '=', 'organization'),
          sql<SqlBool>`model.owner_team = any(${scope.teams}::text[])`,
          eb('model.created_by', '=', scope.userId),
        ]),
      );
    }
    return eb.and(every);
  };
}

function holds(match: Record<string, unknown>): Expression<SqlBool> {
  const tests = Object.entries(match).map(([path, accepted]) => {
    const names = path === 'team' ? ['owner_team'] : path.split('.');
    const field = names[0] === 'visibility' ? sql`to_jsonb(${visible})` : sql`to_jsonb(model) #> ${names}::text[]`;
    const values = (Array.isArray(accepted) ? accepted : [accepted]).map(
      (value) => sql`${JSON.stringify(value) ?? 'null'}::jsonb`,
    );
    if (values.length === 0) return sql<SqlBool>`false`;
    const list = sql.join(values);
    return sql<SqlBool>`coalesce(${field} in (${list}) or exists (select from jsonb_array_elements(case when jsonb_typeof(${field}) = 'array' then ${field} else '[]' end) item where item in (${list})), false)`;
  });
  return tests.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`(${sql.join(tests, sql` and `)})`;
}

function after(
  column: 'model.created_at' | 'model_review.submitted_at',
  id: 'model.id' | 'model_review.id',
  cursor: Cursor,
) {
  return sql<SqlBool>`(${sql.ref(column)}, ${sql.ref(id)}) < (${new Date(cursor.at)}::timestamptz, ${cursor.id}::uuid)`;
}

export type CatalogStore = ReturnType<typeof createCatalogStore>;

export function createCatalogStore(kysely: Connection) {
  const pool = on(kysely);
  return {
    transaction: <T>(work: (trx: Transaction<unknown>) => Promise<T>): Promise<T> =>
      pool.transaction().execute((trx) => work(trx as unknown as Transaction<unknown>)),

    async find(id: string, trx: Connection = kysely): Promise<ModelRow | null> {
      return (await on(trx).selectFrom('model').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
    },

    /** Locked until the transaction ends: files, card and status of one model change one after the other. */
    async lock(trx: Connection, id: string): Promise<ModelRow | null> {
      return (
        (await on(trx).selectFrom('model').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()) ?? null
      );
    },

    /** null: there is one of that team, name and version already. */
    async insert(trx: Connection, row: NewModel): Promise<ModelRow | null> {
      const inserted = await on(trx)
        .insertInto('model')
        .values({ ...row, metadata: json(row.metadata), inspection: row.inspection && json(row.inspection) })
        .onConflict((conflict) => conflict.columns(['owner_team', 'name', 'version']).doNothing())
        .returningAll()
        .executeTakeFirst();
      return inserted ?? null;
    },

    async update(trx: Connection, id: string, change: Partial<NewModel>): Promise<ModelRow> {
      const { metadata, inspection, ...plain } = change;
      return on(trx)
        .updateTable('model')
        .set({
          ...plain,
          ...(metadata === undefined ? {} : { metadata: json(metadata) }),
          ...(inspection === undefined ? {} : { inspection: inspection && json(inspection) }),
          updated_at: sql<Date>`now()`,
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
    },

    async remove(trx: Connection, id: string): Promise<void> {
      await on(trx).deleteFrom('model').where('id', '=', id).execute();
    },

    async list(scope: Scope, filters: Filters, page: { limit: number; cursor: Cursor | null }): Promise<ModelRow[]> {
      let query = pool.selectFrom('model').selectAll('model').where(within(scope));
      if (filters.type !== undefined) query = query.where('type', '=', filters.type);
      if (filters.status !== undefined) query = query.where('status', '=', filters.status);
      if (filters.owner_team !== undefined) query = query.where('owner_team', '=', filters.owner_team);
      if (filters.name !== undefined)
        query = query.where(sql<SqlBool>`strpos(lower(name), lower(${filters.name})) > 0`);
      if (page.cursor) query = query.where(after('model.created_at', 'model.id', page.cursor));
      return query
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute();
    },

    async versions(of: ModelRow, scope: Scope, page: { limit: number; cursor: Cursor | null }): Promise<ModelRow[]> {
      let query = pool.selectFrom('model').selectAll('model').where(within(scope));
      query = query.where('owner_team', '=', of.owner_team).where('name', '=', of.name);
      if (page.cursor) query = query.where(after('model.created_at', 'model.id', page.cursor));
      return query
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute();
    },

    async sibling(of: ModelRow, version: string, trx: Connection = kysely): Promise<ModelRow | null> {
      const query = on(trx).selectFrom('model').selectAll().where('owner_team', '=', of.owner_team);
      return (await query.where('name', '=', of.name).where('version', '=', version).executeTakeFirst()) ?? null;
    },

    async derivedFrom(id: string, most: number): Promise<ModelRow[]> {
      return pool
        .selectFrom('model')
        .selectAll()
        .where('base_model_id', '=', id)
        .orderBy('created_at')
        .limit(most)
        .execute();
    },

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

    async addChange(trx: Connection, id: string, by: string, card: Card, changes: Change[]): Promise<void> {
      const next = sql<number>`(select coalesce(max(number), 0) + 1 from model_change where model_id = ${id})`;
      const values = { model_id: id, number: next, changed_by: by, card: json(card), changes: json(changes) };
      await on(trx).insertInto('model_change').values(values).execute();
    },

    async changes(id: string): Promise<Selectable<ChangeTable>[]> {
      const query = pool.selectFrom('model_change').selectAll().where('model_id', '=', id);
      return query.orderBy('number', 'desc').limit(500).execute();
    },

    async change(trx: Connection, id: string, number: number): Promise<Selectable<ChangeTable> | null> {
      const query = on(trx)
        .selectFrom('model_change')
        .selectAll()
        .where('model_id', '=', id)
        .where('number', '=', number);
      return (await query.executeTakeFirst()) ?? null;
    },

    async lastChange(trx: Connection, id: string): Promise<number> {
      const query = on(trx)
        .selectFrom('model_change')
        .select((eb) => eb.fn.max('number').as('last'));
      return (await query.where('model_id', '=', id).executeTakeFirst())?.last ?? 0;
    },

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
        .where((eb) => within(scope)(eb as unknown as Builder));
      if (page.cursor) query = query.where(after('model_review.submitted_at', 'model_review.id', page.cursor));
      return query
        .orderBy('model_review.submitted_at', 'desc')
        .orderBy('model_review.id', 'desc')
        .limit(page.limit + 1)
        .execute();
    },

    async findAll(ids: readonly string[]): Promise<ModelRow[]> {
      return ids.length === 0 ? [] : pool.selectFrom('model').selectAll().where('id', 'in', ids).execute();
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
      const rows = await on(trx).deleteFrom('model_upload').where('upload_id', '=', uploadId).returning('path').execute();
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
