-- Endpoints and what serves them. The desired columns are written by people, the observed ones by the reconciler alone.

create table endpoint (
  id uuid primary key,
  -- what clients ask for: the route without its leading slash or the serve prefix
  name text not null,
  route text not null,
  environment text not null check (environment in ('dev', 'stg', 'prod')),
  team text not null,
  project text,
  visibility text not null check (visibility in ('team', 'organization')),
  -- desired
  desired text not null default 'running' check (desired in ('running', 'stopped', 'deleted')),
  desired_reason text,
  target_revision integer not null,
  min_replicas integer not null,
  max_replicas integer not null,
  autoscale_policy jsonb,
  prompt_policy_id text,
  rollback_plan text not null,
  -- grows with each change of what is desired, so that a change of scale reaches a running revision
  generation bigint not null default 1,
  -- observed
  live_revision integer not null default 0,
  status text not null,
  replicas jsonb not null default '{"total":0,"ready":0,"available":0}',
  conditions jsonb not null default '[]',
  last_health_check timestamptz,
  created_by text not null,
  -- cursors of lists are exact to the millisecond
  created_at timestamptz not null default date_trunc('milliseconds', now()),
  updated_at timestamptz not null default now(),
  deleted_by text,
  deleted_at timestamptz
);
create unique index endpoint_name on endpoint (environment, name) where deleted_at is null;
create index endpoint_listed on endpoint (created_at desc, id desc) where deleted_at is null;

-- What was asked for, never changed afterwards.
create table revision (
  id uuid primary key,
  endpoint_id uuid not null references endpoint (id),
  number integer not null check (number > 0),
  -- which runtime runs it: a key of the runtimes given to the server
  runtime text not null,
  model_id uuid not null,
  model_name text not null,
  version text not null,
  artifact_digest text,
  spec jsonb not null,
  reason text not null check (reason in ('deploy', 'redeploy', 'rollback', 'promote', 'patch')),
  rolled_back_to integer,
  parity_note text,
  created_by text not null,
  created_at timestamptz not null default now(),
  unique (endpoint_id, number)
);
create index revision_model on revision (model_id);

create function revision_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'a revision is never changed';
end $$;
create trigger revision_immutable before update on revision for each row execute function revision_is_immutable();

create table revision_state (
  revision_id uuid primary key references revision (id),
  state text not null default 'pending'
    check (state in ('pending', 'starting', 'verifying', 'live', 'draining', 'retired', 'failed')),
  -- of the runtime, when last seen to change
  phase text not null default 'absent',
  message text,
  conditions jsonb not null default '[]',
  -- its engine's last lines, kept when a failed one is removed
  last_logs jsonb not null default '[]',
  crashes integer not null default 0,
  verify_attempts integer not null default 0,
  applied_generation bigint not null default 0,
  remove_attempts integer not null default 0,
  failing_since timestamptz,
  started_at timestamptz,
  verified_at timestamptz,
  live_at timestamptz,
  draining_at timestamptz,
  failed_at timestamptz,
  retired_at timestamptz,
  -- a failed removal is tried again then
  remove_after timestamptz,
  -- nothing of it is left in the runtime
  removed_at timestamptz
);
create index revision_state_open on revision_state (revision_id) where removed_at is null;

-- A name for clients and where it leads; a registration is the same row in other words.
create table route (
  id uuid primary key,
  name text not null,
  environment text not null check (environment in ('dev', 'stg', 'prod')),
  team text not null,
  project text,
  visibility text not null check (visibility in ('team', 'organization')),
  enabled boolean not null default true,
  -- [{endpointId, revision, weight, priority}]
  targets jsonb not null,
  retry jsonb not null default '{"attempts":0}',
  timeouts jsonb not null default '{}',
  cache jsonb,
  limits jsonb,
  created_by text not null,
  created_at timestamptz not null default date_trunc('milliseconds', now()),
  updated_at timestamptz not null default now(),
  unique (environment, name)
);
create index route_name on route (name);
create index route_targets on route using gin (targets jsonb_path_ops);
create index route_listed on route (created_at desc, id desc);

-- Test completions: those that gated traffic and those that people asked for.
create table verification (
  id uuid primary key,
  endpoint_id uuid not null references endpoint (id),
  revision integer not null,
  ok boolean not null,
  message text not null,
  latency_ms integer not null,
  completion text,
  usage jsonb,
  requested_by text not null,
  at timestamptz not null default now()
);
create index verification_endpoint on verification (endpoint_id, at desc);
