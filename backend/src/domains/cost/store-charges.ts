import { sql } from 'kysely';
import type { Spend } from '#domains/inference';
import { formatMoney, parseMoney } from '#platform/money';
import type { ScopeType } from './rules.ts';
import type { BudgetRow, Executor } from './store.ts';

type Row = { amount: string; tokens: number; requests: number };
const spendOf = ({ amount, tokens, requests }: Row): Spend => ({ amount: parseMoney(amount), tokens, requests });

/** Enabled budgets of any of these scopes. */
export async function budgetsOf(
  trx: Executor,
  scopes: readonly { type: ScopeType; id: string | null }[],
): Promise<BudgetRow[]> {
  const { rows } = await sql<BudgetRow>`
    select b.* from budget b join unnest(${scopes.map(({ type }) => type)}::text[], ${scopes.map(({ id }) => id)}::text[])
      as s (type, id) on b.scope_type = s.type and b.scope_id is not distinct from s.id
    where b.enabled`.execute(trx);
  return rows;
}

export interface Charged {
  budgetId: string;
  /** ms since 1970 */
  start: number;
  spend: Spend;
}

const columns = (rows: readonly Charged[]) => sql`
  ${rows.map((row) => row.budgetId)}::uuid[], ${rows.map((row) => new Date(row.start))}::timestamptz[],
  ${rows.map((row) => formatMoney(row.spend.amount))}::numeric[], ${rows.map((row) => row.spend.tokens)}::bigint[],
  ${rows.map((row) => row.spend.requests)}::bigint[]`;

/** Adds to what is spent, one row a budget and period, and answers what that is then. The rows stay locked. */
export async function addSpent(trx: Executor, rows: readonly Charged[]): Promise<Charged[]> {
  const result = await sql<Row & { budget_id: string; period_start: Date }>`
    insert into budget_period as p (budget_id, period_start, spent_amount, spent_tokens, spent_requests)
    select * from unnest(${columns(rows)}) as t (budget_id, period_start, amount, tokens, requests) order by 1, 2
    on conflict (budget_id, period_start) do update set spent_amount = p.spent_amount + excluded.spent_amount,
      spent_tokens = p.spent_tokens + excluded.spent_tokens, spent_requests = p.spent_requests + excluded.spent_requests
    returning budget_id, period_start, spent_amount as amount, spent_tokens as tokens, spent_requests as requests`.execute(
    trx,
  );
  return result.rows.map((row) => ({
    budgetId: row.budget_id,
    start: row.period_start.getTime(),
    spend: spendOf(row),
  }));
}

export interface LeaseCharge extends Charged {
  gateway: string;
  leftOver: boolean;
}

/** Takes from leases what was spent of them, as far as it goes; periods are locked. Answers how far, for those that there are. */
export async function takeFromLeases(trx: Executor, rows: readonly LeaseCharge[]): Promise<LeaseCharge[]> {
  const result = await sql<Row & { budget_id: string; period_start: Date; gateway: string; left_over: boolean }>`
    with taken as (
      select l.budget_id, l.period_start, l.gateway, l.left_over, least(l.amount, t.amount) as amount,
        least(l.tokens, t.tokens) as tokens, least(l.requests, t.requests) as requests
      from unnest(${columns(rows)}, ${rows.map((row) => row.gateway)}::text[], ${rows.map((row) => row.leftOver)}::boolean[])
        as t (budget_id, period_start, amount, tokens, requests, gateway, left_over)
      join budget_lease l using (budget_id, period_start, gateway, left_over)
    ), leases as (
      update budget_lease l set amount = l.amount - t.amount, tokens = l.tokens - t.tokens, requests = l.requests - t.requests,
        renewed_at = clock_timestamp()
      from taken t where l.budget_id = t.budget_id and l.period_start = t.period_start and l.gateway = t.gateway
        and l.left_over = t.left_over
    ), periods as (
      update budget_period p set leased_amount = p.leased_amount - s.amount, leased_tokens = p.leased_tokens - s.tokens,
        leased_requests = p.leased_requests - s.requests
      from (select budget_id, period_start, sum(amount) as amount, sum(tokens) as tokens, sum(requests) as requests
        from taken group by 1, 2) s
      where p.budget_id = s.budget_id and p.period_start = s.period_start
    )
    select * from taken`.execute(trx);
  return result.rows.map((row) => ({
    budgetId: row.budget_id,
    start: row.period_start.getTime(),
    gateway: row.gateway,
    leftOver: row.left_over,
    spend: spendOf(row),
  }));
}

/** Forgets thresholds that are not reached any more, so that they are told again. */
export async function keepReached(trx: Executor, id: string, start: Date, reached: readonly number[]): Promise<void> {
  await sql`delete from budget_reached where budget_id = ${id}::uuid and period_start = ${start}
    and threshold <> all(${[...reached]}::float8[])`.execute(trx);
}

export interface Reached {
  budget_id: string;
  period_start: Date;
  threshold: number;
}

/** Those of them that had not been reached before. */
export async function addReached(trx: Executor, reached: readonly Reached[]): Promise<Reached[]> {
  if (reached.length === 0) return [];
  const { rows } = await sql<Reached>`insert into budget_reached (budget_id, period_start, threshold)
    select * from unnest(${reached.map((one) => one.budget_id)}::uuid[], ${reached.map((one) => one.period_start)}::timestamptz[],
      ${reached.map((one) => one.threshold)}::float8[])
    on conflict do nothing returning budget_id, period_start, threshold`.execute(trx);
  return rows;
}
