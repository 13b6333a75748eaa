import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import pg from 'pg';
import { pack, parseKey, unpack } from '../../backend/src/platform/secrets/index.ts';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';
import { ask, people, startPlatform, until, type Json, type RunningPlatform } from '../journeys/harness.ts';
import { externalEndpoint, startProvider, type Provider } from '../journeys/provider.ts';

const secretsKey = randomBytes(32).toString('base64');
let provider: Provider;
let postgres: PostgresServer;
let url: string;
/** the control plane; and a gateway by itself, as a pod of it is */
let plane: RunningPlatform;
let gateway: RunningPlatform;
const keys: Record<'plain' | 'limited' | 'stopped' | 'warned', string> = {} as never;

const startGateway = (dataDir?: string): Promise<RunningPlatform> =>
  startPlatform(
    { ROLES: 'gateway', DATABASE_URL: url, SECRETS_KEY: secretsKey, GATEWAY_SNAPSHOT_HOURS: '24' },
    dataDir,
  );

before(async () => {
  provider = await startProvider();
  postgres = await provisionPostgres();
  url = await postgres.createDatabase('alone');
  plane = await startPlatform({ ROLES: 'api,worker', DATABASE_URL: url, SECRETS_KEY: secretsKey });
  const { modelId } = await externalEndpoint(plane.api, provider, 'm');
  await ask(plane.api, people.admin, 'PUT', `/governance/prices/${modelId}`, {
    inputPerMillion: '10',
    outputPerMillion: '20',
  });
  for (const name of ['plain', 'limited', 'stopped', 'warned'] as const) {
    const key = await ask(plane.api, people.admin, 'POST', '/governance/api-keys', {
      name,
      team: 'platform',
      roles: ['developer'],
      limits: name === 'limited' ? { requestsPerMinute: 5 } : null,
    });
    keys[name] = key.key;
    if (name !== 'stopped' && name !== 'warned') continue;
    await ask(plane.api, people.admin, 'POST', '/governance/budgets', {
      name,
      scope: { type: 'key', id: key.id },
      period: 'daily',
      limit: { requests: name === 'warned' ? 1 : 1_000 },
      action: name === 'warned' ? 'warn' : 'stop',
    });
  }
  gateway = await startGateway();
});
after(async () => {
  await gateway?.stop();
  await plane?.stop();
  await postgres?.stop();
  provider?.close();
});

const chat = (key: string, more: object = {}): Promise<Response> =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...more }),
  });
const statusOf = async (key: string): Promise<number> => {
  const answer = await chat(key);
  await answer.arrayBuffer();
  return answer.status;
};
const snapshotOf = (): string => path.join(gateway.dataDir, 'usage/snapshot');
const ready = async (): Promise<{ status: number; of: (name: string) => Json }> => {
  const answer = await fetch(`${gateway.url}/readyz`);
  const { dependencies } = (await answer.json()) as Json;
  return { status: answer.status, of: (name) => dependencies.find((one: Json) => one.name === name) };
};

/** The next process of the same folder, as a pod that was killed has it; how long it took to listen. */
async function killAndStart(): Promise<number> {
  await gateway.kill();
  const began = performance.now();
  gateway = await startGateway(gateway.dataDir);
  return performance.now() - began;
}

/** Asks without a pause until told to stop; which were answered to their end. */
function load(clients: number): { stop(): Promise<string[]> } {
  const answered: string[] = [];
  let running = true;
  const client = async (stream: boolean): Promise<void> => {
    while (running) {
      try {
        const answer = await chat(keys.plain, { stream });
        const text = await answer.text();
        if (answer.status === 200 && (!stream || text.endsWith('[DONE]\n\n')))
          answered.push(answer.headers.get('x-request-id')!);
        else await sleep(50);
      } catch {
        await sleep(20);
      }
    }
  };
  const all = Array.from({ length: clients }, (_, index) => client(index % 2 === 0));
  return {
    async stop() {
      running = false;
      await Promise.all(all);
      return answered;
    },
  };
}

test('REL, FR-009, FR-006d, FR-006l, FR-011: a gateway that is killed while the database is away starts from what it knew, and its ledger is exact afterwards', async () => {
  provider.behave('m', { delayMs: 10, gapMs: 5 });
  assert.equal(await statusOf(keys.plain), 200);
  await until('it keeps what it knows', async () => statSync(snapshotOf(), { throwIfNoEntry: false }) !== undefined);
  assert.equal(statSync(snapshotOf()).mode & 0o777, 0o600);
  const bytes = readFileSync(snapshotOf());
  for (const text of ['sk-journey', keys.plain, provider.url, 'api_key', 'platform'])
    assert.ok(!bytes.includes(text), `${text} can be read in the file`);

  const clients = load(8);
  await sleep(500);
  await postgres.halt();
  await sleep(500);
  const tookMs = await killAndStart();
  console.log(`without the database it listened after ${Math.round(tookMs)} ms`);

  assert.equal(await statusOf(keys.plain), 200);
  assert.equal(provider.of('m').at(-1)!.headers.authorization, 'Bearer sk-journey');
  assert.equal(await statusOf('lo_'.padEnd(46, 'x')), 401);
  const statuses = [];
  for (let count = 0; count < 7; count += 1) statuses.push(await statusOf(keys.limited));
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429]);
  assert.equal(await statusOf(keys.warned), 200);
  assert.equal(await statusOf(keys.warned), 200);
  const refused = await chat(keys.stopped);
  assert.equal(refused.status, 429);
  const { error } = (await refused.json()) as Json;
  assert.equal(error.code, 'budget_exhausted');
  assert.match(error.message, /cannot be checked just now/);

  const alone = await ready();
  assert.equal(alone.status, 200);
  assert.equal(alone.of('database').ok, false);
  assert.equal(alone.of('snapshot').ok, true);
  assert.match(alone.of('snapshot').message, /served by what was known at 20\d\d-.*, until 20\d\d-/);

  // what the first process without the database journalled is the second's to settle
  await killAndStart();
  await sleep(500);
  const answered = await clients.stop();
  assert.ok(answered.length > 50, String(answered.length));
  await postgres.start();

  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const rows = await until<Json[]>('all is settled', async () => {
      const { rows: found } = await client.query(
        'select request_id, status, cost, error_code, forwarded from usage_event',
      );
      return answered.every((id) => found.some((row) => row.request_id === id)) ? found : null;
    });
    const byId = Map.groupBy(rows, (row) => row.request_id);
    for (const id of answered) {
      const [row, ...more] = byId.get(id)!;
      assert.deepEqual([more.length, row.status, Number(row.cost)], [0, 200, 0.00009], JSON.stringify(row));
    }
    const sentOn = provider.of('m').length;
    const begun = rows.filter(({ forwarded }) => forwarded).length;
    console.log(`${sentOn} requests sent on, ${answered.length} answered, ${begun} in the ledger over 2 kills`);
    // a begin may be journalled whose request was not sent any more
    assert.ok(begun >= sentOn && begun - sentOn <= 2 * 8, `${begun} for ${sentOn}`);
    assert.ok(rows.filter(({ status }) => status === 598).every(({ error_code }) => error_code === 'gateway_aborted'));
  } finally {
    await client.end();
  }

  await until('budgets can be checked again', async () => (await statusOf(keys.stopped)) === 200);
  const added = await ask(plane.api, people.admin, 'POST', '/governance/api-keys', {
    name: 'new',
    team: 'platform',
    roles: ['developer'],
    limits: null,
  });
  await until('it follows the database again', async () => (await statusOf(added.key)) === 200);
  await until('its probe says so', async () => {
    const back = await ready();
    return back.status === 200 && back.of('database').ok && back.of('snapshot').message === 'OK';
  });
  const shown = await until<Json>('the outage is shown', async () => {
    const { gateways } = await ask(plane.api, people.admin, 'GET', '/governance/observability/gateway');
    return gateways.find((one: Json) => one.outage !== null && one.alive);
  });
  assert.ok(shown.outage.known_at < shown.outage.until, JSON.stringify(shown));
});

test('REL, FR-011: what a gateway knows is not answered by when it is too old, and a changed file not at all', async () => {
  await gateway.stop().catch(() => {});
  gateway = await startGateway();
  await until('it keeps what it knows', async () => statSync(snapshotOf(), { throwIfNoEntry: false }) !== undefined);
  await postgres.halt();
  await gateway.kill();
  const key = parseKey(secretsKey);
  const whole = readFileSync(snapshotOf());
  const end = whole.indexOf('\n') + 1;
  const content = deserialize(Buffer.from(unpack(key, whole.subarray(end)), 'base64')) as { at: number };
  const old = pack(key, serialize({ ...content, at: content.at - 25 * 3_600_000 }).toString('base64'));
  writeFileSync(snapshotOf(), Buffer.concat([whole.subarray(0, end), old]));
  gateway = await startGateway(gateway.dataDir);
  const answer = await chat(keys.plain);
  assert.equal(answer.status, 503);
  const { error } = (await answer.json()) as Json;
  assert.equal(error.code, 'snapshot_too_old');
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
  const state = await ready();
  assert.deepEqual([state.status, state.of('snapshot').ok], [503, false]);
  await postgres.start();
  await until('it answers with the database', async () => (await statusOf(keys.plain)) === 200);

  await gateway.kill();
  const changed = Buffer.from(whole);
  changed[changed.length - 20]! ^= 1;
  writeFileSync(snapshotOf(), changed);
  gateway = await startGateway(gateway.dataDir);
  assert.ok(
    gateway.log.some((line) => line.includes('cannot be read: it is not used')),
    gateway.log.join('\n'),
  );
  assert.equal(await statusOf(keys.plain), 200);
});
