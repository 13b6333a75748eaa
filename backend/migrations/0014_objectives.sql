-- What endpoints were asked and how they answered, by the hour, kept for ever: availability and the median answer of a quarter are read from here.

create table usage_endpoint_hour (
  hour timestamptz not null,
  endpoint_id uuid not null,
  environment text not null,
  -- as it was named last
  route text not null,
  -- sent on to it, but those whose client went away first
  requests bigint not null,
  -- of those 500 and above
  errors bigint not null,
  -- of good answers, by the buckets of usage_minute: of a stream the time to its first piece, else to the whole
  answer integer[] not null,
  primary key (hour, endpoint_id, environment)
);

-- Of what was asked before: how many, not how fast, which no sum by endpoint has told so far.
insert into usage_endpoint_hour
select hour, endpoint_id, environment, max(route), sum(requests - refused - cached), sum(errors), '{}'
from usage_hour
where endpoint_id is not null
group by hour, endpoint_id, environment
having sum(requests - refused - cached) > 0;
