import { sql, type Kysely } from 'kysely';
import type { NoTables } from '#platform/db';
import type { UsageEvent } from '../usage.ts';
import { floats, integers, texts, times, uuids } from './columns.ts';
import { dateOf, dayMs, firstIdAt, msOf, type Day } from './days.ts';
import type { EndpointRow, HourRow, MinuteRow } from './rollup.ts';
import { createSources, sourceFields, type ownFields } from './sources.ts';

/** The database or a transaction. */
export type Executor = Kysely<NoTables>;

/** Tables that have a partition a day. */
export type DailyTable = 'usage_event' | 'request_content';

/** Of an event's own what mostly is as in others of the same source. */
const outcomeFields = [
  'status',
  'error_code',
  'estimated',
  'finish_reason',
  'attempts',
] as const satisfies readonly (typeof ownFields)[number][];

const sameOutcome = (a: UsageEvent, b: UsageEvent): boolean =>
  a.status === b.status &&
  a.error_code === b.error_code &&
  a.estimated === b.estimated &&
  a.finish_reason === b.finish_reason &&
  a.attempts === b.attempts;

/** Events as they are sent to the database: what many have in common once, the rest in columns, which both sides take faster than rows. */
export interface EventColumns {
  add(event: UsageEvent): void;
  /** Of `insertEvents`, once all are there. */
  parameters(): { kinds: string; columns: Buffer[] };
}

/** Ids are UUIDs, times are times and tokens integers: whoever adds has looked. Milliseconds are floats, so that a fraction is rounded instead of refused. */
export function createEventColumns(count: number): EventColumns {
  const kinds = createSources(sameOutcome);
  const [kind, prompt, completion] = [integers(count), integers(count), integers(count)];
  const [latency, firstToken] = [floats(count), floats(count)];
  const [name, cost, trace, decision] = [texts(count), texts(count), texts(count), texts(count)];
  const [id, at] = [uuids(count), times(count)];
  return {
    add(event) {
      kind.add(kinds.numberOf(event));
      id.add(event.id);
      at.add(msOf(event.at));
      // one that brought none has its event's
      name.add(event.request_id === event.id ? null : event.request_id);
      prompt.add(event.prompt_tokens);
      completion.add(event.completion_tokens);
      cost.add(event.cost);
      latency.add(event.latency_ms);
      firstToken.add(event.first_token_ms);
      trace.add(event.trace_id);
      decision.add(event.decision);
    },
    parameters: () => ({
      kinds: JSON.stringify(
        kinds.all().map((event, number) => ({
          number,
          ...Object.fromEntries([...sourceFields, ...outcomeFields].map((field) => [field, event[field]])),
        })),
      ),
      columns: [kind, id, at, name, prompt, completion, cost, latency, firstToken, trace, decision].map((column) =>
        column.bytes(),
      ),
    }),
  };
}

/** Inserts those that are not there yet, in one statement, and answers which these are: the very list when it is all of them. */
export async function insertEvents(
  trx: Executor,
  events: readonly UsageEvent[],
  { kinds, columns }: ReturnType<EventColumns['parameters']>,
): Promise<readonly UsageEvent[]> {
  const { rows } = await sql<{ count: number; ids: string[] | null }>`
    with inserted as (
      insert into usage_event (
        id, at, gateway, request_id, user_id, team, project, api_key_id, route, environment, endpoint_id, model_id, model_name,
        model_version, provider, revision, operation, streamed, status, error_code, forwarded, prompt_tokens, completion_tokens,
        estimated, cached, cost, price, latency_ms, first_token_ms, finish_reason, attempts, trace_id, decision)
      select
        id, at, gateway, coalesce(request_id, id::text), user_id, team, project, api_key_id, route, environment, endpoint_id, model_id,
        model_name, model_version, provider, revision, operation, streamed, status, error_code, forwarded, prompt_tokens,
        completion_tokens, estimated, cached, cost::numeric, price, latency_ms, first_token_ms, finish_reason, attempts, trace_id,
        decision::jsonb
      from unnest(
        ${columns[0]}::integer[], ${columns[1]}::uuid[], ${columns[2]}::timestamptz[], ${columns[3]}::text[], ${columns[4]}::integer[],
        ${columns[5]}::integer[], ${columns[6]}::text[], ${columns[7]}::float8[], ${columns[8]}::float8[], ${columns[9]}::text[],
        ${columns[10]}::text[]
      ) as event (
        number, id, at, request_id, prompt_tokens, completion_tokens, cost, latency_ms, first_token_ms, trace_id, decision)
      join json_to_recordset(${kinds}::json) as kind (
        number integer, gateway text, user_id text, team text, project text, api_key_id uuid, route text, environment text,
        endpoint_id uuid, model_id uuid, model_name text, model_version text, provider text, revision integer, operation text,
        streamed boolean, forwarded boolean, cached boolean, price jsonb, status integer, error_code text, estimated boolean,
        finish_reason text, attempts integer) using (number)
      on conflict (id) do nothing
      returning id
    )
    select count(*)::int as count, case when count(*) < ${events.length}::int then array_agg(id::text) end as ids
    from inserted`.execute(trx);
  const { count, ids } = rows[0]!;
  if (count === events.length) return events;
  const fresh = new Set(ids);
  return events.filter((event) => fresh.delete(event.id));
}

export async function addMinutes(trx: Executor, minutes: readonly MinuteRow[]): Promise<void> {
  const sum = (column: 'latency' | 'first_token') => sql`(
    select array_agg(before + added order by place)
    from unnest(${sql.ref(`usage_minute.${column}`)}, ${sql.ref(`excluded.${column}`)}) with ordinality as pair (before, added, place))`;
  await sql`
    insert into usage_minute (
      minute, environment, route, requests, errors, refused, cached, prompt_tokens, completion_tokens, cost, latency, first_token)
    select
      minute, environment, route, requests, errors, refused, cached, prompt_tokens, completion_tokens, cost, latency, first_token
    from json_to_recordset(${JSON.stringify(minutes)}::json) as row (
      minute timestamptz, environment text, route text, requests integer, errors integer, refused integer, cached integer,
      prompt_tokens bigint, completion_tokens bigint, cost numeric, latency integer[], first_token integer[])
    on conflict (minute, environment, route) do update set
      requests = usage_minute.requests + excluded.requests,
      errors = usage_minute.errors + excluded.errors,
      refused = usage_minute.refused + excluded.refused,
      cached = usage_minute.cached + excluded.cached,
      prompt_tokens = usage_minute.prompt_tokens + excluded.prompt_tokens,
      completion_tokens = usage_minute.completion_tokens + excluded.completion_tokens,
      cost = usage_minute.cost + excluded.cost,
      latency = ${sum('latency')},
      first_token = ${sum('first_token')}`.execute(trx);
}

export async function addEndpointHours(trx: Executor, rows: readonly EndpointRow[]): Promise<void> {
  await sql`
    insert into usage_endpoint_hour (hour, endpoint_id, environment, route, requests, errors, lost, answer)
    select hour, endpoint_id, environment, route, requests, errors, lost, answer
    from json_to_recordset(${JSON.stringify(rows)}::json) as row (
      hour timestamptz, endpoint_id uuid, environment text, route text, requests bigint, errors bigint, lost bigint,
      answer integer[])
    on conflict (hour, endpoint_id, environment) do update set
      route = excluded.route,
      requests = usage_endpoint_hour.requests + excluded.requests,
      errors = usage_endpoint_hour.errors + excluded.errors,
      lost = usage_endpoint_hour.lost + excluded.lost,
      answer = (
        select array_agg(coalesce(before, 0) + added order by place)
        from unnest(usage_endpoint_hour.answer, excluded.answer) with ordinality as pair (before, added, place))`.execute(
    trx,
  );
}

export async function addHours(trx: Executor, hours: readonly HourRow[]): Promise<void> {
  await sql`
    insert into usage_hour (
      hour, team, project, user_id, api_key_id, route, environment, endpoint_id, model_id, model_name,
      requests, errors, refused, cached, prompt_tokens, completion_tokens, cost, latency_ms)
    select
      hour, team, project, user_id, api_key_id, route, environment, endpoint_id, model_id, model_name,
      requests, errors, refused, cached, prompt_tokens, completion_tokens, cost, latency_ms
    from json_to_recordset(${JSON.stringify(hours)}::json) as row (
      hour timestamptz, team text, project text, user_id text, api_key_id uuid, route text, environment text, endpoint_id uuid,
      model_id uuid, model_name text, requests bigint, errors bigint, refused bigint, cached bigint, prompt_tokens bigint,
      completion_tokens bigint, cost numeric, latency_ms bigint)
    on conflict on constraint usage_hour_key do update set
      requests = usage_hour.requests + excluded.requests,
      errors = usage_hour.errors + excluded.errors,
      refused = usage_hour.refused + excluded.refused,
      cached = usage_hour.cached + excluded.cached,
      prompt_tokens = usage_hour.prompt_tokens + excluded.prompt_tokens,
      completion_tokens = usage_hour.completion_tokens + excluded.completion_tokens,
      cost = usage_hour.cost + excluded.cost,
      latency_ms = usage_hour.latency_ms + excluded.latency_ms`.execute(trx);
}

/** `event` is text: it is kept as it was journalled, whatever PostgreSQL would not take of it. */
export interface DeadLetter {
  id: string;
  reason: 'archived' | 'future' | 'invalid' | 'refused';
  detail: string;
  event: string;
}

export async function insertDeadLetters(db: Executor, letters: readonly DeadLetter[]): Promise<void> {
  await sql`
    insert into usage_dead_letter (id, reason, detail, event)
    select * from unnest(
      ${letters.map((one) => one.id)}::text[], ${letters.map((one) => one.reason)}::text[],
      ${letters.map((one) => one.detail)}::text[], ${letters.map((one) => one.event)}::text[])
    on conflict (id) do nothing`.execute(db);
}

const prefixOf = (table: DailyTable): string => `${table}_`;
const partitionOf = (table: DailyTable, day: Day): string => `${prefixOf(table)}${dateOf(day).replaceAll('-', '')}`;

/** Days that have a partition, oldest first. */
export async function daysOf(db: Executor, table: DailyTable): Promise<Day[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = ${table}::regclass`.execute(db);
  return rows
    .map(({ name }) => name.slice(prefixOf(table).length))
    .filter((date) => /^\d{8}$/.test(date))
    .map((date) => Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`) / dayMs)
    .sort((a, b) => a - b);
}

/**
 * Makes partitions that are not there yet, one server at a time. Attaching an empty table waits for nobody and holds nobody up, which
 * `create … partition of` would.
 */
export async function makeDays(trx: Executor, table: DailyTable, days: readonly Day[]): Promise<void> {
  await lockDays(trx, table);
  const there = new Set(await daysOf(trx, table));
  for (const day of days) {
    if (there.has(day)) continue;
    const name = sql.table(partitionOf(table, day));
    await sql`create table ${name} (like ${sql.table(table)} including all)`.execute(trx);
    await sql`
      alter table ${sql.table(table)} attach partition ${name}
      for values from (${sql.lit(firstIdAt(day * dayMs))}) to (${sql.lit(firstIdAt((day + 1) * dayMs))})`.execute(trx);
  }
}

/** Until the end of the transaction. */
export async function lockDays(trx: Executor, table: DailyTable): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`llm-ops days of ${table}`}, 0))`.execute(trx);
}

/** Gives up after 5 s rather than holding up whoever writes while it waits. */
export async function dropDay(trx: Executor, table: DailyTable, day: Day): Promise<void> {
  await sql`set local lock_timeout = '5s'`.execute(trx);
  await sql`drop table if exists ${sql.table(partitionOf(table, day))}`.execute(trx);
}

/** The newest day whose rows are in the object store; null: none is. */
export async function newestArchived(db: Executor): Promise<Day | null> {
  const { rows } = await sql<{ day: string | null }>`select max(day) as day from usage_archive`.execute(db);
  const day = rows[0]!.day;
  return day === null ? null : Date.parse(day) / dayMs;
}

/** Events of one day in the order of their ids, as they were journalled; `beyond` is the last id had. */
export async function eventsOf(
  db: Executor,
  day: Day,
  beyond: string | null,
  limit: number,
): Promise<(Omit<UsageEvent, 'at'> & { at: Date })[]> {
  const { rows } = await sql<Omit<UsageEvent, 'at'> & { at: Date }>`
    select * from ${sql.table(partitionOf('usage_event', day))}
    where ${beyond === null ? sql`true` : sql`id > ${beyond}::uuid`} order by id limit ${limit}`.execute(db);
  return rows;
}

/** Keeps others from adding to the day until the end of the transaction, and counts it. */
export async function closeDay(trx: Executor, day: Day): Promise<number> {
  const name = sql.table(partitionOf('usage_event', day));
  await sql`set local lock_timeout = '5s'`.execute(trx);
  await sql`lock table ${name} in share row exclusive mode`.execute(trx);
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${name}`.execute(trx);
  return rows[0]!.count;
}

export async function recordArchive(
  trx: Executor,
  archive: { day: Day; key: string; rows: number; sha256: string },
): Promise<void> {
  const { day, key, rows, sha256 } = archive;
  await sql`
    insert into usage_archive (day, key, rows, sha256) values (${dateOf(day)}::date, ${key}, ${rows}, ${sha256})`.execute(
    trx,
  );
}

export async function deleteMinutes(db: Executor, before: Date): Promise<void> {
  await sql`delete from usage_minute where minute < ${before}`.execute(db);
}

export interface HeartbeatRow {
  gateway: string;
  host: string;
  pid: number;
  in_flight: number;
  unsettled: number;
  /** JSON */
  open_breakers: string;
  /** JSON */
  outage: string | null;
}

export async function beat(db: Executor, row: HeartbeatRow): Promise<void> {
  const { gateway, host, pid, in_flight, unsettled, open_breakers, outage } = row;
  await sql`
    insert into gateway_heartbeat (gateway, host, pid, in_flight, unsettled, open_breakers, outage)
    values (${gateway}, ${host}, ${pid}, ${in_flight}, ${unsettled}, ${open_breakers}::jsonb, ${outage}::jsonb)
    on conflict (gateway) do update set
      host = excluded.host, pid = excluded.pid, seen_at = now(), in_flight = excluded.in_flight, unsettled = excluded.unsettled,
      open_breakers = excluded.open_breakers, outage = excluded.outage`.execute(db);
}

export async function forgetGateways(db: Executor): Promise<void> {
  await sql`delete from gateway_heartbeat where seen_at < now() - interval '1 day'`.execute(db);
}

export async function forgetGateway(db: Executor, gateway: string): Promise<void> {
  await sql`delete from gateway_heartbeat where gateway = ${gateway}`.execute(db);
}
