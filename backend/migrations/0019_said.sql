-- additive
-- What is said by code and values beside its English, so that it can be said in other languages; what was written before keeps its English.

alter table dataset_finding add column said jsonb;
alter table dataset_validation add column said jsonb;
alter table dataset_job add column said jsonb;
