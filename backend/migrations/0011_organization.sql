-- What people said about a model of an organization. What runs is its endpoint.
create table organization_model (
  endpoint_id uuid primary key references endpoint (id),
  display_name text not null,
  description text not null,
  model_type text not null check (model_type in ('completion', 'chat')),
  huggingface_id text not null,
  -- as asked for: {cpu, memory, gpu {min_vram, min_gpus, max_gpus}}
  requirements jsonb not null,
  updated_at timestamptz not null default now()
);
-- Which entry of the catalog is a model of the hub.
create index model_huggingface_id on model ((metadata ->> 'huggingface_model_id')) where status = 'approved';
