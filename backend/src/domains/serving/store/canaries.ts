import { sql, type Selectable } from 'kysely';
import type { Comparison, Tolerance } from '../rollout/judge.ts';
import { json, on, type Connection } from './endpoints.ts';
import type { ServingTables } from './tables.ts';

export type CanaryRow = Selectable<ServingTables['canary']>;

/** A revision that gets a share of the traffic, or is to get one when it is ready. */
export interface CanaryView extends Tolerance {
  revision: number;
  stable: number;
  /** percent; 0 before it is ready */
  weight: number;
  weightSince: Date | null;
  steps: readonly number[];
  automatic: boolean;
  stepSeconds: number;
}

const open = ['waiting', 'running'] as const;

export async function insertCanary(
  trx: Connection,
  row: {
    endpointId: string;
    revision: number;
    stable: number;
    steps: readonly number[];
    automatic: boolean;
    stepSeconds: number;
    createdBy: string;
  } & Tolerance,
): Promise<void> {
  await on(trx)
    .insertInto('canary')
    .values({
      endpoint_id: row.endpointId,
      revision: row.revision,
      stable: row.stable,
      steps: json(row.steps),
      automatic: row.automatic,
      step_seconds: row.stepSeconds,
      minimum_requests: row.minimumRequests,
      more_errors: String(row.moreErrors),
      slower: String(row.slower),
      created_by: row.createdBy,
    })
    .execute();
}

/** The open one, else the newest. */
export async function findCanary(connection: Connection, endpointId: string): Promise<CanaryRow | null> {
  const row = await on(connection)
    .selectFrom('canary')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** Those that are open, of all endpoints or some, by endpoint. */
export async function openCanaries(
  connection: Connection,
  endpointIds?: readonly string[],
): Promise<Map<string, CanaryView>> {
  const rows = await on(connection)
    .selectFrom('canary')
    .selectAll()
    .where('state', 'in', open)
    .$if(endpointIds !== undefined, (query) => query.where('endpoint_id', 'in', endpointIds!))
    .execute();
  return new Map(rows.map((row) => [row.endpoint_id, viewOf(row)]));
}

export const viewOf = (row: CanaryRow): CanaryView => ({
  revision: row.revision,
  stable: row.stable,
  weight: Number(row.weight),
  weightSince: row.weight_since,
  steps: row.steps,
  automatic: row.automatic,
  stepSeconds: row.step_seconds,
  minimumRequests: row.minimum_requests,
  moreErrors: Number(row.more_errors),
  slower: Number(row.slower),
});

/** Another share from now on; false when it is not open any more. */
export async function shareTraffic(
  trx: Connection,
  endpointId: string,
  revision: number,
  change: { weight?: number | undefined; automatic?: boolean | undefined; from?: number },
): Promise<boolean> {
  const { weight, automatic, from } = change;
  const result = await on(trx)
    .updateTable('canary')
    .set({
      ...(weight === undefined
        ? {}
        : { weight: String(weight), weight_since: sql<Date>`clock_timestamp()`, state: 'running' }),
      ...(automatic === undefined ? {} : { automatic }),
    })
    .where('endpoint_id', '=', endpointId)
    .where('revision', '=', revision)
    .where('state', 'in', open)
    // what somebody has changed meanwhile by hand stays
    .$if(from !== undefined, (query) => query.where('weight', '=', String(from!)))
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Ends the open one of an endpoint, if there is one. */
export async function closeCanary(
  trx: Connection,
  endpointId: string,
  end: {
    state: 'promoted' | 'aborted' | 'superseded';
    by: string;
    reason?: string;
    message?: string;
    measured?: Comparison | null;
  },
): Promise<boolean> {
  const result = await on(trx)
    .updateTable('canary')
    .set({
      state: end.state,
      ...(end.state === 'promoted' ? { weight: '100' } : { weight: '0' }),
      reason: end.reason ?? null,
      message: end.message ?? null,
      measured: end.measured ? json(end.measured) : null,
      ended_by: end.by,
      ended_at: sql<Date>`clock_timestamp()`,
    })
    .where('endpoint_id', '=', endpointId)
    .where('state', 'in', open)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}
