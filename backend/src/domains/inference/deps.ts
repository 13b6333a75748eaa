import type { IncomingMessage } from 'node:http';
import type { ResolvedTarget, RouteTable } from '#domains/serving';
import type { Access, Identity } from '#platform/access';
import type { Logger } from '#platform/log';
import type { Recorder } from './recorder.ts';
import type { Upstream } from './upstream.ts';
import type { TokenUsage } from './usage.ts';

/** What happened, for metrics and the usage record. */
export interface Exchange {
  target: ResolvedTarget;
  status: number;
  usage: TokenUsage;
  estimated: boolean;
  finishReason: string | null;
  latencyMs: number;
  firstTokenMs: number | null;
}

export interface HandlerDeps {
  table: RouteTable;
  /** for a name that is not known: were the routes read again? */
  lookAgain(): Promise<boolean>;
  upstream: Upstream;
  recorder: Recorder;
  authenticate(request: IncomingMessage): Promise<Identity | null>;
  accessFor(identity: Identity): Access;
  observe(exchange: Exchange): void;
  /** Writes the denial to the audit log, off the request's way. */
  denied(identity: Identity, route: string, rule: string, requestId: string): void;
  log: Logger;
  now(): Date;
  /** bytes */
  bodyLimit: number;
}
