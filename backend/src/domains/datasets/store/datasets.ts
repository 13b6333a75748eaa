import type { datasetRoutes, QueryOf } from '@llm-ops/contracts';
import { sql, type SqlBool, type Transaction } from 'kysely';
import { ownedRows, type Scope } from '#platform/access';
import { after } from '#platform/db';
import type { Cursor } from '#platform/http';
import { json, on, type Connection, type DatasetRow, type NewDataset } from './tables.ts';

type Filters = Omit<QueryOf<(typeof datasetRoutes)['listDatasets']>, 'limit' | 'cursor'> & {
  task?: string | undefined;
};

export interface PageOfRows {
  limit: number;
  cursor: Cursor | null;
}

export function createDatasetRows(kysely: Connection) {
  const pool = on(kysely);
  return {
    transaction: <T>(work: (trx: Transaction<unknown>) => Promise<T>): Promise<T> =>
      pool.transaction().execute((trx) => work(trx as unknown as Transaction<unknown>)),

    async find(id: string, trx: Connection = kysely): Promise<DatasetRow | null> {
      return (await on(trx).selectFrom('dataset').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
    },

    /** Locked until the transaction ends: files, results of a validation, card and status of one dataset change one after the other. */
    async lock(trx: Connection, id: string): Promise<DatasetRow | null> {
      return (
        (await on(trx).selectFrom('dataset').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()) ?? null
      );
    },

    /** null: there is one of that team, name and version already. */
    async insert(trx: Connection, row: NewDataset): Promise<DatasetRow | null> {
      const inserted = await on(trx)
        .insertInto('dataset')
        .values({ ...row, metadata: json(row.metadata), column_rules: json(row.column_rules) })
        .onConflict((conflict) => conflict.columns(['owner_team', 'name', 'version']).doNothing())
        .returningAll()
        .executeTakeFirst();
      return inserted ?? null;
    },

    async update(trx: Connection, id: string, change: Partial<NewDataset>): Promise<DatasetRow> {
      const { metadata, column_rules: rules, ...plain } = change;
      return on(trx)
        .updateTable('dataset')
        .set({
          ...plain,
          ...(metadata === undefined ? {} : { metadata: json(metadata) }),
          ...(rules === undefined ? {} : { column_rules: json(rules) }),
          updated_at: sql<Date>`now()`,
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
    },

    async remove(trx: Connection, id: string): Promise<void> {
      await on(trx).deleteFrom('dataset').where('id', '=', id).execute();
    },

    /** One row more than `page.limit`, newest first. */
    async list(scope: Scope, filters: Filters, page: PageOfRows): Promise<DatasetRow[]> {
      let query = pool.selectFrom('dataset').selectAll('dataset').where(ownedRows('dataset').within(scope));
      for (const field of ['type', 'status', 'owner_team', 'version', 'pii_scan_status', 'task'] as const) {
        const value = filters[field];
        if (value !== undefined) query = query.where(field, '=', value);
      }
      if (filters.name !== undefined)
        query = query.where(sql<SqlBool>`strpos(lower(name), lower(${filters.name})) > 0`);
      if (filters.min_quality_score !== undefined)
        query = query.where('quality_score', '>=', filters.min_quality_score);
      if (filters.max_quality_score !== undefined)
        query = query.where('quality_score', '<=', filters.max_quality_score);
      if (page.cursor) query = query.where(after('dataset.created_at', 'dataset.id', page.cursor));
      return query
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute();
    },

    /** All versions of one dataset, newest first; one row more than `page.limit`. */
    async versions(of: DatasetRow, scope: Scope, page: PageOfRows): Promise<DatasetRow[]> {
      let query = pool.selectFrom('dataset').selectAll('dataset').where(ownedRows('dataset').within(scope));
      query = query.where('owner_team', '=', of.owner_team).where('name', '=', of.name);
      if (page.cursor) query = query.where(after('dataset.created_at', 'dataset.id', page.cursor));
      return query
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(page.limit + 1)
        .execute();
    },

    async sibling(of: DatasetRow, version: string, trx: Connection = kysely): Promise<DatasetRow | null> {
      const query = on(trx).selectFrom('dataset').selectAll().where('owner_team', '=', of.owner_team);
      return (await query.where('name', '=', of.name).where('version', '=', version).executeTakeFirst()) ?? null;
    },

    async newestOf(team: string, name: string, trx: Connection = kysely): Promise<DatasetRow | null> {
      const query = on(trx).selectFrom('dataset').selectAll().where('owner_team', '=', team).where('name', '=', name);
      return (await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(1).executeTakeFirst()) ?? null;
    },

    async findAll(ids: readonly string[], trx: Connection = kysely): Promise<DatasetRow[]> {
      return ids.length === 0 ? [] : on(trx).selectFrom('dataset').selectAll().where('id', 'in', ids).execute();
    },

    /** Those that were made from this one: redacted, restored, imported again. */
    async madeFrom(id: string, most: number): Promise<DatasetRow[]> {
      const query = pool.selectFrom('dataset').selectAll().where('source_id', '=', id);
      return query.orderBy('created_at').limit(most).execute();
    },
  };
}
