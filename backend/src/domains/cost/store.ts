import { sql, type Kysely, type Transaction } from 'kysely';
import type { Spend } from '#domains/inference';
import type { Scope } from '#platform/access';
import { formatMoney, parseMoney } from '#platform/money';
import type { Limit, PeriodKind, ScopeType } from './rules.ts';

export type Executor = Kysely<unknown> | Transaction<unknown>;

export interface BudgetRow {
  id: string;
  name: string;
  scope_type: ScopeType;
  scope_id: string | null;
  period: PeriodKind;
  currency: string;
  limit_amount: string | null;
  limit_tokens: number | null;
  limit_requests: number | null;
  action: 'warn' | 'stop';
  thresholds: number[];
  enabled: boolean;
  team: string | null;
  created_by: string;
  created_at: Date;
  updated_at: Date;
}

/** A budget with what is spent of it in the period that is running. */
export interface BudgetState extends BudgetRow {
  period_start: Date;
  spent_amount: string;
  spent_tokens: number;
  spent_requests: number;
  leased_amount: string;
  leased_tokens: number;
  leased_requests: number;
  reached: { threshold: number; at: string }[];
}

export interface PriceRow {
  id: string;
  model_id: string;
  currency: string;
  input_per_million: string;
  output_per_million: string;
  per_request: string;
  since: Date;
  set_by: string;
}

interface Tables {
  budget: BudgetRow;
  model_price: PriceRow;
}
const on = (executor: Executor) => executor as unknown as Kysely<Tables>;

export const limitOf = (row: Pick<BudgetRow, 'limit_amount' | 'limit_tokens' | 'limit_requests'>): Limit => ({
  amount: row.limit_amount === null ? null : parseMoney(row.limit_amount),
  tokens: row.limit_tokens,
  requests: row.limit_requests,
});

export const spentOf = (row: Pick<BudgetState, 'spent_amount' | 'spent_tokens' | 'spent_requests'>): Spend => ({
  amount: parseMoney(row.spent_amount),
  tokens: row.spent_tokens,
  requests: row.spent_requests,
});

/** The period of `b` that is running, by the database's clock. */
export const running = sql`case b.period
  when 'daily' then date_trunc('day', clock_timestamp(), 'UTC')
  when 'monthly' then date_trunc('month', clock_timestamp(), 'UTC')
  else 'epoch'::timestamptz end`;

const state = sql`
  select b.*, r.period_start,
    coalesce(p.spent_amount, 0) as spent_amount, coalesce(p.spent_tokens, 0) as spent_tokens,
    coalesce(p.spent_requests, 0) as spent_requests,
    coalesce(p.leased_amount, 0) as leased_amount, coalesce(p.leased_tokens, 0) as leased_tokens,
    coalesce(p.leased_requests, 0) as leased_requests,
    (select coalesce(jsonb_agg(jsonb_build_object('threshold', x.threshold, 'at', x.at) order by x.threshold), '[]')
      from budget_reached x where x.budget_id = b.id and x.period_start = r.period_start) as reached
  from budget b
  cross join lateral (select ${running} as period_start) r
  left join budget_period p on p.budget_id = b.id and p.period_start = r.period_start`;

/** Newest first, of the teams in scope, everybody's and of one's own making; `before` is the id of the last of the page before. */
export async function listBudgets(
  db: Executor,
  scope: Scope,
  filter: { scopeType?: ScopeType | undefined; limit: number; before: string | null },
): Promise<BudgetState[]> {
  const { teams, userId } = scope;
  const seen =
    teams === null
      ? sql`true`
      : sql`(b.team is null or b.team = any(${[...teams]}::text[]) or b.created_by = ${userId})`;
  const { rows } = await sql<BudgetState>`${state}
    where ${seen}
      and ${filter.before === null ? sql`true` : sql`b.id < ${filter.before}::uuid`}
      and ${filter.scopeType === undefined ? sql`true` : sql`b.scope_type = ${filter.scopeType}`}
    order by b.id desc limit ${filter.limit}`.execute(db);
  return rows;
}

/** With `lock` it stays as it is until the transaction ends. */
export async function findBudget(db: Executor, id: string, lock = false): Promise<BudgetState | null> {
  const { rows } =
    await sql<BudgetState>`${state} where b.id = ${id}::uuid ${lock ? sql`for update of b` : sql``}`.execute(db);
  return rows[0] ?? null;
}

export type BudgetDraft = Omit<BudgetRow, 'created_at' | 'updated_at'>;

/** False when the name is taken. */
export async function insertBudget(trx: Executor, row: BudgetDraft): Promise<boolean> {
  const inserted = await on(trx)
    .insertInto('budget')
    .values(row as never)
    .onConflict((conflict) => conflict.columns(['team', 'name']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** False when the name is another one's. */
export async function updateBudget(
  trx: Executor,
  { id, ...changes }: Partial<BudgetDraft> & { id: string },
): Promise<boolean> {
  const { rows } = await sql`select 1 from budget other join budget b on b.team is not distinct from other.team
    where b.id = ${id}::uuid and other.id <> b.id and other.name = ${changes.name ?? null}`.execute(trx);
  if (rows.length > 0) return false;
  const set = { ...changes, updated_at: sql<Date>`clock_timestamp()` };
  await on(trx)
    .updateTable('budget')
    .set(set as never)
    .where('id', '=', id)
    .execute();
  return true;
}

export async function deleteBudget(trx: Executor, id: string): Promise<void> {
  await on(trx).deleteFrom('budget').where('id', '=', id).execute();
}

/**
 * Keeps what is charged and which budgets there are from changing at the same time: whoever charges shares the lock, whoever changes
 * budgets has it alone. Taken before anything else is locked; held until the transaction ends.
 */
export async function lockBudgets(trx: Executor, how: 'shared' | 'alone'): Promise<void> {
  const name = sql`hashtextextended('llm-ops cost', 0)`;
  await (
    how === 'shared' ? sql`select pg_advisory_xact_lock_shared(${name})` : sql`select pg_advisory_xact_lock(${name})`
  ).execute(trx);
}

/** What settled requests took that the budget is about, in a period; with `lockBudgets(alone)` all that will not be charged to it. */
export async function settledSpend(
  trx: Executor,
  budget: Pick<BudgetRow, 'scope_type' | 'scope_id'>,
  period: { start: number; end: number },
): Promise<Spend> {
  const start = new Date(period.start);
  // events lie by id, whose time is that of their gateway
  const first = period.start === 0 ? null : firstId(period.start - 86_400_000);
  const { rows } = await sql<{ amount: string; tokens: number; requests: number }>`
    select coalesce(sum(cost) filter (where not cached), 0)::numeric(38, 12) as amount,
      coalesce(sum(prompt_tokens::bigint + completion_tokens) filter (where not cached), 0)::bigint as tokens,
      count(*) as requests
    from usage_event
    where at >= ${start} and ${period.end === Infinity ? sql`true` : sql`at < ${new Date(period.end)}`}
      and ${first === null ? sql`true` : sql`id >= ${first}::uuid`}
      and (forwarded or cached) and ${inScope(budget)}`.execute(trx);
  const { amount, tokens, requests } = rows[0]!;
  return { amount: parseMoney(amount), tokens, requests };
}

const firstId = (ms: number): string => {
  const time = ms.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
};

function inScope({ scope_type, scope_id }: Pick<BudgetRow, 'scope_type' | 'scope_id'>) {
  const id = scope_id ?? '';
  switch (scope_type) {
    case 'team':
      return sql`team = ${id}`;
    case 'project':
      return sql`team = ${id.slice(0, id.indexOf('/'))} and project = ${id.slice(id.indexOf('/') + 1)}`;
    case 'user':
      return sql`user_id = ${id}`;
    case 'key':
      return sql`api_key_id = ${id}::uuid`;
    case 'endpoint':
      return sql`endpoint_id = ${id}::uuid`;
    case 'model':
      return sql`model_id = ${id}::uuid`;
    case 'global':
      return sql`true`;
  }
}

/** Writes what is spent of a period anew. */
export async function setSpent(trx: Executor, id: string, start: number, spent: Spend): Promise<void> {
  await sql`insert into budget_period (budget_id, period_start, spent_amount, spent_tokens, spent_requests)
    values (${id}::uuid, ${new Date(start)}, ${formatMoney(spent.amount)}::numeric, ${spent.tokens}, ${spent.requests})
    on conflict (budget_id, period_start) do update set spent_amount = excluded.spent_amount,
      spent_tokens = excluded.spent_tokens, spent_requests = excluded.spent_requests`.execute(trx);
}

/** The price of each model that is in force, newest first. */
export async function listPrices(
  db: Executor,
  limit: number,
  after: { at: string; id: string } | null,
): Promise<PriceRow[]> {
  const rest = after === null ? sql`true` : sql`(since, id) < (${after.at}::timestamptz, ${after.id}::uuid)`;
  const { rows } = await sql<PriceRow>`
    select * from (select distinct on (model_id) * from model_price order by model_id, since desc, id desc) newest
    where ${rest} order by since desc, id desc limit ${limit}`.execute(db);
  return rows;
}

/** The prices in force; those of a currency that was the platform's before are none. */
export async function currentPrices(db: Executor, currency: string): Promise<PriceRow[]> {
  const { rows } = await sql<PriceRow>`select distinct on (model_id) * from model_price where currency = ${currency}
    order by model_id, since desc, id desc`.execute(db);
  return rows;
}

export function priceHistory(db: Executor, modelId: string): Promise<PriceRow[]> {
  return on(db)
    .selectFrom('model_price')
    .selectAll()
    .where('model_id', '=', modelId)
    .orderBy('since', 'desc')
    .orderBy('id', 'desc')
    .limit(500)
    .execute();
}

export function insertPrice(trx: Executor, row: Omit<PriceRow, 'since'>): Promise<PriceRow> {
  return on(trx)
    .insertInto('model_price')
    .values({ ...row, since: sql<Date>`clock_timestamp()` } as never)
    .returningAll()
    .executeTakeFirstOrThrow();
}
