-- The ledger: each request once, in partitions of a day by the time that its UUIDv7 begins with; sums by minute and by hour; what was
-- asked and answered, where it is captured; what could not be settled; which days went to the object store.

alter table usage_event rename to usage_event_before;
alter index usage_event_pkey rename to usage_event_before_pkey;
drop index usage_event_at;
drop index usage_event_endpoint;

create table usage_event (
  id uuid primary key,
  at timestamptz not null,
  gateway text not null,
  request_id text not null,
  user_id text not null,
  team text,
  project text,
  api_key_id uuid,
  route text not null,
  environment text not null,
  endpoint_id uuid,
  model_id uuid,
  model_name text,
  model_version text,
  provider text,
  revision integer,
  operation text not null,
  streamed boolean not null,
  status integer not null,
  error_code text,
  forwarded boolean not null,
  prompt_tokens integer not null,
  completion_tokens integer not null,
  estimated boolean not null,
  cached boolean not null,
  cost numeric not null,
  price jsonb,
  latency_ms integer not null,
  first_token_ms integer,
  finish_reason text,
  attempts integer not null,
  trace_id text,
  decision jsonb
) partition by range (id);
create index usage_event_at on usage_event (at desc, id desc);
create index usage_event_request on usage_event (request_id);

create table request_content (
  id uuid primary key,
  at timestamptz not null,
  request text not null,
  response text,
  redacted integer not null,
  truncated boolean not null
) partition by range (id);

-- Search in captured content is fast where trigrams can be had, and works without.
do $$
begin
  create extension if not exists pg_trgm;
  create index request_content_words on request_content using gin (request gin_trgm_ops, response gin_trgm_ops);
exception when others then
  raise notice 'without pg_trgm, search in captured content reads it all: %', sqlerrm;
end
$$;

-- The days of the rows that are there, and those to come; the program makes the later ones.
do $$
declare
  day integer;
begin
  for day in
    select distinct floor(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 86400000.0)::integer
    from usage_event_before
    union
    select floor(extract(epoch from now()) / 86400)::integer + ahead from generate_series(0, 3) ahead
  loop
    execute format(
      'create table %I partition of usage_event for values from (%L) to (%L)',
      'usage_event_' || to_char(to_timestamp(day * 86400.0) at time zone 'UTC', 'YYYYMMDD'),
      rpad(lpad(to_hex(day * 86400000::bigint), 12, '0'), 32, '0')::uuid,
      rpad(lpad(to_hex((day + 1) * 86400000::bigint), 12, '0'), 32, '0')::uuid
    );
  end loop;
end
$$;

insert into usage_event
select
  id, at, '', request_id, user_id, team, project, api_key_id, route, environment, endpoint_id, model_id, model_name, null, null,
  revision, operation, streamed, status, null, true, prompt_tokens, completion_tokens, estimated, false, 0, null, latency_ms,
  first_token_ms, finish_reason, 1, null, null
from usage_event_before;
drop table usage_event_before;

-- For the live page; histograms have the bounds of ledger/histogram.ts.
create table usage_minute (
  minute timestamptz not null,
  environment text not null,
  route text not null,
  requests integer not null,
  errors integer not null,
  refused integer not null,
  cached integer not null,
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  cost numeric not null,
  latency integer[] not null,
  first_token integer[] not null,
  primary key (minute, environment, route)
);

-- Kept for ever: what is left of days that are archived.
create table usage_hour (
  hour timestamptz not null,
  team text,
  project text,
  user_id text not null,
  api_key_id uuid,
  route text not null,
  environment text not null,
  endpoint_id uuid,
  model_id uuid,
  model_name text,
  requests bigint not null,
  errors bigint not null,
  refused bigint not null,
  cached bigint not null,
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  cost numeric not null,
  latency_ms bigint not null,
  constraint usage_hour_key unique nulls not distinct
    (hour, team, project, user_id, api_key_id, route, environment, endpoint_id, model_id, model_name)
);
insert into usage_hour
select
  date_trunc('hour', at, 'UTC'), team, project, user_id, api_key_id, route, environment, endpoint_id, model_id, model_name,
  count(*), count(*) filter (where status >= 500), 0, 0, sum(prompt_tokens), sum(completion_tokens), 0, sum(latency_ms)
from usage_event
group by 1, team, project, user_id, api_key_id, route, environment, endpoint_id, model_id, model_name;

-- Events that can never be settled, as they were journalled: never deleted by the program.
create table usage_dead_letter (
  id text primary key,
  at timestamptz not null default now(),
  reason text not null,
  detail text not null,
  event text not null
);

create table usage_archive (
  day date primary key,
  key text not null,
  rows bigint not null,
  sha256 text not null,
  at timestamptz not null default now()
);

create table gateway_heartbeat (
  gateway text primary key,
  host text not null,
  pid integer not null,
  seen_at timestamptz not null default now(),
  in_flight integer not null,
  unsettled integer not null,
  open_breakers jsonb not null
);
