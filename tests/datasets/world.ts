import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createHuggingFace } from '../../backend/src/adapters/hub/huggingface.ts';
import { createFileObjects, type FileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { createTokenizerSource } from '../../backend/src/adapters/tokens/index.ts';
import { buildApp } from '../../backend/src/app.ts';
import { createTokenizers } from '../../backend/src/datasets.ts';
import { createCatalog, type Catalog } from '../../backend/src/domains/catalog/index.ts';
import {
  createDatasets,
  engineProgram,
  type Datasets,
  type DatasetsDeps,
} from '../../backend/src/domains/datasets/index.ts';
import { ensureTeam } from '../../backend/src/domains/governance/index.ts';
import { createAuthenticator } from '../../backend/src/platform/auth/index.ts';
import { migrate, openDatabase, type Db } from '../../backend/src/platform/db/index.ts';
import { createEgress } from '../../backend/src/platform/egress/index.ts';
import { failure } from '../../backend/src/platform/errors/index.ts';
import { createEvents } from '../../backend/src/platform/events/index.ts';
import { createHostCheck } from '../../backend/src/platform/http/index.ts';
import { createJobs } from '../../backend/src/platform/jobs/index.ts';
import { createMetrics } from '../../backend/src/platform/metrics/index.ts';
import { createSecrets, loadKeys } from '../../backend/src/platform/secrets/index.ts';
import { createUploads } from '../../backend/src/platform/uploads/index.ts';
import { createWorkers, type Workers } from '../../backend/src/platform/workers/index.ts';
import type { Objects } from '../../backend/src/ports/objects.ts';
import {
  personAt as basePersonAt,
  until,
  type Answer,
  type Json,
  type Person as BasePerson,
} from '../catalog/world.ts';

export { until, type Answer, type Json };

export interface Person extends Omit<BasePerson, 'upload'> {
  /** One request with these files, in their order. */
  upload(id: string, files: Record<string, Uint8Array | string>, fields?: Record<string, string>): Promise<Answer>;
  /** The same by the resumable protocol, one file in one go; answers the id of the upload. */
  resumable(id: string, path: string, content: Uint8Array | string, metadata?: Record<string, string>): Promise<string>;
  /** A route that answers a file. */
  fetch(path: string): Promise<Response>;
}

export interface World {
  api: string;
  db: Db;
  folder: string;
  objects: FileObjects;
  catalog: Catalog;
  datasets: Datasets;
  /** what is asked of the engine's processes, told by `onTask` */
  logged: string[];
  now: { offsetMs: number };
  as(userId: string, roles: string, team?: string): Person;
  /** the people of a team: they write, review and rule */
  ada: Person;
  grace: Person;
  root: Person;
  /** keys of the object store that belong to datasets */
  stored(): Promise<string[]>;
  audits(action: string, resourceId?: string): Promise<Json[]>;
  close(): Promise<void>;
}

export interface WorldOptions {
  fourEyes?: boolean;
  hubUrl?: string;
  /** stays when the world closes; its own, removed at the end, when not given */
  folder?: string;
  /** an object store that fails now and then */
  faulty?: (objects: FileObjects) => Objects;
  /** engine processes that are watched or fail */
  workers?: (workers: Workers) => Workers;
  entities?: DatasetsDeps['entities'];
  memoryMb?: number;
  workDir?: string;
  config?: Partial<DatasetsDeps['config']>;
}

/** Datasets as the server runs them: a real database, files, jobs, HTTP, and the engine in processes of its own. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'llmops-datasets-')));
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
  const files = await createFileObjects({ root: join(folder, 'objects') });
  const objects = options.faulty?.(files) ?? files;
  const secrets = await createSecrets({
    db,
    keys: await loadKeys({ secretsKey: undefined, dataDir: folder, embedded: true }),
    log,
  });
  const egress = createEgress({ allow: [], allowLoopback: true, log });
  const jobs = createJobs({ db, log });
  const events = createEvents(jobs);
  const authenticator = await createAuthenticator({
    config: { mode: 'header', publicUrl: 'http://127.0.0.1' },
    db,
    log,
  });
  const clock = { offsetMs: 0 };
  const now = () => new Date(Date.now() + clock.offsetMs);
  const hubUrl = options.hubUrl ?? 'http://127.0.0.1:9';
  const hub = createHuggingFace({ egress, endpoint: hubUrl, token: 'hf_canary', log, pauseMs: 20 });
  const maxFileBytes = 64 * 1024 * 1024;
  const fourEyes = options.fourEyes ?? true;
  const shared = { db, objects, uploads: () => uploads, jobs, events, secrets, hub, ensureTeam, log, now };
  const catalog = createCatalog({
    ...shared,
    testConnection: async () => ({ ok: true, message: 'It knows the model.', latencyMs: 1, models: ['m'] }),
    config: { fourEyes, maxFileBytes },
  });
  const engine = { program: engineProgram, memoryMb: options.memoryMb ?? 1024, log };
  const wrap = options.workers ?? ((workers: Workers) => workers);
  const workers = {
    quick: wrap(createWorkers({ ...engine, concurrency: 2, idleMs: 10_000 })),
    long: wrap(createWorkers({ ...engine, concurrency: 1, idleMs: 0 })),
  };
  const datasets = createDatasets({
    ...shared,
    workers,
    entities: options.entities ?? null,
    tokenizerOf: createTokenizers({ catalog, source: createTokenizerSource({ catalog, objects }) }),
    config: {
      fourEyes,
      maxFileBytes,
      threshold: 70,
      weights: { missing_values: 20, duplicates: 20, distribution: 20, schema_compliance: 20, format: 20 },
      timeoutMs: 60_000,
      workDir: options.workDir ?? join(folder, 'work'),
      ...options.config,
    },
  });
  datasets.registerReferences('model', catalog.trainedOn);
  catalog.registerDatasets(datasets);
  const uploads = createUploads({
    db,
    objects,
    log,
    now,
    maxBytes: maxFileBytes,
    async authorize(request, target) {
      const identity = await authenticator.authenticate(request);
      if (identity === null) throw failure('unauthenticated');
      if (target === null) return { userId: identity.userId };
      const access = authenticator.createAccessFor(identity);
      if (target.subjectKind === 'dataset') await datasets.authorizeUpload(access, target);
      else await catalog.authorizeUpload(access, target.subjectId);
      return { userId: identity.userId };
    },
    onComplete: (upload, trx) => (upload.subjectKind === 'dataset' ? datasets : catalog).uploadComplete(upload, trx),
  });
  const app = await buildApp({
    db,
    log,
    routes: [catalog.routes, datasets.routes],
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
    folder,
    objects: files,
    catalog,
    datasets,
    logged,
    now: clock,
    as,
    ada: as('ada', 'researcher', 'nlp'),
    grace: as('grace', 'reviewer', 'nlp'),
    root: as('root', 'admin'),
    async stored() {
      const keys: string[] = [];
      for (const prefix of ['datasets/', 'dataset-rows/'])
        for await (const { key } of files.list(prefix)) keys.push(key);
      return keys;
    },
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
      await Promise.all([workers.quick.close(), workers.long.close()]);
      await datasets.close();
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
  const base = basePersonAt(api, userId, roles, team);
  return {
    ...base,
    upload(id, files, fields = {}) {
      const form = new FormData();
      for (const [path, content] of Object.entries(files)) form.append('files', new Blob([content as BlobPart]), path);
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      return base.call('POST', `/catalog/datasets/${id}/upload`, form);
    },
    async resumable(id, path, content, metadata = {}) {
      const body = Buffer.from(content as Uint8Array);
      const described = { subject_kind: 'dataset', subject_id: id, path, ...metadata };
      const pairs = Object.entries(described).map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`);
      const response = await fetch(`${api}/uploads`, {
        method: 'POST',
        headers: {
          ...base.headers,
          'tus-resumable': '1.0.0',
          'upload-length': String(body.length),
          'upload-metadata': pairs.join(','),
          'content-type': 'application/offset+octet-stream',
        },
        body,
      });
      if (response.status !== 201) throw new Error(`upload of ${path}: ${response.status} ${await response.text()}`);
      return response.headers.get('location')!.split('/').at(-1)!;
    },
    fetch: (path) => fetch(api + path, { headers: base.headers }),
  };
}

export const card = {
  description: 'Questions and answers about the platform.',
  license: 'Apache-2.0',
  language: 'en',
  source: 'Written for tests.',
  intended_use: 'Tests.',
  limitations: 'Small.',
};

export function register(who: Person, change: Record<string, unknown> = {}): Promise<Json> {
  return who.ask('POST', '/catalog/datasets', {
    name: `dataset-${Math.random().toString(36).slice(2)}`,
    version: '1.0',
    owner_team: 'nlp',
    metadata: card,
    ...change,
  });
}

/** Rows that nothing is wrong with. */
export function goodRows(count: number, seed = 0): string {
  const lines = ['prompt,completion'];
  for (let row = 0; row < count; row++) {
    const number = seed + row;
    lines.push(
      `What does part ${number} of the manual say about topic ${(number * 7) % 97}?,"It says, in ${number % 13} steps, how item ${number * 3} is done."`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The dataset once all its files are settled and its validation has ended. */
export function settled(who: Person, id: string): Promise<Json> {
  return until(
    'the dataset is settled',
    async () => {
      const dataset = await who.ask('GET', `/catalog/datasets/${id}`);
      if (dataset.files.some(({ status }: Json) => status === 'uploading' || status === 'checking')) return null;
      const { status } = await who.ask('GET', `/catalog/datasets/${id}/validation`);
      // what was read before may be of a moment when it still ran
      return status !== 'queued' && status !== 'running' && who.ask('GET', `/catalog/datasets/${id}`);
    },
    60_000,
  );
}
