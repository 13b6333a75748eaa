import pg from 'pg';
import type { Partition, Sequence } from './manifest.ts';

/** Schemas that are ours: not the server's, not an extension's, not pg-boss's (see jobs.ts). */
const ours = `n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pgboss') and n.nspname not like 'pg\\_temp%'
  and n.nspname not like 'pg\\_toast\\_temp%'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`;

export interface Table {
  schema: string;
  name: string;
  /** without generated ones */
  columns: string[];
}

export const quoted = ({ schema, name }: { schema: string; name: string }) =>
  `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;

/** Every table that holds rows itself (a partition, not what it is a part of), but for the list of migrations. */
export async function tablesOf(client: pg.Client): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select n.nspname as schema, c.relname as name,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum) as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and c.relpersistence <> 't' and ${ours} and c.relname <> 'schema_migration'
     order by 1, 2`,
  );
  return rows;
}

/** Partitions, those nearer the root first. */
export async function partitionsOf(client: pg.Client): Promise<Partition[]> {
  const { rows } = await client.query<Partition>(
    `select n.nspname as schema, c.relname as name, pn.nspname as "parentSchema", p.relname as parent,
       pg_get_expr(c.relpartbound, c.oid) as bound, pg_get_partkeydef(c.oid) as "partitionBy"
     from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join pg_inherits i on i.inhrelid = c.oid
       join pg_class p on p.oid = i.inhparent
       join pg_namespace pn on pn.oid = p.relnamespace
     where c.relispartition and c.relkind in ('r', 'p') and ${ours}
     order by (select count(*) from pg_partition_ancestors(c.oid)), 1, 2`,
  );
  return rows;
}

/** Sequences that were used, with the value last given. */
export async function sequencesOf(client: pg.Client): Promise<Sequence[]> {
  const { rows } = await client.query<Sequence>(
    `select s.schemaname as schema, s.sequencename as name, s.last_value::text as value
     from pg_sequences s join pg_namespace n on n.nspname = s.schemaname
       join pg_class c on c.relnamespace = n.oid and c.relname = s.sequencename
     where s.last_value is not null and ${ours} order by 1, 2`,
  );
  return rows;
}

export async function migrationsOf(client: pg.Client): Promise<{ name: string; sha256: string }[]> {
  const { rows: known } = await client.query<{ is: boolean }>(
    `select to_regclass('schema_migration') is not null as is`,
  );
  if (!known[0]?.is) return [];
  return (
    await client.query<{ name: string; sha256: string }>('select name, sha256 from schema_migration order by name')
  ).rows;
}

interface ForeignKey {
  table: string;
  name: string;
  definition: string;
}

/**
 * Runs `load` while foreign keys and triggers of our tables are off, then puts them back, which checks every row. Within the caller's
 * transaction. Unlike `session_replication_role` this needs only the owner's rights.
 */
export async function withoutConstraints(client: pg.Client, load: () => Promise<void>): Promise<void> {
  const { rows: keys } = await client.query<ForeignKey>(
    `select format('%I.%I', n.nspname, c.relname) as table, k.conname as name, pg_get_constraintdef(k.oid) as definition
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     where k.contype = 'f' and k.conparentid = 0 and ${ours}`,
  );
  // what is on stays on, what was off stays off
  const { rows: triggers } = await client.query<{ table: string; name: string; enabled: string }>(
    `select format('%I.%I', n.nspname, c.relname) as table, t.tgname as name, t.tgenabled as enabled
     from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
     where not t.tgisinternal and t.tgenabled <> 'D' and ${ours}`,
  );
  const enable: Record<string, string> = { O: 'enable', A: 'enable always', R: 'enable replica' };
  for (const key of keys)
    await client.query(`alter table ${key.table} drop constraint ${pg.escapeIdentifier(key.name)}`);
  for (const { table, name } of triggers) {
    await client.query(`alter table ${table} disable trigger ${pg.escapeIdentifier(name)}`);
  }
  await load();
  // deferred checks would keep the tables from being altered
  await client.query('set constraints all immediate');
  for (const { table, name, enabled } of triggers) {
    await client.query(`alter table ${table} ${enable[enabled]} trigger ${pg.escapeIdentifier(name)}`);
  }
  for (const { table, name, definition } of keys) {
    await client.query(`alter table ${table} add constraint ${pg.escapeIdentifier(name)} ${definition}`);
  }
}
