import { errorOf, unreachable } from './error.ts';
import { routes } from './routes.ts';
import type { ArgumentList, DataOfRoute, Operation, Reply, RouteFacts, Tables } from './types.ts';

export interface ClientOptions {
  /** where the platform is, with or without `/llm-ops/v1`; empty in a browser on the same origin */
  baseUrl?: string;
  /** sent with every request: `Authorization`, `X-User-Id` … */
  headers?: Record<string, string> | (() => Record<string, string>);
  fetch?: typeof fetch;
}

interface AnyArguments {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  idempotencyKey?: string;
}

/** Calls routes by name and answers the reply as it is: the services of the web return it whole. */
export interface Caller {
  call<K extends Operation>(name: K, ...args: ArgumentList<Tables[K]>): Promise<Reply<DataOfRoute<Tables[K]>>>;
  /** The raw answer, for streams. Throws `ApiError` unless it is a success. */
  send<K extends Operation>(name: K, ...args: ArgumentList<Tables[K]>): Promise<Response>;
}

const prefix = '/llm-ops/v1';
/** Parameters that may hold slashes, which stay slashes. */
const paths = new Set(['route', 'path']);

function fill(template: string, params: Record<string, unknown> = {}): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(params[name] ?? '');
    return paths.has(name) ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
  });
}

function search(query: Record<string, unknown> = {}): string {
  const pairs = Object.entries(query)
    // a list is its name repeated
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one: unknown) => [name, one] as const))
    .filter(([, value]) => value !== undefined && value !== null && value !== '');
  return pairs.length === 0
    ? ''
    : `?${new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

/** The address of a route below the host: `/llm-ops/v1/catalog/models/…`. */
export function addressOf(name: Operation, params?: Record<string, unknown>, query?: Record<string, unknown>): string {
  const { base = prefix, path } = routes[name];
  return base + fill(path, params) + search(query);
}

/** The cursor in a `Link: <…?cursor=…>; rel="next"` header. */
function nextOf(link: string | null): string | null {
  const target = link === null ? undefined : /<([^>]*)>\s*;\s*rel="?next"?/.exec(link)?.[1];
  return target === undefined ? null : new URL(target, 'http://localhost').searchParams.get('cursor');
}

/** `crypto.randomUUID` exists only on secure origins. */
function freshKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function createCaller({ baseUrl = '', headers = {}, fetch: send = fetch }: ClientOptions): Caller {
  const base = baseUrl.replace(/\/+$/, '').replace(new RegExp(`${prefix}$`), '');

  async function request(name: Operation, args: AnyArguments): Promise<Response> {
    const route: RouteFacts = routes[name];
    const asForm = args.body instanceof FormData;
    const sent: Record<string, string> = {
      ...(typeof headers === 'function' ? headers() : headers),
      ...(args.body === undefined || asForm ? {} : { 'content-type': 'application/json' }),
      ...(route.idempotent ? { 'idempotency-key': args.idempotencyKey ?? freshKey() } : {}),
      ...args.headers,
    };
    const init: RequestInit = { method: route.method, headers: sent };
    if (args.body !== undefined) init.body = asForm ? (args.body as FormData) : JSON.stringify(args.body);
    if (args.signal) init.signal = args.signal;
    const response = await send(base + addressOf(name, args.params, args.query), init).catch((error: unknown) => {
      throw args.signal?.aborted ? error : unreachable(error);
    });
    if (!response.ok)
      throw errorOf(response.status, await response.text(), response.headers.get('x-error-code') ?? undefined);
    return response;
  }

  async function call(name: Operation, args: AnyArguments = {}): Promise<Reply<unknown>> {
    const route: RouteFacts = routes[name];
    const response = await request(name, args);
    if (route.file) return { status: 'success', message: '', data: await response.blob(), next: null };
    if (route.plain) return { status: 'success', message: '', data: await response.json(), next: null };
    const envelope = (await response.json()) as Reply<unknown>;
    return { ...envelope, next: nextOf(response.headers.get('link')) };
  }

  return { call, send: (name: Operation, args: AnyArguments = {}) => request(name, args) } as Caller;
}
