import type { Pico } from '#platform/money';
import type { UsageEvent } from './usage.ts';

/** What the inference path needs of the cost domain: prices and budgets, from memory. */
export interface Spending {
  /** of a model version, as known now; null: none is set, it costs nothing */
  price(modelId: string): ModelPrice | null;
  /** ISO 4217 */
  currency: string;
  /**
   * Takes what a request may cost from every budget that it falls under, or from none. At once where the slices that this gateway
   * holds suffice; at the end of a budget it asks the database once more. Throws `budget_exhausted` (429 with Retry-After).
   */
  reserve(facts: SpendFacts, wish: Spend): Reservation | Promise<Reservation>;
}

/** What one model version costs, each in 10⁻¹² of the currency. */
export interface ModelPrice {
  perInputToken: Pico;
  perOutputToken: Pico;
  perRequest: Pico;
  /** decimals, as they are shown: for a million tokens and for a request */
  shown: { input: string; output: string; request: string };
}

export interface SpendFacts {
  team: string | null;
  project: string | null;
  user: string;
  key: string | null;
  endpoint: string;
  model: string;
}

export interface Spend {
  amount: Pico;
  tokens: number;
  requests: number;
}

export interface Reservation {
  /**
   * When it was taken, by the database's clock, in ms since 1970: the `at` of its event, so that this is charged to the periods that
   * it was reserved in.
   */
  readonly at: number;
  /**
   * What it really took, once, when it has ended: the figures that its event is charged with. Whatever was reserved beyond goes back;
   * zeroes release it all. `served`: where it went in the end, when that is not what it was reserved for.
   */
  settle(actual: Spend, served?: Pick<SpendFacts, 'endpoint' | 'model'>): void;
}

/** In the ledger's transaction, for events that were inserted in it just now: charges budgets. What comes back is called after the commit. */
export type Charge = (trx: unknown, events: readonly UsageEvent[]) => Promise<() => void>;
