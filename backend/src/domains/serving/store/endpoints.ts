import { sql, type Kysely, type Selectable, type Updateable } from 'kysely';
import type { Environment } from '@llm-ops/contracts';
import type { Scope } from '#platform/access';
import type { Cursor } from '#platform/http';
import { visible } from './scope.ts';
import type { ServingTables, Usage } from './tables.ts';
import type { EndpointStatus, RevisionReason, ServingSpec, Visibility } from '../types.ts';

export type EndpointRow = Selectable<ServingTables['endpoint']>;
export type RevisionRow = Selectable<ServingTables['revision']> & Selectable<ServingTables['revision_state']>;
/** An endpoint with the revision that is wanted. */
export type EndpointWithTarget = EndpointRow & {
  runtime: string;
  model_id: string;
  model_name: string;
  version: string;
  artifact_digest: string | null;
  spec: ServingSpec;
};

/** A pool or a transaction. */
export type Connection = Kysely<never> | Kysely<unknown> | Kysely<object>;
export const on = (connection: Connection) => (connection as Kysely<object>).$extendTables<ServingTables>();
export const json = (value: unknown) => JSON.stringify(value);

const endpoints = (connection: Connection) =>
  on(connection)
    .selectFrom('endpoint as e')
    .innerJoin('revision as r', (join) =>
      join.onRef('r.endpoint_id', '=', 'e.id').onRef('r.number', '=', 'e.target_revision'),
    )
    .where('e.deleted_at', 'is', null)
    .selectAll('e')
    .select(['r.runtime', 'r.model_id', 'r.model_name', 'r.version', 'r.artifact_digest', 'r.spec']);

export async function findEndpoint(connection: Connection, id: string): Promise<EndpointWithTarget | null> {
  return (await endpoints(connection).where('e.id', '=', id).executeTakeFirst()) ?? null;
}

/** Holds the row for the transaction, so that two changes follow each other. */
export async function lockEndpoint(trx: Connection, id: string): Promise<EndpointWithTarget | null> {
  return (await endpoints(trx).where('e.id', '=', id).forUpdate('e').executeTakeFirst()) ?? null;
}

export function listEndpoints(
  connection: Connection,
  scope: Scope,
  filter: {
    environment?: Environment | undefined;
    modelId?: string | undefined;
    status?: EndpointStatus | undefined;
    after: Cursor | null;
    limit: number;
  },
): Promise<EndpointWithTarget[]> {
  const { environment, modelId, status, after } = filter;
  return endpoints(connection)
    .where(visible(scope, 'e', endpointFields))
    .$if(environment !== undefined, (query) => query.where('e.environment', '=', environment!))
    .$if(modelId !== undefined, (query) => query.where('r.model_id', '=', modelId!))
    .$if(status !== undefined, (query) => query.where('e.status', '=', status!))
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(e.created_at, e.id) < (${after!.at}::timestamptz, ${after!.id}::uuid)`),
    )
    .orderBy('e.created_at', 'desc')
    .orderBy('e.id', 'desc')
    .limit(filter.limit + 1)
    .execute();
}

const endpointFields: Record<string, string> = {
  id: 'e.id',
  name: 'e.name',
  route: 'e.route',
  environment: 'e.environment',
  status: 'e.status',
  modelId: 'r.model_id',
  modelName: 'r.model_name',
  version: 'r.version',
};

export interface NewRevision {
  spec: ServingSpec;
  runtime: string;
  artifactDigest: string | null;
  reason: RevisionReason;
  rolledBackTo: number | null;
  parityNote: string | null;
  createdBy: string;
  /** an external model is served at once */
  live: boolean;
}

export interface NewEndpoint {
  id: string;
  name: string;
  route: string;
  environment: Environment;
  team: string;
  project: string | null;
  visibility: Visibility;
  min_replicas: number;
  max_replicas: number;
  autoscale_policy: string | null;
  prompt_policy_id: string | null;
  rollback_plan: string;
  created_by: string;
}

/** Adds the endpoint with its first revision. */
export async function insertEndpoint(trx: Connection, row: NewEndpoint, revision: NewRevision): Promise<void> {
  await on(trx)
    .insertInto('endpoint')
    .values({
      ...row,
      target_revision: 1,
      live_revision: revision.live ? 1 : 0,
      status: revision.live ? 'healthy' : 'deploying',
      ...(revision.live ? { replicas: json({ total: 1, ready: 1, available: 1 }) } : {}),
    })
    .execute();
  await insertRevision(trx, row.id, revision);
}

export async function insertRevision(trx: Connection, endpointId: string, revision: NewRevision): Promise<void> {
  const { spec } = revision;
  await on(trx)
    .insertInto('revision')
    .values({
      id: spec.revisionId,
      endpoint_id: endpointId,
      number: spec.number,
      runtime: revision.runtime,
      model_id: spec.model.id,
      model_name: spec.model.name,
      version: spec.model.version,
      artifact_digest: revision.artifactDigest,
      spec: json(spec),
      reason: revision.reason,
      rolled_back_to: revision.rolledBackTo,
      parity_note: revision.parityNote,
      created_by: revision.createdBy,
    })
    .execute();
  await on(trx)
    .insertInto('revision_state')
    .values({
      revision_id: spec.revisionId,
      state: revision.live ? 'live' : 'pending',
      ...(revision.live
        ? { live_at: sql<Date>`clock_timestamp()` as never, started_at: sql<Date>`clock_timestamp()` as never }
        : {}),
    })
    .execute();
}

/** Changes what is desired; the generation tells the reconciler. */
export async function updateEndpoint(
  trx: Connection,
  id: string,
  changes: Updateable<ServingTables['endpoint']>,
  options: { generation: boolean },
): Promise<void> {
  await on(trx)
    .updateTable('endpoint')
    .set({
      ...changes,
      ...(options.generation ? { generation: sql<number>`generation + 1` } : {}),
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', id)
    .execute();
}

const revisions = (connection: Connection) =>
  on(connection)
    .selectFrom('revision as r')
    .innerJoin('revision_state as s', 's.revision_id', 'r.id')
    .selectAll('r')
    .selectAll('s');

export async function findRevision(
  connection: Connection,
  endpointId: string,
  number: number,
): Promise<RevisionRow | null> {
  const query = revisions(connection).where('r.endpoint_id', '=', endpointId).where('r.number', '=', number);
  return (await query.executeTakeFirst()) ?? null;
}

export function revisionsOf(
  connection: Connection,
  endpointId: string,
  page?: { after: Cursor | null; limit: number },
): Promise<RevisionRow[]> {
  return revisions(connection)
    .where('r.endpoint_id', '=', endpointId)
    .$if(page !== undefined && page.after !== null, (query) =>
      query.where('r.number', '<', (inner) =>
        inner.selectFrom('revision').select('number').where('id', '=', page!.after!.id),
      ),
    )
    .$if(page !== undefined, (query) => query.limit(page!.limit + 1))
    .orderBy('r.number', 'desc')
    .execute();
}

/** Endpoints of one name or one model in an environment, the newest first; for drift. */
export function endpointsLike(
  connection: Connection,
  environment: Environment,
  like: { name: string; modelName: string },
): Promise<EndpointWithTarget[]> {
  return endpoints(connection)
    .where('e.environment', '=', environment)
    .where('e.desired', '<>', 'deleted')
    .where((where) => where.or([where('e.name', '=', like.name), where('r.model_name', '=', like.modelName)]))
    .orderBy(sql`e.name = ${like.name}`, 'desc')
    .orderBy('e.created_at', 'desc')
    .execute();
}

export async function endpointNamed(
  connection: Connection,
  environment: Environment,
  name: string,
): Promise<EndpointWithTarget | null> {
  const query = endpoints(connection).where('e.environment', '=', environment).where('e.name', '=', name);
  return (await query.executeTakeFirst()) ?? null;
}

export function allEndpoints(connection: Connection, scope: Scope): Promise<EndpointWithTarget[]> {
  return endpoints(connection)
    .where('e.desired', '<>', 'deleted')
    .where(visible(scope, 'e', endpointFields))
    .orderBy('e.created_at', 'desc')
    .limit(2000)
    .execute();
}

/** Endpoints of one runtime, the newest first. */
export function endpointsOfRuntime(
  connection: Connection,
  scope: Scope,
  runtime: string,
): Promise<EndpointWithTarget[]> {
  return endpoints(connection)
    .where('r.runtime', '=', runtime)
    .where(visible(scope, 'e', endpointFields))
    .orderBy('e.created_at', 'desc')
    .orderBy('e.id', 'desc')
    .limit(2000)
    .execute();
}

/** How many endpoints a team has on a runtime, and how many GPUs they may grow to. */
export async function usageOfTeam(
  connection: Connection,
  runtime: string,
  team: string,
): Promise<{ endpoints: number; gpus: number }> {
  const row = await on(connection)
    .selectFrom('endpoint as e')
    .innerJoin('revision as r', (join) =>
      join.onRef('r.endpoint_id', '=', 'e.id').onRef('r.number', '=', 'e.target_revision'),
    )
    .where('e.deleted_at', 'is', null)
    .where('e.desired', '<>', 'deleted')
    .where('e.team', '=', team)
    .where('r.runtime', '=', runtime)
    .select(sql<number>`count(*)::int`.as('endpoints'))
    .select(sql<number>`coalesce(sum((r.spec ->> 'gpuCount')::int * e.max_replicas), 0)::int`.as('gpus'))
    .executeTakeFirstOrThrow();
  return row;
}

/** Endpoints that are not deleted and have this model wanted, live or still in a runtime. */
export function endpointsOfModel(connection: Connection, modelId: string) {
  return on(connection)
    .selectFrom('endpoint as e')
    .innerJoin('revision as r', 'r.endpoint_id', 'e.id')
    .innerJoin('revision_state as s', 's.revision_id', 'r.id')
    .where('e.deleted_at', 'is', null)
    .where('r.model_id', '=', modelId)
    .where((where) =>
      where.or([
        where('r.number', '=', where.ref('e.target_revision')),
        where('r.number', '=', where.ref('e.live_revision')),
        where('s.state', 'in', ['pending', 'starting', 'verifying', 'live', 'draining']),
      ]),
    )
    .select(['e.id', 'e.name', 'e.environment', 'e.status'])
    .distinct()
    .orderBy('e.name')
    .execute();
}

export async function insertVerification(
  connection: Connection,
  row: {
    id: string;
    endpointId: string;
    revision: number;
    ok: boolean;
    message: string;
    latencyMs: number;
    completion: string | null;
    usage: Usage | null;
    requestedBy: string;
  },
): Promise<Date> {
  const { at } = await on(connection)
    .insertInto('verification')
    .values({
      id: row.id,
      endpoint_id: row.endpointId,
      revision: row.revision,
      ok: row.ok,
      message: row.message,
      latency_ms: row.latencyMs,
      completion: row.completion,
      usage: row.usage === null ? null : json(row.usage),
      requested_by: row.requestedBy,
    })
    .returning('at')
    .executeTakeFirstOrThrow();
  return at;
}

/** Wakes the reconcilers and route tables of every server. */
export async function tellServing(connection: Connection, endpointId: string): Promise<void> {
  await sql`select pg_notify('serving', ${endpointId})`.execute(on(connection));
}
