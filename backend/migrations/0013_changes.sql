-- additive
-- What reviewers of a deployment read before they approve it, and what was carried out of it.

create table change_request (
  id uuid primary key,
  kind text not null check (kind in ('deploy', 'redeploy', 'promote')),
  status text not null check (status in ('open', 'approved', 'rejected', 'changes_requested', 'applied', 'withdrawn')),
  -- each amendment is a version of its own, approved anew
  version integer not null default 1,
  environment text not null check (environment in ('dev', 'stg', 'prod')),
  name text not null,
  route text not null,
  team text not null,
  project text,
  visibility text not null check (visibility in ('team', 'organization')),
  -- null before the endpoint is there
  endpoint_id uuid references endpoint (id),
  source_endpoint_id uuid references endpoint (id),
  -- null before it is applied
  revision integer,
  model_id uuid not null,
  model_name text not null,
  model_version text not null,
  artifact_digest text,
  -- as it was asked for
  request jsonb not null,
  -- {backup, maintenance}
  plan jsonb,
  parity_note text,
  rollback_plan text not null,
  -- {topology, differences, preflight, manifests} as found when it was submitted
  examined jsonb not null,
  -- of the configuration that was found: what is applied must be the same
  wanted_digest text not null,
  submitted_by text not null,
  submitted_at timestamptz not null default now(),
  decided_by text,
  decided_at timestamptz,
  notes text,
  applied_by text,
  applied_at timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  check ((status = 'applied') = (revision is not null))
);
create index change_request_newest on change_request (created_at desc, id desc);
create index change_request_endpoint on change_request (endpoint_id, revision);
create index change_request_source on change_request (source_endpoint_id);

create function applied_change_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'a change that was applied is never changed';
end $$;
create trigger applied_change_immutable before update or delete on change_request
  for each row when (old.status = 'applied') execute function applied_change_is_immutable();
