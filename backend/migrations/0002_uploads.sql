-- Resumable uploads (tus). The bytes are parts in the object store under uploads/{id}/{offset}; only what `received` counts exists.
create table upload (
  id uuid primary key,
  subject_kind text not null,
  subject_id uuid not null,
  path text not null,
  size bigint not null check (size >= 0),
  received bigint not null default 0 check (received >= 0 and received <= size),
  status text not null check (status in ('receiving', 'verifying', 'complete', 'failed')),
  -- what the client sent as Upload-Metadata, decoded
  metadata jsonb not null default '{}',
  -- of the assembled object, once complete
  object_key text,
  sha256 text,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  expires_at timestamptz not null,
  error text,
  check (status <> 'complete' or (object_key is not null and sha256 is not null))
);
create index upload_subject on upload (subject_kind, subject_id);
create index upload_expiry on upload (expires_at) where status in ('receiving', 'failed');
