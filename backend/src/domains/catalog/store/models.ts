import { sql, type Selectable, type SqlBool, type Transaction } from 'kysely';
import { ownedRows, type Scope } from '#platform/access';
import { after } from '#platform/db';
import type { Cursor } from '#platform/http';
import type { Change } from '../rules.ts';
import {
  json,
  on,
  type Card,
  type ChangeTable,
  type Connection,
  type Filters,
  type ModelRow,
  type NewModel,
} from './tables.ts';

export function createModelStore(kysely: Connection) {
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

    /** Whether it is there; it stays as it is until the transaction ends, for many at once who only refer to it. */
    async hold(trx: Connection, id: string): Promise<boolean> {
      const query = on(trx).selectFrom('model').select('id').where('id', '=', id).forShare();
      return (await query.executeTakeFirst()) !== undefined;
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
      let query = pool.selectFrom('model').selectAll('model').where(ownedRows('model').within(scope));
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
      let query = pool.selectFrom('model').selectAll('model').where(ownedRows('model').within(scope));
      query = query.where('owner_team', '=', of.owner_team).where('name', '=', of.name);
      if (page.cursor) query = query.where(after('model.created_at', 'model.id', page.cursor));
      return query
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute();
    },

    /** Approved entries of a model of the hub, the newest first. */
    async approvedOfHub(scope: Scope, huggingfaceId: string, trx: Connection): Promise<ModelRow[]> {
      return on(trx)
        .selectFrom('model')
        .selectAll('model')
        .where(ownedRows('model').within(scope))
        .where('status', '=', 'approved')
        .where(sql<SqlBool>`metadata ->> 'huggingface_model_id' = ${huggingfaceId}`)
        .orderBy('created_at', 'desc')
        .limit(50)
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

    /** Those that name a dataset in their lineage. */
    async trainedOn(datasetId: string, trx: Connection): Promise<ModelRow[]> {
      const query = on(trx).selectFrom('model').selectAll();
      return query
        .where(sql<SqlBool>`lineage_dataset_ids @> array[${datasetId}]::uuid[]`)
        .orderBy('created_at')
        .limit(200)
        .execute();
    },

    async findAll(ids: readonly string[]): Promise<ModelRow[]> {
      return ids.length === 0 ? [] : pool.selectFrom('model').selectAll().where('id', 'in', ids).execute();
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
  };
}
