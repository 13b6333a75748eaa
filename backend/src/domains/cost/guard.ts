import type { Reservation, Spend, SpendFacts } from '#domains/inference';
import type { Accounts } from './accounts.ts';
import type { Clock } from './clock.ts';
import type { Contact } from './contact.ts';
import type { Answer, Leases } from './leases.ts';
import { minus, nothing, unchecked } from './rules.ts';
import { hasRoom, isLow, isRefused, refusal, settle, take, type Slice } from './slice.ts';

/** A wish that is granted and then taken away by others so often has bad luck enough to be told. */
const maxTries = 20;

/** Takes what requests may cost from the slices of budgets that this gateway holds. */
export function createGuard(deps: {
  accounts: Accounts;
  leases: Pick<Leases, 'ask' | 'refill'>;
  clock: Clock;
  contact: Contact;
}): (facts: SpendFacts, wish: Spend) => Reservation | Promise<Reservation> {
  const { accounts, leases, clock, contact } = deps;

  function hold(slices: readonly Slice[], facts: SpendFacts, wish: Spend, at: number): Reservation {
    for (const slice of slices) {
      take(slice, wish, at);
      if (isLow(slice)) leases.refill(slice);
    }
    let open = true;
    return {
      at,
      settle(actual, served) {
        if (!open) return;
        open = false;
        const moved = served !== undefined && (served.model !== facts.model || served.endpoint !== facts.endpoint);
        const unused = minus(wish, actual);
        if (!moved) {
          for (const slice of slices) settle(slice, unused, actual);
          return;
        }
        // other budgets may be about where it went than about where it was to go
        const others = new Set(accounts.slicesOf({ ...facts, ...served }, at).filter(({ since }) => at >= since));
        for (const slice of slices) {
          if (others.delete(slice)) settle(slice, unused, actual);
          else settle(slice, wish, nothing);
        }
        for (const slice of others) settle(slice, minus(nothing, actual), actual);
      },
    };
  }

  function refuseAtOnce(slice: Slice, wish: Spend, at: number): void {
    if (contact.away) throw unchecked(slice.account.budget, slice.period);
    if (isRefused(slice, wish)) throw refusal(slice, wish, at);
  }

  return (facts, wish) => {
    const at = clock.read();
    const slices = accounts.slicesOf(facts, at);
    if (contact.stale && slices.length > 0) throw unchecked(slices[0]!.account.budget, slices[0]!.period);
    const short = lacking(slices, wish);
    if (short === null) return hold(slices, facts, wish, at);
    refuseAtOnce(short, wish, at);
    return new Promise((resolve, reject) => {
      let tries = 0;
      const attempt = (asked: Slice, answer: Answer): void => {
        try {
          // the period may have ended meanwhile, and budgets come and go
          const now = clock.read();
          const found = accounts.slicesOf(facts, now);
          const still = lacking(found, wish);
          if (still === null) return resolve(hold(found, facts, wish, now));
          if (answer === 'away') throw unchecked(still.account.budget, still.period);
          tries += 1;
          if ((answer === 'short' && still === asked) || tries > maxTries) throw refusal(still, wish, now);
          refuseAtOnce(still, wish, now);
          leases.ask(still, wish, (next) => attempt(still, next));
        } catch (error) {
          reject(error as Error);
        }
      };
      leases.ask(short, wish, (answer) => attempt(short, answer));
    });
  };
}

function lacking(slices: readonly Slice[], wish: Spend): Slice | null {
  for (const slice of slices) if (!hasRoom(slice, wish)) return slice;
  return null;
}
