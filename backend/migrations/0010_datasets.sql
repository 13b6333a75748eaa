-- Datasets. A row is one version; its files lie under datasets/{id}/{version}/ of the object store, as they were uploaded. What is
-- read from them (rows as Parquet) lies under dataset-rows/{id}/.

create table dataset (
  id uuid primary key,
  name text not null,
  version text not null,
  type text check (type in ('pretrain_corpus', 'sft_pair', 'rag_qa', 'rlhf_pair', 'benchmark')),
  status text not null default 'draft' check (status in ('draft', 'under_review', 'approved', 'rejected', 'deprecated')),
  owner_team text not null,
  project text,
  -- null: the team's until approved, then the organization's
  visibility text check (visibility in ('team', 'organization')),
  metadata jsonb not null default '{}',
  change_log text,
  key_columns text[] not null default '{}',
  column_rules jsonb not null default '[]',
  task text,
  source_kind text not null default 'upload' check (source_kind in ('upload', 'version', 'redaction', 'restore', 'import')),
  -- no foreign keys: where a version came from stays known after that one was deleted
  source_id uuid,
  huggingface_dataset_id text,
  parent_id uuid,
  storage_uri text,
  pii_scan_status text not null default 'pending' check (pii_scan_status in ('pending', 'clean', 'failed')),
  quality_score double precision,
  -- of the files that pii_scan_status and quality_score are about
  validated_digest text,
  submitted_by text,
  submitted_at timestamptz(3),
  approved_by text,
  approved_at timestamptz(3),
  approval_digest text,
  review_notes text,
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  unique (owner_team, name, version)
);
create index dataset_newest on dataset (created_at desc, id desc);
create index dataset_parent on dataset (parent_id);
create index dataset_source on dataset (source_id);

create table dataset_file (
  dataset_id uuid not null references dataset (id) on delete cascade,
  path text not null,
  size bigint not null default 0 check (size >= 0),
  -- empty until it was read once
  sha256 text not null default '',
  status text not null check (status in ('uploading', 'checking', 'ready', 'refused')),
  bad_rows text not null default 'refuse' check (bad_rows in ('refuse', 'skip')),
  facts jsonb,
  issues jsonb not null default '[]',
  issue_count bigint not null default 0,
  -- object of the rows as Parquet
  rows_key text,
  -- of a resumable upload: taken up again after a crash; null: came with a request, and goes with it when that dies
  upload_id uuid,
  uploaded_by text not null,
  -- fencing token: whoever works on the file writes only while it is still theirs
  attempt uuid not null,
  -- kept fresh by whoever works on it; stale: what is there is taken up again or removed
  touched_at timestamptz not null default now(),
  primary key (dataset_id, path)
);
create unique index dataset_file_case on dataset_file (dataset_id, lower(path));
create index dataset_file_open on dataset_file (touched_at) where status in ('uploading', 'checking');

create table dataset_review (
  id uuid primary key,
  dataset_id uuid not null references dataset (id) on delete cascade,
  submitted_by text not null,
  submitted_at timestamptz(3) not null default now(),
  status text not null default 'open' check (status in ('open', 'approved', 'rejected', 'changes_requested', 'void')),
  decided_by text,
  decided_at timestamptz(3),
  notes text
);
create unique index dataset_review_open on dataset_review (dataset_id) where status = 'open';
create index dataset_review_newest on dataset_review (status, submitted_at desc, id desc);

create table dataset_validation (
  id uuid primary key,
  dataset_id uuid not null references dataset (id) on delete cascade,
  files_digest text not null,
  status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed', 'superseded')),
  options jsonb not null,
  stage text not null default 'waiting',
  progress double precision not null default 0,
  -- fencing token of the job
  attempt integer not null default 0,
  -- what the engine found, without the findings
  report jsonb,
  findings_kept integer not null default 0,
  error text,
  remedy text,
  requested_by text not null,
  created_at timestamptz(3) not null default now(),
  started_at timestamptz(3),
  finished_at timestamptz(3)
);
create index dataset_validation_newest on dataset_validation (dataset_id, created_at desc, id desc);

create table dataset_finding (
  validation_id uuid not null references dataset_validation (id) on delete cascade,
  number integer not null,
  kind text not null,
  type text not null,
  file text not null,
  row_number bigint not null,
  column_name text,
  span_start integer,
  span_end integer,
  excerpt text,
  confidence real not null,
  message text not null,
  fingerprint text not null,
  primary key (validation_id, number)
);
create index dataset_finding_type on dataset_finding (validation_id, kind, type, number);
create index dataset_finding_fingerprint on dataset_finding (validation_id, fingerprint);

-- What people decided about a finding: it holds for its content in every version of the dataset.
create table dataset_triage (
  owner_team text not null,
  name text not null,
  fingerprint text not null,
  type text not null,
  triage text not null check (triage in ('real', 'false_positive', 'accepted')),
  note text,
  decided_by text not null,
  decided_at timestamptz(3) not null default now(),
  primary key (owner_team, name, fingerprint)
);

-- Work that fills a version by itself.
create table dataset_job (
  id uuid primary key,
  dataset_id uuid not null references dataset (id) on delete cascade,
  kind text not null check (kind in ('redaction', 'restore', 'import')),
  status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed')),
  progress double precision not null default 0,
  -- what to do, and how far it is
  detail jsonb not null default '{}',
  attempt integer not null default 0,
  error text,
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  finished_at timestamptz(3)
);
create index dataset_job_dataset on dataset_job (dataset_id, created_at desc);

create table pii_rule (
  id uuid primary key,
  name text not null,
  -- null: for every team
  team text,
  pattern text not null,
  context text[] not null default '{}',
  confidence real not null,
  enabled boolean not null default true,
  created_by text not null,
  created_at timestamptz(3) not null default now()
);
create unique index pii_rule_name on pii_rule (coalesce(team, ''), name);

-- Which models name a dataset: asked before one is deleted and for its lineage.
create index model_lineage_dataset on model using gin (lineage_dataset_ids);
