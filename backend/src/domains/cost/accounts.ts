import type { SpendFacts } from '#domains/inference';
import type { Clock } from './clock.ts';
import { periodAt, type ScopeType } from './rules.ts';
import { newSlice, type Account, type Slice } from './slice.ts';

/** The budgets that stop, as this gateway knows them, and what it holds of each. */
export interface Accounts {
  /** Those that a request falls under, in the period of that moment. */
  slicesOf(facts: SpendFacts, at: number): Slice[];
  /** The slice that a reservation of that moment was taken from; null: none was, by this process. */
  ownerOf(budgetId: string, periodStart: number, at: number): Slice | null;
  /** The budgets as they are now; answers slices of those that are no more. */
  watch(budgets: readonly { budget: Account['budget']; over: boolean }[]): Slice[];
  /** Of the periods that are running, and of those that have ended and are not done with. */
  all(): Slice[];
  /** Does without a slice: when it is needed, a new one takes its place. */
  drop(slice: Slice): void;
  /** Does without a budget until it is seen again; answers its slices. */
  forget(budgetId: string): Slice[];
}

type Index = Record<Exclude<ScopeType, 'global'>, Map<string, Account[]>> & { global: Account[] };

const emptyIndex = (): Index => ({
  team: new Map(),
  project: new Map(),
  user: new Map(),
  key: new Map(),
  endpoint: new Map(),
  model: new Map(),
  global: [],
});

export function createAccounts(clock: Clock): Accounts {
  const accounts = new Map<string, Account>();
  const slices = new Map<string, Slice>();
  let index = emptyIndex();

  const nameOf = (budgetId: string, start: number) => `${budgetId} ${start}`;

  function sliceAt(account: Account, at: number): Slice {
    const { slice } = account;
    if (slice !== null && at < slice.period.end && at >= slice.period.start) return slice;
    const period = periodAt(account.budget.kind, at);
    const name = nameOf(account.budget.id, period.start);
    let found = slices.get(name);
    if (found === undefined) {
      found = newSlice(account, period, at, account.dropped.get(period.start) ?? account.since);
      slices.set(name, found);
    }
    if (slice === null || period.start > slice.period.start) account.slice = found;
    return found;
  }

  function add(found: Slice[], those: readonly Account[] | undefined, at: number): void {
    if (those !== undefined) for (const account of those) found.push(sliceAt(account, at));
  }

  function reindex(): void {
    index = emptyIndex();
    for (const account of accounts.values()) {
      const { scopeType, scopeId } = account.budget;
      if (scopeType === 'global') index.global.push(account);
      else {
        const byId = index[scopeType];
        byId.set(scopeId!, [...(byId.get(scopeId!) ?? []), account]);
      }
    }
  }

  function remove(account: Account): Slice[] {
    const its = [...slices.values()].filter((slice) => slice.account === account);
    for (const slice of its) {
      slice.dead = true;
      slices.delete(nameOf(account.budget.id, slice.period.start));
    }
    accounts.delete(account.budget.id);
    return its;
  }

  return {
    slicesOf(facts, at) {
      const found: Slice[] = [];
      if (accounts.size === 0) return found;
      const { team, project, user, key, endpoint, model, global } = index;
      if (team.size > 0 && facts.team !== null) add(found, team.get(facts.team), at);
      if (project.size > 0 && facts.team !== null && facts.project !== null)
        add(found, project.get(`${facts.team}/${facts.project}`), at);
      if (user.size > 0) add(found, user.get(facts.user), at);
      if (key.size > 0 && facts.key !== null) add(found, key.get(facts.key), at);
      if (endpoint.size > 0) add(found, endpoint.get(facts.endpoint), at);
      if (model.size > 0) add(found, model.get(facts.model), at);
      if (global.length > 0) add(found, global, at);
      return found;
    },
    ownerOf(budgetId, periodStart, at) {
      const slice = slices.get(nameOf(budgetId, periodStart));
      return slice !== undefined && at >= slice.since ? slice : null;
    },
    watch(budgets) {
      const ids = new Set(budgets.map(({ budget }) => budget.id));
      const gone = [...accounts.values()].filter(({ budget }) => !ids.has(budget.id));
      const left = gone.flatMap(remove);
      let changed = gone.length > 0;
      let since: number | null = null;
      for (const { budget, over } of budgets) {
        const account = accounts.get(budget.id);
        if (account !== undefined) {
          account.budget = budget;
          account.over = over;
          continue;
        }
        since ??= clock.next();
        accounts.set(budget.id, { budget, over, since, slice: null, dropped: new Map() });
        changed = true;
      }
      if (changed) reindex();
      return left;
    },
    all: () => [...slices.values()],
    drop(slice) {
      const { account, period } = slice;
      slice.dead = true;
      slices.delete(nameOf(account.budget.id, period.start));
      if (account.slice !== slice) return;
      account.slice = null;
      // what was reserved before now is no matter of the slice that takes its place
      account.dropped.set(period.start, clock.next());
    },
    forget(budgetId) {
      const account = accounts.get(budgetId);
      if (account === undefined) return [];
      const its = remove(account);
      reindex();
      return its;
    },
  };
}
