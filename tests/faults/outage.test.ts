import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';
import { provisionPython } from '../../scripts/provision/python.ts';
import { provisionS3, type S3Server } from '../../scripts/provision/s3.ts';
import {
  approvedModel,
  ask,
  call,
  healthyEndpoint,
  people,
  projectRoot,
  sampleForm,
  startPlatform,
  until,
  untilStatus,
  type Json,
  type RunningPlatform,
} from '../journeys/harness.ts';

/** Seconds that the database is away, and that it is frozen; `npm run drill outage` makes them long. */
const awaySeconds = Number(process.env['OUTAGE_SECONDS'] ?? 8);
const frozenSeconds = Number(process.env['FREEZE_SECONDS'] ?? 20);
/** The longest that a request of the control plane may take while the database is away. */
const hangSeconds = 20;
const recoverySeconds = Number(process.env['RECOVERY_SECONDS'] ?? 6);

const run = promisify(execFile);
const running: RunningPlatform[] = [];
let python: string;
let postgres: PostgresServer;
let s3: S3Server;
let platform: RunningPlatform;
let databaseUrl: string;
let model: Json;
let endpoint: Json;

before(async () => {
  python = await provisionPython('python/trainer/requirements-convert.txt');
  [postgres, s3] = await Promise.all([provisionPostgres(), provisionS3()]);
  databaseUrl = await postgres.createDatabase('outage');
  await s3.createBucket('outage');
  platform = await start({
    DATABASE_URL: databaseUrl,
    SECRETS_KEY: randomBytes(32).toString('base64'),
    OBJECT_STORE_ENDPOINT: s3.endpoint,
    OBJECT_STORE_ACCESS_KEY: s3.accessKey,
    OBJECT_STORE_SECRET_KEY: s3.secretKey,
    OBJECT_STORE_BUCKET: 'outage',
  });
  model = await approvedModel(platform.api, 'outage');
  endpoint = await healthyEndpoint(platform.api, model.id, '/outage');
});
after(async () => {
  for (const one of running) await one.stop();
  await postgres?.stop();
  await s3?.stop();
});

async function start(environment: Record<string, string>, dataDir?: string): Promise<RunningPlatform> {
  const started = await startPlatform({ SERVING_DRAIN_SECONDS: '1', LLMOPS_PYTHON: python, ...environment }, dataDir);
  running.push(started);
  return started;
}

interface Answered {
  /** ms since the epoch, when it was answered */
  at: number;
  status: number;
  code: string | null;
  retryAfter: string | null;
  seconds: number;
}

/** Calls one after another until told to stop. */
function load(send: () => Promise<Response>, pauseMs: number): { stop(): Promise<Answered[]> } {
  const answers: Answered[] = [];
  let on = true;
  const loop = (async () => {
    while (on) {
      const began = performance.now();
      const answer = await send().then(
        async (response) => {
          const body = (await response.json()) as Json;
          return {
            status: response.status,
            code: body.data?.code ?? null,
            retryAfter: response.headers.get('retry-after'),
          };
        },
        (error: Error) => ({ status: 0, code: error.message, retryAfter: null }),
      );
      answers.push({ ...answer, at: Date.now(), seconds: (performance.now() - began) / 1000 });
      await sleep(pauseMs);
    }
  })();
  return {
    async stop() {
      on = false;
      await loop;
      return answers;
    },
  };
}

const chat = (api: string, route: string): Promise<Response> =>
  fetch(`${api.replace('/llm-ops/v1', '')}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: JSON.stringify({ model: route, messages: [{ role: 'user', content: 'What is a route?' }], max_tokens: 4 }),
  });

/** Reads and audited writes of the control plane, several at once, and chats beside them. */
function everything(round: string): { stop(): Promise<{ control: Answered[]; chats: Answered[] }> } {
  let number = 0;
  const read = (route: string) => () => fetch(`${platform.api}${route}`, { headers: people.operator });
  const write = () =>
    fetch(`${platform.api}/catalog/models`, {
      method: 'POST',
      headers: { ...people.researcher, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `${round}-${(number += 1)}`, version: '1', type: 'base', owner_team: 'platform' }),
    });
  const control = [
    ...Array.from({ length: 6 }, () => load(read('/catalog/models?limit=5'), 100)),
    ...Array.from({ length: 4 }, () => load(read(`/serving/endpoints/${endpoint.id}`), 100)),
    ...Array.from({ length: 6 }, () => load(write, 100)),
  ];
  const chats = [load(() => chat(platform.api, 'outage'), 50), load(() => chat(platform.api, 'outage'), 50)];
  const all = async (loads: { stop(): Promise<Answered[]> }[]) =>
    (await Promise.all(loads.map((one) => one.stop()))).flat();
  return { stop: async () => ({ control: await all(control), chats: await all(chats) }) };
}

async function usageCount(): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query('select count(*)::int as count from usage_event where status = 200');
  await client.end();
  return rows[0].count;
}

/** Everything that must hold for an outage between two moments. */
async function holds(
  what: string,
  { control, chats }: { control: Answered[]; chats: Answered[] },
  back: number,
  usageBefore: number,
): Promise<void> {
  const slowest = Math.max(...control.map(({ seconds }) => seconds));
  const failed = control.filter(({ status }) => status !== 200);
  const last = Math.max(0, ...failed.map(({ at }) => at - back)) / 1000;
  console.log(
    `${what}: ${control.length} control-plane requests, ${failed.length} times 503, slowest ${slowest.toFixed(1)} s, the last one ${last.toFixed(1)} s after it was back; ${chats.length} chats, slowest ${Math.max(...chats.map(({ seconds }) => seconds)).toFixed(2)} s`,
  );
  assert.ok(failed.length > 0, 'the outage was felt');
  assert.deepEqual(
    failed.filter(
      ({ status, code, retryAfter }) => status !== 503 || code !== 'database_unavailable' || !(Number(retryAfter) > 0),
    ),
    [],
    'nothing but 503 with Retry-After',
  );
  assert.ok(slowest < hangSeconds, `a request took ${slowest} s`);
  assert.ok(last < recoverySeconds, `a request failed ${last} s after it was back`);
  assert.ok(chats.length > 10, `${chats.length} chats`);
  assert.deepEqual(
    chats.filter(({ status }) => status !== 200),
    [],
    'inference went on',
  );
  await until('usage is settled', async () => (await usageCount()) === usageBefore + chats.length, 15_000);
}

test(`reliability database, FR-006l: down for ${awaySeconds} s under load: 503 with Retry-After and no hang, chats go on, usage is settled after`, async () => {
  const usageBefore = await usageCount();
  const work = everything('down');
  await sleep(500);
  await postgres.halt();
  await sleep(awaySeconds * 1000);
  const ready = await fetch(`${platform.url}/readyz`);
  const { dependencies } = (await ready.json()) as Json;
  assert.equal(ready.status, 503);
  assert.equal(dependencies.find(({ name }: Json) => name === 'database').ok, false);
  assert.equal(dependencies.find(({ name }: Json) => name === 'objects').ok, true);
  assert.equal((await fetch(`${platform.url}/healthz`)).status, 200);
  await postgres.start();
  const back = Date.now();
  await sleep(recoverySeconds * 1000);
  await holds('database down', await work.stop(), back, usageBefore);
  const seen = await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${endpoint.id}`);
  assert.deepEqual([seen.status, seen.revision], ['healthy', 1], 'the endpoint was left alone');
});

/** The server's processes: the parent of the one that answers us, and the parent's children. */
async function postgresProcesses(): Promise<number[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query('select pg_backend_pid() as pid');
  const postmaster = parentOf(rows[0].pid);
  await client.end();
  // a signal to 0 would be one to this test itself
  assert.ok(postmaster > 1, 'the postmaster was found');
  const others = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && parentOf(pid) === postmaster);
  return [postmaster, ...others];
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return -1;
  }
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // it ended by itself
    }
  }
}

test(`reliability database: frozen for ${frozenSeconds} s under load: requests end with 503 instead of hanging, chats go on`, async () => {
  const usageBefore = await usageCount();
  const work = everything('frozen');
  await sleep(500);
  const frozen = await postgresProcesses();
  signal(frozen, 'SIGSTOP');
  try {
    await sleep(frozenSeconds * 1000);
  } finally {
    signal(frozen, 'SIGCONT');
  }
  const back = Date.now();
  await sleep(recoverySeconds * 1000);
  await holds('database frozen', await work.stop(), back, usageBefore);
  const seen = await ask(platform.api, people.operator, 'GET', `/serving/endpoints/${endpoint.id}`);
  assert.deepEqual([seen.status, seen.revision], ['healthy', 1]);
});

test('reliability object store, FR-001: down: an upload and a deployment say so, nothing is listed that is not there, chats go on', async () => {
  const { api } = platform;
  const draft = await ask(api, people.researcher, 'POST', '/catalog/models', {
    name: 'stranded',
    version: '1',
    type: 'base',
    owner_team: 'platform',
    metadata: { description: 'Uploaded while the object store was down.' },
  });
  const chats = load(() => chat(api, 'outage'), 50);
  await s3.halt();
  try {
    const began = performance.now();
    const refused = await call(
      api,
      people.researcher,
      'POST',
      `/catalog/models/${draft.id}/upload`,
      await sampleForm(),
    );
    const seconds = (performance.now() - began) / 1000;
    assert.deepEqual([refused.status, refused.body.data.code], [503, 'object_store_unavailable']);
    assert.ok(refused.headers.get('retry-after'), 'it says when to try again');
    assert.ok(seconds < hangSeconds, `${seconds} s`);
    assert.deepEqual((await ask(api, people.researcher, 'GET', `/catalog/models/${draft.id}`)).files, []);
    const file = await call(api, people.researcher, 'GET', `/catalog/models/${model.id}/files/config.json`);
    assert.deepEqual([file.status, file.body.data.code], [503, 'object_store_unavailable']);
    const deployed = await call(api, people.operator, 'POST', '/serving/endpoints', {
      modelId: model.id,
      environment: 'dev',
      route: '/stranded',
      useGpu: false,
    });
    assert.deepEqual([deployed.status, deployed.body.data.code], [503, 'object_store_unavailable']);
    const endpoints = await ask(api, people.operator, 'GET', '/serving/endpoints');
    assert.equal(endpoints.length, 1, 'half a deployment is none');
    const ready = await until('readiness knows', async () => {
      const answer = await fetch(`${platform.url}/readyz`);
      return answer.status === 503 ? ((await answer.json()) as Json) : null;
    });
    assert.equal(ready.dependencies.find(({ name }: Json) => name === 'objects').ok, false);
    assert.equal(ready.dependencies.find(({ name }: Json) => name === 'database').ok, true);
  } finally {
    await s3.start();
  }
  await until(
    'ready again',
    async () => (await fetch(`${platform.url}/readyz`)).status === 200,
    recoverySeconds * 1000,
  );
  const uploaded = await until(
    'an upload works again',
    async () => {
      const answer = await call(
        api,
        people.researcher,
        'POST',
        `/catalog/models/${draft.id}/upload`,
        await sampleForm(),
      );
      return answer.status === 200 ? answer.body.data : null;
    },
    recoverySeconds * 1000,
  );
  for (const { path: name } of uploaded.files) {
    const read = await fetch(`${api}/catalog/models/${draft.id}/files/${name}`, { headers: people.researcher });
    assert.equal(read.status, 200);
    await read.arrayBuffer();
  }
  assert.deepEqual(
    (await chats.stop()).filter(({ status }) => status !== 200),
    [],
  );
});

/** The S3 server's process: a child of this test that listens on its port. */
function storeProcess(): number {
  const port = `127.0.0.1:${new URL(s3.endpoint).port}`;
  const pid = readdirSync('/proc')
    .map(Number)
    .filter((one) => one > 1 && parentOf(one) === process.pid)
    .find((one) => readFileSync(`/proc/${one}/cmdline`, 'utf8').includes(port));
  assert.ok(pid !== undefined);
  return pid;
}

test('reliability object store: silent: a deployment ends with 503 instead of hanging, readiness names the store, chats go on', async () => {
  const { api } = platform;
  const chats = load(() => chat(api, 'outage'), 50);
  const store = storeProcess();
  process.kill(store, 'SIGSTOP');
  try {
    const began = performance.now();
    const body = { modelId: model.id, environment: 'dev', route: '/silent', useGpu: false };
    const deployed = await call(api, people.operator, 'POST', '/serving/endpoints', body);
    const seconds = (performance.now() - began) / 1000;
    assert.deepEqual([deployed.status, deployed.body.data.code], [503, 'object_store_unavailable']);
    assert.ok(seconds < hangSeconds, `${seconds} s`);
    console.log(`object store silent: a deployment was refused after ${seconds.toFixed(1)} s`);
    const ready = (await (await fetch(`${platform.url}/readyz`)).json()) as Json;
    assert.equal(ready.dependencies.find(({ name }: Json) => name === 'objects').ok, false);
    assert.equal((await call(api, people.researcher, 'GET', '/catalog/models')).status, 200);
  } finally {
    process.kill(store, 'SIGCONT');
  }
  await until('ready again', async () => (await fetch(`${platform.url}/readyz`)).status === 200, 10_000);
  assert.deepEqual(
    (await chats.stop()).filter(({ status }) => status !== 200),
    [],
  );
});

/** Changes one byte in the middle of a file, keeping its size. */
function flip(file: string): void {
  const descriptor = openSync(file, 'r+');
  const at = Math.floor(statSync(file).size / 2);
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, at);
  byte[0]! ^= 0xff;
  writeSync(descriptor, byte, 0, 1, at);
  closeSync(descriptor);
}

const llmops = (dataDir: string, ...args: string[]) =>
  run(process.execPath, ['backend/src/cli/llmops.ts', ...args], {
    cwd: projectRoot,
    env: { ...process.env, DATA_DIR: dataDir },
  });

async function answers(api: string, route: string): Promise<string> {
  const reply = await until(
    `${route} answers`,
    async () => {
      const response = await chat(api, route);
      const body = (await response.json()) as Json;
      return response.status === 200 ? body : null;
    },
    60_000,
  );
  return reply.choices[0].message.content;
}

test('reliability object store, backup: a corrupt byte is not served; a backup of the running platform comes up elsewhere and serves; a killed database is restarted', async () => {
  const first = await start({});
  const weights = await approvedModel(first.api, 'keeper');
  const file = path.join(first.dataDir, 'objects/models', weights.id, '1.0.0/model.safetensors');
  flip(file);
  const keeper = await ask(first.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: weights.id,
    environment: 'dev',
    route: '/keeper',
    useGpu: false,
  });
  const failed = await untilStatus(first.api, keeper.id, 'failed');
  assert.equal(failed.revision, 0, 'it never took traffic');
  const condition = failed.conditions.find(({ reason }: Json) => reason === 'DigestMismatch');
  assert.ok(condition, JSON.stringify(failed.conditions));
  assert.match(condition.message, /model\.safetensors is not what was approved/);
  assert.match(condition.remedy, /Restore the file from a backup/);
  assert.equal((await chat(first.api, 'keeper')).status, 503);
  await assert.rejects(async () => {
    const read = await fetch(`${first.api}/catalog/models/${weights.id}/files/model.safetensors`, {
      headers: people.researcher,
    });
    await read.arrayBuffer();
  }, 'nobody downloads it as if it were whole');
  flip(file);
  await ask(first.api, people.operator, 'POST', `/serving/endpoints/${keeper.id}/redeploy`);
  await until(
    'the repaired model serves',
    async () => (await ask(first.api, people.operator, 'GET', `/serving/endpoints/${keeper.id}`)).status === 'healthy',
  );
  const said = await answers(first.api, 'keeper');

  const backups = mkdtempSync(path.join(tmpdir(), 'llm-ops-backup-'));
  const { stdout } = await llmops(first.dataDir, 'backup', backups);
  const folder = /Wrote (\S+):/.exec(stdout)?.[1];
  assert.ok(folder, stdout);
  const secretsKey = readFileSync(path.join(first.dataDir, 'secrets.key'), 'utf8').trim();
  const copy = mkdtempSync(path.join(tmpdir(), 'llm-ops-restored-'));
  await run(process.execPath, ['backend/src/cli/llmops.ts', 'restore', folder], {
    cwd: projectRoot,
    env: { ...process.env, DATA_DIR: copy, SECRETS_KEY: secretsKey },
  });
  const restored = await start({ SECRETS_KEY: secretsKey }, copy);
  const there = await ask(restored.api, people.researcher, 'GET', `/catalog/models/${weights.id}`);
  assert.deepEqual(
    [there.status, there.files],
    ['approved', (await ask(first.api, people.researcher, 'GET', `/catalog/models/${weights.id}`)).files],
  );
  await untilStatus(restored.api, keeper.id, 'healthy');
  assert.equal(await answers(restored.api, 'keeper'), said, 'the restored platform serves the same model');
  assert.equal((await ask(restored.api, people.admin, 'GET', '/governance/audit/verify')).ok, true);
  await running.splice(running.indexOf(restored), 1)[0]!.stop();
  rmSync(backups, { recursive: true, force: true });

  // its own database, killed
  const pid = Number(/"pid":(\d+),"port":\d+.*embedded PostgreSQL runs/.exec(first.log.join('\n'))?.[1]);
  assert.ok(pid > 0);
  const chats = load(() => chat(first.api, 'keeper'), 50);
  process.kill(pid, 'SIGKILL');
  const killed = performance.now();
  await until(
    'the database is back',
    async () => {
      const answer = await call(first.api, people.researcher, 'GET', '/catalog/models');
      assert.ok(answer.status === 200 || answer.body.data.code === 'database_unavailable', JSON.stringify(answer.body));
      return first.log.some((line) => line.includes('embedded PostgreSQL runs again')) && answer.status === 200;
    },
    30_000,
  );
  console.log(`embedded database killed: answers again after ${((performance.now() - killed) / 1000).toFixed(1)} s`);
  await approvedModel(first.api, 'after');
  assert.deepEqual(
    (await chats.stop()).filter(({ status }) => status !== 200),
    [],
  );
});
