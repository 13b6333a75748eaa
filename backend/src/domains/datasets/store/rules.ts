import { sql } from 'kysely';
import { on, type Connection, type PiiRuleRow } from './tables.ts';

export function createRuleStore(kysely: Connection) {
  return {
    /** Everybody's and those of `teams` (null: of every team), by name. */
    async list(teams: readonly string[] | null): Promise<PiiRuleRow[]> {
      let query = on(kysely).selectFrom('pii_rule').selectAll();
      if (teams !== null)
        query = query.where((eb) => eb.or([eb('team', 'is', null), sql<boolean>`team = any(${[...teams]}::text[])`]));
      return query.orderBy('name').orderBy('created_at').limit(1000).execute();
    },

    /** null: there is one of that name in the team already. */
    async insert(trx: Connection, row: Omit<PiiRuleRow, 'created_at'>): Promise<PiiRuleRow | null> {
      const inserted = await on(trx)
        .insertInto('pii_rule')
        // the column is a `real`, which PostgreSQL refuses to make of what is too small for one
        .values({ ...row, confidence: Math.fround(row.confidence) })
        .onConflict((conflict) => conflict.doNothing())
        .returningAll()
        .executeTakeFirst();
      return inserted ?? null;
    },

    async lock(trx: Connection, id: string): Promise<PiiRuleRow | null> {
      const query = on(trx).selectFrom('pii_rule').selectAll().where('id', '=', id);
      return (await query.forUpdate().executeTakeFirst()) ?? null;
    },

    async remove(trx: Connection, id: string): Promise<void> {
      await on(trx).deleteFrom('pii_rule').where('id', '=', id).execute();
    },
  };
}
