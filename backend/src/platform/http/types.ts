import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyOf, DataOf, ParamsOf, QueryOf, RouteSpec, RouteTable } from '@llm-ops/contracts';
import type { Transaction } from 'kysely';
import type { Access, Identity } from '#platform/access';
import type { Logger } from '#platform/log';
import type { EventAnswer } from './events.ts';

/** A database transaction; stores narrow it by `trx.withTables<…>()`. */
export type Trx = Transaction<unknown>;

/** A page of a list: `next` is the cursor of the following page, null at the end. */
export interface Paged<T> {
  rows: T;
  next: string | null;
}

/** A file answered as it is; `body` is streamed. */
export interface FileAnswer {
  body: NodeJS.ReadableStream | Buffer | string;
  contentType: string;
  /** bytes, when known */
  size?: number;
  /** shown name of a download */
  fileName?: string;
  etag?: string;
}

/** What a handler gets; everything in it is parsed and allowed by the table before. */
export interface Context<R extends RouteSpec = RouteSpec> {
  params: ParamsOf<R>;
  query: QueryOf<R>;
  body: BodyOf<R>;
  identity: Identity;
  access: Access;
  /**
   * The transaction in which the change, its audit entry and its idempotent answer commit. Only routes with `audit` and without
   * `rawBody` have one; elsewhere reading it throws.
   */
  trx: Trx;
  requestId: string;
  remoteAddress: string;
  log: Logger;
  /** aborted when the client goes away */
  signal: AbortSignal;
  /** the client asks for server-sent events, and the route has them */
  wantsEvents: boolean;
  raw: { request: IncomingMessage; response: ServerResponse };
  /** Names what was changed and adds facts to the audit entry. */
  note(resourceId: string, detail?: Record<string, unknown>): void;
  /** Sets a response header. */
  header(name: string, value: string): void;
}

type Result<R extends RouteSpec> = R['answer'] extends 'file'
  ? FileAnswer
  : R['list'] extends true
    ? Paged<DataOf<R>>
    : DataOf<R> | (R['events'] extends object ? EventAnswer : never);

/** One function a route; a route without one does not compile. */
export type Handlers<T extends RouteTable> = { [K in keyof T]: (context: Context<T[K]>) => Promise<Result<T[K]>> };

/** A route table with its handlers, as `buildApp` takes them. */
export interface BoundRoutes {
  table: RouteTable;
  handlers: Record<string, (context: never) => Promise<unknown>>;
}

export function bindRoutes<const T extends RouteTable>(table: T, handlers: Handlers<T>): BoundRoutes {
  return { table, handlers: handlers as unknown as BoundRoutes['handlers'] };
}
