-- What was asked of which model, by whom, and what it took. Written in batches from the gateway's journal, once by id.

create table usage_event (
  id uuid primary key,
  at timestamptz not null,
  request_id text not null,
  user_id text not null,
  team text,
  project text,
  api_key_id uuid,
  route text not null,
  environment text not null,
  endpoint_id uuid not null,
  model_id uuid not null,
  model_name text not null,
  revision integer not null,
  operation text not null,
  streamed boolean not null,
  status integer not null,
  prompt_tokens integer not null,
  completion_tokens integer not null,
  estimated boolean not null,
  latency_ms integer not null,
  first_token_ms integer,
  finish_reason text
);
create index usage_event_at on usage_event (at desc);
create index usage_event_endpoint on usage_event (endpoint_id, at desc);
