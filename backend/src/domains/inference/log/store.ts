import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { RequestDetail, RoutingDecision } from '@llm-ops/contracts';
import type { Scope } from '#platform/access';
import type { Cursor } from '#platform/http';
import { idsBetween, timeOf } from '../ledger/days.ts';
import type { Executor } from '../ledger/store.ts';
import type { ContentRow } from './capture.ts';
import { visible } from './scope.ts';

/** Once by id. */
export async function insertContent(db: Executor, rows: readonly ContentRow[]): Promise<void> {
  await sql`
    insert into request_content (id, at, request, response, redacted, truncated)
    select id, at, request, response, redacted, truncated
    from json_to_recordset(${JSON.stringify(rows)}::json) as row (
      id uuid, at timestamptz, request text, response text, redacted integer, truncated boolean)
    on conflict (id) do nothing`.execute(db);
}

/** A row of the log; money as decimals without trailing zeros. */
export interface EntryRow {
  id: string;
  at: Date;
  request_id: string;
  user_id: string;
  team: string | null;
  project: string | null;
  api_key_id: string | null;
  route: string;
  environment: 'dev' | 'stg' | 'prod';
  endpoint_id: string | null;
  model_id: string | null;
  model_name: string | null;
  model_version: string | null;
  provider: string | null;
  revision: number | null;
  operation: 'chat' | 'completion' | 'embedding';
  streamed: boolean;
  status: number;
  error_code: string | null;
  finish_reason: string | null;
  prompt_tokens: number;
  completion_tokens: number;
  estimated: boolean;
  cached: boolean;
  cost: string;
  latency_ms: number;
  first_token_ms: number | null;
  attempts: number;
  trace_id: string | null;
  captured: boolean;
}

export interface DetailRow extends EntryRow {
  gateway: string;
  price: { input: string; output: string; request: string } | null;
  decision: RoutingDecision | null;
}

const entryColumns = sql`
  e.id, e.at, e.request_id, e.user_id, e.team, e.project, e.api_key_id, e.route, e.environment, e.endpoint_id, e.model_id,
  e.model_name, e.model_version, e.provider, e.revision, e.operation, e.streamed, e.status, e.error_code, e.finish_reason,
  e.prompt_tokens, e.completion_tokens, e.estimated, e.cached, trim_scale(e.cost)::text as cost, e.latency_ms, e.first_token_ms,
  e.attempts, e.trace_id, exists (select from request_content c where c.id = e.id) as captured`;

export type Outcome = 'ok' | 'error' | 'refused' | 'cancelled' | 'cached';

/** Every request has one of the first four; `cached` are some of `ok`. */
const outcomes: Record<Outcome, RawBuilder<SqlBool>> = {
  ok: sql`e.status < 400`,
  error: sql`e.status >= 500`,
  refused: sql`e.status between 400 and 498`,
  cancelled: sql`e.status = 499`,
  cached: sql`e.cached`,
};

export interface RequestFilters {
  since: Date;
  until: Date;
  /** name or id */
  model?: string | undefined;
  outcome?: Outcome | undefined;
  min_latency_ms?: number | undefined;
  /** words of captured content, where the reader may read it */
  search?: string | undefined;
  /** compared as they are */
  equal: Partial<
    Record<
      | 'route'
      | 'environment'
      | 'endpoint_id'
      | 'user_id'
      | 'team'
      | 'project'
      | 'api_key_id'
      | 'request_id'
      | 'operation',
      string | undefined
    >
  >;
}

/** Newest first. Ends after `searchMs` with SQLSTATE 57014. */
export async function listEntries(
  trx: Executor,
  filters: RequestFilters,
  reader: { scope: Scope; content: Scope; userId: string },
  page: { limit: number; beyond: Cursor | null; searchMs: number },
): Promise<EntryRow[]> {
  const ids = idsBetween(filters.since, filters.until);
  const where = [
    sql<SqlBool>`e.id >= ${ids.from}::uuid and e.id < ${ids.to}::uuid`,
    sql<SqlBool>`e.at >= ${filters.since} and e.at < ${filters.until}`,
    visible(reader.scope, 'e'),
  ];
  for (const [name, value] of Object.entries(filters.equal)) {
    if (value === undefined) continue;
    where.push(name === 'request_id' ? hasRequestId(value) : sql`${sql.ref(`e.${name}`)} = ${value}`);
  }
  if (filters.model !== undefined)
    where.push(sql`(e.model_name = ${filters.model} or e.model_id::text = ${filters.model})`);
  if (filters.outcome !== undefined) where.push(outcomes[filters.outcome]);
  if (filters.min_latency_ms !== undefined) where.push(sql`e.latency_ms >= ${filters.min_latency_ms}`);
  if (filters.search !== undefined && filters.search !== '') {
    where.push(sql`(e.user_id = ${reader.userId} or ${visible(reader.content, 'e')})`);
    where.push(sql`e.id in (
      select c.id from request_content c
      where c.id >= ${ids.from}::uuid and c.id < ${ids.to}::uuid and ${holdsWords(filters.search)})`);
  }
  if (page.beyond !== null) where.push(sql`e.id < ${page.beyond.id}::uuid`);
  await sql`set local statement_timeout = ${sql.lit(page.searchMs)}`.execute(trx);
  const { rows } = await sql<EntryRow>`
    select ${entryColumns} from usage_event e
    where ${sql.join(where, sql` and `)}
    order by e.id desc limit ${page.limit}`.execute(trx);
  return rows;
}

/** The index holds those that clients gave; a request that came without has its event's id. */
function hasRequestId(value: string): RawBuilder<SqlBool> {
  const own = timeOf(value) === null ? sql`false` : sql`e.id = ${value}::uuid`;
  return sql`e.request_id = ${value} and (e.request_id <> e.id::text or ${own})`;
}

/** As the words stand in plain text, and as JSON writes them. */
function holdsWords(search: string): RawBuilder<SqlBool> {
  const written = JSON.stringify(search).slice(1, -1);
  const forms = [...new Set([search.toWellFormed(), written])].map(
    (words) => `%${words.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`,
  );
  return sql`(${sql.join(
    forms.map((form) => sql`c.request ilike ${form} or c.response ilike ${form}`),
    sql` or `,
  )})`;
}

export async function findEntry(db: Executor, id: string): Promise<DetailRow | null> {
  const { rows } = await sql<DetailRow>`
    select ${entryColumns}, e.gateway, e.price, e.decision from usage_event e where e.id = ${id}::uuid`.execute(db);
  return rows[0] ?? null;
}

/** Whether the reader may see it at all. */
export async function isVisible(db: Executor, id: string, scope: Scope): Promise<boolean> {
  const { rows } = await sql`
    select from usage_event e where e.id = ${id}::uuid and ${visible(scope, 'e')}`.execute(db);
  return rows.length > 0;
}

export async function findContent(db: Executor, id: string): Promise<RequestDetail['content']> {
  const { rows } = await sql<NonNullable<RequestDetail['content']>>`
    select request, response, redacted, truncated from request_content where id = ${id}::uuid`.execute(db);
  return rows[0] ?? null;
}
