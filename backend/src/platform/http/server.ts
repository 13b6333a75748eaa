import type { Socket } from 'node:net';
import {
  METHODS,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { rolesWith, urlOf, type Permission, type RouteSpec } from '@llm-ops/contracts';
import Fastify, { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Access, Identity } from '#platform/access';
import { recordAudit } from '#platform/audit';
import type { Db } from '#platform/db';
import { failure, isFailure } from '#platform/errors';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';
import { failureBody, failureReply, success } from './envelope.ts';
import { eventText, isEventAnswer, type EventAnswer } from './events.ts';
import { once, type Sealer } from './idempotency.ts';
import { openLane } from './lane/index.ts';
import { parseRequest } from './parse.ts';
import type { Reply, RequestHead } from './reply.ts';
import { createTurns, type Turns } from './turns.ts';
import type { BoundRoutes, Context, FileAnswer, Paged, Trx } from './types.ts';

/** Takes whole requests before the framework does: the inference path, sign-in, resumable uploads. */
export interface RawHandler {
  matches(path: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse, requestId: string): void;
  /** Plain requests to these paths come whole, past Node's HTTP server where they can: see `openLane`. */
  readonly whole?: {
    matches(path: string): boolean;
    handle(request: RequestHead, body: Buffer, reply: Reply, requestId: string): void;
  };
}

export interface HttpDeps {
  db: Db;
  log: Logger;
  routes: readonly BoundRoutes[];
  raw: readonly RawHandler[];
  /** null: no credentials; throws `unauthenticated` for wrong ones */
  authenticate(request: IncomingMessage): Promise<Identity | null>;
  accessFor(identity: Identity): Access;
  checkHost(request: RequestHead): void;
  sealer: Sealer;
  observe(request: { method: string; route: string; status: number; seconds: number }): void;
  /** bytes */
  bodyLimit: number;
}

const requestIdForm = /^[A-Za-z0-9._:-]{1,128}$/;
const requestIds = new WeakMap<IncomingMessage, string>();
/** who asked, for the log line of a failure */
const users = new WeakMap<IncomingMessage, string>();

/** The platform's HTTP server: one port, the framework for the control plane, raw handlers beside it. */
export function createHttp(deps: HttpDeps): FastifyInstance {
  const { log } = deps;
  const app = Fastify({
    serverFactory: (handler) => rawServer(deps, handler),
    loggerInstance: log as never,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: deps.bodyLimit,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    genReqId: (request) => requestIdOf(request),
    routerOptions: { maxParamLength: 1000, ignoreTrailingSlash: true },
    onProtoPoisoning: 'remove',
    frameworkErrors: (error, request, reply) =>
      void sendFailure(log, error, request as FastifyRequest, reply as FastifyReply),
    clientErrorHandler: refuseBroken,
    onConstructorPoisoning: 'remove',
  });

  const readJson = app.getDefaultJsonParser('remove', 'remove');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void readJson(request, body as string, done);
  });
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null));
  app.setErrorHandler((error, request, reply) => sendFailure(log, error, request, reply));
  app.setNotFoundHandler((request) => {
    throw failure('route_unknown', { message: `There is nothing at ${request.method} ${request.url.split('?')[0]}.` });
  });
  // open event streams would hold a closing server until its time is up
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
    for (const [name, value] of Object.entries(securityHeaders)) if (!reply.hasHeader(name)) reply.header(name, value);
  });
  app.addHook('onResponse', async (request, reply) => {
    deps.observe({
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
  });

  const turns = createTurns({ width: changesAtOnce(deps.db.pool.options.max) });
  const methodsOf = new Map<string, Set<string>>();
  for (const { table, handlers } of deps.routes) {
    for (const [name, route] of Object.entries(table)) {
      const handler = handlers[name];
      if (handler === undefined) throw new Error(`Route ${name} has no handler.`);
      for (const path of addressesOf(route)) {
        const url = urlOf({ ...route, path })
          .replace(/\{path\}$/, '*')
          .replace(/\{(\w+)\}/g, ':$1');
        methodsOf.set(url, (methodsOf.get(url) ?? new Set()).add(route.method));
        app.route({
          method: route.method,
          url,
          exposeHeadRoute: false,
          handler: (request, reply) => serve({ ...deps, turns }, route, handler, request, reply, closing.signal),
        });
      }
    }
  }
  for (const [url, methods] of methodsOf) {
    const others = app.supportedMethods.filter((method) => !methods.has(method));
    const allow = [...methods].toSorted().join(', ');
    app.route({
      method: others,
      url,
      exposeHeadRoute: false,
      handler: async () => {
        throw failure('method_not_allowed', { headers: { allow } });
      },
    });
  }
  return app as unknown as FastifyInstance;
}

/** Bytes that are no HTTP request: told in the envelope, and the connection ends. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const known =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? failure('headers_too_large')
      : failure('body_malformed', { message: 'This is not a well-formed HTTP request.' });
  const body = JSON.stringify(failureReply(known).envelope);
  socket.end(
    `HTTP/1.1 ${known.status} Refused\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
};

/** The documents write policies, audit, cost and the like with and without `/governance`: both answer. */
function addressesOf({ path }: RouteSpec): string[] {
  return path.startsWith('/governance/') ? [path, path.slice('/governance'.length)] : [path];
}

/** `x-request-id` as it came when it is a plain token, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const known = requestIds.get(request);
  if (known !== undefined) return known;
  const id = newRequestId(request);
  requestIds.set(request, id);
  return id;
}

function newRequestId(request: RequestHead): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && requestIdForm.test(given) ? given : uuidv7();
}

export function pathOf({ url = '/' }: Pick<RequestHead, 'url'>): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

function rawServer(deps: HttpDeps, framework: RequestListener): Server {
  const server = createServer(
    { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 65_000, noDelay: true },
    (request, response) => {
      const path = pathOf(request);
      try {
        deps.checkHost(request);
        if (!commonMethods.has(request.method ?? ''))
          throw failure('method_not_allowed', { headers: { allow: 'DELETE, GET, PATCH, POST, PUT' } });
        const raw = deps.raw.find((candidate) => candidate.matches(path));
        if (raw === undefined) framework(request, response);
        else raw.handle(request, response, newRequestId(request));
      } catch (error) {
        const reply = failureReply(error);
        const body = Buffer.from(JSON.stringify(failureBody(path, reply)));
        response.writeHead(reply.status, {
          ...securityHeaders,
          ...reply.headers,
          'x-request-id': requestIdOf(request),
          'content-type': jsonType,
          'content-length': body.length,
        });
        response.end(request.method === 'HEAD' ? undefined : body);
      }
    },
  );
  const whole = deps.raw.flatMap((handler) => handler.whole ?? []);
  if (whole.length > 0) {
    openLane(server, {
      takes: (url) => whole.some(({ matches }) => matches(pathOf({ url }))),
      handle(request, body, reply) {
        const id = newRequestId(request);
        try {
          deps.checkHost(request);
          const path = pathOf(request);
          whole.find(({ matches }) => matches(path))!.handle(request, body, reply, id);
        } catch (error) {
          const failed = failureReply(error);
          const all = { ...securityHeaders, ...failed.headers, 'x-request-id': id, 'content-type': jsonType };
          const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
          reply.whole(failed.status, lines.join(''), Buffer.from(JSON.stringify(failureBody(pathOf(request), failed))));
        }
      },
    });
  }
  return server;
}

const jsonType = 'application/json; charset=utf-8';

const commonMethods = new Set(
  METHODS.filter((method) => ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'].includes(method)),
);

/** The others of the pool's connections are for reads and for what goes on by itself. */
const changesAtOnce = (connections: number) => Math.max(1, Math.floor(connections * 0.6));

async function serve(
  deps: HttpDeps & { turns: Turns },
  route: RouteSpec,
  handler: BoundRoutes['handlers'][string],
  request: FastifyRequest,
  reply: FastifyReply,
  closing: AbortSignal,
): Promise<FastifyReply> {
  const identity = await deps.authenticate(request.raw);
  if (identity === null && route.permission !== 'public') throw failure('unauthenticated');
  if (identity !== null) users.set(request.raw, identity.userId);
  const access = deps.accessFor(identity ?? anonymous);
  const noted: { resourceId: string | null; detail: Record<string, unknown> } = {
    resourceId: idParam(request),
    detail: {},
  };
  const audit = (result: 'allowed' | 'denied' | 'failed', rule: string | null = null) => ({
    action: route.audit?.action ?? `${route.method.toLowerCase()} ${route.path}`,
    resourceType: route.audit?.resource ?? route.tag,
    resourceId: noted.resourceId,
    result,
    rule,
    requestId: request.id,
    remoteAddress: request.ip,
    detail: noted.detail,
  });
  const actor = identity ?? anonymous;
  try {
    authorise(route, access);
    const parsed = parseRequest(
      route,
      request.params as Record<string, unknown>,
      request.query as Record<string, unknown>,
      request.body,
    );
    const abort = new AbortController();
    reply.raw.once('close', () => abort.abort());
    const context = {
      ...parsed,
      identity: actor,
      access,
      requestId: request.id,
      remoteAddress: request.ip,
      log: request.log as unknown as Logger,
      signal: abort.signal,
      wantsEvents: route.events !== undefined && /\btext\/event-stream\b/.test(request.headers.accept ?? ''),
      raw: { request: request.raw, response: reply.raw },
      note: (resourceId: string, detail: Record<string, unknown> = {}) => {
        noted.resourceId = resourceId;
        Object.assign(noted.detail, detail);
      },
      header: (name: string, value: string) => void reply.header(name, value),
      get trx(): Trx {
        throw new Error(`Route ${route.method} ${route.path} opens no transaction.`);
      },
    };
    const call = handler as unknown as (context: Context) => Promise<unknown>;
    if (route.audit === undefined || route.rawBody === true) {
      const result = await call(context as unknown as Context);
      if (!isEventAnswer(result)) return await answer(route, result, request, reply);
      return sendEvents(deps, route, result, request, reply, AbortSignal.any([abort.signal, closing]));
    }

    const key = idempotencyKeyOf(route, request);
    const change = async (transaction: unknown) => {
      const trx = transaction as unknown as Trx;
      const work = async () => {
        // a spread would read the getter, which throws
        const own = { ...Object.getOwnPropertyDescriptors(context), trx: { value: trx, enumerable: true } };
        const value = await call(Object.defineProperties({}, own) as unknown as Context);
        await recordAudit(trx, actor, audit('allowed'));
        return value;
      };
      if (key === null) return work();
      const scope = `${actor.kind}:${actor.userId} ${route.method} ${request.url.split('?')[0]}`;
      return once(
        trx,
        deps.sealer,
        { scope, key, body: [parsed.query, request.body], sensitive: route.sensitive === true },
        work,
      );
    };
    const result = await deps.turns.take(() => deps.db.kysely.transaction().execute(change));
    return await answer(route, result, request, reply);
  } catch (error) {
    const rule = ruleOf(error);
    if (rule !== null) await auditAside(deps, actor, audit('denied', rule));
    // where the database was not there for the change, it is not there for the entry: asking again would only double the wait
    else if (route.audit !== undefined && !isFailure(error, 'database_unavailable')) {
      noted.detail['code'] = isFailure(error) ? error.code : 'internal';
      await auditAside(deps, actor, audit('failed'));
    }
    throw error;
  }
}

/** What denied a request; null when it failed for another reason. */
function ruleOf(error: unknown): string | null {
  if (!isFailure(error)) return null;
  if (error.hidden) return 'team';
  const denied = error.code === 'permission_denied' || error.code === 'environment_not_allowed';
  return denied ? String(error.data?.['rule'] ?? '') : null;
}

/** A refusal is written even though the change it would have gone with was rolled back; the database being away must not hide it. */
async function auditAside(deps: HttpDeps, actor: Identity, record: Parameters<typeof recordAudit>[2]): Promise<void> {
  try {
    await deps.db.kysely.transaction().execute((trx) => recordAudit(trx as unknown as Trx, actor, record));
  } catch (error) {
    deps.log.error({ err: error, audit: record, actor: actor.userId }, 'audit entry could not be written');
  }
}

function authorise(route: RouteSpec, access: Access): void {
  if (route.permission === 'public' || route.permission === 'authenticated') return;
  // Only the role is known here; the domain asks again with the resource, where policies match on its fields.
  const decision = access.decide(route.permission);
  if (decision.allowed) return;
  throw failure('permission_denied', {
    message: decision.reason,
    remedy: decision.remedy ?? remedyFor(route.permission),
    data: { rule: decision.rule },
  });
}

function remedyFor(permission: Permission): string {
  return `Ask an administrator for one of these roles: ${rolesWith(permission).join(', ')}.`;
}

async function answer(
  route: RouteSpec,
  result: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (route.answer === 'file') return sendFile(result as FileAnswer, reply);
  if (route.answer === 'plain') return reply.send(result);
  if (route.list !== true) return reply.send(success(result));
  const page = result as Paged<unknown>;
  if (page.next !== null) {
    const next = new URL(request.url, 'http://localhost');
    next.searchParams.set('cursor', page.next);
    reply.header('link', `<${next.pathname}${next.search}>; rel="next"`);
  }
  return reply.send(success(page.rows));
}

/** As long as it is open, it is looked again who the caller is and what may be seen. */
function sendEvents(
  deps: HttpDeps,
  route: RouteSpec,
  answer: EventAnswer,
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal,
): FastifyReply {
  const renew = async (): Promise<Access> => {
    const identity = await deps.authenticate(request.raw);
    if (identity === null && route.permission !== 'public') throw failure('unauthenticated');
    const access = deps.accessFor(identity ?? anonymous);
    authorise(route, access);
    return access;
  };
  reply.header('content-type', 'text/event-stream; charset=utf-8');
  reply.header('cache-control', 'no-cache, no-transform');
  // nginx would gather the events
  reply.header('x-accel-buffering', 'no');
  return reply.send(eventText({ answer, renew, signal }));
}

function sendFile(file: FileAnswer, reply: FastifyReply): FastifyReply {
  reply.header('content-type', file.contentType);
  if (file.size !== undefined) reply.header('content-length', file.size);
  if (file.etag !== undefined) reply.header('etag', file.etag);
  if (file.fileName !== undefined)
    reply.header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(file.fileName)}`);
  return reply.send(file.body);
}

function sendFailure(log: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const told = failureReply(error);
  const { failure: known, status, headers, envelope } = told;
  const entry = {
    errorId: envelope.data.errorId,
    code: known.code,
    method: request.method,
    path: request.url.split('?')[0],
    requestId: request.id,
    user: users.get(request.raw) ?? null,
    category: status < 500 ? 'client_error' : 'server_error',
  };
  if (status >= 500) log.error({ ...entry, err: known.cause ?? known }, known.message);
  else log.info(entry, known.message);
  const body = failureBody(pathOf(request.raw), told);
  // where the body has no room for it
  if (body !== envelope) reply.header('x-error-code', known.code);
  return reply.status(status).headers(headers).type('application/json; charset=utf-8').send(body);
}

function idParam(request: FastifyRequest): string | null {
  const { id, name } = request.params as { id?: string; name?: string };
  return id ?? name ?? null;
}

function idempotencyKeyOf(route: RouteSpec, request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key'];
  if (route.idempotent !== true || key === undefined) return null;
  if (typeof key !== 'string' || !/^[A-Za-z0-9._:-]{1,200}$/.test(key)) {
    throw failure('validation_failed', {
      issues: [
        { path: 'Idempotency-Key', message: 'Use 1 to 200 letters, digits, dots, colons, underscores and dashes.' },
      ],
    });
  }
  return key;
}

const anonymous: Identity = {
  kind: 'system',
  userId: 'anonymous',
  displayName: 'Anonymous',
  roles: [],
  teams: [],
  project: null,
  apiKeyId: null,
  routes: null,
  environments: null,
  sessionId: null,
  csrfToken: null,
};
