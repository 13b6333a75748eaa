import type { Charge, Spend, UsageEvent } from '#domains/inference';
import type { Events } from '#platform/events';
import type { Logger } from '#platform/log';
import type { Trx } from '#platform/http';
import { inTurns } from '#platform/turns';
import type { Accounts } from './accounts.ts';
import { isCharged, lesser, nothing, periodAt, reachedOf, scopesOf, spendOf, type Period } from './rules.ts';
import { charged, type Slice } from './slice.ts';
import { addReached, addSpent, budgetsOf, takeFromLeases, type LeaseCharge, type Reached } from './store-charges.ts';
import { limitOf, lockBudgets, type BudgetRow } from './store.ts';

export type Publisher = Pick<Events, 'publish'> | null;

/** What a budget is charged in one period, and whose leases that comes off. */
interface Sum {
  budget: BudgetRow;
  period: Period;
  spend: Spend;
  /** what was reserved from this process' slice */
  own: { slice: Slice; spend: Spend } | null;
  leases: Map<string, LeaseCharge>;
  /** the lease charged last: mostly the next event's too */
  last: LeaseCharge | null;
}

/** Budgets that events of the same parties fall under, each with the sum of the period met last. */
type Charged = { budget: BudgetRow; sum: Sum | null }[];

/** Charges budgets for settled requests, in the transaction that settles them. */
export function createCharge(deps: { gateway: string; accounts: Accounts; events: Publisher; log: Logger }): Charge {
  const { gateway, accounts, events: publisher, log } = deps;

  async function sumUp(budgets: readonly BudgetRow[], events: readonly UsageEvent[]): Promise<Sum[]> {
    const byScope = Map.groupBy(budgets, ({ scope_type, scope_id }) => `${scope_type} ${scope_id}`);
    const chargedOf = createPartiesMap((event): Charged => {
      const found = scopesOf(partiesOf(event)).flatMap(({ type, id }) => byScope.get(`${type} ${id}`) ?? []);
      return found.map((budget) => ({ budget, sum: null }));
    });
    const sums = new Map<string, Sum>();
    const sumOf = (budget: BudgetRow, at: number): Sum => {
      const period = periodAt(budget.period, at);
      const name = `${budget.id} ${period.start}`;
      let sum = sums.get(name);
      if (sum === undefined) {
        sum = { budget, period, spend: { ...nothing }, own: null, leases: new Map(), last: null };
        sums.set(name, sum);
      }
      return sum;
    };
    await inTurns(events, (event) => {
      const at = Date.parse(event.at);
      const spend = spendOf(event);
      for (const one of chargedOf(event)) {
        if (one.sum === null || at < one.sum.period.start || at >= one.sum.period.end) one.sum = sumOf(one.budget, at);
        add(one.sum, event, at, spend);
      }
    });
    return [...sums.values()];
  }

  function add(sum: Sum, event: UsageEvent, at: number, spend: Spend): void {
    const { start } = sum.period;
    increase(sum.spend, spend);
    const owner = event.gateway === gateway ? accounts.ownerOf(sum.budget.id, start, at) : null;
    if (owner !== null) {
      sum.own ??= { slice: owner, spend: { ...nothing } };
      sum.own.slice = owner;
      increase(sum.own.spend, spend);
    }
    // of this gateway, but not of this process: of the one before, whose leases are set apart
    const leftOver = event.gateway === gateway && owner === null;
    if (sum.last === null || sum.last.leftOver !== leftOver || sum.last.gateway !== event.gateway)
      sum.last = leaseOf(sum, event.gateway, leftOver);
    increase(sum.last.spend, spend);
  }

  return async (given, events) => {
    const trx = given as Trx;
    const counted = events.filter(isCharged);
    if (counted.length === 0) return () => {};
    await lockBudgets(trx, 'shared');
    const scopes = new Map<string, ReturnType<typeof scopesOf>[number]>();
    const noted = createPartiesMap((event) => {
      for (const one of scopesOf(partiesOf(event))) scopes.set(`${one.type} ${one.id}`, one);
      return true;
    });
    await inTurns(counted, noted);
    const sums = await sumUp(await budgetsOf(trx, [...scopes.values()]), counted);
    if (sums.length === 0) return () => {};
    const spent = await addSpent(
      trx,
      sums.map(({ budget, period: { start }, spend }) => ({ budgetId: budget.id, start, spend })),
    );
    const taken = await takeFromLeases(
      trx,
      sums.flatMap(({ leases }) => [...leases.values()]),
    );
    const budgets = new Map(sums.map(({ budget }) => [budget.id, budget]));
    const told = await noteReached(
      trx,
      publisher,
      spent.map(({ budgetId, start, spend }) => ({ budget: budgets.get(budgetId)!, start, spent: spend })),
    );
    return () => {
      for (const { budget, period, own } of sums) {
        if (own === null) continue;
        const { start } = period;
        const lease = taken.find(
          (one) => one.budgetId === budget.id && one.start === start && one.gateway === gateway && !one.leftOver,
        );
        // without a lease, others took it back: what was spent is not there to be spent again
        charged(own.slice, own.spend, lease?.spend ?? lesser(own.spend, own.slice.granted));
      }
      for (const { budget_id, threshold } of told)
        log.warn({ budget: budgets.get(budget_id)!.name, threshold }, 'a budget has reached a threshold');
    };
  };
}

/** Keeps which thresholds are reached, and publishes those that are now. */
export async function noteReached(
  trx: Trx,
  events: Publisher,
  states: readonly { budget: BudgetRow; start: number; spent: Spend }[],
): Promise<Reached[]> {
  const reached = states.flatMap(({ budget, start, spent }) =>
    reachedOf(limitOf(budget), spent, budget.thresholds).map((threshold) => ({
      budget_id: budget.id,
      period_start: new Date(start),
      threshold,
    })),
  );
  const fresh = await addReached(trx, reached);
  for (const { budget_id, period_start, threshold } of fresh)
    await events?.publish(trx, 'budget.threshold', {
      budgetId: budget_id,
      threshold,
      periodStart: period_start.toISOString(),
    });
  return fresh;
}

/** In place: a batch has thousands of these. */
function increase(sum: Spend, by: Spend): void {
  sum.amount += by.amount;
  sum.tokens += by.tokens;
  sum.requests += by.requests;
}

function leaseOf(sum: Sum, gateway: string, leftOver: boolean): LeaseCharge {
  const name = `${leftOver} ${gateway}`;
  let lease = sum.leases.get(name);
  if (lease === undefined) {
    lease = { budgetId: sum.budget.id, start: sum.period.start, gateway, leftOver, spend: { ...nothing } };
    sum.leases.set(name, lease);
  }
  return lease;
}

/** What is worked out once for events of the same parties: of a batch, few are different, and mostly one is like the one before. */
function createPartiesMap<T>(make: (event: UsageEvent) => T): (event: UsageEvent) => T {
  const made = new Map<string, T>();
  let last: { event: UsageEvent; value: T } | null = null;
  return (event) => {
    if (last !== null && sameParties(last.event, event)) return last.value;
    const key = partiesKey(event);
    let value = made.get(key);
    if (value === undefined) made.set(key, (value = make(event)));
    last = { event, value };
    return value;
  };
}

const sameParties = (a: UsageEvent, b: UsageEvent): boolean =>
  a.api_key_id === b.api_key_id &&
  a.model_id === b.model_id &&
  a.endpoint_id === b.endpoint_id &&
  a.user_id === b.user_id &&
  a.team === b.team &&
  a.project === b.project;

const partiesKey = (event: UsageEvent): string =>
  `${event.team}\n${event.project}\n${event.user_id}\n${event.api_key_id}\n${event.endpoint_id}\n${event.model_id}`;

const partiesOf = (event: UsageEvent) => ({
  team: event.team,
  project: event.project,
  user: event.user_id,
  key: event.api_key_id,
  endpoint: event.endpoint_id,
  model: event.model_id,
});
