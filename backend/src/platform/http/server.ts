import { urlOf, type RouteSpec } from '@llm-ops/contracts';
import Fastify, { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { failure } from '#platform/errors';
import { sendFailure } from './answers.ts';
import { serve, type CallDeps } from './call.ts';
import { createListener, refuseBroken, requestIdOf, securityHeaders, type RawHandler } from './listener.ts';
import type { RequestHead } from './reply.ts';
import { createTurns } from './turns.ts';
import type { BoundRoutes } from './types.ts';

export interface HttpDeps extends Omit<CallDeps, 'turns'> {
  routes: readonly BoundRoutes[];
  raw: readonly RawHandler[];
  checkHost(request: RequestHead): void;
  observe(request: { method: string; route: string; status: number; seconds: number }): void;
  /** bytes */
  bodyLimit: number;
}

/** The platform's HTTP server: one port, the framework for the control plane, raw handlers beside it. */
export function createHttp(deps: HttpDeps): FastifyInstance {
  const { log } = deps;
  const app = Fastify({
    serverFactory: (handler) => createListener(deps, handler),
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
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
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

/** Routes have no schemas of the framework's: what would make validators and serializers of them (2 MB of memory) is not loaded. */
const noSchemas = () => (): never => {
  throw new Error('Routes are checked by their contracts.');
};

/** The documents write policies, audit, cost and the like with and without `/governance`: both answer. */
function addressesOf({ path }: RouteSpec): string[] {
  return path.startsWith('/governance/') ? [path, path.slice('/governance'.length)] : [path];
}

/** The others of the pool's connections are for reads and for what goes on by itself. */
const changesAtOnce = (connections: number) => Math.max(1, Math.floor(connections * 0.6));
