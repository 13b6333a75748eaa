-- Routes say whether the request log keeps what was asked and answered, and what may be tried again.

alter table route add column capture jsonb not null default '{"content":false}';
alter table route alter column retry set default '{"attempts":0,"on":["connect","busy"]}';
update route set retry = retry || '{"on":["connect","busy"]}' where not retry ? 'on';
