-- additive
-- What a request costs the ledger: ids order events as their times do, and most requests bring no id of their own.

drop index usage_event_at;
drop index usage_event_request;
create index usage_event_request on usage_event (request_id) where request_id <> id::text;
