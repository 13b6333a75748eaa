import { inferenceRoutes, type RouteTable as RouteContracts } from '@llm-ops/contracts';
import type { RouteTable } from '#domains/serving';
import type { Access, Identity, PolicyInForce } from '#platform/access';
import type { Db } from '#platform/db';
import type { Egress } from '#platform/egress';
import type { BoundRoutes, RawHandler, RequestHead } from '#platform/http';
import type { Logger } from '#platform/log';
import type { Metrics } from '#platform/metrics';
import { createTally } from '#platform/tally';
import type { Cache } from '#ports/cache';
import type { Objects } from '#ports/objects';
import type { TokenCounter } from '#ports/tokens';
import { createDenials, type Denial } from './denials.ts';
import { createGauges } from './gauges.ts';
import { createHandler } from './handler.ts';
import { createKnowledge } from './knowledge.ts';
import { createUpkeep } from './ledger/archive.ts';
import { createHeartbeat } from './ledger/heartbeat.ts';
import { createLedger } from './ledger/index.ts';
import { createCapture } from './log/capture.ts';
import { createContentInsert } from './log/content.ts';
import { createLookAgain } from './look-again.ts';
import type { Objective } from './objectives.ts';
import { createUsageRoutes } from './routes.ts';
import { createBreakers } from './routing/breaker.ts';
import type { Charge, Spending } from './spending.ts';
import type { Telemetry } from './telemetry/types.ts';
import { createUpstream, type Providers } from './upstream/index.ts';

export { compareRevisions } from './revisions.ts';
export { gatewayOf } from './ledger/gateway.ts';
export type { Charge, ModelPrice, Reservation, Spend, SpendFacts, Spending } from './spending.ts';
export { createTelemetry, parseOtlpHeaders } from './telemetry/index.ts';
export type { UsageEvent } from './usage.ts';

export interface InferenceConfig {
  /** SERVING_LOCAL_BASE_URL: sends every internal model there instead */
  localBaseUrl: string | undefined;
  /** REQUEST_LOG_CONTENT */
  captureAll: boolean;
  /** REQUEST_LOG_REDACT */
  redact: boolean;
  /** REQUEST_LOG_DAYS */
  logDays: number;
  /** USAGE_KEEP_DAYS */
  keepDays: number;
  objective: Objective;
  /** GATEWAY_SNAPSHOT_HOURS; null: what is known may be of any age */
  snapshotHours: number | null;
}

export interface InferenceDeps {
  db: Db;
  objects: Objects;
  table: RouteTable;
  identify(request: RequestHead): Identity | null | Promise<Identity | null>;
  accessFor(identity: Identity): Access;
  policies(): readonly PolicyInForce[];
  limitsOf(apiKeyId: string): { requestsPerMinute?: number; tokensPerMinute?: number } | null;
  /** Writes a refused call, or `times` alike, to the audit log, off the request's way. */
  denied(denial: Denial): void;
  providers: Providers;
  egress: Pick<Egress, 'check' | 'lookup'>;
  spending: Spending;
  charge: Charge;
  cache: Cache;
  tokens: TokenCounter;
  telemetry: Telemetry;
  metrics: Metrics;
  /** of when what this gateway knows is, in ms since 1970 */
  asOf(): number;
  /** folder of the usage journal, of this process alone */
  journal: string;
  log: Logger;
  now(): Date;
  config: InferenceConfig;
}

export interface Inference {
  raw: RawHandler;
  routes: BoundRoutes;
  /** documented and authorised alike, but served by `raw` */
  documented: RouteContracts;
  /** What an earlier process left in the journal is in the database. */
  replayed: Promise<void>;
  /** For the probe: what is answered by. Throws when that is too old. */
  describeKnowledge(): string;
  /** Once the routes are there: watches how old what is known is, and says from time to time that this gateway is alive. */
  start(): void;
  /** Daily: moves what is older than it should be out of the database. */
  archive(): Promise<void>;
  prune(): Promise<void>;
  close(): Promise<void>;
}

const bodyLimit = 32 * 1024 * 1024;

/** The inference API, its ledger and the request log. */
export function createInference(deps: InferenceDeps): Inference {
  const { db, log, now, metrics, config, spending } = deps;
  const knowledge = createKnowledge({
    asOf: deps.asOf,
    maxAgeMs: config.snapshotHours === null ? null : config.snapshotHours * 3_600_000,
    now,
  });
  const breakers = createBreakers(() => performance.now());
  const gauges = createGauges(metrics.inference);
  const ledger = createLedger({ directory: deps.journal, db, charge: deps.charge, log, now });
  const capture = createCapture({
    insert: createContentInsert({ db, contentDays: config.logDays, now }),
    redact: config.redact,
    log,
  });
  const denials = createDenials(deps.denied);
  const upstream = createUpstream({
    providers: deps.providers,
    egress: deps.egress,
    localBaseUrl: config.localBaseUrl,
  });
  const upkeep = createUpkeep({
    db,
    objects: deps.objects,
    log,
    now,
    keepDays: config.keepDays,
    contentDays: config.logDays,
  });
  const heartbeat = createHeartbeat({
    db,
    gateway: ledger.gateway,
    log,
    read: () => ({
      inFlight: gauges.inFlight(),
      unsettled: ledger.state().unsettled,
      outage: knowledge.outage(),
      openBreakers: breakers.open().map(({ endpointId, address, until }) => ({
        endpoint_id: endpointId,
        address,
        until: new Date(now().getTime() + until - performance.now()).toISOString(),
      })),
    }),
  });
  metrics.inference.watch({
    inFlight: gauges.inFlight,
    unsettled: () => ledger.state().unsettled,
    breakers: () => breakers.open().map(({ endpointId }) => ({ route: '', endpoint: endpointId, open: true })),
  });
  return {
    raw: createHandler({
      table: deps.table,
      knowledge,
      upstream,
      breakers,
      loads: createTally(),
      ledger,
      spending,
      cache: deps.cache,
      tokens: deps.tokens,
      capture,
      gauges,
      telemetry: deps.telemetry,
      log,
      now,
      lookAgain: createLookAgain(deps.table.reload),
      identify: deps.identify,
      accessFor: deps.accessFor,
      policies: deps.policies,
      limitsOf: deps.limitsOf,
      denied: (identity, route, rule, requestId) => denials.add({ identity, route, rule, requestId }),
      refused: metrics.inference.refused,
      bodyLimit,
      captureAll: config.captureAll,
    }),
    routes: createUsageRoutes({ db, currency: spending.currency, objective: config.objective, now }),
    documented: inferenceRoutes,
    replayed: ledger.replayed,
    describeKnowledge: knowledge.describe,
    start() {
      knowledge.start({ away: db.away });
      heartbeat.start();
    },
    archive: async () => void (await upkeep.archive()),
    prune: async () => void (await upkeep.prune()),
    async close() {
      knowledge.close();
      await heartbeat.stop();
      denials.close();
      upstream.close();
      await capture.close();
      await ledger.close();
    },
  };
}
