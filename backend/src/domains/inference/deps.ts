import type { RouteTable } from '#domains/serving';
import type { Access, Identity, PolicyInForce } from '#platform/access';
import type { ErrorCode } from '#platform/errors';
import type { RequestHead } from '#platform/http';
import type { Logger } from '#platform/log';
import type { Tally } from '#platform/tally';
import type { Cache } from '#ports/cache';
import type { TokenCounter } from '#ports/tokens';
import type { Ledger } from './ledger/types.ts';
import type { Capture } from './log/capture.ts';
import type { Breakers } from './routing/breaker.ts';
import type { Spending } from './spending.ts';
import type { Gauges } from './gauges.ts';
import type { Knowledge } from './knowledge.ts';
import type { Telemetry } from './telemetry/types.ts';
import type { Upstream } from './upstream/index.ts';

/** What one request needs on its way to an engine and back. */
export interface ExchangeDeps {
  table: Pick<RouteTable, 'acquire'>;
  upstream: Upstream;
  breakers: Breakers;
  loads: Tally;
  ledger: Ledger;
  spending: Spending;
  cache: Cache;
  tokens: TokenCounter;
  capture: Capture;
  gauges: Gauges;
  telemetry: Telemetry;
  log: Logger;
  now(): Date;
}

export interface HandlerDeps extends ExchangeDeps {
  table: RouteTable;
  knowledge: Pick<Knowledge, 'tooOld' | 'refusal'>;
  /** for a name that is not known: were the routes read again? */
  lookAgain(): Promise<boolean>;
  /** at once where it is known in memory; throws or rejects */
  identify(request: RequestHead): Identity | null | Promise<Identity | null>;
  accessFor(identity: Identity): Access;
  policies(): readonly PolicyInForce[];
  /** `limits` of an API key as it was made */
  limitsOf(apiKeyId: string): { requestsPerMinute?: number; tokensPerMinute?: number } | null;
  /** Writes the denial to the audit log, off the request's way. */
  denied(identity: Identity, route: string, rule: string, requestId: string): void;
  /** Counts a request that the gateway refused itself. */
  refused(code: ErrorCode): void;
  /** bytes */
  bodyLimit: number;
  /** capture on every route */
  captureAll: boolean;
}
