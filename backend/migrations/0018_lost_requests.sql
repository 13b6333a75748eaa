-- additive
-- Requests that a gateway died with are its own loss, and no error of the endpoint that was answering them. Those of before stay counted as errors.

alter table usage_endpoint_hour add column lost bigint not null default 0;
