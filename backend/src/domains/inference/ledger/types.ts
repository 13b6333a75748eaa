import type { UsageEvent } from '../usage.ts';

/** What of an event is only known as it goes on; the rest is fixed at its begin. */
export type UsagePatch = Partial<Omit<UsageEvent, 'id' | 'at' | 'gateway' | 'user_id' | 'api_key_id' | 'route'>>;

/** Each request settles once: journalled before it is forwarded and after it ended, then in batches into the database. */
export interface Ledger {
  /** whose journal this is; the same after a restart with the same folder */
  readonly gateway: string;
  /**
   * Before forwarding. `event` is as it would settle if the gateway died now (status 598, estimated); it is the ledger's from then on. In the operating system's hands
   * when this returns or, cheaper where many begin at a time, when `go` is called: at the end of this turn of the loop, with all
   * that began in it. On disk within 50 ms. Never fails a request: `go` is called as well when the disk takes nothing.
   */
  begin(event: UsageEvent, go?: () => void): void;
  /** What a long stream has produced so far: what an orphan of it would settle as. */
  progress(id: string, patch: UsagePatch): void;
  /**
   * The event is `begin`'s with this. `go` is called once that is in the operating system's hands, as with `begin`: an answer whose last
   * bytes leave then is never charged by estimate, even if the process is killed in that turn.
   */
  end(id: string, patch: UsagePatch, go?: () => void): void;
  /** A request that the gateway refused itself: not journalled, left out when there are too many or the database is away. */
  note(event: UsageEvent): void;
  /** Settles what has ended; resolves when it is in the database, or that is away. */
  settle(): Promise<void>;
  state(): { unsettled: number; open: number; writable: boolean };
  close(): Promise<void>;
}
