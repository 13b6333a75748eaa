import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { provisionPostgres, type PostgresServer } from '../../scripts/provision/postgres.ts';
import { createLedger, type LedgerDeps, type RunningLedger } from '../../backend/src/domains/inference/ledger/index.ts';
import type { Begun, UsagePatch } from '../../backend/src/domains/inference/ledger/types.ts';
import type { UsageEvent } from '../../backend/src/domains/inference/usage.ts';
import { migrate, openDatabase, type Db } from '../../backend/src/platform/db/index.ts';
import { uuidv7 } from '../../backend/src/platform/ids/index.ts';

export const migrations = path.join(import.meta.dirname, '../../backend/migrations');
export const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' });

/** A log whose lines can be read. */
export function writtenLog() {
  const lines: { level: number; msg: string; [field: string]: unknown }[] = [];
  return { lines, log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(JSON.parse(line)) }) };
}

export interface Ground {
  server: PostgresServer;
  /** an empty, migrated database of its own */
  database(): Promise<Db>;
  open(url: string): Promise<Db>;
  folder(): string;
  /** a ledger in a folder of its own unless one is given; closed with the ground */
  ledger(db: Db, changes?: Partial<LedgerDeps>): NamedLedger;
  close(): Promise<void>;
}

/** A ledger that is told of requests by the ids of their events. */
export type NamedLedger = Omit<RunningLedger, 'begin' | 'progress' | 'end'> & {
  begin(event: UsageEvent, go?: () => void): void;
  progress(id: string, patch: UsagePatch): void;
  end(id: string, patch: UsagePatch, go?: () => void): void;
};

export function named(ledger: RunningLedger): NamedLedger {
  const begun = new Map<string, Begun>();
  return {
    ...ledger,
    begin: (event, go) => void begun.set(event.id, ledger.begin(event, go)),
    progress: (id, patch) => ledger.progress(begun.get(id)!, patch),
    end: (id, patch, go) => ledger.end(begun.get(id)!, patch, go),
  };
}

/** A real PostgreSQL and folders, all gone afterwards. */
export async function openGround(): Promise<Ground> {
  const server = await provisionPostgres();
  const folders: string[] = [];
  const opened: Db[] = [];
  const ledgers: RunningLedger[] = [];
  let databases = 0;
  const folder = (): string => {
    const made = mkdtempSync(path.join(tmpdir(), 'llm-ops-ledger-'));
    folders.push(made);
    return made;
  };
  async function open(url: string): Promise<Db> {
    const db = await openDatabase({ url, dataDir: folder(), log });
    opened.push(db);
    return db;
  }
  return {
    server,
    folder,
    open,
    async database() {
      const db = await open(await server.createDatabase(`ledger_${(databases += 1)}`));
      await migrate(db, migrations);
      return db;
    },
    ledger(db, changes = {}) {
      const made = createLedger({
        directory: folder(),
        db,
        charge: async () => () => {},
        log,
        now: () => new Date(),
        settleMs: 50,
        ...changes,
      });
      ledgers.push(made);
      return named(made);
    },
    async close() {
      for (const one of ledgers) await one.close();
      for (const db of opened) await db.close();
      await server.stop();
      for (const made of folders) rmSync(made, { recursive: true, force: true });
    },
  };
}

/** An event as its gateway's begin would give it, but ended well. */
export function event(changes: Partial<UsageEvent> = {}): UsageEvent {
  const id = changes.id ?? uuidv7();
  return {
    id,
    at: new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) || Date.now()).toISOString(),
    request_id: `request-${id}`,
    gateway: 'gateway',
    user_id: 'rita',
    team: 'search',
    project: null,
    api_key_id: null,
    route: 'chat',
    environment: 'prod',
    endpoint_id: '0192f0e5-6c00-7000-8000-0000000000e1',
    model_id: '0192f0e5-6c00-7000-8000-0000000000a1',
    model_name: 'assistant',
    model_version: '1',
    provider: 'vllm',
    revision: 1,
    operation: 'chat',
    streamed: false,
    status: 200,
    error_code: null,
    forwarded: true,
    prompt_tokens: 10,
    completion_tokens: 5,
    estimated: false,
    cached: false,
    cost: '0.000125',
    price: { input: '10', output: '5', request: '0' },
    latency_ms: 120,
    first_token_ms: 40,
    finish_reason: 'stop',
    attempts: 1,
    trace_id: null,
    decision: null,
    ...changes,
  };
}

/** What begins a request: as it would settle if the gateway died now. */
export const begun = (changes: Partial<UsageEvent> = {}): UsageEvent =>
  event({
    status: 598,
    error_code: 'gateway_aborted',
    estimated: true,
    completion_tokens: 0,
    cost: '0.0001',
    latency_ms: 0,
    first_token_ms: null,
    finish_reason: null,
    ...changes,
  });

/** A UUID of version 7 of that moment. */
export function idAt(time: Date | string): string {
  const hex = new Date(time).getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${uuidv7().slice(13)}`;
}

export async function rowsOf<T = any>(db: Db, query: string, values: unknown[] = []): Promise<T[]> {
  return (await db.pool.query(query, values)).rows as T[];
}

/** The sums by minute and by hour are exactly those of the events. Throws what differs. */
export async function sumsAgree(db: Db): Promise<void> {
  const sums = `count(*)::int as requests, (count(*) filter (where status >= 500))::int as errors,
    (count(*) filter (where cached))::int as cached, sum(prompt_tokens)::int as prompt_tokens,
    sum(completion_tokens)::int as completion_tokens, trim_scale(sum(cost))::text as cost`;
  const stored = `sum(requests)::int as requests, sum(errors)::int as errors, sum(cached)::int as cached,
    sum(prompt_tokens)::int as prompt_tokens, sum(completion_tokens)::int as completion_tokens, trim_scale(sum(cost))::text as cost`;
  const pairs = [
    [
      `select date_trunc('minute', at) as time, environment, route, ${sums} from usage_event group by 1, 2, 3 order by 1, 2, 3`,
      `select minute as time, environment, route, ${stored} from usage_minute group by 1, 2, 3 order by 1, 2, 3`,
    ],
    [
      `select date_trunc('hour', at) as time, team, user_id, route, model_name, ${sums}, sum(latency_ms)::int as latency
       from usage_event group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
      `select hour as time, team, user_id, route, model_name, ${stored}, sum(latency_ms)::int as latency
       from usage_hour group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
    ],
    [
      `select date_trunc('hour', at) as time, endpoint_id, environment, (count(*) filter (where status <> 598))::int as requests,
         (count(*) filter (where status >= 500 and status <> 598))::int as errors,
         (count(*) filter (where status = 598))::int as lost, (count(*) filter (where status < 400))::int as good
       from usage_event where endpoint_id is not null and forwarded and status <> 499 group by 1, 2, 3 order by 1, 2, 3`,
      `select hour as time, endpoint_id, environment, requests::int as requests, errors::int as errors, lost::int as lost,
         (select coalesce(sum(count), 0)::int from unnest(answer) as count) as good
       from usage_endpoint_hour order by 1, 2, 3`,
    ],
  ] as const;
  for (const [truth, kept] of pairs) {
    const [expected, found] = await Promise.all([rowsOf(db, truth), rowsOf(db, kept)]);
    if (JSON.stringify(expected) !== JSON.stringify(found))
      throw new Error(`sums differ:\n${JSON.stringify(expected)}\n${JSON.stringify(found)}`);
  }
}

/** Looks every 20 ms; throws after `ms`. */
export async function until(what: string, look: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end;) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what}: not within ${ms} ms`);
}
