-- People, identity, policies, audit, idempotency, secrets: what every domain stands on.

create table team (
  name text primary key,
  created_at timestamptz not null default now()
);

create table project (
  team text not null references team (name),
  name text not null,
  created_at timestamptz not null default now(),
  primary key (team, name)
);

create table membership (
  team text not null references team (name),
  user_id text not null,
  roles text[] not null default '{}',
  created_at timestamptz not null default now(),
  primary key (team, user_id)
);
create index membership_user on membership (user_id);

create table api_key (
  id uuid primary key,
  name text not null,
  prefix text not null,
  hash bytea not null unique,
  team text not null references team (name),
  project text,
  roles text[] not null,
  routes text[],
  environments text[],
  limits jsonb,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_by text not null,
  created_at timestamptz not null default now()
);

-- Web sessions; the cookie holds the secret whose hash is stored here.
create table web_session (
  id uuid primary key,
  hash bytea not null unique,
  user_id text not null,
  display_name text not null,
  roles text[] not null,
  teams text[] not null,
  csrf_token text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);

-- Code + PKCE logins under way.
create table login_attempt (
  state text primary key,
  verifier text not null,
  nonce text not null,
  return_to text not null,
  created_at timestamptz not null default now()
);

create table policy (
  id uuid primary key,
  name text not null unique,
  scope text not null,
  status text not null,
  rules jsonb not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Written in the transaction of the change; `audit_seal` chains it within a second.
create table audit_entry (
  id uuid primary key,
  at timestamptz not null default clock_timestamp(),
  actor_id text not null,
  actor_kind text not null,
  roles text[] not null default '{}',
  action text not null,
  resource_type text not null,
  resource_id text,
  result text not null check (result in ('allowed', 'denied', 'failed')),
  rule text,
  request_id text,
  remote_address text,
  detail jsonb not null default '{}'
);
create index audit_entry_at on audit_entry (at desc, id desc);
create index audit_entry_actor on audit_entry (actor_id, at desc);
create index audit_entry_resource on audit_entry (resource_type, resource_id, at desc);

create table audit_seal (
  sequence bigint primary key,
  entry_id uuid not null unique references audit_entry (id),
  hash bytea not null,
  key_id text not null,
  sealed_at timestamptz not null default clock_timestamp()
);

create table idempotency (
  scope text not null,
  key text not null,
  body_hash bytea not null,
  response bytea not null,
  sealed boolean not null default false,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '24 hours',
  primary key (scope, key)
);

-- AES-256-GCM; `owner` names whose secret it is: 'model:<id>'.
create table secret (
  owner text not null,
  name text not null,
  key_id text not null,
  nonce bytea not null,
  ciphertext bytea not null,
  updated_at timestamptz not null default now(),
  primary key (owner, name)
);

-- One known plaintext under the current key: a wrong key is refused at start instead of found out later.
create table secret_check (
  key_id text primary key,
  nonce bytea not null,
  ciphertext bytea not null
);
