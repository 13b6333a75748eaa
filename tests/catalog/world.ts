import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createHuggingFace } from '../../backend/src/adapters/hub/huggingface.ts';
import { createFileObjects, type FileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { buildApp } from '../../backend/src/app.ts';
import { createCatalog, type Catalog, type CatalogDeps } from '../../backend/src/domains/catalog/index.ts';
import { createAuthenticator } from '../../backend/src/platform/auth/index.ts';
import { migrate, openDatabase, type Db } from '../../backend/src/platform/db/index.ts';
import { createEgress } from '../../backend/src/platform/egress/index.ts';
import { createEvents } from '../../backend/src/platform/events/index.ts';
import { failure } from '../../backend/src/platform/errors/index.ts';
import { createHostCheck } from '../../backend/src/platform/http/index.ts';
import { createJobs } from '../../backend/src/platform/jobs/index.ts';
import { createMetrics } from '../../backend/src/platform/metrics/index.ts';
import { createSecrets, loadKeys, type Secrets } from '../../backend/src/platform/secrets/index.ts';
import { createUploads } from '../../backend/src/platform/uploads/index.ts';
import { ensureTeam } from '../../backend/src/domains/governance/index.ts';

/** Answers are read as the documents show them; a wrong field fails the assertion that names it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  message: string;
  data: Json;
}

export interface Person {
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Fails the test unless it succeeds. */
  ask(method: string, path: string, body?: unknown): Promise<Json>;
  upload(id: string, files: Record<string, Uint8Array | string>): Promise<Answer>;
  headers: Record<string, string>;
}

export interface World {
  api: string;
  db: Db;
  objects: FileObjects;
  catalog: Catalog;
  secrets: Secrets;
  logged: string[];
  now: { offsetMs: number };
  as(userId: string, roles: string, team?: string): Person;
  /** the people of a team: they write, review and rule */
  ada: Person;
  grace: Person;
  root: Person;
  audits(action: string, resourceId?: string): Promise<Json[]>;
  close(): Promise<void>;
}

/** The catalog as the server runs it: a real database, files, jobs, HTTP. */
export async function openWorld(
  options: {
    fourEyes?: boolean;
    hubUrl?: string;
    /** stays when the world closes; its own, removed at the end, when not given */
    folder?: string;
    testConnection?: CatalogDeps['testConnection'];
  } = {},
): Promise<World> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'llmops-catalog-')));
  const logged: string[] = [];
  const log = pino(
    { level: 'debug' },
    {
      write(line: string) {
        logged.push(line);
        // a fault of the server is seen at once, not guessed from a 500
        if (line.startsWith('{"level":50')) process.stderr.write(line);
      },
    },
  );
  const db = await openDatabase({ dataDir: folder, log });
  await migrate(db, join(import.meta.dirname, '../../backend/migrations'));
  const objects = await createFileObjects({ root: join(folder, 'objects') });
  const secrets = await createSecrets({
    db,
    keys: await loadKeys({ secretsKey: undefined, dataDir: folder, embedded: true }),
    log,
  });
  const egress = createEgress({ allow: [], allowLoopback: true, log });
  const jobs = createJobs({ db, log });
  const authenticator = await createAuthenticator({
    config: { mode: 'header', publicUrl: 'http://127.0.0.1' },
    db,
    log,
  });
  const clock = { offsetMs: 0 };
  const now = () => new Date(Date.now() + clock.offsetMs);
  const catalog = createCatalog({
    db,
    objects,
    uploads: () => uploads,
    jobs,
    events: createEvents(jobs),
    secrets,
    hub: createHuggingFace({
      egress,
      endpoint: options.hubUrl ?? 'http://127.0.0.1:9',
      token: 'hf_canary',
      log,
      pauseMs: 20,
    }),
    ensureTeam,
    testConnection:
      options.testConnection ??
      (async () => ({ ok: true, message: 'It knows the model.', latencyMs: 1, models: ['m'] })),
    log,
    now,
    config: { fourEyes: options.fourEyes ?? true, maxFileBytes: 64 * 1024 * 1024 },
  });
  const uploads = createUploads({
    db,
    objects,
    log,
    now,
    maxBytes: 64 * 1024 * 1024,
    async authorize(request, target) {
      const identity = await authenticator.authenticate(request);
      if (identity === null) throw failure('unauthenticated');
      if (target !== null) await catalog.authorizeUpload(authenticator.createAccessFor(identity), target.subjectId);
      return { userId: identity.userId };
    },
    onComplete: catalog.uploadComplete,
  });
  const app = await buildApp({
    db,
    log,
    routes: [catalog.routes],
    raw: [
      {
        matches: (url) => url.startsWith('/llm-ops/v1/uploads'),
        handle: (request, response) => void uploads.handle(request, response),
      },
    ],
    documented: [],
    authenticate: authenticator.authenticate,
    accessFor: authenticator.createAccessFor,
    checkHost: createHostCheck({ host: '127.0.0.1', publicUrl: undefined, allowedHosts: [], allowedOrigins: [] }),
    sealer: secrets,
    bodyLimit: 2 * 1024 * 1024,
    health: async () => ({ ready: true, dependencies: [] }),
    metrics: createMetrics(),
    version: 'test',
    webRoot: null,
  });
  await jobs.start({ work: true });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const api = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/llm-ops/v1`;
  const as = (userId: string, roles: string, team?: string) => personAt(api, userId, roles, team);
  return {
    api,
    db,
    objects,
    catalog,
    secrets,
    logged,
    now: clock,
    as,
    ada: as('ada', 'researcher', 'nlp'),
    grace: as('grace', 'reviewer', 'nlp'),
    root: as('root', 'admin'),
    async audits(action, resourceId) {
      const { rows } = await db.pool.query(
        'select * from audit_entry where action = $1 and ($2::text is null or resource_id = $2) order by at',
        [action, resourceId ?? null],
      );
      return rows;
    },
    async close() {
      await app.close();
      await jobs.stop();
      await uploads.close();
      await authenticator.close();
      await egress.close();
      await db.close();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Somebody who calls the API by header identity. */
export function personAt(api: string, userId: string, roles: string, team?: string): Person {
  const identity = {
    'x-user-id': userId,
    'x-user-roles': roles,
    ...(team === undefined ? {} : { 'x-user-team': team }),
  };
  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const isForm = body instanceof FormData;
    const response = await fetch(api + path, {
      method,
      headers: {
        ...identity,
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : isForm ? body : JSON.stringify(body),
    });
    const { message, data } = (await response.json()) as Answer;
    return { status: response.status, headers: response.headers, message, data };
  }
  return {
    headers: identity,
    call,
    async ask(method, path, body) {
      const answer = await call(method, path, body);
      if (answer.status === 200) return answer.data;
      throw new Error(`${method} ${path}: ${answer.status} ${answer.message} ${JSON.stringify(answer.data)}`);
    },
    upload(id, files) {
      const form = new FormData();
      for (const [path, content] of Object.entries(files)) form.append('files', new Blob([content as BlobPart]), path);
      return call('POST', `/catalog/models/${id}/upload`, form);
    },
  };
}

export const card = {
  description: 'Answers questions about the platform.',
  intended_use: 'Tests.',
  license: 'Apache-2.0',
  limitations: 'Small.',
};

export function register(who: Person, change: Record<string, unknown> = {}): Promise<Json> {
  return who.ask('POST', '/catalog/models', {
    name: `model-${Math.random().toString(36).slice(2)}`,
    version: '1.0',
    type: 'base',
    owner_team: 'nlp',
    metadata: card,
    ...change,
  });
}

export async function approve(world: World, id: string, extra: Record<string, unknown> = {}): Promise<Json> {
  await world.ada.ask('PATCH', `/catalog/models/${id}/status`, { status: 'under_review' });
  return world.grace.ask('PATCH', `/catalog/models/${id}/status`, { status: 'approved', ...extra });
}

export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  ms = 15_000,
): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${ms} ms`);
}
