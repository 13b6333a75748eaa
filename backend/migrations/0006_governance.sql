-- Whoever keeps identities or policies in memory hears of a change when it commits, however it was made.
create function tell_identity_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('identity', tg_table_name);
  return null;
end
$$;

create trigger api_key_changed
  after insert or delete or update of roles, routes, environments, limits, expires_at, revoked_at, team, project on api_key
  for each statement execute function tell_identity_changed();
create trigger web_session_changed
  after insert or delete or update on web_session
  for each statement execute function tell_identity_changed();
create trigger membership_changed
  after insert or delete or update on membership
  for each statement execute function tell_identity_changed();
create trigger policy_changed
  after insert or delete or update on policy
  for each statement execute function tell_identity_changed();

-- Lists are in the order of ids, which is that of time.
create index audit_entry_actor_id on audit_entry (actor_id, id desc);
create index audit_entry_resource_id on audit_entry (resource_type, resource_id, id desc);
drop index audit_entry_actor;
drop index audit_entry_resource;

-- What the sealer has still to chain: found without reading the log, and an entry that commits late is found all the same.
create table audit_unsealed (entry_id uuid primary key);

create function mark_audit_unsealed() returns trigger language plpgsql as $$
begin
  insert into audit_unsealed (entry_id) values (new.id);
  return null;
end
$$;
create trigger audit_entry_unsealed after insert on audit_entry for each row execute function mark_audit_unsealed();
insert into audit_unsealed (entry_id) select id from audit_entry;

-- What was sealed stays: the program never changes or deletes an entry; whoever does by hand is found by `llmops audit verify`.
alter table audit_seal drop constraint audit_seal_entry_id_fkey;
