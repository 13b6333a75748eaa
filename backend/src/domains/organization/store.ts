import type { ModelRequirements, OrganizationModel } from '@llm-ops/contracts';
import { sql, type ColumnType, type Generated, type Kysely, type Selectable } from 'kysely';
import type { z } from 'zod';

export type Requirements = z.infer<typeof ModelRequirements>;

interface OrganizationModelTable {
  endpoint_id: string;
  display_name: string;
  description: string;
  model_type: OrganizationModel['model_type'];
  huggingface_id: string;
  requirements: ColumnType<Requirements, string, string>;
  updated_at: Generated<Date>;
}

export type ModelRow = Selectable<OrganizationModelTable>;
/** A pool or a transaction. */
export type Connection = Kysely<never> | Kysely<unknown> | Kysely<object>;

const on = (connection: Connection) =>
  (connection as Kysely<object>).$extendTables<{ organization_model: OrganizationModelTable }>();

/** By the ids of their endpoints. */
export async function modelsOf(connection: Connection, ids: readonly string[]): Promise<Map<string, ModelRow>> {
  if (ids.length === 0) return new Map();
  const query = on(connection).selectFrom('organization_model').selectAll().where('endpoint_id', 'in', ids);
  return new Map((await query.execute()).map((row) => [row.endpoint_id, row]));
}

export async function putModel(trx: Connection, row: Omit<ModelRow, 'updated_at'>): Promise<ModelRow> {
  const values = { ...row, requirements: JSON.stringify(row.requirements) };
  return on(trx)
    .insertInto('organization_model')
    .values(values)
    .onConflict((conflict) =>
      conflict.column('endpoint_id').doUpdateSet({ ...values, updated_at: sql<Date>`clock_timestamp()` }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}
