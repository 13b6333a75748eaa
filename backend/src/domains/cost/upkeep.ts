import type { Logger } from '#platform/log';
import type { Accounts } from './accounts.ts';
import type { Clock } from './clock.ts';
import type { Contact } from './contact.ts';
import type { Leases } from './leases.ts';
import { isNothing, nothing, surplusOf } from './rules.ts';
import { stockOf, type Slice } from './slice.ts';
import { renew } from './store-leases.ts';
import type { Executor } from './store.ts';

export interface Upkeep {
  /** Gives back what is not needed, and finds out what became of changes whose answers were lost. */
  tend(): void;
  /** Renews leases when it is time to; those that others took back meanwhile are not spent any more. */
  renew(): Promise<void>;
  /** Gives back all that is not reserved; waits for that no longer than `patienceMs`. */
  release(patienceMs: number): Promise<void>;
}

/** how long what was reserved in a period may take after its end */
const afterEndMs = 3_600_000;

export function createUpkeep(deps: {
  db: Executor;
  gateway: string;
  accounts: Accounts;
  leases: Leases;
  clock: Clock;
  contact: Contact;
  log: Logger;
  timing: { idleMs: number; renewMs: number; pollMs: number };
}): Upkeep {
  const { db, gateway, accounts, leases, clock, contact, log, timing } = deps;
  let renewedAt = performance.now();

  const giveBack = (slice: Slice, keep = nothing): void =>
    leases.giveBack(slice, surplusOf(slice.account.budget.limit, slice.room, keep));

  function tendOne(slice: Slice, now: number): void {
    const { account, period, grantedAt, lastTakenAt, takes } = slice;
    if (period.end <= now) return end(slice, now);
    if (account.over || now - lastTakenAt > timing.idleMs) return giveBack(slice);
    const settled = takes > 0 && now - grantedAt > timing.pollMs;
    giveBack(slice, settled ? stockOf(slice, now) : slice.stock);
  }

  function end(slice: Slice, now: number): void {
    giveBack(slice);
    const late = now > slice.period.end + afterEndMs;
    if (!late && !(isNothing(slice.granted) && isNothing(slice.room) && isNothing(slice.unsettled))) return;
    accounts.drop(slice);
    leases.giveBack(slice, slice.granted);
  }

  return {
    tend() {
      const now = clock.read();
      for (const slice of accounts.all()) tendOne(slice, now);
      leases.resume();
    },
    async renew() {
      const at = performance.now();
      if (at - renewedAt < timing.renewMs) return;
      const held = accounts.all().filter(({ granted }) => !isNothing(granted));
      const rows = await renew(db, gateway);
      const there = new Set(rows.map((row) => `${row.budget_id} ${row.period_start.getTime()}`));
      for (const slice of held) {
        const { budget } = slice.account;
        if (slice.dead || there.has(`${budget.id} ${slice.period.start}`)) continue;
        log.warn({ budget: budget.name }, 'a lease was taken back: this gateway was away too long');
        accounts.drop(slice);
      }
      renewedAt = at;
      contact.renewed(at);
    },
    async release(patienceMs) {
      for (const slice of accounts.all()) giveBack(slice);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, patienceMs);
      await Promise.race([leases.quiet(), promise]);
      clearTimeout(timer);
    },
  };
}
