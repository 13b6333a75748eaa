import { failure, type Failure } from '#platform/errors';

export interface Outage {
  known_at: string;
  until: string;
}

/** How new what this gateway answers by is. */
export interface Knowledge {
  /** Once everything has been read, or taken from before; `away`: the database was not there for it. */
  start(options: { away: boolean }): void;
  /** older than it may be: nothing is answered by it any more */
  readonly tooOld: boolean;
  /** Why not. */
  refusal(): Failure;
  /** For people: what is answered by. Throws `refusal`. */
  describe(): string;
  /** The last time that the database was not there, with what was known then; null: not in this process' life. RFC 3339. */
  outage(): Outage | null;
  close(): void;
}

/** readers look every 2 s: one that missed a few is no outage */
const quietMs = 10_000;

/**
 * `asOf`: of when what is known is, in ms since 1970. `maxAgeMs`: how old it may become; null: as old as it gets. Looked at once a second,
 * never by a request.
 */
export function createKnowledge(deps: { asOf(): number; maxAgeMs: number | null; now(): Date }): Knowledge {
  const { asOf, maxAgeMs } = deps;
  let tooOld = false;
  /** ms since 1970; `until` null: it goes on */
  let last: { known: number; until: number | null } | null = null;
  const timeOf = (at: number): string => new Date(at).toISOString();

  function look(): void {
    const now = deps.now().getTime();
    const known = asOf();
    tooOld = maxAgeMs !== null && now - known > maxAgeMs;
    if (last?.until === null) {
      if (known > last.known && now - known <= quietMs) last.until = now;
    } else if (now - known > quietMs) last = { known, until: null };
  }

  const refusal = (): Failure =>
    failure('snapshot_too_old', {
      message: `What this gateway knows is of ${timeOf(asOf())}: the database has not answered it since.`,
      headers: { 'retry-after': '30' },
    });

  let timer: NodeJS.Timeout | null = null;
  return {
    start({ away }) {
      if (away) last = { known: asOf(), until: null };
      look();
      timer ??= setInterval(look, 1_000).unref();
    },
    get tooOld() {
      return tooOld;
    },
    refusal,
    describe() {
      if (tooOld) throw refusal();
      if (last === null || last.until !== null) return 'OK';
      const until = maxAgeMs === null ? '' : `, until ${timeOf(last.known + maxAgeMs)}`;
      return `The database does not answer: requests are served by what was known at ${timeOf(last.known)}${until}.`;
    },
    outage() {
      if (last === null || last.until === null) return null;
      return { known_at: timeOf(last.known), until: timeOf(last.until) };
    },
    close() {
      if (timer !== null) clearInterval(timer);
    },
  };
}
