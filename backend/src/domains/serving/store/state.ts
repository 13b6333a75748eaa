import { sql, type Kysely, type Updateable } from 'kysely';
import type { EndpointView, RevisionView } from '../rollout/decide.ts';
import type { DriftRecord } from '../rollout/drift.ts';
import type { Status } from '../rollout/status.ts';
import { openCanaries } from './canaries.ts';
import { json, on, type Connection } from './endpoints.ts';
import type { ServingTables } from './tables.ts';
import type { ServingSpec } from '../types.ts';

export type StateChange = Omit<Updateable<ServingTables['revision_state']>, 'conditions' | 'last_logs'> & {
  conditions?: unknown[];
  last_logs?: string[];
};

export interface Seen {
  /** of the database */
  now: Date;
  endpoints: EndpointView[];
  specs: Map<string, ServingSpec>;
}

/** All that is decided on: the log lines of what failed are for people. */
const stateColumns = [
  's.state',
  's.message',
  's.conditions',
  's.crashes',
  's.verify_attempts',
  's.applied_generation',
  's.remove_attempts',
  's.failing_since',
  's.started_at',
  's.verified_at',
  's.live_at',
  's.draining_at',
  's.failed_at',
  's.remove_after',
  's.removed_at',
] as const;

/**
 * Endpoints with the revisions that matter now, as the reconciler decides on them; all, or some. Specifications never change and are most of
 * what a revision is: those in `known` are not read again.
 */
export async function loadEndpoints(
  connection: Connection,
  endpointIds?: readonly string[],
  known: ReadonlyMap<string, ServingSpec> = new Map(),
): Promise<Seen> {
  const db = on(connection);
  const rows = await db
    .selectFrom('endpoint')
    .where('deleted_at', 'is', null)
    .$if(endpointIds !== undefined, (query) => query.where('id', 'in', endpointIds!))
    .select([
      'id',
      'name',
      'environment',
      'desired',
      'desired_reason',
      'target_revision',
      'live_revision',
      'min_replicas',
      'max_replicas',
      'autoscale_policy',
      'generation',
      'status',
      'replicas',
      'conditions',
      'last_health_check',
      'drift',
    ])
    .select(sql<Date>`clock_timestamp()`.as('now'))
    .execute();
  if (rows.length === 0) return { now: new Date(0), endpoints: [], specs: new Map() };
  const pinned = await pinnedRevisions(connection, endpointIds);
  const canaries = await openCanaries(connection, endpointIds);
  const found = await db
    .selectFrom('revision as r')
    .innerJoin('revision_state as s', 's.revision_id', 'r.id')
    .innerJoin('endpoint as e', 'e.id', 'r.endpoint_id')
    .where('e.deleted_at', 'is', null)
    .$if(endpointIds !== undefined, (query) => query.where('e.id', 'in', endpointIds!))
    .where((where) =>
      where.or([
        where('s.removed_at', 'is', null),
        sql<boolean>`r.number in (e.target_revision, e.live_revision)`,
        sql<boolean>`r.number = (select max(number) from revision where endpoint_id = e.id)`,
        ...(pinned.length > 0
          ? [
              sql<boolean>`(r.endpoint_id, r.number) in (select * from unnest(${pinned.map((pin) => pin.endpointId)}::uuid[], ${pinned.map((pin) => pin.revision)}::int[]))`,
            ]
          : []),
      ]),
    )
    .select(['r.id', 'r.endpoint_id', 'r.number', 'r.runtime'])
    .select(stateColumns)
    .orderBy('r.number')
    .execute();
  const specs = await specsOf(
    connection,
    found.map(({ id }) => id),
    known,
  );
  const pins = Map.groupBy(pinned, ({ endpointId }) => endpointId);
  const byEndpoint = new Map<string, RevisionView[]>();
  for (const row of found) {
    const list = byEndpoint.get(row.endpoint_id) ?? [];
    byEndpoint.set(row.endpoint_id, list);
    list.push({
      id: row.id,
      number: row.number,
      runtime: row.runtime,
      external: specs.get(row.id)!.model.type === 'external',
      state: row.state,
      message: row.message,
      conditions: row.conditions,
      crashes: row.crashes,
      verifyAttempts: row.verify_attempts,
      appliedGeneration: row.applied_generation,
      removeAttempts: row.remove_attempts,
      failingSince: row.failing_since,
      startedAt: row.started_at,
      verifiedAt: row.verified_at,
      liveAt: row.live_at,
      drainingAt: row.draining_at,
      failedAt: row.failed_at,
      removeAfter: row.remove_after,
      removedAt: row.removed_at,
    });
  }
  return {
    now: rows[0]!.now,
    specs,
    endpoints: rows.map((row) => ({
      id: row.id,
      name: row.name,
      environment: row.environment,
      desired: row.desired,
      desiredReason: row.desired_reason,
      targetRevision: row.target_revision,
      liveRevision: row.live_revision,
      minReplicas: row.min_replicas,
      maxReplicas: row.max_replicas,
      autoscale: row.autoscale_policy,
      generation: row.generation,
      status: row.status,
      replicas: row.replicas,
      conditions: row.conditions,
      lastHealthCheck: row.last_health_check,
      drift: row.drift,
      canary: canaries.get(row.id) ?? null,
      revisions: byEndpoint.get(row.id) ?? [],
      pinned: (pins.get(row.id) ?? []).map(({ revision }) => revision),
    })),
  };
}

async function specsOf(
  connection: Connection,
  ids: readonly string[],
  known: ReadonlyMap<string, ServingSpec>,
): Promise<Map<string, ServingSpec>> {
  const missing = ids.filter((id) => !known.has(id));
  const rows =
    missing.length === 0
      ? []
      : await on(connection).selectFrom('revision').where('id', 'in', missing).select(['id', 'spec']).execute();
  const read = new Map(rows.map(({ id, spec }) => [id, spec]));
  return new Map(ids.map((id) => [id, known.get(id) ?? read.get(id)!]));
}

/** Of some by the index of targets: a look at one endpoint reads no other's routes. */
async function pinnedRevisions(
  connection: Connection,
  endpointIds: readonly string[] | undefined,
): Promise<{ endpointId: string; revision: number }[]> {
  const named =
    endpointIds === undefined
      ? sql`route`
      : sql`unnest(${endpointIds}::text[]) as wanted (id)
          join route on targets @> jsonb_build_array(jsonb_build_object('endpointId', wanted.id))`;
  const { rows } = await sql<{ endpointId: string; revision: number }>`
    select distinct target->>'endpointId' as "endpointId", (target->>'revision')::int as revision
    from ${named}, jsonb_array_elements(targets) as target
    where enabled and target->>'revision' is not null`.execute(on(connection));
  return rows;
}

/** Revisions of endpoints that are not deleted and may have something in a runtime. */
export async function openRevisionIds(connection: Connection): Promise<Set<string>> {
  const rows = await on(connection)
    .selectFrom('revision_state')
    .where('removed_at', 'is', null)
    .select('revision_id')
    .execute();
  return new Set(rows.map((row) => row.revision_id));
}

export async function changeState(connection: Connection, revisionId: string, change: StateChange): Promise<void> {
  const { conditions, last_logs, ...rest } = change;
  await on(connection)
    .updateTable('revision_state')
    .set({
      ...rest,
      ...(conditions === undefined ? {} : { conditions: json(conditions) }),
      ...(last_logs === undefined ? {} : { last_logs: json(last_logs) }),
    })
    .where('revision_id', '=', revisionId)
    .execute();
}

/** The traffic goes to another revision (0: to none): one row. Only while `from` still has it. `again`: what is live is applied once more. */
export async function moveTraffic(
  trx: Connection,
  endpointId: string,
  change: { live: number; target?: number; from: number; again?: boolean },
): Promise<boolean> {
  const result = await on(trx)
    .updateTable('endpoint')
    .set({
      live_revision: change.live,
      ...(change.again === true ? { generation: sql<number>`generation + 1` } : {}),
      ...(change.target === undefined ? {} : { target_revision: change.target }),
      // what was told while another one served is not true of this one; the look that follows tells what is
      conditions: json([]),
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', endpointId)
    .where('live_revision', '=', change.from)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** A rollout is given up: what was live is wanted again, unless somebody has asked for something newer meanwhile. */
export async function returnTarget(trx: Connection, endpointId: string, from: number, to: number): Promise<void> {
  await on(trx)
    .updateTable('endpoint')
    .set({ target_revision: to, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', endpointId)
    .where('target_revision', '=', from)
    .execute();
}

export async function writeStatus(
  connection: Connection,
  endpointId: string,
  status: Status,
  checkedAt: Date | null,
): Promise<void> {
  await on(connection)
    .updateTable('endpoint')
    .set({
      status: status.status,
      replicas: json(status.replicas),
      conditions: json(status.conditions),
      ...(checkedAt === null ? {} : { last_health_check: checkedAt }),
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', endpointId)
    .execute();
}

/** What others have changed of its objects, as last seen; null: nothing. */
export async function writeDrift(trx: Connection, endpointId: string, drift: DriftRecord | null): Promise<void> {
  await on(trx)
    .updateTable('endpoint')
    .set({ drift: drift === null ? null : json(drift) })
    .where('id', '=', endpointId)
    .execute();
}

/** Only the times of the last good looks, by endpoint. */
export async function writeHealthChecks(connection: Connection, checks: ReadonlyMap<string, Date>): Promise<void> {
  await sql`
    update endpoint set last_health_check = seen.at
    from unnest(${[...checks.keys()]}::uuid[], ${[...checks.values()]}::timestamptz[]) as seen (id, at)
    where endpoint.id = seen.id`.execute(on(connection));
}

/** Ends an endpoint: its row stays for history, its names are free again. Returns who asked for it. */
export async function markDeleted(trx: Connection, endpointId: string): Promise<string | null> {
  const db = on(trx);
  const row = await db
    .updateTable('endpoint')
    .set({ deleted_at: sql<Date>`clock_timestamp()`, conditions: json([]), updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', endpointId)
    .where('deleted_at', 'is', null)
    .returning('deleted_by')
    .executeTakeFirst();
  await dropTargets(db as unknown as Kysely<object>, endpointId);
  return row?.deleted_by ?? null;
}

async function dropTargets(connection: Kysely<object>, endpointId: string): Promise<void> {
  await sql`
    update route set updated_at = clock_timestamp(), targets = coalesce(
      (select jsonb_agg(target) from jsonb_array_elements(targets) as target where target->>'endpointId' <> ${endpointId}), '[]')
    where targets @> jsonb_build_array(jsonb_build_object('endpointId', ${endpointId}::text))`.execute(connection);
  await sql`delete from route where targets = '[]'`.execute(connection);
}
