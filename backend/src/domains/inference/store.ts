import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { Scope } from '#platform/access';
import { dayMs, hourMs, idsBetween, slackMs, type Day } from './ledger/days.ts';
import { bounds } from './ledger/histogram.ts';
import { newestArchived, type Executor } from './ledger/store.ts';
import { visible } from './log/scope.ts';

export interface UsageSummary {
  key: string;
  requests: number;
  errors: number;
  cached: number;
  prompt_tokens: number;
  completion_tokens: number;
  /** decimal */
  cost: string;
  mean_latency_ms: number | null;
}

const columnOf = {
  user: 'user_id',
  team: 'team',
  project: 'project',
  key: 'api_key_id',
  model: 'model_name',
  endpoint: 'endpoint_id',
  environment: 'environment',
  route: 'route',
} as const;

/** Parts of a time: whole hours come from their sums, what is left at both ends from single events. */
export interface Spans {
  hours: { from: Date; to: Date };
  events: { from: Date; to: Date }[];
}

/**
 * How a time is summed exactly. Of days whose events are archived there are sums by the hour alone: an hour that the time begins or
 * ends in counts whole there.
 */
export function spansOf(since: Date, until: Date, archivedUntil: Day | null): Spans {
  const [start, end] = [since.getTime(), until.getTime()];
  // an event's own time may lie that far from its id's, by which days are archived
  const kept = archivedUntil === null ? Number.NEGATIVE_INFINITY : (archivedUntil + 1) * dayMs + slackMs;
  const firstHour = start < kept ? Math.floor(start / hourMs) * hourMs : Math.ceil(start / hourMs) * hourMs;
  const lastHour = end < kept ? Math.ceil(end / hourMs) * hourMs : Math.floor(end / hourMs) * hourMs;
  if (firstHour >= lastHour)
    return { hours: { from: since, to: since }, events: end > start ? [{ from: since, to: until }] : [] };
  const edges = [
    { from: start, to: firstHour },
    { from: lastHour, to: end },
  ].filter(({ from, to }) => from < to);
  return {
    hours: { from: new Date(firstHour), to: new Date(lastHour) },
    events: edges.map(({ from, to }) => ({ from: new Date(from), to: new Date(to) })),
  };
}

export async function summarise(
  db: Executor,
  query: {
    group: keyof typeof columnOf;
    since: Date;
    until: Date;
    endpointId?: string | undefined;
    environment?: string | undefined;
    scope: Scope;
    limit: number;
  },
): Promise<UsageSummary[]> {
  const spans = spansOf(query.since, query.until, await newestArchived(db));
  const column = sql.ref(columnOf[query.group]);
  const whereOf = (table: string): RawBuilder<SqlBool> => {
    const parts = [visible(query.scope, table)];
    if (query.endpointId !== undefined) parts.push(sql`${sql.ref(`${table}.endpoint_id`)} = ${query.endpointId}`);
    if (query.environment !== undefined) parts.push(sql`${sql.ref(`${table}.environment`)} = ${query.environment}`);
    return sql`${sql.join(parts, sql` and `)}`;
  };
  const events = spans.events.map(({ from, to }) => {
    const ids = idsBetween(from, to);
    return sql`
      select ${column}::text, 1, (status >= 500)::int, cached::int, prompt_tokens, completion_tokens, cost, latency_ms
      from usage_event
      where id >= ${ids.from}::uuid and id < ${ids.to}::uuid and at >= ${from} and at < ${to} and ${whereOf('usage_event')}`;
  });
  const { rows } = await sql<UsageSummary>`
    select
      coalesce(key, '') as key, sum(requests)::float8 as requests, sum(errors)::float8 as errors, sum(cached)::float8 as cached,
      sum(prompt_tokens)::float8 as prompt_tokens, sum(completion_tokens)::float8 as completion_tokens,
      trim_scale(sum(cost))::text as cost, sum(latency_ms)::float8 / sum(requests)::float8 as mean_latency_ms
    from (
      ${sql.join(
        [
          sql`
            select ${column}::text as key, requests, errors, cached, prompt_tokens, completion_tokens, cost, latency_ms
            from usage_hour
            where hour >= ${spans.hours.from} and hour < ${spans.hours.to} and ${whereOf('usage_hour')}`,
          ...events,
        ],
        sql` union all `,
      )}
    ) as parts
    group by 1 order by 2 desc, 1 limit ${query.limit}`.execute(db);
  return rows;
}

export interface TrafficQuery {
  from: Date;
  to: Date;
  stepSeconds: number;
  environment?: string | undefined;
  route?: string | undefined;
}

/** Sums of a route in an environment, or of a step in time. */
export interface TrafficSums {
  route: string;
  environment: 'dev' | 'stg' | 'prod';
  /** start of the step */
  at: Date;
  requests: number;
  errors: number;
  refused: number;
  cached: number;
  prompt_tokens: number;
  completion_tokens: number;
  /** decimal */
  cost: string;
}

/** How many latencies of it lie in a bucket of the histogram; places count from 1. */
export interface TrafficBucket {
  route: string;
  environment: string;
  at: Date;
  kind: 'latency' | 'first_token';
  place: number;
  count: number;
}

/**
 * Traffic by route and environment, or by step: of all requests from the sums by minute, of those in a reader's `scope` from the events
 * themselves.
 */
export async function traffic(
  db: Executor,
  query: TrafficQuery,
  by: 'route' | 'step',
  scope: Scope | null,
): Promise<{ sums: TrafficSums[]; buckets: TrafficBucket[] }> {
  const step = sql`to_timestamp(floor(extract(epoch from time) / ${query.stepSeconds}::int) * ${query.stepSeconds}::int)`;
  const keys = by === 'route' ? sql`route, environment` : sql`${step} as at`;
  const of = scope === null ? minutesOf(query) : eventsOf(query, scope);
  const places = by === 'route' ? sql`1, 2` : sql`1`;
  const { rows: sums } = await sql<TrafficSums>`
    select
      ${keys}, sum(requests)::float8 as requests, sum(errors)::float8 as errors, sum(refused)::float8 as refused,
      sum(cached)::float8 as cached, sum(prompt_tokens)::float8 as prompt_tokens, sum(completion_tokens)::float8 as completion_tokens,
      trim_scale(sum(cost))::text as cost
    from (${of.sums}) as traffic group by ${places}`.execute(db);
  const { rows: buckets } = await sql<TrafficBucket>`
    select ${keys}, kind, place::int as place, sum(count)::float8 as count
    from (${of.buckets}) as traffic group by ${places}, kind, place`.execute(db);
  return { sums, buckets };
}

interface Source {
  sums: RawBuilder<unknown>;
  buckets: RawBuilder<unknown>;
}

function minutesOf(query: TrafficQuery): Source {
  const where = sql`minute >= ${query.from} and minute < ${query.to} and ${named(query)}`;
  return {
    sums: sql`select minute as time, * from usage_minute where ${where}`,
    buckets: sql`
      select minute as time, route, environment, kind, place, count
      from usage_minute, lateral (
        select 'latency', * from unnest(latency) with ordinality union all
        select 'first_token', * from unnest(first_token) with ordinality) as bucket (kind, count, place)
      where ${where} and count > 0`,
  };
}

function eventsOf(query: TrafficQuery, scope: Scope): Source {
  const ids = idsBetween(query.from, query.to);
  const where = sql`
    id >= ${ids.from}::uuid and id < ${ids.to}::uuid and at >= ${query.from} and at < ${query.to} and ${named(query)}
    and ${visible(scope, 'usage_event')}`;
  return {
    sums: sql`
      select
        at as time, route, environment, 1 as requests, (status >= 500)::int as errors,
        (not forwarded and status between 400 and 498)::int as refused, cached::int as cached, prompt_tokens, completion_tokens, cost
      from usage_event where ${where}`,
    buckets: sql`
      select at as time, route, environment, kind, width_bucket(ms, ${[...bounds]}::int[]) as place, 1 as count
      from usage_event, lateral (values ('latency', latency_ms), ('first_token', first_token_ms)) as measured (kind, ms)
      where ${where} and ms is not null and (forwarded or cached) and status not in (499, 598)`,
  };
}

const named = ({ environment, route }: TrafficQuery): RawBuilder<SqlBool> =>
  sql`${sql.join(
    [
      sql`true`,
      ...(environment === undefined ? [] : [sql`environment = ${environment}`]),
      ...(route === undefined ? [] : [sql`route = ${route}`]),
    ],
    sql` and `,
  )}`;

export interface GatewayRow {
  id: string;
  host: string;
  seen_at: Date;
  alive: boolean;
  in_flight: number;
  unsettled: number;
  open_breakers: { endpoint_id: string; address: string; until: string }[];
  /** of the last day */
  outage: { known_at: string; until: string } | null;
}

export async function listGateways(db: Executor): Promise<GatewayRow[]> {
  const { rows } = await sql<GatewayRow>`
    select
      gateway as id, host, seen_at, seen_at > now() - interval '10 seconds' as alive, in_flight, unsettled, open_breakers,
      case when (outage->>'until')::timestamptz > now() - interval '1 day' then outage end as outage
    from gateway_heartbeat where seen_at > now() - interval '1 day'
    order by alive desc, host, gateway`.execute(db);
  return rows;
}

export interface EndpointDay {
  endpoint_id: string;
  environment: 'dev' | 'stg' | 'prod';
  route: string;
  /** its start, UTC */
  day: Date;
  requests: number;
  errors: number;
  lost: number;
}

/** How many answers of it lie in a bucket of the histogram; places count from 1. */
export interface EndpointBucket {
  endpoint_id: string;
  environment: string;
  place: number;
  count: number;
}

/** How endpoints answered, of those that the reader may see a request of. `from` is a whole hour. */
export async function endpointAnswers(
  db: Executor,
  query: { from: Date; to: Date; environment?: string | undefined },
  scope: Scope | null,
): Promise<{ days: EndpointDay[]; buckets: EndpointBucket[] }> {
  const { from, to, environment } = query;
  const parts = [sql<SqlBool>`hour >= ${from} and hour < ${to}`];
  if (environment !== undefined) parts.push(sql<SqlBool>`environment = ${environment}`);
  if (scope !== null)
    parts.push(sql<SqlBool>`endpoint_id in (
      select endpoint_id from usage_hour where hour >= ${from} and hour < ${to} and ${visible(scope, 'usage_hour')})`);
  const where = sql.join(parts, sql` and `);
  const { rows: days } = await sql<EndpointDay>`
    select
      endpoint_id, environment, (array_agg(route order by hour desc))[1] as route, date_trunc('day', hour, 'UTC') as day,
      sum(requests)::float8 as requests, sum(errors)::float8 as errors, sum(lost)::float8 as lost
    from usage_endpoint_hour where ${where} group by endpoint_id, environment, day`.execute(db);
  const { rows: buckets } = await sql<EndpointBucket>`
    select endpoint_id, environment, place::int as place, sum(count)::float8 as count
    from usage_endpoint_hour, unnest(answer) with ordinality as bucket (count, place)
    where ${where} and count > 0 group by endpoint_id, environment, place`.execute(db);
  return { days, buckets };
}
