import type { IncomingMessage } from 'node:http';
import { inferenceRoutes, usageRoutes, type RouteTable as RouteContracts } from '@llm-ops/contracts';
import type { Dispatcher } from 'undici';
import type { Access, Identity } from '#platform/access';
import type { Db } from '#platform/db';
import { bindRoutes, type BoundRoutes, type RawHandler } from '#platform/http';
import type { Logger } from '#platform/log';
import type { Metrics } from '#platform/metrics';
import { createDenials, type Denial } from './denials.ts';
import { createHandler } from './handler.ts';
import { createLookAgain } from './look-again.ts';
import { createRecorder } from './recorder.ts';
import { createUsageStore } from './store.ts';
import type { RouteTable } from '#domains/serving';
import { createUpstream } from './upstream.ts';

export interface InferenceDeps {
  db: Db;
  table: RouteTable;
  authenticate(request: IncomingMessage): Promise<Identity | null>;
  accessFor(identity: Identity): Access;
  /** Writes a refused call, or `times` alike, to the audit log, off the request's way. */
  denied(denial: Denial): void;
  /** connections to an address that a user gave */
  checkedAgent(url: URL): Dispatcher;
  localBaseUrl: string | undefined;
  journal: string;
  metrics: Metrics;
  log: Logger;
  now(): Date;
}

export interface Inference {
  raw: RawHandler;
  routes: BoundRoutes;
  /** documented and authorised alike, but served by `raw` */
  documented: RouteContracts;
  close(): Promise<void>;
}

const bodyLimit = 32 * 1024 * 1024;
const day = 86_400_000;

/** The inference API and its usage records. */
export function createInference(deps: InferenceDeps): Inference {
  const store = createUsageStore(deps.db);
  const recorder = createRecorder({ directory: deps.journal, insert: store.insert, log: deps.log });
  const denials = createDenials(deps.denied);
  const upstream = createUpstream({ checkedAgent: deps.checkedAgent, localBaseUrl: deps.localBaseUrl });
  const raw = createHandler({
    ...deps,
    recorder,
    denied: (identity, route, rule, requestId) => denials.add({ identity, route, rule, requestId }),
    lookAgain: createLookAgain(deps.table.reload),
    upstream,
    bodyLimit,
    observe: (exchange) =>
      deps.metrics.inference({
        route: exchange.target.routeName,
        environment: exchange.target.environment,
        model: exchange.target.modelName,
        status: exchange.status,
        seconds: exchange.latencyMs / 1000,
        promptTokens: exchange.usage.prompt_tokens,
        completionTokens: exchange.usage.completion_tokens,
        firstTokenSeconds: exchange.firstTokenMs === null ? null : exchange.firstTokenMs / 1000,
      }),
  });
  const routes = bindRoutes(usageRoutes, {
    summariseUsage: async ({ query, access }) => {
      const until = query.until === undefined ? deps.now() : new Date(query.until);
      const scope = access.scope('usage:read', 'usage');
      return store.summarise({
        group: query.group_by,
        since: query.since === undefined ? new Date(until.getTime() - day) : new Date(query.since),
        until,
        ...(query.endpoint_id === undefined ? {} : { endpointId: query.endpoint_id }),
        ...(query.environment === undefined ? {} : { environment: query.environment }),
        teams: scope.teams,
        userId: scope.userId,
        limit: query.limit,
      });
    },
  });
  return {
    raw,
    routes,
    documented: inferenceRoutes,
    async close() {
      denials.close();
      await recorder.close();
      await upstream.close();
    },
  };
}
