-- additive
-- What a validation says of each column: a row a column, because a table may have twenty thousand of them.

create table dataset_column_profile (
  validation_id uuid not null references dataset_validation (id) on delete cascade,
  place integer not null,
  profile jsonb not null,
  primary key (validation_id, place)
);
-- they were in the report
insert into dataset_column_profile (validation_id, place, profile)
select id, found.place - 1, found.profile
from dataset_validation, jsonb_array_elements(report #> '{profile,columns}') with ordinality as found (profile, place)
where jsonb_typeof(report #> '{profile,columns}') = 'array';
