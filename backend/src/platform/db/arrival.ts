import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { Logger } from '#platform/log';
import type { NoTables } from './open.ts';
import { databaseUnavailable, unavailable } from './unavailable.ts';

type Step = (kysely: Kysely<NoTables>) => Promise<void>;

/** What is done when a database that was away answers, before anybody asks something of it. */
export interface Arrival {
  readonly away: boolean;
  prepare(step: Step): Promise<void>;
  /** Throws `database_unavailable` while it is away or not prepared. */
  refuse(): void;
  close(): Promise<void>;
}

const mostMs = 5_000;

export function createArrival(deps: {
  reached: boolean;
  /** Throws while the database cannot be reached. */
  reach(): Promise<unknown>;
  /** for what prepares it */
  kysely: Kysely<NoTables>;
  log: Logger;
}): Arrival {
  const { reach, kysely, log } = deps;
  const steps: Step[] = [];
  const closing = new AbortController();
  let away = !deps.reached;
  let reason: unknown = new Error('it has not answered yet');

  async function arrive(): Promise<void> {
    await reach();
    for (let step = steps[0]; step !== undefined; step = steps[0]) {
      await step(kysely);
      steps.shift();
    }
    // in the same turn: no step comes between
    away = false;
  }

  /** A schema or a key that is wrong does not become right by waiting, but may be put right meanwhile. */
  async function wait(): Promise<void> {
    let told = '';
    for (let delay = 500; !closing.signal.aborted; delay = Math.min(delay * 2, mostMs)) {
      await sleep(delay, undefined, { ref: false, signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) return;
      try {
        await arrive();
        log.info('the database answers and is used from now on');
        return;
      } catch (error) {
        reason = error;
        const { message } = error as Error;
        if (!unavailable(error) && message !== told)
          log.error({ err: error }, 'the database answers, but cannot be used');
        told = message;
      }
    }
  }

  const waiting = away ? wait() : null;
  return {
    get away() {
      return away;
    },
    async prepare(step) {
      if (away) steps.push(step);
      else await step(kysely);
    },
    refuse() {
      if (away) throw databaseUnavailable(reason);
    },
    async close() {
      closing.abort();
      await waiting;
    },
  };
}
