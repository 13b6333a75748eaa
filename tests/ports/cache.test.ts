import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import { createMemoryCache } from '../../backend/src/adapters/cache/memory/index.ts';
import { createRedisCache } from '../../backend/src/adapters/cache/redis/index.ts';
import type { Bucket, Cache } from '../../backend/src/ports/cache.ts';
import { provisionRedis, type RedisServer } from '../../scripts/provision/redis.ts';

const MiB = 1024 * 1024;
const silent = pino({ level: 'silent' });

interface Store {
  /** as many gateways see it */
  caches: Cache[];
  stop(): Promise<void>;
}

const stores: Record<string, () => Promise<Store>> = {
  async memory() {
    const cache = createMemoryCache();
    return { caches: [cache, cache, cache], stop: () => cache.close() };
  },
  async redis() {
    const server = await provisionRedis();
    const caches = await Promise.all([0, 1, 2].map(() => createRedisCache({ url: server.url, log: silent })));
    return {
      caches,
      async stop() {
        for (const cache of caches) await cache.close();
        await server.stop();
      },
    };
  },
};

const fresh = (): string => randomBytes(8).toString('hex');
const bucket = (key: string, perMinute: number, take: number, used?: boolean): Bucket => ({
  key,
  perMinute,
  take,
  ...(used === undefined ? {} : { used }),
});
const remaining = async (cache: Cache, key: string, perMinute: number) =>
  (await cache.take([bucket(key, perMinute, 0)])).buckets[0]!.remaining;

/** Looks until there is an answer: those that are kept are written in the background. */
async function kept(cache: Cache, key: string): Promise<Buffer | null> {
  for (let tries = 0; tries < 100; tries++) {
    const value = await cache.get(key);
    if (value !== null) return value;
    await sleep(10);
  }
  return null;
}

for (const [name, open] of Object.entries(stores)) {
  describe(`cache: ${name}`, () => {
    let store: Store;
    let cache: Cache;
    before(async () => {
      store = await open();
      cache = store.caches[0]!;
    });
    after(() => store.stop());

    it('FR-006l: takes from every bucket or from none, and says which refused and when to come back', async () => {
      const [requests, tokens] = [fresh(), fresh()];
      const both = (amount: number) => cache.take([bucket(requests, 60, 1), bucket(tokens, 600, amount)]);
      const first = await both(500);
      assert.deepEqual([first.allowed, first.refused, first.retryAfterMs], [true, -1, 0]);
      assert.deepEqual(
        first.buckets.map((state) => state.remaining),
        [59, 100],
      );
      const second = await both(200);
      assert.deepEqual([second.allowed, second.refused], [false, 1]);
      assert.deepEqual(
        second.buckets.map((state) => state.remaining >= 100 || state.remaining),
        [59, true],
      );
      // 100 units at 10 a second
      assert.ok(second.retryAfterMs > 8_000 && second.retryAfterMs <= 10_000, String(second.retryAfterMs));
      assert.equal(await remaining(cache, requests, 60), 59);
    });

    it('FR-006l: several that refuse: the first is named, the longest is waited for', async () => {
      const [short, long] = [fresh(), fresh()];
      await cache.take([bucket(short, 60, 60), bucket(long, 6, 6)]);
      const answer = await cache.take([bucket(fresh(), 1, 1), bucket(short, 60, 1), bucket(long, 6, 1)]);
      assert.deepEqual([answer.allowed, answer.refused, answer.buckets[0]!.remaining], [false, 1, 1]);
      assert.ok(answer.retryAfterMs > 9_000 && answer.retryAfterMs <= 10_000, String(answer.retryAfterMs));
    });

    it('FR-006l: what is given back is there again, but never more than the bucket holds', async () => {
      const key = fresh();
      await cache.take([bucket(key, 10, 8)]);
      const back = await cache.take([bucket(key, 10, -5)]);
      assert.deepEqual([back.allowed, back.buckets[0]!.remaining], [true, 7]);
      const more = await cache.take([bucket(key, 10, -50)]);
      assert.deepEqual(more.buckets[0], { remaining: 10, resetMs: 0 });
    });

    it('FR-006l: what was used beyond what was taken counts, below nothing too, and beside a bucket that refuses', async () => {
      const [key, empty] = [fresh(), fresh()];
      await cache.take([bucket(empty, 5, 5)]);
      const answer = await cache.take([bucket(empty, 5, 1), bucket(key, 10, 14, true)]);
      assert.deepEqual([answer.allowed, answer.refused, answer.buckets[1]!.remaining], [false, 0, -4]);
      assert.ok(answer.buckets[1]!.resetMs > 82_000 && answer.buckets[1]!.resetMs <= 84_000);
      assert.equal((await cache.take([bucket(key, 10, 1)])).allowed, false);
      assert.equal(await remaining(cache, key, 10), -4);
      await cache.take([bucket(empty, 5, 1), bucket(key, 10, -5)]);
      assert.equal(await remaining(cache, key, 10), 1);
    });

    it('FR-006l: who wants more than a bucket holds gets it when the bucket is full, and leaves less than nothing', async () => {
      const key = fresh();
      const first = await cache.take([bucket(key, 100, 250)]);
      assert.deepEqual([first.allowed, first.buckets[0]!.remaining], [true, -150]);
      const second = await cache.take([bucket(key, 100, 250)]);
      assert.equal(second.allowed, false);
      assert.equal(second.retryAfterMs, second.buckets[0]!.resetMs, 'until it is full');
      assert.ok(second.retryAfterMs > 149_000 && second.retryAfterMs <= 150_000);
    });

    it('FR-006l: one key twice in a call is one bucket', async () => {
      const key = fresh();
      const refused = await cache.take([bucket(key, 10, 6), bucket(key, 10, 6)]);
      assert.deepEqual([refused.allowed, refused.refused], [false, 1]);
      assert.equal(await remaining(cache, key, 10), 10);
      await cache.take([bucket(key, 10, 6), bucket(key, 10, 3)]);
      assert.equal(await remaining(cache, key, 10), 1);
    });

    it('FR-006l: a bucket fills evenly, and lets through when it was said that it would', async () => {
      const key = fresh();
      const perMinute = 6_000;
      const start = performance.now();
      await cache.take([bucket(key, perMinute, perMinute)]);
      const afterwards = performance.now();
      await sleep(300);
      const middle = performance.now();
      const left = await remaining(cache, key, perMinute);
      const end = performance.now();
      // ten milliseconds a unit; both clocks count whole ones
      assert.ok(left >= Math.floor((middle - afterwards - 2) / 10), `${left} after ${middle - afterwards} ms`);
      assert.ok(left <= Math.ceil((end - start + 2) / 10), `${left} after ${end - start} ms`);
      const refused = await cache.take([bucket(key, perMinute, left + 30)]);
      assert.equal(refused.allowed, false);
      await sleep(refused.retryAfterMs + 2);
      assert.equal((await cache.take([bucket(key, perMinute, left + 30)])).allowed, true);
    });

    it('FR-006l: a limit that is changed keeps the share that was used', async () => {
      const key = fresh();
      await cache.take([bucket(key, 1_000_000, 750_000)]);
      const left = await remaining(cache, key, 100);
      assert.ok(left === 25 || left === 26, String(left));
      assert.equal((await cache.take([bucket(key, 100, 50)])).allowed, false);
      await cache.take([bucket(key, 100, 5)]);
      const again = await remaining(cache, key, 1_000);
      assert.ok(again >= 200 && again <= 220, String(again));
    });

    it('FR-006l: of 1,000 at once on a limit of 100 exactly 100 pass, whichever gateway they ask', async () => {
      const key = fresh();
      const start = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => store.caches[index % 3]!.take([bucket(key, 100, 1)])),
      );
      const flowedBack = Math.floor((performance.now() - start) / 600);
      const passed = answers.filter(({ allowed }) => allowed).length;
      assert.ok(passed >= 100 && passed <= 100 + flowedBack, `${passed} passed, ${flowedBack} flowed back`);
      const last = answers.map(({ buckets }) => buckets[0]!.remaining);
      assert.equal(Math.min(...last), 0);
    });

    it('FR-006l: an answer is kept for its time, byte by byte, for every gateway', async () => {
      const [key, empty, short] = [fresh(), fresh(), fresh()];
      const value = randomBytes(MiB);
      const given = Buffer.from(value);
      cache.set(key, given, 60);
      cache.set(short, Buffer.from('short'), 0.15);
      cache.set(empty, Buffer.alloc(0), 60);
      assert.ok(value.equals((await kept(store.caches[1]!, key))!));
      assert.equal((await kept(store.caches[2]!, empty))?.length, 0);
      await sleep(200);
      assert.equal(await cache.get(short), null);
      assert.equal(await cache.get(fresh()), null);
      cache.set(key, Buffer.from('new'), 60);
      await sleep(50);
      assert.equal((await kept(cache, key))?.toString(), 'new');
    });

    it('FR-006l: an answer of more than a MiB, or for no time at all, is left out', async () => {
      const [large, gone, there] = [fresh(), fresh(), fresh()];
      cache.set(large, Buffer.alloc(MiB + 1), 60);
      cache.set(gone, Buffer.from('gone'), 0);
      cache.set(there, Buffer.from('there'), 60);
      assert.equal((await kept(cache, there))?.toString(), 'there');
      assert.deepEqual([await cache.get(large), await cache.get(gone)], [null, null]);
    });

    it('REL: answers to its check', () => cache.check());
  });
}

describe('cache: memory, by a clock of its own', () => {
  it('FR-006l: units flow back to the millisecond', () => {
    let now = 5_000.7;
    const cache = createMemoryCache({ now: () => now });
    // 60,000 ms are no whole number of sevenths, and the seventh passes all the same
    for (let taken = 0; taken < 7; taken++) assert.equal(cache.take([bucket('k', 7, 1)]).allowed, true);
    const refused = cache.take([bucket('k', 7, 1)]);
    assert.deepEqual(refused, {
      allowed: false,
      buckets: [{ remaining: 0, resetMs: 60_000 }],
      refused: 0,
      retryAfterMs: 8_572,
    });
    now += 8_571;
    assert.equal(cache.take([bucket('k', 7, 1)]).retryAfterMs, 1);
    now += 1;
    assert.equal(cache.take([bucket('k', 7, 1)]).allowed, true);
    now += 60_000;
    assert.deepEqual(cache.take([bucket('k', 7, 0)]).buckets, [{ remaining: 7, resetMs: 0 }]);
  });

  it('FR-006l: buckets are bounded: full ones go by themselves, others only when there is no room', () => {
    let now = 0;
    const cache = createMemoryCache({ now: () => now, maxBuckets: 1_000 });
    for (let key = 0; key < 1_000; key++) cache.take([bucket(`a${key}`, 60, 60)]);
    assert.equal(cache.size().buckets, 1_000);
    assert.equal(cache.take([bucket('a0', 60, 1)]).allowed, false);
    for (let key = 0; key < 5_000; key++) cache.take([bucket(`b${key}`, 60, 60)]);
    assert.ok(cache.size().buckets <= 1_000);
    assert.equal(cache.take([bucket('b4999', 60, 1)]).allowed, false, 'the newest is there');
    now = 60_000;
    for (let key = 0; key < 600; key++) cache.take([bucket(`c${key}`, 60, 1)]);
    assert.ok(cache.size().buckets < 700, `${cache.size().buckets}: full ones went as new ones came`);
    for (let key = 0; key < 600; key++) assert.equal(cache.take([bucket(`c${key}`, 60, 0)]).buckets[0]!.remaining, 59);
  });

  it('FR-006l: answers are bounded in bytes; those that nobody asked for longest go first', () => {
    let now = 0;
    const cache = createMemoryCache({ now: () => now, maxBytes: 10_500 });
    for (let key = 0; key < 8; key++) cache.set(`k${key}`, Buffer.alloc(1_000, key), key === 7 ? 1 : 60);
    assert.ok(cache.size().bytes > 8_000);
    assert.equal(cache.get('k0')?.[0], 0);
    cache.set('k8', Buffer.alloc(1_000, 8), 60);
    cache.set('k9', Buffer.alloc(1_000, 9), 60);
    assert.equal(cache.get('k1'), null);
    assert.equal(cache.get('k2'), null);
    assert.equal(cache.get('k0')?.[0], 0);
    assert.ok(cache.size().bytes <= 10_500);
    const before = cache.size().bytes;
    cache.set('k9', Buffer.alloc(500, 9), 60);
    assert.equal(cache.size().bytes, before - 500, 'replaced, not added');
    now = 1_000;
    assert.equal(cache.get('k7'), null);
    assert.ok(cache.size().bytes < before - 1_500, 'an expired one gives its room back');
    cache.set('k0', Buffer.alloc(20_000), 60);
    assert.equal(cache.get('k0'), null, 'what cannot fit replaces nothing and is not kept');
    const view = Buffer.alloc(4_000, 1).subarray(0, 10);
    cache.set('view', view, 60);
    view.fill(2);
    assert.equal(cache.get('view')?.[0], 1, 'a copy');
    assert.equal(cache.get('view')?.buffer.byteLength, 10);
  });
});

describe('cache: redis, its server', () => {
  let server: RedisServer;
  const opened: Cache[] = [];
  const open = async ({ url = server.url, logged = [] as string[] } = {}) => {
    const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
    const cache = await createRedisCache({ url, log });
    opened.push(cache);
    return cache;
  };
  before(async () => {
    server = await provisionRedis();
  });
  after(async () => {
    for (const cache of opened) await cache.close();
    await server.stop();
  });

  const checked = (cache: Cache) =>
    cache.check().then(
      () => 'ok',
      (error: Error) => error.message,
    );
  /** Looks until takes are shared: a unit taken by one is missing for the other. */
  async function shared(one: Cache, other: Cache): Promise<number> {
    const start = performance.now();
    for (;;) {
      const key = fresh();
      await one.take([bucket(key, 10, 3)]);
      if ((await remaining(other, key, 10)) === 7) return performance.now() - start;
      assert.ok(performance.now() - start < 10_000, 'not shared again within 10 s');
      await sleep(20);
    }
  }

  it('FR-006l: counts as the memory does, whatever is asked for in whatever order', async () => {
    const cache = await open();
    const entry = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      perMinute: fc.constant(9),
      take: fc.integer({ min: -4, max: 12 }),
      used: fc.boolean(),
    });
    const calls = fc.array(fc.array(entry, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(calls, async (list) => {
        const memory = createMemoryCache({ now: () => 0 });
        const run = fresh();
        for (const call of list) {
          const expected = memory.take(call);
          const found = await cache.take(call.map((one) => ({ ...one, key: `${run}${one.key}` })));
          const facts = ({ allowed, refused, buckets }: typeof found) => [
            allowed,
            refused,
            buckets.map((state) => state.remaining),
          ];
          assert.deepEqual(facts(found), facts(expected), JSON.stringify(call));
          // the server's clock runs, the memory's stands still
          assert.ok(expected.retryAfterMs >= found.retryAfterMs && expected.retryAfterMs - found.retryAfterMs < 2_000);
          for (const [index, { resetMs }] of expected.buckets.entries())
            assert.ok(resetMs >= found.buckets[index]!.resetMs && resetMs - found.buckets[index]!.resetMs < 2_000);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('FR-006l: counts limits of a billion a minute to the unit', async () => {
    const cache = await open();
    const key = fresh();
    const most = 1_000_000_000;
    await cache.take([bucket(key, most, 100 * most, true)]);
    const start = performance.now();
    const before = await remaining(cache, key, most);
    await cache.take([bucket(key, most, 12_345, true)]);
    const left = await remaining(cache, key, most);
    const flowed = ((performance.now() - start + 2) * most) / 60_000;
    assert.ok(left >= before - 12_345 && left <= before - 12_345 + flowed, `${before} to ${left}`);
  });

  it('FR-006l: several buckets are one command; what is kept has our prefix and one hash tag, and expires', async () => {
    const cache = await open();
    const [one, other, answer] = [fresh(), fresh(), fresh()];
    await cache.take([bucket(fresh(), 60, 1)]);
    await server.ask('CONFIG', 'RESETSTAT');
    await cache.take([bucket(one, 60, 30), bucket(other, 60, 0)]);
    const commands = await server.ask('INFO', 'commandstats');
    assert.match(commands, /cmdstat_evalsha:calls=1,/);
    assert.doesNotMatch(commands, /cmdstat_eval:/);
    cache.set(answer, Buffer.from('x'), 60);
    await kept(cache, answer);
    const keys = await server.ask('KEYS', '*');
    for (const key of keys.split('\r\n').filter((line) => /^[a-z]/.test(line))) {
      assert.match(key, /^llmops:(\{rate\}|answer):/);
      const ttl = Number((await server.ask('PTTL', key)).slice(1));
      assert.ok(ttl !== -1, `${key} never expires`);
    }
    const ttl = Number((await server.ask('PTTL', `llmops:{rate}:${one}`)).slice(1));
    assert.ok(ttl > 28_000 && ttl <= 30_000, String(ttl));
    assert.equal(await server.ask('EXISTS', `llmops:{rate}:${other}`), ':0', 'a full bucket is not kept');
  });

  it('FR-006l: a server that lost the script is given it again', async () => {
    const cache = await open();
    await server.ask('SCRIPT', 'FLUSH');
    const key = fresh();
    assert.equal((await cache.take([bucket(key, 10, 4)])).buckets[0]!.remaining, 6);
    assert.equal(await remaining(await open(), key, 10), 6);
  });

  it('REL: killed in full flow, each gateway counts for itself and says so once; when it is back they share again', async () => {
    const logged: string[] = [];
    const [one, other] = [await open({ logged }), await open()];
    await shared(one, other);
    const key = fresh();
    let running = true;
    let failures = 0;
    const slow: number[] = [];
    const load = [one, other].map(async (cache) => {
      while (running) {
        const start = performance.now();
        const answer = await cache.take([bucket(key, 1_000_000, 1)]);
        slow.push(performance.now() - start);
        if (!answer.allowed) failures += 1;
        await sleep(1);
      }
    });
    await sleep(100);
    await server.halt();
    await sleep(300);
    const local = fresh();
    const answers = await Promise.all(Array.from({ length: 300 }, () => one.take([bucket(local, 100, 1)])));
    assert.equal(answers.filter(({ allowed }) => allowed).length, 100, 'a limit holds in each gateway');
    assert.match(
      await checked(one),
      /^Redis at 127\.0\.0\.1:\d+ does not answer \(.*ECONNREFUSED.*\): each gateway .* REDIS_URL\.$/,
    );
    assert.equal(await one.get('any'), null);
    one.set('any', Buffer.from('x'), 60);
    await sleep(1_500);
    await server.start();
    const back = await shared(one, other);
    console.log(`redis: shared again ${Math.round(back)} ms after its start`);
    running = false;
    await Promise.all(load);
    assert.equal(failures, 0);
    assert.ok(Math.max(...slow) < 1_000, `${Math.max(...slow)} ms for a take`);
    assert.equal(await checked(one), 'ok');
    for (let tries = 0; (await other.get('back')) === null; tries++) {
      assert.ok(tries < 60, 'answers are not shared again');
      one.set('back', Buffer.from('again'), 60);
      await sleep(50);
    }
    const lines = logged.map((line) => JSON.parse(line) as { level: number; msg: string });
    assert.deepEqual(
      lines.map(({ level, msg }) => [level, msg.replace(/:\d+/, '')]),
      [
        [40, 'Redis at 127.0.0.1 does not answer: each gateway counts rate limits for itself'],
        [30, 'Redis at 127.0.0.1 answers again: rate limits are shared'],
      ],
    );
    assert.doesNotMatch(logged.join(''), new RegExp(new URL(server.url).password), 'no password in the log');
  });

  it('REL: takes connections but answers nothing: the first wait 100 ms at most, the others not at all', async () => {
    const [one, other] = [await open(), await open()];
    await shared(one, other);
    server.freeze();
    try {
      const start = performance.now();
      const [taken, answer] = await Promise.all([one.take([bucket(fresh(), 10, 1)]), one.get('any')]);
      const waited = performance.now() - start;
      assert.deepEqual([taken.allowed, answer], [true, null]);
      assert.ok(waited >= 90 && waited < 400, `${waited} ms`);
      for (let more = 0; more < 30; more++) {
        assert.ok(!(one.take([bucket(fresh(), 10, 1)]) instanceof Promise), 'answered at once');
        assert.equal(one.get('any'), null);
        await sleep(50);
      }
      assert.match(await checked(one), /does not answer/);
    } finally {
      server.thaw();
    }
    await shared(one, other);
  });

  it('REL: a gateway starts without it, and finds it later', async () => {
    await server.halt();
    const [one, other] = await Promise.all([open(), open()]);
    assert.equal((await one.take([bucket('k', 10, 1)])).allowed, true);
    assert.match(await checked(one), /does not answer/);
    await server.start();
    await shared(one, other);
    assert.equal(await checked(one), 'ok');
  });

  it('REL: a wrong password is told by the check, and stops no request', async () => {
    const url = new URL(server.url);
    url.password = 'wrong';
    const cache = await open({ url: url.href });
    assert.equal((await cache.take([bucket('k', 10, 1)])).allowed, true);
    assert.match(await checked(cache), /WRONGPASS/);
  });
});
