import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import { basePath, type RouteTable } from '@llm-ops/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
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
  const tables = [...deps.routes.map((bound) => bound.table), ...deps.documented];
  const document = createDocument(() => openApi(tables, { version: deps.version }));

  app.get(`${basePath}/openapi.json`, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(await document()),
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

  serveReference(app, document);

  if (deps.webRoot !== null && existsSync(path.join(deps.webRoot, 'index.html'))) await serveWeb(app, deps.webRoot);
  return app;
}

/** Files of the web application, looked up at each request (a build may replace them); any other page address answers its index. */
async function serveWeb(app: FastifyInstance, root: string): Promise<void> {
  await app.register(fastifyStatic, {
    root,
    serve: false,
    // the build put a `.gz` beside each text
    preCompressed: true,
    cacheControl: false,
    setHeaders: (response, file) => {
      const hashed = file.includes(`${path.sep}assets${path.sep}`);
      response.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  app.get('/*', (request, reply) => {
    const address = request.url.split('?', 1)[0] ?? '/';
    if (address.startsWith('/llm-ops/') || address.startsWith('/v1/')) return reply.callNotFound();
    if (path.posix.extname(address) !== '') {
      // Names that the build makes; anything else cannot be a file of ours.
      if (!/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/.test(address)) return reply.callNotFound();
      return reply.sendFile(address.slice(1));
    }
    if (!(request.headers.accept ?? '*/*').match(/text\/html|\*\/\*/)) return reply.callNotFound();
    return reply.sendFile('index.html');
  });
}

/** Large and seldom asked for: made when it is asked for first, and kept as bytes, which take a tenth of what its objects would. */
function createDocument(make: () => Promise<object>): () => Promise<Buffer> {
  let made: Promise<Buffer> | null = null;
  return () => (made ??= make().then((document) => Buffer.from(JSON.stringify(document))));
}

/** The reference page. It is large and seldom looked at: made when it is asked for first, beside the server. */
function serveReference(app: FastifyInstance, document: () => Promise<Buffer>): void {
  let reference: Promise<FastifyInstance> | null = null;
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const docs = await (reference ??= document().then((bytes) => createReference(bytes.toString())));
    const page = await docs.inject({ method: 'GET', url: request.url });
    for (const name of ['content-type', 'content-security-policy', 'location', 'cache-control', 'etag'] as const) {
      const value = page.headers[name];
      if (value !== undefined) reply.header(name, value);
    }
    return reply.status(page.statusCode).send(page.rawPayload);
  };
  app.get('/docs', answer);
  app.get('/docs/*', answer);
}

async function createReference(document: string): Promise<FastifyInstance> {
  const [{ default: createFastify }, { default: scalar }] = await Promise.all([
    import('fastify'),
    import('@scalar/fastify-api-reference'),
  ]);
  const docs = createFastify();
  docs.addHook('onSend', async (_request, reply) => {
    // The reference page brings an inline bootstrap script; it talks to nobody but us.
    reply.header(
      'content-security-policy',
      "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
    );
  });
  await docs.register(scalar, {
    routePrefix: '/docs',
    // the reference alone: nothing that would call its maker's services
    configuration: {
      content: document,
      withDefaultFonts: false,
      telemetry: false,
      showDeveloperTools: 'never',
      showToolbar: 'never',
      hideClientButton: true,
      mcp: { disabled: true },
      agent: { disabled: true },
    } as never,
  });
  await docs.ready();
  return docs as unknown as FastifyInstance;
}
