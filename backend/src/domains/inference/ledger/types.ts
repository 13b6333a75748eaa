import type { UsageEvent } from '../usage.ts';
import type { Entry } from './journal.ts';

/** What of an event is only known as it goes on; the rest is fixed at its begin. */
export type UsagePatch = Partial<Omit<UsageEvent, 'id' | 'at' | 'gateway' | 'user_id' | 'api_key_id' | 'route'>>;

/** A request that has begun, as the ledger knows it. It stays its own, also when it has settled long ago. */
export interface Begun {
  readonly id: string;
  readonly entry: Entry;
}

/** Each request settles once: journalled before it is forwarded and after it ended, then in batches into the database. */
export interface Ledger {
  /** whose journal this is; the same after a restart with the same folder */
  readonly gateway: string;
  /**
   * Before forwarding. `event` is as it would settle if the gateway died now (status 598, estimated); it is copied. In the operating system's hands
   * when this returns or, cheaper where many begin at a time, when `go` is called: at the end of this turn of the loop, with all
   * that began in it. On disk within 50 ms. Never fails a request: `go` is called as well when the disk takes nothing.
   */
  begin(event: UsageEvent, go?: () => void): Begun;
  /** What a long stream has produced so far: what an orphan of it would settle as. */
  progress(begun: Begun, patch: UsagePatch): void;
  /**
   * The event is `begin`'s with this. `go` is called once that is in the operating system's hands, as with `begin`: an answer whose last
   * bytes leave then is never charged by estimate, even if the process is killed in that turn. What has ended stays as
   * it is.
   */
  end(begun: Begun, patch: UsagePatch, go?: () => void): void;
  /** A request that the gateway refused itself: not journalled, left out when there are too many or the database is away. */
  note(event: UsageEvent): void;
  /** Settles what has ended; resolves when it is in the database, or that is away. */
  settle(): Promise<void>;
  state(): { unsettled: number; open: number; writable: boolean };
  close(): Promise<void>;
}
