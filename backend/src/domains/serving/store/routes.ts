import { sql, type Insertable, type Kysely, type Selectable, type Updateable } from 'kysely';
import type { Environment } from '@llm-ops/contracts';
import type { Scope } from '#platform/access';
import type { Cursor } from '#platform/http';
import { visible } from './scope.ts';
import { on, type Connection } from './endpoints.ts';
import type { ServingTables } from './tables.ts';
import type { EndpointStatus, ServingSpec, Visibility } from '../types.ts';

export type RouteRow = Selectable<ServingTables['route']>;

const fields = { id: 'route.id', name: 'route.name', environment: 'route.environment' };

export function listRoutes(
  connection: Connection,
  scope: Scope,
  filter: { environment?: Environment | undefined; name?: string | undefined; after: Cursor | null; limit: number },
): Promise<RouteRow[]> {
  const { environment, name, after } = filter;
  return on(connection)
    .selectFrom('route')
    .where(visible(scope, 'route', fields))
    .$if(environment !== undefined, (query) => query.where('environment', '=', environment!))
    .$if(name !== undefined, (query) => query.where('name', '=', name!))
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(created_at, id) < (${after!.at}::timestamptz, ${after!.id}::uuid)`),
    )
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit + 1)
    .execute();
}

export async function findRoute(connection: Connection, id: string): Promise<RouteRow | null> {
  return (await on(connection).selectFrom('route').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
}

/** In every environment that has it. */
export function routesNamed(connection: Connection, name: string): Promise<RouteRow[]> {
  return on(connection).selectFrom('route').selectAll().where('name', '=', name).execute();
}

/** null when the name is taken in that environment. */
export async function insertRoute(trx: Connection, row: Insertable<ServingTables['route']>): Promise<RouteRow | null> {
  const inserted = await on(trx)
    .insertInto('route')
    .values(row)
    .onConflict((conflict) => conflict.columns(['environment', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted ?? null;
}

export async function updateRoute(
  trx: Connection,
  id: string,
  changes: Updateable<ServingTables['route']>,
): Promise<RouteRow | null> {
  const row = await on(trx)
    .updateTable('route')
    .set({ ...changes, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

export async function deleteRoute(trx: Connection, id: string): Promise<void> {
  await on(trx).deleteFrom('route').where('id', '=', id).execute();
}

/** An endpoint with one of its revisions, as the gateway routes to it. */
export interface RoutedRevision {
  endpointId: string;
  number: number;
  revisionId: string;
  runtime: string;
  modelId: string;
  modelName: string;
  version: string;
  external: boolean;
  /** only of revisions that each server attaches to by itself */
  spec: ServingSpec | null;
}
export interface RoutedEndpoint {
  id: string;
  environment: Environment;
  team: string;
  project: string | null;
  visibility: Visibility;
  createdBy: string;
  status: EndpointStatus;
  liveRevision: number;
  targetRevision: number;
  /** a revision that gets a share of what goes to the live one, in percent */
  canary: { revision: number; weight: number } | null;
  promptPolicyId: string | null;
  createdAt: Date;
}

/**
 * Everything that routing needs, in a few queries of one snapshot; or `only` routes of these ids and those that lead to these endpoints, with
 * all endpoints that they lead to. `version` is that of everything, '' where only some was read.
 */
export async function loadRouting(
  connection: Connection,
  only?: { routes: readonly string[]; endpoints: readonly string[] },
): Promise<{ routes: RouteRow[]; endpoints: RoutedEndpoint[]; revisions: RoutedRevision[]; version: string }> {
  return on(connection)
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      const plain = trx as unknown as Kysely<object>;
      const version = only === undefined ? await routingVersion(plain) : '';
      const routes = await routesFor(plain, only);
      const targets = routes.flatMap((route) => route.targets.map(({ endpointId }) => endpointId));
      const ids = only && [...new Set([...only.endpoints, ...targets])];
      const found = await trx
        .selectFrom('endpoint')
        .leftJoin('canary as c', (join) =>
          join.onRef('c.endpoint_id', '=', 'endpoint.id').on('c.state', '=', 'running').on('c.weight', '>', '0'),
        )
        .where('deleted_at', 'is', null)
        .$if(ids !== undefined, (query) => query.where('id', '=', sql<string>`any(${ids}::uuid[])`))
        .select([
          'id',
          'environment',
          'team',
          'project',
          'visibility',
          'c.revision as shared',
          'c.weight as share',
          'endpoint.created_by as createdBy',
          'live_revision as liveRevision',
          'target_revision as targetRevision',
          'prompt_policy_id as promptPolicyId',
          'endpoint.created_at as createdAt',
        ])
        .select(
          sql<EndpointStatus>`case when desired = 'deleted' then 'deleting' when desired = 'stopped' then 'stopped' else endpoint.status end`.as(
            'status',
          ),
        )
        .execute();
      const endpoints = found.map(({ shared, share, ...rest }) => ({
        ...rest,
        canary: shared === null || share === null ? null : { revision: shared, weight: Number(share) },
      }));
      const revisions = await trx
        .selectFrom('revision as r')
        .innerJoin('revision_state as s', 's.revision_id', 'r.id')
        .innerJoin('endpoint as e', 'e.id', 'r.endpoint_id')
        .where('e.deleted_at', 'is', null)
        .$if(ids !== undefined, (query) => query.where('e.id', '=', sql<string>`any(${ids}::uuid[])`))
        .where((where) =>
          where.or([where('s.state', '=', 'live'), sql<boolean>`r.number in (e.target_revision, e.live_revision)`]),
        )
        .select([
          'r.endpoint_id as endpointId',
          'r.number',
          'r.id as revisionId',
          'r.runtime',
          'r.model_id as modelId',
          'r.model_name as modelName',
          'r.version',
        ])
        .select(sql<boolean>`r.spec->'model'->>'type' = 'external'`.as('external'))
        .select(sql<ServingSpec | null>`case when r.spec->'model'->>'type' = 'external' then r.spec end`.as('spec'))
        .execute();
      return { routes, endpoints, revisions, version };
    });
}

async function routesFor(
  trx: Connection,
  only: { routes: readonly string[]; endpoints: readonly string[] } | undefined,
): Promise<RouteRow[]> {
  const all = on(trx).selectFrom('route').selectAll();
  if (only === undefined) return all.execute();
  // by the index of targets
  const leading = sql<string>`(select route.id from unnest(${only.endpoints}::text[]) as wanted (id)
    join route on targets @> jsonb_build_array(jsonb_build_object('endpointId', wanted.id)))`;
  return all
    .where((where) =>
      where.or([where('id', '=', sql<string>`any(${only.routes}::uuid[])`), where('id', 'in', leading)]),
    )
    .execute();
}

/** A text that is another when anything that routing needs is another; costs the database a few milliseconds for a thousand routes. */
export async function routingVersion(connection: Connection): Promise<string> {
  const sum = (text: ReturnType<typeof sql>) => sql`coalesce(sum(hashtextextended(${text}, 0)), 0)`;
  const ofEndpoint = sql`concat_ws(' ', id, environment, team, project, visibility, desired, status, live_revision, target_revision, prompt_policy_id)`;
  const { rows } = await sql<{ version: string }>`select concat_ws(' ',
    (select ${sum(sql`route::text`)} from route),
    (select ${sum(ofEndpoint)} from endpoint where deleted_at is null),
    (select ${sum(sql`revision_id::text`)} from revision_state where state = 'live'),
    (select ${sum(sql`concat_ws(' ', endpoint_id, revision, weight)`)} from canary where state = 'running')) as version`.execute(
    on(connection),
  );
  return rows[0]!.version;
}
