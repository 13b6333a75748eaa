import { unavailable } from '#platform/db';
import type { Logger } from '#platform/log';

/** Whether the database answers, as far as budgets are concerned. */
export interface Contact {
  /** it did not answer last time */
  readonly away: boolean;
  /** leases were not renewed for so long that others may have taken them back: they must not be spent */
  readonly stale: boolean;
  /** It answered. */
  made(): void;
  /** It did not, or with an error. False when the error says something else. */
  lost(error: unknown): boolean;
  /** Leases were renewed by a statement begun at `at` of `performance.now()`. */
  renewed(at: number): void;
  /** Looks whether leases have become stale. */
  check(): void;
  /** since when it has answered every time, in ms */
  unbrokenMs(): number;
}

export function createContact(deps: { staleMs: number; onLost(): void; log: Logger }): Contact {
  const { staleMs, onLost, log } = deps;
  let away = false;
  let stale = false;
  let since = performance.now();
  let renewedAt = since;
  return {
    get away() {
      return away;
    },
    get stale() {
      return stale;
    },
    made() {
      if (!away) return;
      away = false;
      since = performance.now();
      log.info('budgets can be checked again');
    },
    lost(error) {
      const known = unavailable(error);
      if (away) return known;
      away = true;
      if (known) log.warn('budgets cannot be checked: the database does not answer; slices that are held are spent');
      onLost();
      return known;
    },
    renewed(at) {
      renewedAt = at;
      stale = false;
    },
    check() {
      if (performance.now() - renewedAt > staleMs) stale = true;
    },
    unbrokenMs: () => (away ? 0 : performance.now() - since),
  };
}
