import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createCatalog } from '#domains/catalog';
import type { Datasets } from '#domains/datasets';
import { createGovernance, ensureTeam } from '#domains/governance';
import { compareRevisions } from '#domains/inference';
import { createOrganization } from '#domains/organization';
import { createRouteTable, createServing } from '#domains/serving';
import { loadAuditKeys } from '#platform/audit';
import { createAuthenticator, sessionView } from '#platform/auth';
import { loadConfig, type Config } from '#platform/config';
import { lockDataDir, migrate, openDatabase } from '#platform/db';
import { createEgress } from '#platform/egress';
import { failure } from '#platform/errors';
import { createEvents } from '#platform/events';
import { createHealth } from '#platform/health';
import { createHostCheck } from '#platform/http';
import { createJobs } from '#platform/jobs';
import { notKept, openKept } from '#platform/kept';
import { createLog, type Logger } from '#platform/log';
import { createMetrics } from '#platform/metrics';
import { createSecrets, loadKeys } from '#platform/secrets';
import { createUploads } from '#platform/uploads';
import { createHuggingFace } from './adapters/hub/huggingface.ts';
import { providers } from './adapters/provider/index.ts';
import { createConnectionTest, createExternalRuntime } from './adapters/runtime/external/index.ts';
import { createLocalRuntime, createPython } from './adapters/runtime/local/index.ts';
import { createTokenizerSource } from './adapters/tokens/index.ts';
import { buildApp } from './app.ts';
import { closeAll, drain } from './closing.ts';
import { openClusters } from './clusters.ts';
import { openDatasets } from './datasets.ts';
import { signInDoor, uploadDoor } from './doors.ts';
import { openGateway } from './gateway.ts';
import { platformRoutesOf } from './routes.ts';
import {
  authOptions,
  isLoopback,
  keepsSnapshot,
  modelsConfig,
  openObjects,
  refuseOpenHeaderMode,
  servingConfig,
} from './settings.ts';

const projectRoot = path.resolve(import.meta.dirname, '../..');
export const version = (JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as { version: string })
  .version;

export interface Platform {
  /** `http://127.0.0.1:8000` */
  url: string;
  /** Stops taking requests, lets those under way finish, ends children. No error when called twice. */
  close(): Promise<void>;
}

/** Puts the platform together and listens. The only place that knows every adapter: configuration picks them here and nowhere else. */
export async function startPlatform(config: Config = loadConfig()): Promise<Platform> {
  const { settings } = config;
  const log = createLog({ level: settings.LOG_LEVEL });
  const dataDir = path.resolve(settings.DATA_DIR);
  refuseOpenHeaderMode(settings);
  await mkdir(dataDir, { recursive: true });
  const closers: (() => Promise<unknown>)[] = [];
  try {
    return await assemble(config, dataDir, log, closers);
  } catch (error) {
    await closeAll(closers, log);
    throw error;
  }
}

async function assemble(
  config: Config,
  dataDir: string,
  log: Logger,
  closers: (() => Promise<unknown>)[],
): Promise<Platform> {
  const { settings } = config;
  const now = (): Date => new Date();
  const works = settings.ROLES.includes('worker');
  const serves = settings.ROLES.includes('gateway');
  const governs = settings.ROLES.includes('api');
  const lock = await lockDataDir(dataDir);
  closers.push(() => lock.release());
  const keys = await loadKeys({
    secretsKey: settings.SECRETS_KEY,
    previousKey: settings.SECRETS_PREVIOUS_KEY,
    dataDir,
    embedded: settings.DATABASE_URL === undefined,
  });
  const journal = path.join(dataDir, 'usage');
  const kept = keepsSnapshot(settings)
    ? await openKept({ file: path.join(journal, 'snapshot'), keys, version, log, now })
    : notKept;
  const db = await openDatabase({
    url: settings.DATABASE_URL,
    dataDir,
    log,
    poolSize: settings.DATABASE_POOL_SIZE,
    ...(kept.found ? { optional: true, patienceMs: 3_000 } : {}),
  });
  closers.push(() => db.close());
  if (db.away)
    log.warn({ knownAt: new Date(kept.asOf()) }, 'the database is away: starting from what was known before');
  await db.prepare(async () => {
    const { applied } = await migrate(db, path.join(projectRoot, 'backend/migrations'));
    if (applied.length > 0) log.info({ applied }, 'migrated the database');
  });

  const secrets = await createSecrets({
    db,
    keys,
    log,
    kept: { key: kept.key, rows: kept.part('secrets', { dated: false }) },
  });
  const objects = await openObjects({ ...settings, DATA_DIR: dataDir });
  const egress = createEgress({
    allow: settings.EGRESS_ALLOW,
    allowLoopback: settings.EGRESS_ALLOW_LOOPBACK ?? isLoopback(settings.HOST),
    log,
  });
  closers.push(() => egress.close());
  const auth = authOptions(settings);
  const authenticator = await createAuthenticator({ config: auth, db, log, kept: kept.part('identity'), now });
  closers.push(() => authenticator.close());
  const signIn = signInDoor(auth, db, log, authenticator);
  const jobs = createJobs({ db, log });
  const events = createEvents(jobs);
  const metrics = createMetrics();
  const governance =
    governs || works
      ? createGovernance({
          db,
          authenticator,
          auditKeys: await loadAuditKeys(secrets, settings.AUDIT_KEY),
          objects,
          log,
          now,
        })
      : null;

  const fourEyes = settings.APPROVAL_FOUR_EYES ?? !(auth.mode === 'header' && isLoopback(settings.HOST));
  const hub = createHuggingFace({
    egress,
    endpoint: settings.HUGGINGFACE_ENDPOINT,
    token: settings.HUGGINGFACE_TOKEN ?? null,
    log,
  });
  const catalog = createCatalog({
    db,
    objects,
    uploads: () => uploads,
    jobs,
    events,
    secrets,
    hub,
    ensureTeam,
    testConnection: createConnectionTest({ providers, egress }),
    log,
    now,
    config: { fourEyes, maxFileBytes: settings.MAX_FILE_BYTES },
  });
  const tokenizerOf = createTokenizerSource({ catalog, objects });
  const datasets =
    governs || works
      ? await openDatasets(
          settings,
          {
            db,
            objects,
            jobs,
            events,
            secrets,
            hub,
            catalog,
            egress,
            ensureTeam,
            log,
            now,
            dataDir,
            fourEyes,
            uploads: () => uploads,
            tokenizer: tokenizerOf,
          },
          closers,
        )
      : null;
  /** Uploads are taken by who has them. */
  const ownDatasets = (): Datasets => {
    if (datasets === null) throw new Error('A gateway has no datasets.');
    return datasets;
  };
  const uploads = createUploads({
    db,
    objects,
    log,
    now,
    maxBytes: settings.MAX_FILE_BYTES,
    async authorize(request, target) {
      const identity = await authenticator.authenticate(request);
      if (identity === null) throw failure('unauthenticated');
      if (target === null) return { userId: identity.userId };
      const access = authenticator.createAccessFor(identity);
      if (target.subjectKind === 'dataset') await ownDatasets().authorizeUpload(access, target);
      else await catalog.authorizeUpload(access, target.subjectId);
      return { userId: identity.userId };
    },
    onComplete: (upload, trx) =>
      (upload.subjectKind === 'dataset' ? ownDatasets() : catalog).uploadComplete(upload, trx),
  });
  closers.push(() => uploads.close());

  const python = createPython({
    root: path.join(projectRoot, 'python/trainer'),
    dataDir,
    interpreter: settings.LLMOPS_PYTHON ?? null,
    log,
  });
  const local = await createLocalRuntime({
    dataDir,
    objects,
    log,
    python,
    now,
    graceMs: settings.ENGINE_GRACE_MS,
    keepEngines: settings.ENGINE_GRACE_MS > 0,
  });
  closers.push(() => local.close());
  const external = createExternalRuntime({ providers, secret: catalog.externalSecret, egress, now });
  const clusters = await openClusters(settings, { secrets, log, metrics }, closers);
  const runtimes = { local, external, ...clusters?.runtimes };
  const table = createRouteTable({
    db,
    runtimes,
    log,
    kept: kept.part('routing'),
    environments: settings.GATEWAY_ENVIRONMENTS,
  });
  const serving = createServing({
    db,
    runtimes,
    clusters: clusters?.overviews ?? [],
    catalog,
    events,
    egress: egress.fetch,
    providers,
    table,
    compare: (query) => compareRevisions(db.kysely, query),
    log,
    config: servingConfig(settings, { fourEyes }),
  });
  catalog.registerReferences('endpoint', serving.references);
  catalog.onKeyReplaced(serving.keyReplaced);
  const organization = createOrganization({
    db,
    desk: serving.desk,
    catalog,
    secrets,
    cluster: settings.MODELS_ENABLED ? (clusters?.models ?? null) : null,
    config: modelsConfig(settings),
  });

  const { cost, cache, inference } = await openGateway(
    settings,
    {
      db,
      objects,
      table,
      catalog,
      authenticator,
      egress,
      events,
      metrics,
      kept,
      tokenizerOf,
      journal,
      version,
      log,
      now,
    },
    closers,
  );

  const health = createHealth([
    // a gateway that keeps what it knows needs it no more than that
    { name: 'database', required: kept === notKept, check: () => db.check() },
    ...(kept === notKept
      ? []
      : [{ name: 'snapshot', required: true, check: async () => inference.describeKnowledge() }]),
    // nothing that is asked of a model waits for files
    { name: 'objects', required: governs || works, check: () => objects.check() },
    ...(cache.kind === 'redis' ? [{ name: 'redis', required: false, check: () => cache.check() }] : []),
  ]);
  const app = await buildApp({
    db,
    log,
    routes: [
      platformRoutesOf({
        config,
        health,
        version,
        sessionView: sessionView as never,
        headerMode: auth.mode !== 'oidc',
        oidc: auth.oidc !== undefined,
      }),
      ...(governs
        ? [
            catalog.routes,
            ownDatasets().routes,
            serving.routes,
            serving.changeRoutes,
            serving.observationRoutes,
            organization.routes,
            inference.routes,
            cost.routes,
            ...(governance === null ? [] : [governance.routes]),
          ]
        : []),
    ],
    documented: governs ? [inference.documented] : [],
    raw: [
      ...(serves ? [inference.raw] : []),
      ...(governs ? [uploadDoor(uploads)] : []),
      ...(governs && signIn !== null ? [signIn] : []),
    ],
    authenticate: authenticator.authenticate,
    accessFor: authenticator.createAccessFor,
    checkHost: createHostCheck({
      host: settings.HOST,
      publicUrl: settings.PUBLIC_URL,
      allowedHosts: settings.ALLOWED_HOSTS,
      allowedOrigins: settings.ALLOWED_ORIGINS,
    }),
    sealer: secrets,
    bodyLimit: 2 * 1024 * 1024,
    health,
    metrics,
    version,
    webRoot: governs ? path.join(projectRoot, 'frontend/dist') : null,
  });

  jobs.every('objects.temporary', 3600, async () => void (await objects.collectTemporary()));
  jobs.every('uploads.expired', 300, async () => void (await uploads.collectExpired()));
  jobs.every('usage.archive', 3600, () => inference.archive());
  jobs.every('usage.prune', 3600, () => inference.prune());
  await db.prepare(() => jobs.start({ work: works }));
  closers.push(() => jobs.stop());
  if (works && governance !== null) {
    governance.sealer.start();
    closers.push(() => governance.sealer.stop());
    await serving.reconciler.start();
    closers.push(() => serving.reconciler.stop());
  }
  await table.start();
  kept.start(secrets.seal);
  closers.push(() => kept.close());
  if (serves) inference.start();
  closers.push(() => table.stop());
  const url = await app.listen({ host: settings.HOST, port: settings.PORT });
  closers.push(() => drain(app, settings.SHUTDOWN_SECONDS));
  let closed: Promise<void> | null = null;
  return { url, close: () => (closed ??= closeAll(closers, log)) };
}
