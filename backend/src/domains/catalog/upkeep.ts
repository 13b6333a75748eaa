import { uuidv7 } from '#platform/ids';
import type { Upload } from '#platform/uploads';
import type { Trx } from '#platform/http';
import { failure, isFailure } from '#platform/errors';
import { digestOf, objectReader } from './content.ts';
import type { CatalogDeps } from './deps.ts';
import { verifyFileQueue, type Actor, type Files } from './files.ts';
import { inspectFile } from './inspect/index.ts';
import { removeFilesQueue } from './models.ts';
import { checkFilePath, collision, prefixOf } from './paths.ts';
import type { CatalogStore } from './store/index.ts';
import { words } from './refusals.ts';

const assembleQueue = 'catalog.assemble';
export const copyFileQueue = 'catalog.copy-file';
const hour = 60 * 60 * 1000;
const place = /^models\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/[^/]+\/.+$/;

export type Upkeep = ReturnType<typeof createUpkeep>;

/** Durable work on files: what was resumed is read once, what was interrupted is read again, what is nobody's is removed. */
export function createUpkeep(deps: CatalogDeps & { store: CatalogStore; files: Files }) {
  const { store, files, objects, jobs, log } = deps;

  /** Reads what lies under a path and records it; an object without a row is removed. */
  async function verify(job: { modelId: string; path: string; by: Actor }, signal: AbortSignal): Promise<void> {
    const { modelId, path, by } = job;
    const row = await store.find(modelId);
    if (row === null) return;
    const key = prefixOf(row) + path;
    const uploadId = uuidv7();
    const known = await store.transaction(async (trx) => {
      if ((await store.lock(trx, modelId)) === null) return 'gone';
      if (!(await store.claim(trx, { modelId, path, uploadId }))) {
        await jobs.send(trx, verifyFileQueue, job, { startAfter: new Date(deps.now().getTime() + 5_000) });
        return 'busy';
      }
      const file = await store.file(modelId, path, trx);
      if (file?.status === 'verifying') return 'verifying';
      if (file === null) await objects.delete(key);
      await store.dropClaims(trx, uploadId);
      return 'settled';
    });
    if (known !== 'verifying') return;
    await files.kept(uploadId, async () => {
      try {
        const there = await objects.stat(key);
        const read = there && {
          ...(await digestOf(objects, key, signal)),
          inspection: await inspectFile(path, objectReader(objects, key, there.size)),
        };
        await store.transaction(async (trx) => {
          const now = await store.lock(trx, modelId);
          if (now === null) return;
          if (read) await files.record(trx, now, [{ path, ...read }], by);
          else {
            await store.removeFile(trx, modelId, path);
            await files.refreshFacts(trx, now);
          }
        });
      } finally {
        await store.transaction((trx) => store.dropClaims(trx, uploadId));
      }
    });
  }

  /** Puts a resumed upload in its place. */
  async function assemble(
    job: { uploadId: string; modelId: string; path: string; by: Actor },
    signal: AbortSignal,
  ): Promise<void> {
    const uploads = deps.uploads?.();
    if (uploads === undefined) throw new Error('There is nothing that assembles uploads.');
    const { uploadId, modelId, path, by } = job;
    const row = await store.find(modelId);
    if (row === null) return uploads.fail(uploadId, 'The model was deleted.');
    try {
      await files.claim(modelId, path, uploadId, by);
      await files.kept(uploadId, async () => {
        const { size, sha256 } = await uploads.assemble(uploadId, prefixOf(row) + path, { signal });
        const inspection = await inspectFile(path, objectReader(objects, prefixOf(row) + path, size));
        await store.transaction(async (trx) => {
          const now = await store.lock(trx, modelId);
          if (now === null) return;
          const voided = await files.record(trx, now, [{ path, size, sha256, inspection }], by);
          await store.dropClaims(trx, uploadId);
          await files.audit(trx, by, 'model.upload', modelId, {
            files: [{ path, size, sha256 }],
            count: 1,
            resumable: true,
            approval_void: voided,
          });
        });
      });
    } catch (error) {
      // what another try cannot make good is told to the person
      if (
        isFailure(error) &&
        ['model_frozen', 'model_external', 'object_key_invalid', 'upload_not_found'].includes(error.code)
      ) {
        await uploads.fail(uploadId, error.message);
        await store.transaction((trx) => jobs.send(trx, verifyFileQueue, { modelId, path, by }));
        return;
      }
      throw error;
    }
  }

  /** Brings a file of one version to another, which holds its row as `verifying` already. */
  async function copy(
    job: { from: string; modelId: string; path: string; sha256: string; by: Actor },
    signal: AbortSignal,
  ): Promise<void> {
    const { modelId, path, sha256, by } = job;
    const row = await store.find(modelId);
    const file = row && (await store.file(modelId, path));
    if (row === null || file?.status !== 'verifying') return;
    const uploadId = uuidv7();
    await files.claim(modelId, path, uploadId, by);
    await files.kept(uploadId, async () => {
      const written =
        (await objects.stat(job.from)) && (await files.write(row, path, await objects.get(job.from), signal));
      const same = written?.sha256 === sha256;
      await store.transaction(async (trx) => {
        const now = await store.lock(trx, modelId);
        if (now === null) return;
        if (written && same) await files.record(trx, now, [written], by);
        else
          await store.putFile(trx, {
            ...file,
            status: 'failed',
            notes: ['The file it was to be copied from is gone or was changed.'],
          });
        await store.dropClaims(trx, uploadId);
      });
    });
  }

  async function removeFiles(job: { modelId: string; prefix: string; by: Actor }): Promise<void> {
    let removed = 0;
    for await (const { key } of objects.list(job.prefix)) {
      await objects.delete(key);
      removed++;
    }
    await store.transaction((trx) =>
      files.audit(trx, job.by, 'model.files.remove', job.modelId, { prefix: job.prefix, removed }),
    );
  }

  /** Objects that no row tells of, an hour after they were written: what a killed server left. Answers how many were removed. */
  async function collectOrphans(): Promise<number> {
    const before = deps.now().getTime() - hour;
    const old = new Map<string, string[]>();
    for await (const { key, modifiedAt } of objects.list('models/')) {
      const id = place.exec(key)?.[1];
      if (id !== undefined && modifiedAt.getTime() < before) old.set(id, [...(old.get(id) ?? []), key]);
    }
    let removed = 0;
    for (const [id, keys] of old) {
      removed += await store.transaction(async (trx) => {
        const row = await store.lock(trx, id);
        const held = new Set(
          row === null
            ? []
            : [...(await store.files([id], trx)).map(({ path }) => path), ...(await store.claimed(trx, id))],
        );
        const orphans = keys.filter(
          (key) => row === null || !key.startsWith(prefixOf(row)) || !held.has(key.slice(prefixOf(row).length)),
        );
        for (const key of orphans) await objects.delete(key);
        return orphans.length;
      });
    }
    if (removed > 0) log.info({ removed }, 'removed objects that belonged to no model');
    return removed;
  }

  jobs.define<Parameters<typeof verify>[0]>(
    verifyFileQueue,
    { retryLimit: 20, expireInSeconds: 6 * 3600 },
    (job, { signal }) => verify(job, signal),
  );
  jobs.define<Parameters<typeof assemble>[0]>(
    assembleQueue,
    { retryLimit: 20, expireInSeconds: 6 * 3600 },
    (job, { signal }) => assemble(job, signal),
  );
  jobs.define<Parameters<typeof copy>[0]>(
    copyFileQueue,
    { retryLimit: 20, expireInSeconds: 6 * 3600 },
    (job, { signal }) => copy(job, signal),
  );
  jobs.define<Parameters<typeof removeFiles>[0]>(removeFilesQueue, { retryLimit: 20 }, (job) => removeFiles(job));
  jobs.every('catalog.orphans', 1800, async () => void (await collectOrphans()));

  return {
    collectOrphans,

    /** For `onComplete` of resumable uploads of kind `model`: the file shows as `verifying` from this moment. */
    async uploadComplete(upload: Upload, trx: Trx): Promise<void> {
      const by: Actor = { userId: upload.createdBy, kind: 'system', roles: [] };
      const path = checkFilePath(upload.path);
      const row = await store.lock(trx, upload.subjectId);
      if (row === null) return;
      files.requireOpen(row);
      const paths = (await store.files([row.id], trx)).map((file) => file.path);
      const other = collision(path, paths);
      if (other !== undefined) throw failure('object_key_invalid', words.tell('collides', { path, other }));
      if (!paths.includes(path)) {
        await store.putFile(trx, {
          model_id: row.id,
          path,
          size: upload.size,
          sha256: '',
          status: 'verifying',
          notes: [],
          facts: { kind: 'other' },
        });
      } else await store.setFileStatus(trx, row.id, path, 'verifying');
      await jobs.send(trx, assembleQueue, { uploadId: upload.id, modelId: row.id, path, by });
    },
  };
}
