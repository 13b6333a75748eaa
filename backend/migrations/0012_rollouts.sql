-- What others change of what was applied, and revisions that get a share of the traffic beside the one that serves.

-- {found[], since, repairs, repairedAt}: what differs now, or was put back a while ago
alter table endpoint add column drift jsonb;

create table canary (
  endpoint_id uuid not null references endpoint (id),
  revision integer not null,
  -- what serves beside it, and what it is measured against
  stable integer not null,
  state text not null default 'waiting' check (state in ('waiting', 'running', 'promoted', 'aborted', 'superseded')),
  -- percent of the traffic
  weight numeric not null default 0 check (weight >= 0 and weight <= 100),
  weight_since timestamptz,
  -- [5, 25, 50, 100]
  steps jsonb not null,
  automatic boolean not null,
  step_seconds integer not null,
  -- no verdict on fewer requests
  minimum_requests integer not null,
  -- tolerated: percentage points of errors above, percent of p95 latency above those of the stable revision
  more_errors numeric not null,
  slower numeric not null,
  reason text,
  message text,
  -- the comparison that ended it
  measured jsonb,
  created_by text not null,
  created_at timestamptz not null default now(),
  ended_by text,
  ended_at timestamptz,
  primary key (endpoint_id, revision)
);
create unique index canary_open on canary (endpoint_id) where state in ('waiting', 'running');
