import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type pg from 'pg';

/**
 * Jobs are part of a backup: a change commits together with the job that tells others of it, so a lost job is a lost effect. They are
 * not copied as tables: pg-boss owns that schema and changes it with its version. Kept are queues, schedules, subscriptions and the
 * jobs not yet done; they are put into the schema that the installed pg-boss builds, column by column where it still has them.
 * A job that was being worked on is due again: whoever worked on it is not there any more.
 */
const kept = [
  { table: 'queue', where: 'true' },
  { table: 'schedule', where: 'true' },
  { table: 'subscription', where: 'true' },
  { table: 'job', where: `state in ('created', 'retry', 'active')` },
  { table: 'job_dependency', where: 'true' },
];
const batch = 500;

interface JobRow {
  table: string;
  row: Record<string, unknown>;
}

export async function hasJobs(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ is: boolean }>(`select to_regclass('pgboss.version') is not null as is`);
  return rows[0]?.is === true;
}

/** Lines of JSON, one a row, within the caller's transaction. */
export function readJobs(client: pg.Client): Readable & { rows(): number } {
  let count = 0;
  async function* lines() {
    for (const { table, where } of kept) {
      const { rows: known } = await client.query<{ is: boolean }>(
        `select to_regclass('pgboss.${table}') is not null as is`,
      );
      if (!known[0]?.is) continue;
      await client.query(
        `declare kept_jobs no scroll cursor for select to_jsonb(t)::text as row from pgboss.${table} t where ${where}`,
      );
      for (;;) {
        const { rows } = await client.query<{ row: string }>(`fetch ${batch} from kept_jobs`);
        if (rows.length === 0) break;
        count += rows.length;
        yield rows.map(({ row }) => `{"table":"${table}","row":${row}}\n`).join('');
      }
      await client.query('close kept_jobs');
    }
  }
  return Object.assign(Readable.from(lines()), { rows: () => count });
}

/** Builds pg-boss's schema if it is not there, by pg-boss itself; commits. */
export async function prepareJobs(client: pg.Client): Promise<void> {
  if (await hasJobs(client)) return;
  const { getConstructionPlans } = await import('pg-boss');
  await client.query(getConstructionPlans('pgboss'));
}

/** Takes the lines of `readJobs`, within the caller's transaction; answers how many. */
export async function writeJobs(client: pg.Client, source: AsyncIterable<Buffer>): Promise<number> {
  let count = 0;
  let waiting: JobRow[] = [];
  const columns = new Map<string, string[]>();

  async function flush(): Promise<void> {
    const table = waiting[0]?.table;
    if (table === undefined) return;
    const rows = waiting.map(({ row }) => row);
    count += rows.length;
    waiting = [];
    if (table === 'queue') return insertQueues(client, rows, await common(table, rows));
    const names = (await common(table, rows)).map((name) => `"${name}"`).join(', ');
    await client.query(
      `insert into pgboss.${table} (${names}) select ${names} from jsonb_populate_recordset(null::pgboss.${table}, $1)`,
      [JSON.stringify(table === 'job' ? rows.map(due) : rows)],
    );
  }

  /** columns that both sides have */
  async function common(table: string, rows: Record<string, unknown>[]): Promise<string[]> {
    let known = columns.get(table);
    if (!known) {
      const { rows: found } = await client.query<{ name: string }>(
        `select attname::text as name from pg_attribute
         where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attgenerated = ''`,
        [`pgboss.${table}`],
      );
      known = found.map(({ name }) => name);
      columns.set(table, known);
    }
    return known.filter((name) => name in (rows[0] ?? {}));
  }

  for await (const line of createInterface({ input: Readable.from(source) })) {
    const next = JSON.parse(line) as JobRow;
    if (!kept.some(({ table }) => table === next.table)) throw new Error(`unknown table ${next.table} of jobs`);
    if (waiting.length > 0 && (waiting.length >= batch || waiting[0]!.table !== next.table)) await flush();
    waiting.push(next);
  }
  await flush();
  return count;
}

const due = (row: Record<string, unknown>) =>
  row['state'] === 'active' ? { ...row, state: 'retry', started_on: null, heartbeat_on: null } : row;

/** A queue may have a table of its own, which only pg-boss's function makes; and one may name another as its dead letter queue. */
async function insertQueues(client: pg.Client, rows: Record<string, unknown>[], common: string[]): Promise<void> {
  for (const row of rows) {
    const options = { policy: row['policy'], partition: row['partition'] };
    await client.query('select pgboss.create_queue($1, $2)', [row['name'], JSON.stringify(options)]);
  }
  const names = common.filter((name) => name !== 'name' && name !== 'table_name' && name !== 'partition');
  const assignments = names.map((name) => `"${name}" = r."${name}"`).join(', ');
  await client.query(
    `update pgboss.queue q set ${assignments} from jsonb_populate_recordset(null::pgboss.queue, $1) r where q.name = r.name`,
    [JSON.stringify(rows)],
  );
}
