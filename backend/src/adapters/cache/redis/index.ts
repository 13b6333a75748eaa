import type { Logger } from '#platform/log';
import type { Bucket, Cache, Taken } from '#ports/cache';
import { createMemoryCache } from '../memory/index.ts';
import { MAX_VALUE_BYTES } from '../memory/answers.ts';
import { createCircuit, within } from './circuit.ts';
import { createConnection } from './connection.ts';
import { takeDigest, takeScript } from './script.ts';

const takeMs = 100;
const answerMs = 50;
const pauseMs = 1_000;

/**
 * Rate counters and answers that gateways share in Redis 5 or newer. A Redis that is away stops neither the start nor a request: each
 * gateway then counts for itself, and looks every second whether it is back. Everything kept there expires.
 */
export async function createRedisCache({ url, log }: { url: string; log: Logger }): Promise<Cache> {
  const place = new URL(url).host;
  const local = createMemoryCache();
  // an answer of a MiB on the way must not hold up a rate limit
  const limits = createConnection({ url, failed: (error) => counting.trip(error) });
  const answers = createConnection({ url, failed: (error) => answering.trip(error) });
  const counting = createCircuit({
    probe: limits.ping,
    pauseMs,
    opened: ({ message }) =>
      log.warn({ reason: message }, `Redis at ${place} does not answer: each gateway counts rate limits for itself`),
    closed: () => log.info(`Redis at ${place} answers again: rate limits are shared`),
  });
  const answering = createCircuit({ probe: answers.ping, pauseMs });
  await Promise.all([limits.start(), answers.start()]);

  async function run(keys: readonly string[], args: readonly (string | number)[]): Promise<number[]> {
    const { redis } = limits;
    try {
      return (await redis.evalsha(takeDigest, keys.length, ...keys, ...args)) as number[];
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return (await redis.eval(takeScript, keys.length, ...keys, ...args)) as number[];
    }
  }

  return {
    kind: 'redis',

    take(buckets) {
      if (counting.isOpen()) return local.take(buckets);
      return within(takeMs, run(buckets.map(bucketKey), buckets.flatMap(bucketArguments))).then(
        takenOf,
        (error: Error) => {
          counting.trip(error);
          return local.take(buckets);
        },
      );
    },

    get(key) {
      if (answering.isOpen()) return null;
      return within(answerMs, answers.redis.getBuffer(answerKey(key))).catch((error: Error) => {
        answering.trip(error);
        return null;
      });
    },

    set(key, value, ttlSeconds) {
      const ttlMs = Math.round(ttlSeconds * 1000);
      if (answering.isOpen() || value.length > MAX_VALUE_BYTES || ttlMs <= 0) return;
      // a Redis that is full refuses: nothing is kept then, and reading goes on
      answers.redis.set(answerKey(key), value, 'PX', ttlMs).catch(() => {});
    },

    async check() {
      try {
        await limits.ping();
      } catch (cause) {
        throw new Error(
          `Redis at ${place} does not answer (${(cause as Error).message}): each gateway counts rate limits for itself. ` +
            'Start it, or correct REDIS_URL.',
          { cause },
        );
      }
    },

    async close() {
      counting.end();
      answering.end();
      limits.close();
      answers.close();
      await local.close();
    },
  };
}

// one hash tag: on a cluster the buckets of a call must be in one slot
const bucketKey = ({ key }: Bucket): string => `llmops:{rate}:${key}`;
const bucketArguments = ({ perMinute, take, used }: Bucket): number[] => [perMinute, take, used === true ? 1 : 0];
const answerKey = (key: string): string => `llmops:answer:${key}`;

function takenOf([refused = -1, retryAfterMs = 0, ...states]: number[]): Taken {
  const buckets = [];
  for (let index = 0; index < states.length; index += 2)
    buckets.push({ remaining: states[index]!, resetMs: states[index + 1]! });
  return { allowed: refused < 0, buckets, refused, retryAfterMs };
}
