import { hostname } from 'node:os';
import { unavailable, type Db } from '#platform/db';
import type { Logger } from '#platform/log';
import type { Outage } from '../knowledge.ts';
import { beat, forgetGateway } from './store.ts';

export interface OpenBreaker {
  endpoint_id: string;
  /** host and port */
  address: string;
  /** RFC 3339 */
  until: string;
}

export interface Heartbeat {
  start(): void;
  /** Takes this gateway off the list. */
  stop(): Promise<void>;
}

/** Tells the others every 2 s that this gateway lives, and how it stands. */
export function createHeartbeat(deps: {
  db: Db;
  gateway: string;
  read(): { inFlight: number; unsettled: number; openBreakers: readonly OpenBreaker[]; outage: Outage | null };
  log: Logger;
  everyMs?: number;
}): Heartbeat {
  const { db, gateway, log } = deps;
  let timer: NodeJS.Timeout | null = null;
  let beating: Promise<void> | null = null;

  async function once(): Promise<void> {
    const { inFlight, unsettled, openBreakers, outage } = deps.read();
    await beat(db.kysely, {
      gateway,
      host: hostname(),
      pid: process.pid,
      in_flight: inFlight,
      unsettled,
      open_breakers: JSON.stringify(openBreakers),
      outage: outage === null ? null : JSON.stringify(outage),
    }).catch((error: unknown) => {
      // the ledger tells of a database that is away
      if (!unavailable(error)) log.warn({ err: error }, 'the heartbeat of this gateway could not be written');
    });
  }

  const tick = (): void => {
    beating ??= once().finally(() => {
      beating = null;
    });
  };

  return {
    start() {
      if (timer !== null) return;
      tick();
      timer = setInterval(tick, deps.everyMs ?? 2_000).unref();
    },
    async stop() {
      if (timer === null) return;
      clearInterval(timer);
      timer = null;
      await beating;
      await forgetGateway(db.kysely, gateway).catch(() => {});
    },
  };
}
