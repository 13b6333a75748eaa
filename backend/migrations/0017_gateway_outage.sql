-- additive: the last time that a gateway answered without the database, and of when what it knew then was.

alter table gateway_heartbeat add column outage jsonb;
