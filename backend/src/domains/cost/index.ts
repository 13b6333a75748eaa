import type { Kysely } from 'kysely';
import type { Charge, ModelPrice, Spending } from '#domains/inference';
import type { Db } from '#platform/db';
import type { Kept } from '#platform/kept';
import type { BoundRoutes, Trx } from '#platform/http';
import type { Logger } from '#platform/log';
import { createAccounts } from './accounts.ts';
import { createBudgets } from './budgets.ts';
import { createCharge, type Publisher } from './charge.ts';
import { createClock } from './clock.ts';
import { createContact } from './contact.ts';
import { createGuard } from './guard.ts';
import { createLeases, type Leases } from './leases.ts';
import { createPrices, modelPrice, type Models } from './prices.ts';
import { createReader } from './reader.ts';
import { createRoutes } from './routes.ts';
import type { Slice } from './slice.ts';
import { databaseTime, releaseSetApart, setApart, watchedBudgets, type Watched } from './store-leases.ts';
import { currentPrices, limitOf } from './store.ts';
import { createUpkeep } from './upkeep.ts';

export type { Models, PricedModel } from './prices.ts';

/** in ms */
export interface Timing {
  /** how often prices and budgets are read again; notifications are only hints */
  pollMs: number;
  /** how long it is remembered that a budget has no room */
  refusalMs: number;
  /** how long a request waits for the database to say whether a budget has room */
  patienceMs: number;
  /** after so long without a request, what is held of a budget goes back */
  idleMs: number;
  /** how often a gateway says that it still holds its leases */
  renewMs: number;
  /** after so long without that, others may take them */
  goneMs: number;
  /** how long the database must have answered before they do: the others need time to say so after an outage */
  contactMs: number;
}

const usual: Timing = {
  pollMs: 2_000,
  refusalMs: 500,
  patienceMs: 2_000,
  idleMs: 30_000,
  renewMs: 60_000,
  goneMs: 900_000,
  contactMs: 180_000,
};

export interface CostDeps {
  db: Pick<Db, 'kysely' | 'listen' | 'prepare'>;
  /** ISO 4217: COST_CURRENCY */
  currency: string;
  /** whose journal the usage of this process is in; the same after a restart */
  gateway: string;
  models: Models;
  /** the team that an API key belongs to; null: there is no such key */
  teamOfKey(trx: Trx, keyId: string): Promise<string | null>;
  /** null: nobody subscribes in this process */
  events: Publisher;
  log: Logger;
  /** what takes the place of the first reading while the database is away: budgets that stop are known then, but nothing is held of them */
  kept?: Kept<Known>;
  now(): Date;
  /** for tests */
  timing?: Partial<Timing>;
}

/** What is read of the database, again and again. */
export interface Known {
  prices: Awaited<ReturnType<typeof currentPrices>>;
  budgets: Watched[];
}

/** Prices and budgets. `spending` and `charge` are for the inference path of a gateway, between `start` and `stop`. */
export interface Cost {
  routes: BoundRoutes;
  spending: Spending;
  charge: Charge;
  /** Reads prices and budgets and keeps up from then on; before the ledger settles anything. Throws `database_unavailable`. */
  start(): Promise<void>;
  /**
   * Gives back what this gateway's process before held when it died. Once the ledger has charged all that was in its journal: what is
   * given back before that could be spent twice. No error when called again.
   */
  releaseLeftovers(): Promise<void>;
  /** Gives back what is not reserved. */
  stop(): Promise<void>;
}

export function createCost(deps: CostDeps): Cost {
  const { currency, gateway, events, log, kept } = deps;
  const db = deps.db.kysely as unknown as Kysely<unknown>;
  const timing = { ...usual, ...deps.timing };
  const clock = createClock(deps.now);
  const giveBackAll = (slices: readonly Slice[]): void => {
    for (const slice of slices) leases.giveBack(slice, slice.granted);
  };
  const accounts = createAccounts(clock);
  const contact = createContact({ staleMs: timing.goneMs * 0.9, onLost: () => reader.hint(), log });
  const gone = (slice: Slice): void => giveBackAll(accounts.forget(slice.account.budget.id));
  const leases: Leases = createLeases({ db, gateway, clock, contact, log, timing, gone });
  const upkeep = createUpkeep({ db, gateway, accounts, leases, clock, contact, log, timing });
  let prices: ReadonlyMap<string, ModelPrice> = new Map();
  let started = Promise.withResolvers<void>();

  function know(found: Known): void {
    prices = new Map(found.prices.map((row) => [row.model_id, modelPrice(row)]));
    giveBackAll(accounts.watch(found.budgets.map(watched)));
  }

  const reader = createReader({
    async read() {
      contact.check();
      const before = deps.now().getTime();
      const told = await databaseTime(db);
      clock.learn(before, told, deps.now().getTime());
      const found = { prices: await currentPrices(db, currency), budgets: await watchedBudgets(db) };
      know(found);
      kept?.learnt(() => found);
      await upkeep.renew();
      contact.made();
      upkeep.tend();
    },
    failed(error) {
      if (!contact.lost(error)) log.error({ err: error }, 'prices and budgets cannot be read');
    },
    listen: (onNotify) => deps.db.listen('cost', onNotify),
    pollMs: timing.pollMs,
  });

  return {
    routes: createRoutes({
      budgets: createBudgets({ db, currency, teamOfKey: deps.teamOfKey, events }),
      prices: createPrices({ db, currency, models: deps.models }),
    }),
    spending: {
      currency,
      price: (modelId) => prices.get(modelId) ?? null,
      reserve: createGuard({ accounts, leases, clock, contact }),
    },
    charge: createCharge({ gateway, accounts, events, log }),
    async start() {
      const { resolve } = (started = Promise.withResolvers<void>());
      // before the ledger charges what is in its journal, and before anything is leased
      await deps.db.prepare(async (ready) => {
        await setApart(ready as unknown as Kysely<unknown>, gateway);
        resolve();
      });
      await reader.start((error) => {
        const found = contact.lost(error) ? kept?.found : null;
        if (!found) throw error;
        know(found);
      });
    },
    async releaseLeftovers() {
      await started.promise;
      await releaseSetApart(db, gateway);
    },
    async stop() {
      await reader.stop();
      await upkeep.release(timing.patienceMs);
    },
  };
}

const watched = (row: Watched) => ({
  budget: {
    id: row.id,
    name: row.name,
    currency: row.currency,
    kind: row.period,
    limit: limitOf(row),
    scopeType: row.scope_type,
    scopeId: row.scope_id,
  },
  over: row.over,
});
