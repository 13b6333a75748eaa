import type { Kysely } from 'kysely';
import type { Charge, ModelPrice, Spending } from '#domains/inference';
import type { Db } from '#platform/db';
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
  db: Pick<Db, 'kysely' | 'listen'>;
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
  now(): Date;
  /** for tests */
  timing?: Partial<Timing>;
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
  const { currency, gateway, events, log } = deps;
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
  let started = false;

  const reader = createReader({
    async read() {
      contact.check();
      const before = deps.now().getTime();
      const told = await databaseTime(db);
      clock.learn(before, told, deps.now().getTime());
      const found = await currentPrices(db, currency);
      prices = new Map(found.map((row) => [row.model_id, modelPrice(row)]));
      giveBackAll(accounts.watch((await watchedBudgets(db)).map(watched)));
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
      await setApart(db, gateway);
      await reader.start();
      started = true;
    },
    async releaseLeftovers() {
      if (!started) throw new Error('cost is not started');
      await releaseSetApart(db, gateway);
    },
    async stop() {
      await reader.stop();
      await upkeep.release(timing.patienceMs);
      started = false;
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
