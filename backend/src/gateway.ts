import type { Catalog } from '#domains/catalog';
import { createCost, type Cost, type CostDeps } from '#domains/cost';
import { teamOfKey } from '#domains/governance';
import {
  createInference,
  createTelemetry,
  gatewayOf,
  parseOtlpHeaders,
  type Inference,
  type InferenceDeps,
} from '#domains/inference';
import { recordAudit } from '#platform/audit';
import type { Authenticator } from '#platform/auth';
import type { Config } from '#platform/config';
import type { Db } from '#platform/db';
import { notKept, type Keeping } from '#platform/kept';
import type { Logger } from '#platform/log';
import type { Cache } from '#ports/cache';
import { createMemoryCache } from './adapters/cache/memory/index.ts';
import { providers } from './adapters/provider/index.ts';
import { createTokenCounter, type createTokenizerSource } from './adapters/tokens/index.ts';

interface Deps extends Pick<InferenceDeps, 'objects' | 'table' | 'egress' | 'metrics' | 'journal' | 'log' | 'now'> {
  db: Db;
  catalog: Pick<Catalog, 'describe'>;
  authenticator: Authenticator;
  events: CostDeps['events'];
  /** what the gateway knows while the database is away */
  kept: Keeping;
  tokenizerOf: ReturnType<typeof createTokenizerSource>;
  version: string;
}

/** The inference path with what it spends: prices and budgets, cache, counting of tokens, telemetry and ledger. */
export async function openGateway(
  settings: Config['settings'],
  deps: Deps,
  closers: (() => Promise<unknown>)[],
): Promise<{ cost: Cost; cache: Cache; inference: Inference }> {
  const { db, authenticator, kept, journal, log, now } = deps;
  const cost = createCost({
    db,
    currency: settings.COST_CURRENCY,
    gateway: gatewayOf(journal, log),
    models: { describe: deps.catalog.describe },
    teamOfKey,
    events: deps.events,
    log,
    kept: kept.part('cost'),
    now,
  });
  const cache = await openCache(settings.REDIS_URL, log);
  closers.push(() => cache.close());
  const tokens = createTokenCounter({ tokenizerOf: deps.tokenizerOf, log });
  closers.push(() => tokens.close());
  const telemetry = await createTelemetry({
    endpoint: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    headers: parseOtlpHeaders(settings.OTEL_EXPORTER_OTLP_HEADERS),
    serviceName: settings.OTEL_SERVICE_NAME,
    version: deps.version,
    sampleRatio: settings.OTEL_TRACES_SAMPLER_ARG,
    log,
  });
  closers.push(() => telemetry.close());
  await cost.start();
  closers.push(() => cost.stop());
  const inference = createInference({
    db,
    objects: deps.objects,
    table: deps.table,
    identify: authenticator.identify,
    accessFor: authenticator.createAccessFor,
    policies: authenticator.policies,
    limitsOf: authenticator.limitsOf,
    denied: createDeniedRecord(db, log),
    providers,
    egress: deps.egress,
    spending: cost.spending,
    charge: cost.charge,
    cache,
    tokens,
    telemetry,
    metrics: deps.metrics,
    asOf: kept.asOf,
    journal,
    log,
    now,
    config: {
      localBaseUrl: settings.SERVING_LOCAL_BASE_URL,
      captureAll: settings.REQUEST_LOG_CONTENT,
      redact: settings.REQUEST_LOG_REDACT,
      logDays: settings.REQUEST_LOG_DAYS,
      keepDays: settings.USAGE_KEEP_DAYS,
      objective: { availability: settings.OBJECTIVE_AVAILABILITY, answerMs: settings.OBJECTIVE_ANSWER_MS },
      snapshotHours: kept === notKept ? null : settings.GATEWAY_SNAPSHOT_HOURS,
    },
  });
  closers.push(() => inference.close());
  // what was held by a process that died goes back only when all that it spent is charged
  void inference.replayed
    .then(() => cost.releaseLeftovers())
    .catch((error: unknown) => log.error({ err: error }, 'leases of before could not be given back'));
  return { cost, cache, inference };
}

/** Rate counters and answers: in process, or shared by several gateways. */
async function openCache(redisUrl: string | undefined, log: Logger): Promise<Cache> {
  if (redisUrl === undefined) return createMemoryCache();
  const { createRedisCache } = await import('./adapters/cache/redis/index.ts');
  return createRedisCache({ url: redisUrl, log });
}

/** Writes of who was kept from a route, behind the answer. */
function createDeniedRecord(db: Db, log: Logger): InferenceDeps['denied'] {
  return ({ identity, route, rule, requestId, times }) => {
    const what = { action: 'inference.call', resourceType: 'route', resourceId: route } as const;
    const record = { ...what, result: 'denied', rule, requestId, detail: { times } } as const;
    db.kysely
      .transaction()
      .execute((trx) => recordAudit(trx as never, identity, record))
      .catch((error: unknown) => log.error({ err: error, record }, 'audit entry could not be written'));
  };
}
