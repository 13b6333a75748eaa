import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import {
  ask,
  call,
  healthyEndpoint,
  people,
  projectRoot,
  type RunningPlatform,
} from '../../../tests/journeys/harness.ts';
import type { Peer, PeerDeps } from './peer.ts';

export interface PlatformDeps extends PeerDeps {
  name: string;
  /** Folder of the project whose server is started, with its dependencies. */
  root: string;
  /** An empty database, so that PostgreSQL is no child of what is measured. */
  databaseUrl: string;
  /** the gateway in a process of its own */
  apart: boolean;
  /** Folder for a CPU profile of the server's whole life; null: none. */
  profile: string | null;
}

export interface PlatformPeer extends Peer {
  /** `performance.now()` when it was started */
  startedAt: number;
  /** Waits until this many requests are in the ledger. @returns what is there after 15 s at most */
  settled(expected: number): Promise<number>;
}

type StartPlatform = (environment: Record<string, string>, dataDir: string) => Promise<RunningPlatform>;

/** This gateway with everything on: key, validation, routing, limits, budget, price, ledger, metrics. */
export async function startOurs(deps: PlatformDeps): Promise<PlatformPeer> {
  const { name, root, profile } = deps;
  const harness = (await import(pathToFileURL(path.join(root, 'tests/journeys/harness.ts')).href)) as {
    startPlatform: StartPlatform;
  };
  const start = async (role: string, environment: Record<string, string>): Promise<RunningPlatform> => {
    const dataDir = path.join(deps.scratch, `${name}-${role}`);
    await mkdir(dataDir);
    return harness.startPlatform({ DATABASE_URL: deps.databaseUrl, SECRETS_KEY: secretsKey, ...environment }, dataDir);
  };
  const secretsKey = randomBytes(32).toString('base64');
  const profiled: Record<string, string> =
    profile === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` };
  const control = deps.apart ? await start('control', { ROLES: 'api,worker' }) : null;
  const startedAt = performance.now();
  const stop = async (): Promise<void> => {
    await gateway?.stop();
    await control?.stop();
  };
  let gateway: RunningPlatform | null = null;
  try {
    const role: Record<string, string> = control === null ? {} : { ROLES: 'gateway' };
    gateway = await start('gateway', { ...role, ...profiled });
    const { api } = control ?? gateway;
    const headers = { authorization: `Bearer ${await prepare(api, deps)}` };
    await listed(gateway.url, headers);
    const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string };
    return {
      name,
      version: `LLM Ops ${version}${root === projectRoot ? '' : ` of ${root}`}${deps.apart ? ', ROLES=gateway' : ''}`,
      url: gateway.url,
      headers,
      model: 'bench',
      pid: gateway.process.pid!,
      share: 1,
      startedAt,
      settled: (expected) => settled(api, expected),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until the gateway has heard of the route. */
async function listed(url: string, headers: Record<string, string>): Promise<void> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(100)) {
    const answer = await fetch(`${url}/v1/models`, { headers });
    if (answer.ok && (await answer.text()).includes('"bench"')) return;
  }
  throw new Error(`${url} does not know the route within 15 s.`);
}

/** A model at the mock with a route, limits, a price and a budget that hold nothing up. @returns an API key */
async function prepare(api: string, { name, upstream }: PlatformDeps): Promise<string> {
  const { researcher, reviewer, operator, developer, admin } = people;
  const model = await ask(api, researcher, 'POST', '/catalog/models', {
    name: 'bench',
    version: '1',
    type: 'external',
    owner_team: 'platform',
    metadata: {
      description: 'The mock upstream of the bench.',
      provider: 'openai',
      model_name: 'mock',
      api_key: 'sk-upstream',
      base_url: `${upstream}/v1`,
    },
  });
  await ask(api, researcher, 'PATCH', `/catalog/models/${model.id}/status`, { status: 'pending_review' });
  await ask(api, reviewer, 'POST', `/catalog/models/${model.id}/versions/1/approve`, { decision: 'approve' });
  await healthyEndpoint(api, model.id, '/bench');

  const limits = { requestsPerMinute: 1_000_000_000, tokensPerMinute: 1_000_000_000_000 };
  const optional = async (what: string, answer: Promise<{ status: number; body: unknown }>): Promise<void> => {
    const { status, body } = await answer;
    if (status === 404) console.log(`Note: ${name} has no ${what} yet; it is measured without.`);
    else if (status !== 200) throw new Error(`${name}, ${what}: ${status} ${JSON.stringify(body)}`);
  };
  const listed = await call(api, operator, 'GET', '/serving/routes?name=bench');
  const route = listed.status === 200 ? listed.body.data[0]?.id : 'none';
  await optional('routes with limits', call(api, operator, 'PATCH', `/serving/routes/${route}`, { limits }));
  await optional(
    'prices',
    call(api, operator, 'PUT', `/governance/prices/${model.id}`, { inputPerMillion: '2.5', outputPerMillion: '10' }),
  );
  await optional(
    'budgets',
    call(api, admin, 'POST', '/governance/budgets', {
      name: 'bench',
      scope: { type: 'team', id: 'platform' },
      period: 'monthly',
      limit: { amount: '100000000' },
      action: 'stop',
    }),
  );
  const key = await ask(api, developer, 'POST', '/governance/api-keys', {
    name: 'bench',
    team: 'platform',
    roles: ['developer'],
    limits,
  });
  return key.key;
}

async function settled(api: string, expected: number): Promise<number> {
  let found = 0;
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(200)) {
    const rows = await ask(api, people.admin, 'GET', '/governance/observability/usage?group_by=model');
    found = rows.find((row: { key: string }) => row.key === 'bench')?.requests ?? 0;
    if (found >= expected) break;
  }
  return found;
}
