import { sql, type Insertable, type Selectable, type Updateable } from 'kysely';
import type { ChangeStatus, Environment } from '@llm-ops/contracts';
import type { Scope } from '#platform/access';
import type { Cursor } from '#platform/http';
import { visible } from './scope.ts';
import { on, type Connection } from './endpoints.ts';
import type { ServingTables } from './tables.ts';

export type ChangeRow = Selectable<ServingTables['change_request']>;

/** columns that policies about endpoints match */
const fields: Record<string, string> = {
  id: 'change_request.endpoint_id',
  name: 'change_request.name',
  route: 'change_request.route',
  environment: 'change_request.environment',
  modelId: 'change_request.model_id',
  modelName: 'change_request.model_name',
  version: 'change_request.model_version',
};

export function listChanges(
  connection: Connection,
  scope: Scope,
  filter: {
    status?: ChangeStatus | undefined;
    environment?: Environment | undefined;
    endpointId?: string | undefined;
    after: Cursor | null;
    limit: number;
  },
): Promise<ChangeRow[]> {
  const { status, environment, endpointId, after } = filter;
  return on(connection)
    .selectFrom('change_request')
    .selectAll()
    .where(visible(scope, 'change_request', fields))
    .$if(status !== undefined, (query) => query.where('status', '=', status!))
    .$if(environment !== undefined, (query) => query.where('environment', '=', environment!))
    .$if(endpointId !== undefined, (query) =>
      query.where((where) =>
        where.or([where('endpoint_id', '=', endpointId!), where('source_endpoint_id', '=', endpointId!)]),
      ),
    )
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(created_at, id) < (${after!.at}::timestamptz, ${after!.id}::uuid)`),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit + 1)
    .execute();
}

/** Those that are neither carried out nor given up, newest first. */
export function pendingChanges(connection: Connection, scope: Scope): Promise<ChangeRow[]> {
  return on(connection)
    .selectFrom('change_request')
    .selectAll()
    .where(visible(scope, 'change_request', fields))
    .where('status', 'in', ['open', 'approved', 'changes_requested'])
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
}

/** `lock`: held for the transaction, so that two decisions follow each other. */
export async function findChange(
  connection: Connection,
  id: string,
  { lock = false }: { lock?: boolean } = {},
): Promise<ChangeRow | null> {
  const query = on(connection).selectFrom('change_request').selectAll().where('id', '=', id);
  return (await (lock ? query.forUpdate() : query).executeTakeFirst()) ?? null;
}

export function insertChange(trx: Connection, row: Insertable<ServingTables['change_request']>): Promise<ChangeRow> {
  return on(trx).insertInto('change_request').values(row).returningAll().executeTakeFirstOrThrow();
}

export function updateChange(
  trx: Connection,
  id: string,
  changes: Updateable<ServingTables['change_request']>,
): Promise<ChangeRow> {
  return on(trx)
    .updateTable('change_request')
    .set(changes)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Of the database, which all servers share. */
export async function databaseNow(connection: Connection): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(on(connection));
  return rows[0]!.now;
}
