import type { Charge, Spend, UsageEvent } from '#domains/inference';
import type { Events } from '#platform/events';
import type { Logger } from '#platform/log';
import type { Trx } from '#platform/http';
import type { Accounts } from './accounts.ts';
import { isNothing, lesser, nothing, periodAt, plus, reachedOf, scopesOf, spendOf } from './rules.ts';
import { charged, type Slice } from './slice.ts';
import { addReached, addSpent, budgetsOf, takeFromLeases, type LeaseCharge, type Reached } from './store-charges.ts';
import { limitOf, lockBudgets, type BudgetRow } from './store.ts';

export type Publisher = Pick<Events, 'publish'> | null;

/** What a budget is charged in one period, and whose leases that comes off. */
interface Sum {
  budget: BudgetRow;
  start: number;
  spend: Spend;
  /** what was reserved from this process' slice */
  own: { slice: Slice; spend: Spend } | null;
  leases: Map<string, LeaseCharge>;
}

/** Charges budgets for settled requests, in the transaction that settles them. */
export function createCharge(deps: { gateway: string; accounts: Accounts; events: Publisher; log: Logger }): Charge {
  const { gateway, accounts, events: publisher, log } = deps;

  function sumUp(budgets: readonly BudgetRow[], events: readonly UsageEvent[]): Sum[] {
    const byScope = Map.groupBy(budgets, ({ scope_type, scope_id }) => `${scope_type} ${scope_id}`);
    /** of parties that are the same: a batch has few */
    const byParties = new Map<string, readonly BudgetRow[]>();
    const budgetsFor = (event: UsageEvent): readonly BudgetRow[] => {
      const key = partiesKey(event);
      let found = byParties.get(key);
      if (found === undefined) {
        found = scopesOf(partiesOf(event)).flatMap(({ type, id }) => byScope.get(`${type} ${id}`) ?? []);
        byParties.set(key, found);
      }
      return found;
    };
    const sums = new Map<string, Sum>();
    for (const event of events) {
      const at = Date.parse(event.at);
      const spend = spendOf(event);
      for (const budget of budgetsFor(event)) {
        const { start } = periodAt(budget.period, at);
        const name = `${budget.id} ${start}`;
        let sum = sums.get(name);
        if (sum === undefined) sums.set(name, (sum = { budget, start, spend: nothing, own: null, leases: new Map() }));
        add(sum, event, at, spend);
      }
    }
    return [...sums.values()];
  }

  function add(sum: Sum, event: UsageEvent, at: number, spend: Spend): void {
    const { budget, start } = sum;
    sum.spend = plus(sum.spend, spend);
    const owner = event.gateway === gateway ? accounts.ownerOf(budget.id, start, at) : null;
    if (owner !== null) sum.own = { slice: owner, spend: plus(sum.own?.spend ?? nothing, spend) };
    // of this gateway, but not of this process: of the one before, whose leases are set apart
    const leftOver = event.gateway === gateway && owner === null;
    const name = `${leftOver} ${event.gateway}`;
    const before = sum.leases.get(name)?.spend ?? nothing;
    sum.leases.set(name, { budgetId: budget.id, start, gateway: event.gateway, leftOver, spend: plus(before, spend) });
  }

  return async (given, events) => {
    const trx = given as Trx;
    const counted = events.filter((event) => !isNothing(spendOf(event)));
    if (counted.length === 0) return () => {};
    await lockBudgets(trx, 'shared');
    const distinct = new Map(counted.map((event) => [partiesKey(event), event]));
    const scopes = new Map(
      [...distinct.values()]
        .flatMap((event) => scopesOf(partiesOf(event)))
        .map((one) => [`${one.type} ${one.id}`, one]),
    );
    const sums = sumUp(await budgetsOf(trx, [...scopes.values()]), counted);
    if (sums.length === 0) return () => {};
    const spent = await addSpent(
      trx,
      sums.map(({ budget, start, spend }) => ({ budgetId: budget.id, start, spend })),
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
      for (const { budget, start, own } of sums) {
        if (own === null) continue;
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
