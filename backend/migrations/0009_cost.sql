-- What model versions cost, budgets, what is spent of them, and the slices of them that gateways hold.

-- Never changed: what was answered keeps its price.
create table model_price (
  id uuid primary key,
  -- no foreign key: what a deleted model cost stays known
  model_id uuid not null,
  currency text not null,
  input_per_million numeric(20, 6) not null check (input_per_million >= 0),
  output_per_million numeric(20, 6) not null check (output_per_million >= 0),
  per_request numeric(20, 6) not null check (per_request >= 0),
  since timestamptz(3) not null default clock_timestamp(),
  set_by text not null
);
create index model_price_newest on model_price (model_id, since desc, id desc);

create function model_price_is_immutable() returns trigger language plpgsql as $$
begin
  raise exception 'a price is never changed';
end $$;
create trigger model_price_immutable
  before update or delete on model_price
  for each row execute function model_price_is_immutable();

create table budget (
  id uuid primary key,
  name text not null,
  scope_type text not null check (scope_type in ('team', 'project', 'user', 'key', 'endpoint', 'model', 'global')),
  scope_id text,
  period text not null check (period in ('daily', 'monthly', 'total')),
  currency text not null,
  limit_amount numeric(20, 6) check (limit_amount >= 0),
  limit_tokens bigint check (limit_tokens >= 0),
  limit_requests bigint check (limit_requests >= 0),
  action text not null check (action in ('warn', 'stop')),
  -- percent, ascending
  thresholds double precision[] not null,
  enabled boolean not null,
  -- whose people see it; null: everybody's
  team text,
  created_by text not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  updated_at timestamptz(3) not null default clock_timestamp(),
  unique nulls not distinct (team, name),
  check ((scope_type = 'global') = (scope_id is null)),
  check (num_nonnulls(limit_amount, limit_tokens, limit_requests) > 0)
);
create index budget_scope on budget (scope_type, scope_id) where enabled;

-- What was spent in a period, and what gateways hold of the rest: always the sum of `budget_lease`. Whoever changes a lease locks its
-- period first; whoever locks several goes by budget and start.
create table budget_period (
  budget_id uuid not null references budget (id) on delete cascade,
  period_start timestamptz not null,
  spent_amount numeric(38, 12) not null default 0,
  spent_tokens bigint not null default 0,
  spent_requests bigint not null default 0,
  leased_amount numeric(38, 12) not null default 0 check (leased_amount >= 0),
  leased_tokens bigint not null default 0 check (leased_tokens >= 0),
  leased_requests bigint not null default 0 check (leased_requests >= 0),
  primary key (budget_id, period_start)
);

create table budget_lease (
  budget_id uuid not null,
  period_start timestamptz not null,
  gateway text not null,
  -- of the gateway's process before: kept until its journal has been charged
  left_over boolean not null,
  amount numeric(38, 12) not null check (amount >= 0),
  tokens bigint not null check (tokens >= 0),
  requests bigint not null check (requests >= 0),
  -- the last grant or return, so that a gateway that lost the answer can tell whether it was made
  change_number bigint not null default 0,
  change_amount numeric(38, 12) not null default 0,
  change_tokens bigint not null default 0,
  change_requests bigint not null default 0,
  renewed_at timestamptz not null default clock_timestamp(),
  primary key (budget_id, period_start, gateway, left_over),
  foreign key (budget_id, period_start) references budget_period on delete cascade
);
create index budget_lease_gateway on budget_lease (gateway);

-- Once a threshold and period.
create table budget_reached (
  budget_id uuid not null,
  period_start timestamptz not null,
  threshold double precision not null,
  at timestamptz(3) not null default clock_timestamp(),
  primary key (budget_id, period_start, threshold),
  foreign key (budget_id, period_start) references budget_period on delete cascade
);

-- Gateways keep prices and budgets in memory and hear of a change when it commits, however it was made.
create function tell_cost_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('cost', tg_table_name);
  return null;
end
$$;
create trigger model_price_changed
  after insert on model_price for each statement execute function tell_cost_changed();
create trigger budget_changed
  after insert or update or delete on budget for each statement execute function tell_cost_changed();
