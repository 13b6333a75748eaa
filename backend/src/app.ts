import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import { basePath, type RouteTable } from '@llm-ops/contracts';
import scalar from '@scalar/fastify-api-reference';
import type { FastifyInstance } from 'fastify';
import type { Health } from '#platform/health';
import { createHttp, openApi, type HttpDeps } from '#platform/http';
import type { Metrics } from '#platform/metrics';

export interface AppDeps extends Omit<HttpDeps, 'observe'> {
  /** served by raw handlers; documented alike */
  documented: readonly RouteTable[];
  health: () => Promise<Health>;
  metrics: Metrics;
  version: string;
  /** the built web application; null: API alone */
  webRoot: string | null;
}

/** The whole HTTP face: API, reference, probes, metrics, web. The same for the server and for tests. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = createHttp({ ...deps, observe: deps.metrics.http });
  const document = openApi([...deps.routes.map((bound) => bound.table), ...deps.documented], { version: deps.version });
  const documentText = JSON.stringify(document);

  app.get(`${basePath}/openapi.json`, (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(documentText),
  );
  app.get('/healthz', async () => ({ status: 'ok', version: deps.version }));
  app.get('/readyz', async (_request, reply) => {
    const health = await deps.health();
    return reply
      .status(health.ready ? 200 : 503)
      .send({ status: health.ready ? 'ready' : 'not_ready', dependencies: health.dependencies });
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics()),
  );

  await app.register(async (docs) => {
    docs.addHook('onSend', async (_request, reply) => {
      // The reference page brings an inline bootstrap script; it talks to nobody but us.
      reply.header(
        'content-security-policy',
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
      );
    });
    await docs.register(scalar, {
      routePrefix: '/docs',
      configuration: { content: document as never, withDefaultFonts: false, telemetry: false } as never,
    });
  });

  if (deps.webRoot !== null && existsSync(path.join(deps.webRoot, 'index.html'))) await serveWeb(app, deps.webRoot);
  return app;
}

/** Files of the web application; any other page address answers its index. */
async function serveWeb(app: FastifyInstance, root: string): Promise<void> {
  await app.register(fastifyStatic, {
    root,
    wildcard: false,
    index: false,
    cacheControl: false,
    // the build leaves a .gz beside what is worth it
    preCompressed: true,
    setHeaders: (response, file) => {
      response.header(
        'cache-control',
        file.includes(`${path.sep}assets${path.sep}`) ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
    },
  });
  app.get('/', (_request, reply) => reply.sendFile('index.html'));
  app.get('/*', (request, reply) => {
    const wantsPage = (request.headers.accept ?? '').includes('text/html');
    const isApi =
      request.url.startsWith('/llm-ops/') ||
      request.url.startsWith('/v1/') ||
      path.extname(request.url.split('?')[0] ?? '') !== '';
    if (!wantsPage || isApi) return reply.callNotFound();
    return reply.sendFile('index.html');
  });
}
