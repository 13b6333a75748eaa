import { sql } from 'kysely';
import type { Spend } from '#domains/inference';
import { formatMoney, parseMoney } from '#platform/money';
import type { Limit } from './rules.ts';
import { running, type BudgetRow, type Executor } from './store.ts';

/** A slice of a budget's period, as one gateway holds it. */
export interface LeaseKey {
  budgetId: string;
  /** ms since 1970 */
  start: number;
  gateway: string;
}

type Row = { amount: string; tokens: number; requests: number };
const spendOf = ({ amount, tokens, requests }: Row): Spend => ({ amount: parseMoney(amount), tokens, requests });
const money = (spend: Spend) => sql`${formatMoney(spend.amount)}::numeric`;
const period = ({ budgetId, start }: LeaseKey) =>
  sql`budget_id = ${budgetId}::uuid and period_start = ${new Date(start)}`;
const lease = (key: LeaseKey) => sql`${period(key)} and gateway = ${key.gateway} and not left_over`;

/**
 * Gives the gateway what it asks for and as far as there is more a slice, of which at most a tenth of what is left; what is left, when
 * that is less; nothing, when that is less than `least`. null: no such period, or no such budget that stops. The row of the period is
 * locked meanwhile, so several gateways never hold more than the limit together.
 */
export async function grant(
  db: Executor,
  key: LeaseKey,
  want: { number: number; asked: Spend; least: Spend; slice: Spend },
): Promise<{ granted: Spend; left: Limit } | null> {
  const { number, asked, least, slice } = want;
  const { rows } = await sql<
    Row & { left_amount: string | null; left_tokens: number | null; left_requests: number | null }
  >`
    with had as (
      select
        case when b.limit_amount is not null
          then greatest(b.limit_amount - p.spent_amount - p.leased_amount, 0) end as amount,
        case when b.limit_tokens is not null
          then greatest(b.limit_tokens - p.spent_tokens - p.leased_tokens, 0) end as tokens,
        case when b.limit_requests is not null
          then greatest(b.limit_requests - p.spent_requests - p.leased_requests, 0) end as requests
      from budget_period p join budget b on b.id = p.budget_id
      where p.budget_id = ${key.budgetId}::uuid and p.period_start = ${new Date(key.start)}
        and b.enabled and b.action = 'stop'
      for update of p
    ), enough as (
      select *, coalesce(amount >= ${money(least)}, true) and coalesce(tokens >= ${least.tokens}, true)
        and coalesce(requests >= ${least.requests}, true) as enough from had
    ), given as (
      select
        case when enough and amount is not null
          then least(amount, greatest(${money(asked)}, least(${money(slice)}, trunc(amount / 10, 12)))) else 0 end as amount,
        case when enough and tokens is not null
          then least(tokens, greatest(${asked.tokens}, least(${slice.tokens}, tokens / 10))) else 0 end as tokens,
        case when enough and requests is not null
          then least(requests, greatest(${asked.requests}, least(${slice.requests}, requests / 10))) else 0 end as requests,
        amount as had_amount, tokens as had_tokens, requests as had_requests
      from enough
    ), changed as (
      update budget_period p set leased_amount = p.leased_amount + g.amount,
        leased_tokens = p.leased_tokens + g.tokens, leased_requests = p.leased_requests + g.requests
      from given g where ${period(key)}
    ), held as (
      insert into budget_lease as l (budget_id, period_start, gateway, left_over, amount, tokens, requests,
        change_number, change_amount, change_tokens, change_requests, renewed_at)
      select ${key.budgetId}::uuid, ${new Date(key.start)}::timestamptz, ${key.gateway}::text, false, amount, tokens, requests,
        ${number}::bigint, amount, tokens, requests, clock_timestamp() from given
      on conflict (budget_id, period_start, gateway, left_over) do update set
        amount = l.amount + excluded.amount, tokens = l.tokens + excluded.tokens, requests = l.requests + excluded.requests,
        change_number = excluded.change_number, change_amount = excluded.change_amount,
        change_tokens = excluded.change_tokens, change_requests = excluded.change_requests, renewed_at = excluded.renewed_at
    )
    select amount, tokens, requests, had_amount - amount as left_amount, had_tokens - tokens as left_tokens,
      had_requests - requests as left_requests from given`.execute(db);
  const row = rows[0];
  if (row === undefined) return null;
  const amount = row.left_amount === null ? null : parseMoney(row.left_amount);
  return { granted: spendOf(row), left: { amount, tokens: row.left_tokens, requests: row.left_requests } };
}

/** Gives back a part of the lease, as far as it is still there. */
export async function giveBack(db: Executor, key: LeaseKey, back: Spend, number: number): Promise<void> {
  await sql`
    with locked as (select 1 from budget_period where ${period(key)} for update),
    held as (
      select least(l.amount, ${money(back)}) as amount, least(l.tokens, ${back.tokens}) as tokens,
        least(l.requests, ${back.requests}) as requests
      from locked, budget_lease l where ${lease(key)} for update of l
    ), changed as (
      update budget_period p set leased_amount = p.leased_amount - h.amount, leased_tokens = p.leased_tokens - h.tokens,
        leased_requests = p.leased_requests - h.requests
      from held h where ${period(key)}
    )
    update budget_lease l set amount = l.amount - h.amount, tokens = l.tokens - h.tokens, requests = l.requests - h.requests,
      change_number = ${number}, change_amount = -h.amount, change_tokens = -h.tokens, change_requests = -h.requests
    from held h where ${lease(key)}`.execute(db);
}

/** The last grant or return of the lease, waiting for one that is under way. null: there is no lease. */
export async function lastChange(db: Executor, key: LeaseKey): Promise<{ number: number; by: Spend } | null> {
  return inTransaction(db, async (trx) => {
    await sql`select 1 from budget_period where ${period(key)} for update`.execute(trx);
    const { rows } = await sql<Row & { number: number }>`
      select change_number as number, change_amount as amount, change_tokens as tokens, change_requests as requests
      from budget_lease where ${lease(key)}`.execute(trx);
    return rows[0] === undefined ? null : { number: rows[0].number, by: spendOf(rows[0]) };
  });
}

/** The row that leases are counted in. */
export async function openPeriod(db: Executor, { budgetId, start }: LeaseKey): Promise<void> {
  await sql`insert into budget_period (budget_id, period_start)
    select id, ${new Date(start)}::timestamptz from budget where id = ${budgetId}::uuid on conflict do nothing`.execute(
    db,
  );
}

/** Takes back what other gateways hold that have not been heard of for so long. False: there was nothing. */
export async function reclaim(db: Executor, key: LeaseKey, goneMs: number): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    await sql`select 1 from budget_period where ${period(key)} for update`.execute(trx);
    const { numAffectedRows } = await sql`
      with gone as (
        delete from budget_lease where ${period(key)} and gateway <> ${key.gateway}
          and renewed_at < clock_timestamp() - ${goneMs} * interval '1 millisecond' returning amount, tokens, requests
      ), held as (
        select sum(amount) as amount, sum(tokens) as tokens, sum(requests) as requests from gone having count(*) > 0
      )
      update budget_period p set leased_amount = p.leased_amount - h.amount, leased_tokens = p.leased_tokens - h.tokens,
        leased_requests = p.leased_requests - h.requests
      from held h where ${period(key)}`.execute(trx);
    return (numAffectedRows ?? 0n) > 0n;
  });
}

/** What the gateway's process before held is set apart from what this one will. */
export async function setApart(db: Executor, gateway: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    await lockPeriodsOf(trx, gateway);
    await sql`
      with before as (delete from budget_lease where gateway = ${gateway} and not left_over returning *)
      insert into budget_lease as l (budget_id, period_start, gateway, left_over, amount, tokens, requests)
      select budget_id, period_start, gateway, true, amount, tokens, requests from before
      on conflict (budget_id, period_start, gateway, left_over) do update set amount = l.amount + excluded.amount,
        tokens = l.tokens + excluded.tokens, requests = l.requests + excluded.requests,
        renewed_at = excluded.renewed_at`.execute(trx);
  });
}

/** Gives back what the gateway's process before held and was not charged. */
export async function releaseSetApart(db: Executor, gateway: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    await lockPeriodsOf(trx, gateway);
    await sql`
      with gone as (delete from budget_lease where gateway = ${gateway} and left_over returning *)
      update budget_period p set leased_amount = p.leased_amount - g.amount, leased_tokens = p.leased_tokens - g.tokens,
        leased_requests = p.leased_requests - g.requests
      from gone g where p.budget_id = g.budget_id and p.period_start = g.period_start`.execute(trx);
  });
}

async function lockPeriodsOf(trx: Executor, gateway: string): Promise<void> {
  await sql`select 1 from budget_period where (budget_id, period_start) in
    (select budget_id, period_start from budget_lease where gateway = ${gateway})
    order by budget_id, period_start for update`.execute(trx);
}

/** Says that the gateway is there, and answers which leases it has. Rows that are being changed are left: that says it too. */
export async function renew(db: Executor, gateway: string): Promise<{ budget_id: string; period_start: Date }[]> {
  const mine = (which: ReturnType<typeof sql>) => sql`(budget_id, period_start, gateway, left_over) in (
    select budget_id, period_start, gateway, left_over from budget_lease where gateway = ${gateway} and ${which}
    for update skip locked)`;
  const empty = sql`amount = 0 and tokens = 0 and requests = 0`;
  await sql`update budget_lease set renewed_at = clock_timestamp() where ${mine(sql`not (${empty})`)}`.execute(db);
  await sql`delete from budget_lease where ${mine(
    sql`${empty} and renewed_at < clock_timestamp() - interval '1 hour'`,
  )}`.execute(db);
  const { rows } = await sql<{ budget_id: string; period_start: Date }>`
    select budget_id, period_start from budget_lease where gateway = ${gateway} and not left_over`.execute(db);
  return rows;
}

export interface Watched extends Pick<
  BudgetRow,
  'id' | 'name' | 'scope_type' | 'scope_id' | 'period' | 'currency' | 'limit_amount' | 'limit_tokens' | 'limit_requests'
> {
  /** more is spent and leased than the limit allows */
  over: boolean;
}

/** Every budget that stops. */
export async function watchedBudgets(db: Executor): Promise<Watched[]> {
  const { rows } = await sql<Watched>`
    select b.id, b.name, b.scope_type, b.scope_id, b.period, b.currency, b.limit_amount, b.limit_tokens, b.limit_requests,
      coalesce(p.spent_amount + p.leased_amount > b.limit_amount or p.spent_tokens + p.leased_tokens > b.limit_tokens
        or p.spent_requests + p.leased_requests > b.limit_requests, false) as over
    from budget b left join budget_period p on p.budget_id = b.id and p.period_start = ${running}
    where b.enabled and b.action = 'stop'`.execute(db);
  return rows;
}

export async function databaseTime(db: Executor): Promise<number> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
  return rows[0]!.now.getTime();
}

const inTransaction = <T>(db: Executor, run: (trx: Executor) => Promise<T>): Promise<T> =>
  db.transaction().execute((trx) => run(trx as Executor));
