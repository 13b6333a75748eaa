import { sql } from 'kysely';
import { idsBetween } from './ledger/days.ts';
import type { Executor } from './ledger/store.ts';

/** What the requests of a revision came to. */
export interface RevisionSample {
  revision: number;
  /** that it was asked, without those whose client went away, and with those that another revision answered after it had failed */
  requests: number;
  /** refused or failed: 400 and above, but 429 */
  errors: number;
  /** of what it answered, in ms; null: nothing yet */
  p50Ms: number | null;
  p95Ms: number | null;
  firstTokenP95Ms: number | null;
  /** answers slower than the p95 of the other revision and what is tolerated */
  slow: number;
}

export interface RevisionComparison {
  endpointId: string;
  stable: number;
  revision: number;
  from: Date;
  to: Date;
  /** percent above the p95 of `stable` that do not count as slow */
  slower: number;
}

/** Two revisions of an endpoint side by side, from the ledger: of all gateways. */
export async function compareRevisions(db: Executor, query: RevisionComparison): Promise<RevisionSample[]> {
  const { endpointId, stable, revision, from, to, slower } = query;
  const ids = idsBetween(from, to);
  const within = sql`id >= ${ids.from}::uuid and id < ${ids.to}::uuid and at >= ${from} and at < ${to}`;
  const { rows } = await sql<RevisionSample>`
    with asked as materialized (
      select revision, status, latency_ms, first_token_ms
      from usage_event
      where ${within} and endpoint_id = ${endpointId} and revision in (${stable}, ${revision})
        and forwarded and not cached and status not in (499, 598)
      union all
      select (try->>'revision')::int, coalesce((try->>'status')::int, 502), null, null
      from usage_event, jsonb_array_elements(decision->'attempts') as try
      where ${within} and decision is not null and try->>'endpoint_id' = ${endpointId}
        and (try->>'revision')::int in (${stable}, ${revision}) and try->>'outcome' in ('connect', 'error', 'timeout')
        and (usage_event.endpoint_id is distinct from ${endpointId}::uuid
          or usage_event.revision is distinct from (try->>'revision')::int)
    ), sums as (
      select
        revision, count(*)::float8 as requests,
        count(*) filter (where status >= 400 and status <> 429)::float8 as errors,
        percentile_cont(0.5) within group (order by latency_ms) filter (where status < 400) as p50,
        percentile_cont(0.95) within group (order by latency_ms) filter (where status < 400) as p95,
        percentile_cont(0.95) within group (order by first_token_ms) filter (where status < 400) as first_token
      from asked group by revision
    )
    select
      number as revision, coalesce(requests, 0) as requests, coalesce(errors, 0) as errors, p50 as "p50Ms", p95 as "p95Ms",
      first_token as "firstTokenP95Ms",
      (select count(*)::float8 from asked
       where asked.revision = number and asked.status < 400
         and asked.latency_ms > (select p95 from sums where sums.revision = ${stable}) * ${1 + slower / 100}::float8) as slow
    from unnest(array[${stable}::int, ${revision}::int]) as number left join sums on sums.revision = number`.execute(
    db,
  );
  return rows;
}
