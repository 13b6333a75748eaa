import { providers } from '../../backend/src/adapters/provider/index.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import {
  changeRoutes,
  gatewayRoutes,
  servingRoutes,
  type DataOf,
  type Endpoint,
  type Environment,
  type Role,
  type RouteSpec,
} from '../../contracts/index.ts';
import { compareRevisions } from '../../backend/src/domains/inference/index.ts';
import {
  createServing,
  createRouteTable,
  type ServingCatalog,
  type ServingConfig,
} from '../../backend/src/domains/serving/index.ts';
import { createAccess, type Access, type PolicyInForce } from '../../backend/src/platform/access/index.ts';
import { migrate, openDatabase, type Db } from '../../backend/src/platform/db/index.ts';
import { failure } from '../../backend/src/platform/errors/index.ts';
import { parseRequest } from '../../backend/src/platform/http/parse.ts';
import { uuidv7 } from '../../backend/src/platform/ids/index.ts';
import { createEngines, type Behaviour } from './engines.ts';

export type ServableModel = Awaited<ReturnType<ServingCatalog['deployable']>>['model'];

const tables = { ...servingRoutes, ...gatewayRoutes, ...changeRoutes };
type Table = typeof tables;
/** What a client sends and gets, by the name of the route. */
export type Call = <K extends keyof Table>(
  route: K,
  request?: { params?: object; query?: object; body?: object },
  as?: Access,
) => Promise<DataOf<Table[K]>>;

export const log = pino({ level: process.env.TEST_LOG ?? 'silent' });

async function openTestDatabase(): Promise<{ db: Db; close(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'serving-test-'));
  const db = await openDatabase({ dataDir, log });
  await migrate(db, join(import.meta.dirname, '../../backend/migrations'));
  return {
    db,
    async close() {
      await db.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export function person(
  userId: string,
  roles: Role[],
  teams: string[] | '*' = '*',
  policies: PolicyInForce[] = [],
): Access {
  return createAccess(
    {
      kind: 'header',
      userId,
      displayName: userId,
      roles,
      teams,
      project: null,
      apiKeyId: null,
      routes: null,
      environments: null,
      sessionId: null,
      csrfToken: null,
    },
    policies,
  );
}
export const operator = person('olga', ['operator']);

const small = { cpuRequest: '1', cpuLimit: '2', memoryRequest: '1Gi', memoryLimit: '2Gi' };
const config: ServingConfig = {
  resources: { gpu: { ...small, memoryRequest: '2Gi', memoryLimit: '4Gi' }, cpuOnly: small },
  useGpu: false,
  runtimeImage: 'ghcr.io/huggingface/text-generation-inference:latest',
  internalRuntime: 'local',
  verify: ['dev', 'stg', 'prod'],
  repairDrift: ['dev', 'stg', 'prod'],
  watch: { ms: 0, everyMs: 0, minimumRequests: 20, moreErrors: 1, slower: 20 },
  drainMs: 100,
  drainMaxMs: 3_000,
  rolloutTimeoutMs: 5_000,
  reconcileIntervalMs: 500,
  crash: { limit: 3, settleMs: 200 },
  verification: { attempts: 2, timeoutMs: 2_000, prompt: 'Say hello.' },
  healthEveryMs: 60_000,
  fourEyes: false,
  secrets: [],
};

/** Serving on a real database, with engines that are real HTTP servers, called through its bound routes. */
function createGround(
  db: Db,
  behave: (spec: { number: number; image: string; env: Record<string, string> }) => Behaviour = () => ({}),
  overrides: Partial<ServingConfig> = {},
) {
  const engines = createEngines(behave);
  const external = createEngines(() => ({}), 'external');
  const runtimes = { local: engines.runtime, external: external.runtime };
  const models = new Map<string, ServableModel>();
  const published: { type: string; payload: Record<string, unknown> }[] = [];
  const catalog: ServingCatalog = {
    async deployable(id) {
      const found = models.get(id);
      if (!found) throw failure('model_not_found');
      if (found.status !== 'approved') throw failure('model_not_approved');
      return { model: found };
    },
    async getForServing(id) {
      const found = models.get(id);
      if (!found) throw failure('model_not_found');
      return { model: found };
    },
    async hold() {},
  };
  const table = createRouteTable({ db, runtimes, log, pollMs: 1_000 });
  const settings = { ...config, ...overrides };
  const make = () =>
    createServing({
      db,
      runtimes,
      catalog,
      events: {
        publish: async (_trx, type, payload) =>
          void published.push({ type, payload: payload as Record<string, unknown> }),
      },
      egress: async (url, { timeoutMs, ...init }) => fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) }),
      providers,
      table,
      compare: (query) => compareRevisions(db.kysely, query),
      log,
      config: settings,
    });
  const serving = make();

  const call: Call = async (name, request = {}, access = operator) => {
    const spec: RouteSpec = tables[name];
    const context = {
      ...parseRequest(spec, { ...request.params }, { ...request.query }, request.body),
      identity: access.identity,
      access,
      log,
      note() {},
      header() {},
    };
    const handler = ({ ...serving.routes.handlers, ...serving.changeRoutes.handlers } as Record<string, unknown>)[
      name
    ] as (context: unknown) => Promise<unknown>;
    const answer = spec.audit
      ? await db.kysely.transaction().execute((trx) => handler({ ...context, trx }))
      : await handler(context);
    return (spec.list ? (answer as { rows: unknown }).rows : answer) as never;
  };

  function model(changes: Partial<ServableModel> = {}): ServableModel {
    const id = uuidv7();
    const made: ServableModel = {
      id,
      name: `assistant-${id.slice(-6)}`,
      version: '1',
      type: 'base',
      status: 'approved',
      ownerTeam: 'search',
      project: null,
      visibility: 'organization',
      createdBy: 'rita',
      storageUri: `s3://models/${id}/1/`,
      prefix: `models/${id}/1/`,
      files: [{ path: 'model.gguf', size: 10, sha256: 'a'.repeat(64) }],
      filesDigest: `digest-${id}`,
      metadata: {},
      inspection: null,
      completeness: { score: 100, missing: [] },
      containsPickle: false,
      pickleAccepted: false,
      hasApiKey: false,
      ...changes,
    };
    models.set(made.id, made);
    return made;
  }

  const get = (id: string) => call('getEndpoint', { params: { id } });

  return {
    db,
    engines,
    external,
    runtimes,
    models,
    published,
    table,
    serving,
    call,
    model,
    get,
    /** a second server on the same database */
    another: make,
    async deploy(changes: Record<string, unknown> = {}, access = operator): Promise<Endpoint> {
      const body = {
        modelId: (changes.modelId as string) ?? model().id,
        environment: 'dev' as Environment,
        route: `/r-${uuidv7()}`,
        ...changes,
      };
      return call('deployEndpoint', { body }, access);
    },
    /** Looks again and again until the endpoint is as wanted. Fails after `ms`. */
    async until(id: string, wanted: (endpoint: Endpoint) => boolean, ms = 8_000): Promise<Endpoint> {
      for (const end = Date.now() + ms; ;) {
        await serving.reconciler.once();
        const endpoint = await get(id);
        if (wanted(endpoint)) return endpoint;
        if (Date.now() > end) throw new Error(`still ${JSON.stringify(endpoint, null, 1)}`);
        await sleep(20);
      }
    },
    async close() {
      await serving.reconciler.stop();
      await table.stop();
      engines.goDown(false);
      engines.beFlaky(0, () => 1);
      await engines.runtime.close();
      await external.runtime.close();
    },
  };
}

/** A fresh ground for each test on one database; closed and emptied after it, however it ended. */
export function grounds() {
  let opened: Awaited<ReturnType<typeof openTestDatabase>>;
  let open: Ground[] = [];
  before(async () => (opened = await openTestDatabase()));
  after(async () => opened.close());
  afterEach(async () => {
    for (const one of open) await one.close();
    open = [];
    await opened.db.pool.query('truncate usage_event, verification, endpoint cascade');
  });
  return (...options: Parameters<typeof createGround> extends [Db, ...infer Rest] ? Rest : never): Ground => {
    const made = createGround(opened.db, ...options);
    open.push(made);
    return made;
  };
}
export type Ground = ReturnType<typeof createGround>;

export const codeOf = (code: string) => (error: unknown) => (error as { code?: string }).code === code;
