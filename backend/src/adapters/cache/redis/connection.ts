import { Redis } from 'ioredis';
import { within } from './circuit.ts';

const connectMs = 2_000;
const pingMs = 1_000;
/** probes in a row without an answer before a connection that looks alive is given up */
const maxSilent = 3;

/** One connection that fails at once while it is down and comes back by itself. Its errors go to `failed`. */
export function createConnection({ url, failed }: { url: string; failed(error: Error): void }) {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: connectMs,
    // a command either goes out now or fails: a rate limit that is counted later helps nobody
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // sent again after a lost reply it would be counted twice
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(times * 100, 1_000),
  });
  let last: Error | null = null;
  let silent = 0;
  redis.on('error', (error: Error) => {
    last = error;
    failed(error);
  });
  redis.on('ready', () => (last = null));

  return {
    redis,
    /** Waits a second for the first connection; without it the next ones are tried in the background. */
    start: (): Promise<void> => within(pingMs, redis.connect()).catch(failed),
    /** Throws the reason while there is no answer. */
    async ping(): Promise<void> {
      try {
        await within(pingMs, redis.ping());
        silent = 0;
      } catch (error) {
        silent += 1;
        // behind a broken network a connection stays open for a quarter of an hour
        if (silent % maxSilent === 0 && (redis.status === 'ready' || redis.status === 'connect'))
          redis.disconnect(true);
        throw last ?? error;
      }
    },
    close: (): void => redis.disconnect(),
  };
}
