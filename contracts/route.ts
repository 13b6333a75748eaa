import type { z } from 'zod';
import type { Permission } from './permissions.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How a route answers on success: `json` in the envelope, the others as they are. Failures are enveloped, but for `plain`: `{error}`. */
export type Answer = 'json' | 'file' | 'stream' | 'html' | 'plain';

export interface AuditSpec {
  /** what was done: `model.create` */
  action: string;
  /** to which kind of thing: `model` */
  resource: string;
}

export interface RouteSpec {
  method: Method;
  /** below `base`, parameters in braces: `/catalog/models/{id}` */
  path: string;
  /** `/llm-ops/v1` when not given */
  base?: '/v1';
  summary: string;
  tag: string;
  /** what the caller must be allowed to do; `public` needs no identity, `authenticated` any identity */
  permission: Permission | 'public' | 'authenticated';
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** the reply's `data` */
  data?: z.ZodType;
  answer?: Answer;
  /** asked for with `Accept: text/event-stream` it goes on as server-sent events, whose `data` has this shape by the event's name */
  events?: Record<string, z.ZodType>;
  /** lists answer an array and a `Link` header to the next page */
  list?: boolean;
  /** an administrative action: it runs in one transaction with its audit entry */
  audit?: AuditSpec;
  /** takes `Idempotency-Key` */
  idempotent?: boolean;
  /** the answer holds something shown once: the stored idempotent answer is encrypted */
  sensitive?: boolean;
  /** the body is read by the handler itself (multipart, streams); no transaction is opened around it */
  rawBody?: boolean;
  /** of such a body, when it is multipart: what may stand in it beside the files */
  form?: z.ZodObject;
  /** the query is accepted in the body too (and the other way round) */
  queryOrBody?: boolean;
  /** codes of the catalogue that this route answers beyond the common ones */
  failures?: readonly string[];
}

export type RouteTable = Record<string, RouteSpec>;

export const basePath = '/llm-ops/v1';

/** Where a route is, parameters in braces: `/llm-ops/v1/catalog/models/{id}`. */
export const urlOf = ({ base, path }: Pick<RouteSpec, 'base' | 'path'>): string => `${base ?? basePath}${path}`;

/** Keeps literal types of the table while checking its form. */
export function defineRoutes<const T extends RouteTable>(table: T): T {
  return table;
}

type Output<T> = T extends z.ZodType ? z.output<T> : undefined;
type Input<T> = T extends z.ZodType ? z.input<T> : undefined;

export type ParamsOf<R extends RouteSpec> = Output<R['params']>;
export type QueryOf<R extends RouteSpec> = Output<R['query']>;
export type BodyOf<R extends RouteSpec> = Output<R['body']>;
export type DataOf<R extends RouteSpec> = Output<R['data']>;
export type ParamsIn<R extends RouteSpec> = Input<R['params']>;
export type QueryIn<R extends RouteSpec> = Input<R['query']>;
export type BodyIn<R extends RouteSpec> = Input<R['body']>;
