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
  const dataDir = path.join(deps.scratch, name);
  await mkdir(dataDir);
  const startedAt = performance.now();
  const platform = await harness.startPlatform(
    {
      DATABASE_URL: deps.databaseUrl,
      SECRETS_KEY: randomBytes(32).toString('base64'),
      ...(profile === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` }),
    },
    dataDir,
  );
  try {
    const key = await prepare(platform.api, deps);
    const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string };
    return {
      name,
      version: `LLM Ops ${version}${root === projectRoot ? '' : ` of ${root}`}`,
      url: platform.url,
      headers: { authorization: `Bearer ${key}` },
      model: 'bench',
      pid: platform.process.pid!,
      share: 1,
      startedAt,
      settled: (expected) => settled(platform.api, expected),
      stop: platform.stop,
    };
  } catch (error) {
    await platform.stop();
    throw error;
  }
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
