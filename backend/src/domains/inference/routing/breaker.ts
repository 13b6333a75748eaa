/** Keeps requests from an address that fails them; one a gateway. */
export interface Breakers {
  /** `open`: not now. `trial`: one request may try whether it is back (`begin` says which). */
  state(key: string): 'closed' | 'open' | 'trial';
  /** A request goes there; of those at a trial, the first alone. */
  begin(key: string): void;
  succeeded(key: string): void;
  failed(key: string, about: BreakerSubject): void;
  /** It never came to an answer, for no fault of the other side: another may try. */
  abandoned(key: string): void;
  /** ms until the first of these may be tried; 0 when one may be now */
  retryInMs(keys: readonly string[]): number;
  /** `until` on the given clock */
  open(): (BreakerSubject & { until: number })[];
}

/** Whom people know it by. */
export interface BreakerSubject {
  endpointId: string;
  /** host and port */
  address: string;
}

interface Breaker {
  about: BreakerSubject;
  /** failures without a success in between */
  failures: number;
  /** how often it opened without closing in between */
  openings: number;
  /** ms on the given clock; 0: closed */
  until: number;
  trial: boolean;
}

const threshold = 5;
const firstOpenMs = 2_000;
const longestOpenMs = 60_000;

/**
 * Five failures in a row open it for 2 s; then one request tries. If that fails too it opens twice as long, up to a minute. Only what
 * says that the other side is ill counts (no connection, 5xx, no answer in time), not that it is busy or refuses. `now` in ms.
 */
export function createBreakers(now: () => number): Breakers {
  const known = new Map<string, Breaker>();

  const stateOf = (breaker: Breaker | undefined): 'closed' | 'open' | 'trial' => {
    if (breaker === undefined || breaker.until === 0) return 'closed';
    return breaker.trial || breaker.until > now() ? 'open' : 'trial';
  };

  return {
    state: (key) => (known.size === 0 ? 'closed' : stateOf(known.get(key))),
    begin(key) {
      if (known.size === 0) return;
      const breaker = known.get(key);
      if (breaker !== undefined && stateOf(breaker) === 'trial') breaker.trial = true;
    },
    succeeded(key) {
      if (known.size > 0) known.delete(key);
    },
    failed(key, about) {
      const breaker = known.get(key) ?? { about, failures: 0, openings: 0, until: 0, trial: false };
      breaker.failures += 1;
      known.set(key, breaker);
      if (breaker.failures < threshold && !breaker.trial) return;
      breaker.until = now() + Math.min(firstOpenMs * 2 ** breaker.openings, longestOpenMs);
      breaker.openings += 1;
      breaker.trial = false;
    },
    abandoned(key) {
      const breaker = known.size > 0 ? known.get(key) : undefined;
      if (breaker !== undefined) breaker.trial = false;
    },
    retryInMs(keys) {
      const waits = keys.map((key) => Math.max((known.get(key)?.until ?? 0) - now(), 0));
      return waits.length === 0 ? 0 : Math.min(...waits);
    },
    open: () =>
      [...known.values()]
        .filter((breaker) => stateOf(breaker) === 'open')
        .map(({ about, until }) => ({ ...about, until })),
  };
}
