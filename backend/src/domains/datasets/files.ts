import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Dataset, datasetRoutes } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import { failure, isFailure } from '#platform/errors';
import type { Context, FileAnswer } from '#platform/http';
import { receiveFiles, type UploadTarget } from '#platform/uploads';
import type { DatasetsDeps } from './deps.ts';
import { keysOf, type Ingest } from './ingest.ts';
import { checkFilePath, prefixOf } from './paths.ts';
import { actorOf, requireDraft, type Records } from './records.ts';
import type { DatasetStore } from './store/index.ts';
import { badRowsOf, removeObjectsQueue } from './upkeep.ts';
import { requireTeam, resourceOf, toFile, type Guard } from './view.ts';
import { datasetFieldWords, refusalWords } from './refusals.ts';

type Routes = typeof datasetRoutes;
export type Files = ReturnType<typeof createFiles>;

const maxFiles = 1000;
const formFields = Object.keys(datasetRoutes.uploadDatasetFiles.form.shape);

/** Files of a version as people send, fetch and remove them. */
export function createFiles(
  deps: DatasetsDeps & { store: DatasetStore; guard: Guard; records: Records; ingest: Ingest },
) {
  const { store, guard, records, ingest, objects, jobs, config } = deps;

  return {
    async upload(c: Context<Routes['uploadDatasetFiles']>) {
      const row = await store.transaction((trx) => guard.change(c.access, c.params.id, trx));
      requireDraft(row);
      const taken = await ingest
        .take(
          row,
          c.access.identity,
          async (onFile) => {
            const { fields } = await receiveFiles(c.raw.request, {
              onFile,
              maxFileBytes: config.maxFileBytes,
              fields: formFields,
              limits: { files: maxFiles },
            });
            return { badRows: badRowsOf(fields['bad_rows']) };
          },
          { signal: c.signal, detail: { request_id: c.requestId } },
        )
        .catch((error: unknown) => {
          if (c.signal.aborted && !isFailure(error)) throw failure('upload_aborted', { cause: error });
          throw error;
        });
      if (taken.length === 0) {
        throw failure('validation_failed', {
          issues: [{ path: 'files', ...datasetFieldWords.tell('files') }],
        });
      }
      const after = (await store.find(row.id)) ?? row;
      const files = (await store.files([row.id])).map(toFile);
      return { id: after.id, status: after.status, storage_uri: after.storage_uri, files };
    },

    async download(c: Context<Routes['getDatasetFile']>): Promise<FileAnswer> {
      const row = await guard.read(c.access, c.params.id);
      const file = await store.file(row.id, c.params.path);
      // until its digest is known nobody could tell whether it came whole
      if (file === null || file.sha256 === '' || file.status === 'uploading' || file.status === 'refused')
        throw failure('object_not_found');
      const body = await objects.get(prefixOf(row) + file.path);
      return {
        body: Readable.from(verified(body, file.sha256, file.path), { objectMode: false }),
        contentType: 'application/octet-stream',
        size: file.size,
        fileName: file.path.slice(file.path.lastIndexOf('/') + 1),
        etag: `"${file.sha256}"`,
      };
    },

    async remove(c: Context<Routes['deleteDatasetFile']>): Promise<Dataset> {
      const row = await guard.change(c.access, c.params.id, c.trx);
      requireDraft(row);
      const removed = await store.removeFile(c.trx, row.id, c.params.path);
      if (removed === null) throw failure('object_not_found');
      const settled = await ingest.settle(c.trx, row, actorOf(c.access.identity));
      // the objects go after the commit, so that a failed delete keeps them
      await jobs.send(c.trx, removeObjectsQueue, { datasetId: row.id, keys: keysOf(row, removed) });
      c.note(row.id, { path: removed.path });
      return records.view(settled, c.trx);
    },

    /** For resumable uploads of kind `dataset`: what would be refused at the end is refused before the first byte. */
    async authorizeUpload(
      access: Access,
      target: Pick<UploadTarget, 'action' | 'subjectId' | 'path' | 'metadata'>,
    ): Promise<void> {
      const row = await guard.read(access, target.subjectId);
      requireTeam(access, row.owner_team);
      access.require('dataset:write', resourceOf(row));
      if (target.action !== 'create') return;
      requireDraft(row);
      checkFilePath(target.path);
      badRowsOf(target.metadata['bad_rows']);
      await store.transaction((trx) => ingest.refuseTaken(trx, row, target.path));
    },
  };
}

/** Passes the bytes on but fails before the last of them when they are not those of the digest, so that nobody takes a corrupt file for whole. */
async function* verified(body: Readable, sha256: string, path: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | null = null;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (held !== null) yield held;
    held = chunk;
  }
  if (hash.digest('hex') !== sha256) throw failure('object_corrupt', refusalWords.tell('stored_otherwise', { path }));
  if (held !== null) yield held;
}
