-- The catalog of models. A row is one version of a model; its files lie under models/{id}/{version}/ of the object store.

create table model (
  id uuid primary key,
  name text not null,
  version text not null,
  type text not null check (type in ('base', 'fine-tuned', 'external')),
  model_family text,
  status text not null default 'draft' check (status in ('draft', 'under_review', 'approved', 'rejected', 'deprecated')),
  owner_team text not null,
  project text,
  -- null: the team's until approved, then the organization's
  visibility text check (visibility in ('team', 'organization')),
  metadata jsonb not null default '{}',
  lineage_dataset_ids uuid[] not null default '{}',
  -- no foreign key: where a model came from stays known after that one was deleted
  base_model_id uuid,
  storage_uri text,
  -- what the headers of its files tell together
  inspection jsonb,
  has_api_key boolean not null default false,
  pickle_accepted boolean not null default false,
  submitted_by text,
  submitted_at timestamptz(3),
  approved_by text,
  approved_at timestamptz(3),
  -- of the files as they were approved
  approval_digest text,
  review_notes text,
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  unique (owner_team, name, version)
);
create index model_newest on model (created_at desc, id desc);
create index model_base on model (base_model_id);

create table model_file (
  model_id uuid not null references model (id) on delete cascade,
  path text not null,
  size bigint not null check (size >= 0),
  -- empty until it was read once after a resumed upload
  sha256 text not null,
  status text not null check (status in ('ready', 'verifying', 'failed')),
  notes jsonb not null default '[]',
  facts jsonb not null,
  written_at timestamptz(3) not null default now(),
  primary key (model_id, path)
);
create unique index model_file_case on model_file (model_id, lower(path));

-- Paths that are being written now, kept fresh by whoever writes them: two uploads never write one path at a time, and the collector
-- of orphans leaves their objects alone.
create table model_upload (
  model_id uuid not null references model (id) on delete cascade,
  path text not null,
  upload_id uuid not null,
  touched_at timestamptz not null default now(),
  primary key (model_id, path)
);
create index model_upload_id on model_upload (upload_id);

-- History of the card: each entry holds the whole card after the change.
create table model_change (
  model_id uuid not null references model (id) on delete cascade,
  number integer not null,
  at timestamptz(3) not null default now(),
  changed_by text not null,
  card jsonb not null,
  changes jsonb not null,
  primary key (model_id, number)
);

create table model_review (
  id uuid primary key,
  model_id uuid not null references model (id) on delete cascade,
  submitted_by text not null,
  submitted_at timestamptz(3) not null default now(),
  status text not null default 'open' check (status in ('open', 'approved', 'rejected', 'changes_requested', 'void')),
  decided_by text,
  decided_at timestamptz(3),
  notes text
);
create unique index model_review_open on model_review (model_id) where status = 'open';
create index model_review_newest on model_review (status, submitted_at desc, id desc);

create table model_import (
  id uuid primary key,
  model_id uuid not null references model (id) on delete cascade,
  huggingface_model_id text not null,
  revision text not null,
  -- the commit that the revision was when the import began
  commit_sha text not null,
  status text not null check (status in ('queued', 'running', 'succeeded', 'failed')),
  -- [{path, size, sha256}], sha256 null where the hub does not tell it
  files jsonb not null,
  files_done integer not null default 0,
  bytes_done bigint not null default 0,
  -- fencing token: a try that was overtaken by a later one writes nothing
  attempt integer not null default 0,
  error text,
  created_by text not null,
  created_at timestamptz(3) not null default now()
);
create index model_import_model on model_import (model_id, created_at desc);
