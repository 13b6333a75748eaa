import { Readable } from 'node:stream';
import type { catalogRoutes, Model } from '@llm-ops/contracts';
import type { Identity } from '#platform/access';
import { recordAudit } from '#platform/audit';
import { failure } from '#platform/errors';
import type { Context, FileAnswer, Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { receiveFiles } from '#platform/uploads';
import { objectReader, verified } from './content.ts';
import type { CatalogDeps } from './deps.ts';
import { combineFacts, inspectFile, type FileInspection } from './inspect/index.ts';
import type { Models } from './models.ts';
import { requireDraft } from './models.ts';
import { checkFilePath, collision, prefixOf } from './paths.ts';
import type { Reviews } from './reviews.ts';
import { takesFiles } from './rules.ts';
import type { CatalogStore, Connection, ModelRow } from './store/index.ts';
import { notFound, toFile, type Guard } from './view.ts';
import { words } from './refusals.ts';

export const verifyFileQueue = 'catalog.verify-file';

type Routes = typeof catalogRoutes;
export type Files = ReturnType<typeof createFiles>;

/** Who changed files, as durable jobs carry it. */
export type Actor = Pick<Identity, 'userId' | 'kind' | 'roles'>;

/** A file whose bytes lie in the object store, looked into but not yet recorded. */
interface Written {
  path: string;
  size: number;
  sha256: string;
  inspection: FileInspection;
}

const heartbeatMs = 4_000;
/** by then a claim that nobody keeps alive is void */
const soon = 20_000;

/**
 * Files of models. Bytes go to their place first, each object whole or not at all; rows follow in one transaction. A file that is
 * replaced is `verifying` meanwhile, so that bytes and digest of two versions are never taken for one; if the server dies in
 * between, a durable job reads what is there.
 */
export function createFiles(
  deps: CatalogDeps & { store: CatalogStore; guard: Guard; models: Models; reviews: Reviews },
) {
  const { store, guard, models, reviews, objects, jobs, log, config } = deps;

  function requireOpen(row: ModelRow): void {
    if (row.type === 'external') throw failure('model_external');
    if (takesFiles(row.status)) return;
    const { name, version, status } = row;
    throw failure('model_frozen', words.tell('takes_no_files', { name, version, status }));
  }

  /** Takes the right to write a path; what is there is `verifying` from now on. Throws `model_upload_conflict`, `object_key_invalid`. */
  async function claim(modelId: string, path: string, uploadId: string, by: Actor): Promise<void> {
    return store.transaction(async (trx) => {
      const row = await store.lock(trx, modelId);
      if (row === null) throw notFound();
      requireOpen(row);
      const paths = (await store.files([modelId], trx)).map((file) => file.path);
      const other = collision(path, [...paths, ...(await store.claimed(trx, modelId))]);
      if (other !== undefined) throw failure('object_key_invalid', words.tell('collides', { path, other }));
      if (!(await store.claim(trx, { modelId, path, uploadId }))) {
        throw failure('model_upload_conflict', words.tell('written_by_another', { path }));
      }
      if (!paths.includes(path)) return;
      await store.setFileStatus(trx, modelId, path, 'verifying');
      await jobs.send(
        trx,
        verifyFileQueue,
        { modelId, path, by: actorOf(by) },
        { startAfter: new Date(deps.now().getTime() + soon) },
      );
    });
  }

  /** Bytes under the model's prefix, hashed and looked into. */
  async function write(row: ModelRow, path: string, body: Readable, signal?: AbortSignal): Promise<Written> {
    const key = prefixOf(row) + path;
    const { size, sha256 } = await objects.put(key, body, {
      maxBytes: config.maxFileBytes,
      ...(signal ? { signal } : {}),
    });
    return { path, size, sha256, inspection: await inspectFile(path, objectReader(objects, key, size)) };
  }

  async function refreshFacts(trx: Connection, row: ModelRow): Promise<void> {
    const files = (await store.files([row.id], trx)).filter(({ status }) => status !== 'verifying');
    await store.update(trx, row.id, {
      inspection: combineFacts(files),
      storage_uri: row.storage_uri ?? objects.uri(prefixOf(row)),
    });
  }

  /** Records files of a locked model; another byte than was approved voids the approval. Answers whether it did. */
  async function record(trx: Trx, row: ModelRow, files: readonly Written[], by: Actor): Promise<boolean> {
    const before = new Map((await store.files([row.id], trx)).map((file) => [file.path, file.sha256]));
    for (const { path, size, sha256, inspection } of files) {
      const status = inspection.sound ? 'ready' : 'failed';
      await store.putFile(trx, {
        model_id: row.id,
        path,
        size,
        sha256,
        status,
        notes: inspection.notes,
        facts: inspection.facts,
      });
    }
    await refreshFacts(trx, row);
    const changed = files.filter(({ path, sha256 }) => before.get(path) !== sha256).map(({ path }) => path);
    if (changed.length === 0) return false;
    const what = `${changed.slice(0, 5).join(', ')}${changed.length > 5 ? ' and others' : ''} changed`;
    const voided = await reviews.filesChanged(trx, row, by.userId, what);
    if (voided) await audit(trx, by, 'model.approval.void', row.id, { files: changed.slice(0, 100) });
    return voided;
  }

  function audit(trx: Trx, by: Actor, action: string, id: string, detail: Record<string, unknown>): Promise<void> {
    return recordAudit(trx, by as Identity, {
      action,
      resourceType: 'model',
      resourceId: id,
      result: 'allowed',
      detail,
    });
  }

  /** What an upload that failed left: files that are no one's go, those that were being replaced are read again. */
  async function abandon(row: ModelRow, uploadId: string, paths: readonly string[], by: Actor): Promise<void> {
    await store.transaction(async (trx) => {
      const there = (await store.lock(trx, row.id)) ? (await store.files([row.id], trx)).map((file) => file.path) : [];
      for (const path of paths) {
        if (there.includes(path)) await jobs.send(trx, verifyFileQueue, { modelId: row.id, path, by: actorOf(by) });
        else {
          // a store that is down must not keep the path claimed; what stays there is an orphan, which the collector removes
          await objects.delete(prefixOf(row) + path).catch((error: unknown) => {
            log.warn({ err: error, modelId: row.id, path }, 'what an upload left could not be removed yet');
          });
        }
      }
      await store.dropClaims(trx, uploadId);
    });
  }

  /** The claim was lost (this server was paused, or the database away): somebody else may have written since, so what is there counts. */
  async function readAgain(trx: Trx, modelId: string, path: string, by: Actor): Promise<void> {
    await store.setFileStatus(trx, modelId, path, 'verifying');
    await jobs.send(trx, verifyFileQueue, { modelId, path, by: actorOf(by) });
  }

  /** Runs `work` while the claims of an upload are kept alive. */
  async function kept<T>(uploadId: string, work: () => Promise<T>): Promise<T> {
    const heart = setInterval(() => {
      store.touchClaims(uploadId).catch((error: unknown) => log.warn({ err: error }, 'cannot keep an upload alive'));
    }, heartbeatMs);
    try {
      return await work();
    } finally {
      clearInterval(heart);
    }
  }

  /** Claims, writes and records files as `source` brings them: all of them or none. */
  async function take(
    row: ModelRow,
    by: Actor,
    source: (onFile: (path: string, body: Readable) => Promise<void>) => Promise<void>,
    detail: Record<string, unknown> = {},
  ): Promise<Written[]> {
    const uploadId = uuidv7();
    const claimed: string[] = [];
    const written: Written[] = [];
    return kept(uploadId, async () => {
      try {
        await source(async (path, body) => {
          checkFilePath(path);
          await claim(row.id, path, uploadId, by);
          claimed.push(path);
          written.push(await write(row, path, body));
        });
        await store.transaction(async (trx) => {
          const now = await store.lock(trx, row.id);
          if (now === null) throw notFound();
          requireOpen(now);
          const voided = await record(trx, now, written, by);
          const held = await store.dropClaims(trx, uploadId);
          for (const path of claimed.filter((one) => !held.includes(one))) await readAgain(trx, now.id, path, by);
          const files = written.map(({ path, size, sha256 }) => ({ path, size, sha256 }));
          await audit(trx, by, 'model.upload', row.id, {
            ...detail,
            files: files.slice(0, 100),
            count: files.length,
            approval_void: voided,
          });
        });
        return written;
      } catch (error) {
        await abandon(row, uploadId, claimed, by).catch((cause: unknown) => {
          log.warn(
            { err: cause, modelId: row.id },
            'an upload that failed could not be cleaned up; the collector will',
          );
        });
        throw error;
      }
    });
  }

  return {
    claim,
    write,
    record,
    audit,
    kept,
    take,
    requireOpen,
    refreshFacts,

    async upload(c: Context<Routes['uploadModelFiles']>) {
      const row = await store.transaction((trx) => guard.change(c.access, c.params.id, trx));
      requireOpen(row);
      const detail = { request_id: c.requestId };
      const written = await take(
        row,
        c.access.identity,
        async (onFile) => {
          const { request } = c.raw;
          await receiveFiles(request, { onFile, maxFileBytes: config.maxFileBytes, limits: { files: 1000 } });
        },
        detail,
      );
      if (written.length === 0) {
        throw failure('validation_failed', {
          issues: [{ path: 'files', ...words.tell('no_files') }],
        });
      }
      const after = (await store.find(row.id)) ?? row;
      const files = (await store.files([row.id])).map(toFile);
      return { id: after.id, status: after.status, storage_uri: after.storage_uri, files };
    },

    async download(c: Context<Routes['getModelFile']>): Promise<FileAnswer> {
      const row = await guard.read(c.access, c.params.id);
      const file = await store.file(row.id, c.params.path);
      if (file === null) throw failure('object_not_found');
      const body = await objects.get(prefixOf(row) + file.path);
      return {
        body: file.sha256 === '' ? body : Readable.from(verified(body, file.sha256, file.path), { objectMode: false }),
        contentType: 'application/octet-stream',
        size: file.size,
        fileName: file.path.slice(file.path.lastIndexOf('/') + 1),
        ...(file.sha256 === '' ? {} : { etag: `"${file.sha256}"` }),
      };
    },

    async remove(c: Context<Routes['deleteModelFile']>): Promise<Model> {
      const row = await guard.change(c.access, c.params.id, c.trx);
      requireDraft(row);
      const { path } = c.params;
      if ((await store.file(row.id, path, c.trx)) === null) throw failure('object_not_found');
      if ((await store.claimed(c.trx, row.id)).includes(path)) throw failure('model_upload_conflict');
      // the object goes with the orphans' collector or now, but never before the row
      await store.removeFile(c.trx, row.id, path);
      await jobs.send(c.trx, verifyFileQueue, { modelId: row.id, path, by: actorOf(c.access.identity) });
      await refreshFacts(c.trx, row);
      c.note(row.id, { path });
      return models.view((await store.find(row.id, c.trx)) ?? row, c.trx);
    },
  };
}

export function actorOf({ userId, kind, roles }: Actor): Actor {
  return { userId, kind, roles };
}
