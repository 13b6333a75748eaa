import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';
import { provisionRedis } from '../../scripts/provision/redis.ts';
import { ask, people, startPlatform, until, type Json, type RunningPlatform } from '../journeys/harness.ts';
import { externalEndpoint, startProvider, type Provider } from '../journeys/provider.ts';

let provider: Provider;
let postgres: PostgresServer;

before(async () => {
  provider = await startProvider();
  postgres = await provisionPostgres();
});
after(async () => {
  provider.close();
  await postgres.stop();
});

const chat = (url: string, more: object = {}, headers: Record<string, string> = people.developer): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...more }),
  });

const usage = async (api: string): Promise<Json> =>
  (await ask(api, people.admin, 'GET', '/governance/observability/usage?group_by=route')).find(
    (row: Json) => row.key === 'm',
  );

test('REL, FR-009: kill -9 in full flow: whatever was sent on is in the ledger once, and what was answered as answered', async () => {
  let platform = await startPlatform();
  const { dataDir } = platform;
  try {
    await externalEndpoint(platform.api, provider, 'm');
    provider.behave('m', { delayMs: 15, gapMs: 5 });
    let answered = 0;
    let running = true;
    const client = async (stream: boolean): Promise<void> => {
      while (running) {
        try {
          const response = await chat(platform.url, { stream });
          const text = await response.text();
          if (response.status === 200 && (!stream || text.endsWith('[DONE]\n\n'))) answered += 1;
        } catch {
          await sleep(20);
        }
      }
    };
    const clients = Array.from({ length: 16 }, (_, index) => client(index % 2 === 0));
    for (let kills = 0; kills < 3; kills += 1) {
      await sleep(700 + Math.random() * 600);
      await platform.kill();
      platform = await startPlatform({}, dataDir);
    }
    await sleep(500);
    running = false;
    await Promise.all(clients);
    const row = await until<Json>('all is settled', async () => {
      const found = await usage(platform.api);
      return found?.requests >= provider.of('m').length ? found : null;
    });
    console.log(
      `${provider.of('m').length} requests sent on, ${answered} answered, ${row.requests} in the ledger over 3 kills`,
    );
    // a begin may be journalled whose request was not sent any more: at most those under way at each kill
    assert.ok(row.requests - provider.of('m').length <= 3 * 16, JSON.stringify(row));
    // the last bytes of an answer leave when its end is in the journal
    assert.ok(row.requests - row.errors >= answered, JSON.stringify({ ...row, answered }));
  } finally {
    await platform.stop();
  }
});

test('REL, FR-006l, FR-011: two gateways share limits and budgets; without Redis each goes on by itself', async () => {
  const redis = await provisionRedis();
  const environment = {
    DATABASE_URL: await postgres.createDatabase('gateways'),
    REDIS_URL: redis.url,
    SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
  const platforms: RunningPlatform[] = [await startPlatform(environment)];
  platforms.push(await startPlatform(environment));
  try {
    const [{ api }] = platforms as [RunningPlatform];
    await externalEndpoint(api, provider, 'n');
    provider.behave('n', { delayMs: 10 });
    const key = async (limits: object | null): Promise<Json> =>
      ask(api, people.admin, 'POST', '/governance/api-keys', {
        name: 'k',
        team: 'platform',
        roles: ['developer'],
        limits,
      });
    const limited = await key({ requestsPerMinute: 20 });
    const paid = await key(null);
    await ask(api, people.admin, 'POST', '/governance/budgets', {
      name: 'Forty',
      scope: { type: 'key', id: paid.id },
      period: 'daily',
      limit: { requests: 40 },
      action: 'stop',
    });
    const many = async (count: number, secret: string): Promise<number> => {
      const statuses = await Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const answer = await chat(platforms[index % 2]!.url, { model: 'n' }, { authorization: `Bearer ${secret}` });
          await answer.arrayBuffer();
          return answer.status;
        }),
      );
      assert.ok(
        statuses.every((status) => status === 200 || status === 429),
        statuses.join(),
      );
      return statuses.filter((status) => status === 200).length;
    };
    await until('both gateways know it', async () => {
      const answers = await Promise.all(platforms.map(({ url }) => chat(url, { model: 'n' })));
      return answers.every(({ status }) => status === 200);
    });
    await sleep(2_500);
    assert.ok([20, 21].includes(await many(60, limited.key)), 'twenty a minute, over both');
    assert.equal(await many(200, paid.key), 40, 'forty a day, over both');
    await redis.halt();
    const free = await key({ requestsPerMinute: 1_000 });
    await sleep(2_500);
    assert.equal(await many(20, free.key), 20);
    const ready = (await (await fetch(`${platforms[0]!.url}/readyz`)).json()) as Json;
    assert.equal(ready.dependencies.find((one: Json) => one.name === 'redis').ok, false, JSON.stringify(ready));
  } finally {
    for (const platform of platforms) await platform.stop();
    await redis.stop();
  }
});
