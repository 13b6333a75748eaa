import { setTimeout as sleep } from 'node:timers/promises';

/**
 * For a name that memory does not know: a route may have been made a moment ago, by another process. Reads the routes once more, at
 * most once in `everyMs` however many ask, and waits for it no longer than `patienceMs`, so that unknown names cost nothing and a
 * database that is away delays nobody. Answers whether it is worth resolving again.
 */
export function createLookAgain(reload: () => Promise<void>, everyMs = 1000, patienceMs = 300): () => Promise<boolean> {
  let at = -Infinity;
  let reading: Promise<boolean> | null = null;
  return () => {
    if (reading !== null) return reading;
    const now = performance.now();
    if (now - at < everyMs) return Promise.resolve(false);
    at = now;
    const read = reload().then(
      () => true,
      () => false,
    );
    reading = Promise.race([read, sleep(patienceMs, false, { ref: false })]).finally(() => {
      reading = null;
    });
    return reading;
  };
}
