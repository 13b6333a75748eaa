import { databaseUnavailable } from '#platform/db';
import { isFailure } from '#platform/errors';

export interface Turns {
  /** Runs `work` when it is its turn, first come, first served. Throws `database_unavailable` when its turn does not come. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

interface Waiting {
  since: number;
  go(): void;
  giveUp(): void;
}

/**
 * Lets `width` changes at a time have a connection, so that a hundred that come at once neither fail for want of one nor keep reads and the
 * reconciler from theirs. Whoever waits does so for at most `limitMs`, and as long as others come to an end: after `patienceMs` in which
 * none did the database is taken to be away.
 */
export function createTurns({
  width,
  patienceMs = 5_000,
  limitMs = 15_000,
  now = () => performance.now(),
}: {
  width: number;
  patienceMs?: number;
  limitMs?: number;
  now?: () => number;
}): Turns {
  const queue: Waiting[] = [];
  let running = 0;
  let endedAt = now();
  let timer: NodeJS.Timeout | null = null;

  function check(): void {
    const late = ({ since }: Waiting) => now() - since >= limitMs || now() - Math.max(endedAt, since) >= patienceMs;
    while (queue[0] !== undefined && late(queue[0])) queue.shift()!.giveUp();
    if (queue.length > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  const turn = () =>
    new Promise<void>((go, reject) => {
      queue.push({ since: now(), go, giveUp: () => reject(databaseUnavailable(undefined)) });
      timer ??= setInterval(check, Math.min(patienceMs, limitMs) / 10).unref();
    });

  return {
    async take(work) {
      // who leaves hands the place on
      if (running < width) running++;
      else await turn();
      try {
        const result = await work();
        endedAt = now();
        return result;
      } catch (error) {
        if (!isFailure(error, 'database_unavailable')) endedAt = now();
        throw error;
      } finally {
        const next = queue.shift();
        if (next === undefined) running--;
        else next.go();
      }
    },
  };
}
