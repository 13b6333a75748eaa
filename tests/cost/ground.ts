import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { sql } from 'kysely';
import { costRoutes, type Budget, type DataOf, type RouteSpec } from '../../contracts/index.ts';
import { createCatalog } from '../../backend/src/domains/catalog/index.ts';
import { createCost, type Cost, type Timing } from '../../backend/src/domains/cost/index.ts';
import { teamOfKey } from '../../backend/src/domains/governance/index.ts';
import type { Reservation, Spend, SpendFacts, UsageEvent } from '../../backend/src/domains/inference/index.ts';
import { createAccess, type Access, type Identity } from '../../backend/src/platform/access/index.ts';
import { migrate, openDatabase, type Db } from '../../backend/src/platform/db/index.ts';
import { createJobs } from '../../backend/src/platform/jobs/index.ts';
import { parseRequest } from '../../backend/src/platform/http/parse.ts';
import { uuidv7 } from '../../backend/src/platform/ids/index.ts';
import { formatMoney } from '../../backend/src/platform/money/index.ts';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';

const log = pino({ level: process.env.TEST_LOG ?? 'silent' });

/** Shorter than in earnest, so that tests need not wait. */
const quick: Partial<Timing> = { pollMs: 100, idleMs: 60_000 };

export const nobody: SpendFacts = {
  team: 'search',
  project: 'assistant',
  user: 'ada',
  key: '01990000-0000-7000-8000-0000000000a1',
  endpoint: '01990000-0000-7000-8000-0000000000e1',
  model: '01990000-0000-7000-8000-0000000000f1',
};
export const wish = (requests = 1, tokens = 0, amount = 0n): Spend => ({ amount, tokens, requests });

export function person(changes: Partial<Identity> = {}): Access {
  const identity: Identity = {
    kind: 'header',
    userId: 'olga',
    displayName: 'Olga',
    roles: ['operator'],
    teams: '*',
    project: null,
    apiKeyId: null,
    routes: null,
    environments: null,
    sessionId: null,
    csrfToken: null,
    ...changes,
  };
  return createAccess(identity, []);
}

type Table = typeof costRoutes;

/** A gateway's part of the money: its guard, and a ledger that is a list. */
export interface Gateway {
  name: string;
  cost: Cost;
  db: Db;
  /** settled or orphaned, and not yet charged */
  journal: UsageEvent[];
  /** an event of a request that took so much */
  event(
    reservation: Pick<Reservation, 'at'>,
    actual: Spend,
    facts?: SpendFacts,
    changes?: Partial<UsageEvent>,
  ): UsageEvent;
  /** Settles a reservation, and journals its event. */
  settle(reservation: Reservation, actual: Spend, facts?: SpendFacts): void;
  /** Charges all that is journalled, in one transaction. */
  charge(): Promise<void>;
  /** Its connections end, nothing is given back; the journal stays. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export interface Ground {
  postgres: PostgresServer;
  db: Db;
  /** as the ledger inserts them; those that were there already are left out */
  insert(trx: Db['kysely'], events: readonly UsageEvent[]): Promise<UsageEvent[]>;
  gateway(
    name: string,
    options?: { timing?: Partial<Timing>; journal?: UsageEvent[]; release?: boolean; query?: string; now?: () => Date },
  ): Promise<Gateway>;
  call<K extends keyof Table>(
    route: K,
    request?: { params?: object; query?: object; body?: object },
    as?: Access,
  ): Promise<DataOf<Table[K]>>;
  published: { type: string; payload: Record<string, unknown> }[];
  budget(changes?: object, as?: Access): Promise<Budget>;
  /** as the API shows it */
  current(id: string): Promise<Budget['current']>;
  /** Throws unless what periods say is leased is the sum of the leases. */
  checkLeases(): Promise<void>;
  /** Ends gateways, and removes budgets and usage. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function openGround(): Promise<Ground> {
  const postgres = await provisionPostgres();
  const url = await postgres.createDatabase('cost');
  const db = await openDatabase({ url, dataDir: '/nowhere', log });
  await migrate(db, join(import.meta.dirname, '../../backend/migrations'));
  const published: Ground['published'] = [];
  let gateways: Gateway[] = [];
  const catalog = createCatalog({ db, jobs: createJobs({ db, log }) } as never);
  const create = (one: Db, gateway: string, timing: Partial<Timing> = {}, now = () => new Date()) =>
    createCost({
      db: one,
      currency: 'EUR',
      gateway,
      models: catalog,
      teamOfKey,
      events: {
        publish: async (_trx, type, payload) =>
          void published.push({ type, payload: payload as Record<string, unknown> }),
      },
      log,
      now,
      timing: { ...quick, ...timing },
    });
  const api = create(db, 'api');

  const insert: Ground['insert'] = async (trx, events) => {
    if (events.length === 0) return [];
    const { rows } = await sql<{ id: string }>`
      insert into usage_event (id, at, gateway, request_id, user_id, team, project, api_key_id, route, environment, endpoint_id,
        model_id, operation, streamed, status, forwarded, prompt_tokens, completion_tokens, estimated, cached, cost, latency_ms, attempts)
      select id, at, gateway, request_id, user_id, team, project, api_key_id, route, environment, endpoint_id,
        model_id, operation, streamed, status, forwarded, prompt_tokens, completion_tokens, estimated, cached, cost, latency_ms, attempts
      from json_to_recordset(${JSON.stringify(events)}::json) as e (id uuid, at timestamptz, gateway text, request_id text,
        user_id text, team text, project text, api_key_id uuid, route text, environment text, endpoint_id uuid, model_id uuid,
        operation text, streamed boolean, status integer, forwarded boolean, prompt_tokens integer, completion_tokens integer,
        estimated boolean, cached boolean, cost numeric, latency_ms integer, attempts integer)
      on conflict do nothing returning id`.execute(trx);
    const fresh = new Set(rows.map(({ id }) => id));
    return events.filter(({ id }) => fresh.has(id));
  };

  async function gateway(name: string, options: Parameters<Ground['gateway']>[1] = {}): Promise<Gateway> {
    const { journal = [], timing = {}, release = true, query = '', now } = options;
    const own = await openDatabase({
      url: `${url}?application_name=gateway${query}`,
      dataDir: '/nowhere',
      log,
      poolSize: 4,
    });
    const cost = create(own, name, timing, now);
    await cost.start().catch(async (error: unknown) => {
      await own.close();
      throw error;
    });
    const made: Gateway = {
      name,
      cost,
      db: own,
      journal,
      event: ({ at }, actual, facts = nobody, changes = {}) => ({
        id: uuidv7(at),
        at: new Date(at).toISOString(),
        request_id: 'r',
        gateway: name,
        user_id: facts.user,
        team: facts.team,
        project: facts.project,
        api_key_id: facts.key,
        route: 'chat',
        environment: 'dev',
        endpoint_id: facts.endpoint,
        model_id: facts.model,
        model_name: 'm',
        model_version: '1',
        provider: 'openai',
        revision: 1,
        operation: 'chat',
        streamed: false,
        status: 200,
        error_code: null,
        forwarded: actual.requests > 0,
        prompt_tokens: actual.tokens,
        completion_tokens: 0,
        estimated: false,
        cached: false,
        cost: formatMoney(actual.amount),
        price: null,
        latency_ms: 1,
        first_token_ms: null,
        finish_reason: 'stop',
        attempts: 1,
        trace_id: null,
        decision: null,
        ...changes,
      }),
      settle(reservation, actual, facts = nobody) {
        reservation.settle(actual);
        journal.push(made.event(reservation, actual, facts));
      },
      async charge() {
        const events = journal.splice(0);
        let after = (): void => {};
        await own.kysely
          .transaction()
          .execute(async (trx) => {
            after = await cost.charge(trx, await insert(trx, events));
          })
          .catch((error: unknown) => {
            journal.unshift(...events);
            throw error;
          });
        after();
      },
      async crash() {
        gateways = gateways.filter((one) => one !== made);
        await own.close();
        await cost.stop();
      },
      async stop() {
        gateways = gateways.filter((one) => one !== made);
        await cost.stop();
        await own.close();
      },
    };
    gateways.push(made);
    if (release) await made.charge().then(() => cost.releaseLeftovers());
    return made;
  }

  const call: Ground['call'] = async (name, request = {}, access = person()) => {
    const spec: RouteSpec = costRoutes[name];
    const context = {
      ...parseRequest(spec, { ...request.params }, { ...request.query }, request.body),
      identity: access.identity,
      access,
      log,
      note() {},
      header() {},
    };
    const handler = api.routes.handlers[name] as (context: unknown) => Promise<unknown>;
    const answer = spec.audit
      ? await db.kysely.transaction().execute((trx) => handler({ ...context, trx }))
      : await handler(context);
    return (spec.list ? (answer as { rows: unknown }).rows : answer) as never;
  };

  return {
    postgres,
    db,
    insert,
    gateway,
    call,
    published,
    budget: (changes = {}, as = person()) =>
      call(
        'createBudget',
        {
          body: {
            name: `budget ${uuidv7()}`,
            scope: { type: 'team', id: 'search' },
            period: 'total',
            limit: { requests: 100 },
            action: 'stop',
            ...changes,
          },
        },
        as,
      ),
    current: async (id) => (await call('getBudget', { params: { id } })).current,
    async checkLeases() {
      const { rows } = await db.pool.query(`
        select p.budget_id from budget_period p
        left join (select budget_id, period_start, sum(amount) as amount, sum(tokens) as tokens, sum(requests) as requests
          from budget_lease group by 1, 2) l using (budget_id, period_start)
        where (p.leased_amount, p.leased_tokens, p.leased_requests)
          <> (coalesce(l.amount, 0), coalesce(l.tokens, 0), coalesce(l.requests, 0))`);
      if (rows.length > 0) throw new Error(`leased is not the sum of the leases: ${JSON.stringify(rows)}`);
    },
    async clear() {
      for (const one of gateways) await one.stop();
      published.length = 0;
      await db.pool.query('truncate usage_event, budget, model_price cascade');
    },
    async close() {
      for (const one of gateways) await one.stop();
      await db.close();
      await postgres.stop();
    },
  };
}

export async function eventually<T>(look: () => T | Promise<T>, ms = 5_000): Promise<NonNullable<T>> {
  for (const until = Date.now() + ms; Date.now() < until;) {
    const found = await look();
    if (found) return found;
    await sleep(20);
  }
  throw new Error(`did not become true within ${ms} ms`);
}

export const codeOf = (error: unknown): string | undefined => (error as { code?: string }).code;
