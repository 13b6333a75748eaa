import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { catalogRoutes, Import, Model } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Access } from '#platform/access';
import { failure, isFailure } from '#platform/errors';
import type { Context } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { HubFile } from '#ports/hub';
import { readCard } from './card.ts';
import type { CatalogDeps } from './deps.ts';
import { actorOf, type Actor, type Files } from './files.ts';
import { createImportStore, type ImportRow } from './store/index.ts';
import type { Models } from './models.ts';
import { collision, isFilePath } from './paths.ts';
import type { CatalogStore } from './store/index.ts';
import type { Guard } from './view.ts';
import { words } from './refusals.ts';

const importQueue = 'catalog.import';
const progressEveryMs = 500;

type Routes = typeof catalogRoutes;
export type Imports = ReturnType<typeof createImports>;

/** Models of the Hugging Face hub: registered at once, their files streamed by a durable job. */
export function createImports(deps: CatalogDeps & { store: CatalogStore; guard: Guard; models: Models; files: Files }) {
  const { store, guard, models, files, jobs, hub, config } = deps;
  const imports = createImportStore(deps.db.kysely);

  async function run(
    job: { importId: string; by: Actor },
    context: { signal: AbortSignal; last: boolean },
  ): Promise<void> {
    const row = await imports.begin(job.importId);
    if (row === null) return;
    try {
      await bringAll(row, job.by, context.signal);
    } catch (error) {
      const hopeless =
        isFailure(error) &&
        error.code !== 'huggingface_unreachable' &&
        error.status < 500 &&
        error.code !== 'model_upload_conflict';
      if (!hopeless && !context.last) throw error;
      const message = isFailure(error) ? error.message : 'The import failed; the log has the reason.';
      if (!isFailure(error)) deps.log.error({ err: error, importId: row.id }, 'import failed');
      await imports.progress(row, { status: 'failed', error: message });
    }
  }

  async function bringAll(row: ImportRow, by: Actor, signal: AbortSignal): Promise<void> {
    let filesDone = 0;
    let bytesDone = 0;
    for (const file of row.files) {
      const model = await store.find(row.model_id);
      if (model === null) return;
      const there = await store.file(model.id, file.path);
      // brought by an earlier try
      const done =
        there !== null &&
        there.status !== 'verifying' &&
        there.size === file.size &&
        [null, there.sha256].includes(file.sha256);
      if (!done) {
        const before = bytesDone;
        const onBytes = throttled((count) =>
          imports.progress(row, { bytes_done: before + count, files_done: filesDone }),
        );
        await files.take(model, by, (onFile) => onFile(file.path, bring(row, file, signal, onBytes)), {
          huggingface_model_id: row.huggingface_model_id,
          commit: row.commit_sha,
        });
      }
      filesDone += 1;
      bytesDone += file.size;
      if (!(await imports.progress(row, { files_done: filesDone, bytes_done: bytesDone }))) return;
    }
    await imports.progress(row, { status: 'succeeded' });
  }

  /** The bytes of a file; ends with `model_file_invalid` instead of the end when they are not those that the hub promised. */
  function bring(row: ImportRow, file: HubFile, signal: AbortSignal, onBytes: (count: number) => void): Readable {
    async function* checked() {
      const body = hub.read(row.huggingface_model_id, row.commit_sha, file, signal);
      const sha256 = createHash('sha256');
      const blob = createHash('sha1').update(`blob ${file.size}\0`);
      let size = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        sha256.update(chunk);
        blob.update(chunk);
        size += chunk.length;
        onBytes(size);
        yield chunk;
      }
      const good =
        size === file.size &&
        (file.sha256 === null || file.sha256 === sha256.digest('hex')) &&
        (file.gitBlob === null || file.gitBlob === blob.digest('hex'));
      if (!good) throw failure('model_file_invalid', words.tell('hub_digest', { path: file.path }));
    }
    return Readable.from(checked(), { objectMode: false });
  }

  jobs.define<Parameters<typeof run>[0]>(
    importQueue,
    { retryLimit: 8, expireInSeconds: 24 * 3600, concurrency: 2 },
    run,
  );

  return {
    async start(
      c: Context<Routes['importFromHuggingFace']>,
    ): Promise<{ model: Model; import: z.infer<typeof Import> }> {
      const { body, trx } = c;
      const found = await hub.describe(body.huggingface_model_id, body.revision);
      const chosen = choose(found.files, config.maxFileBytes);
      const { metadata, apiKey } = readCard(body.type, {
        ...(found.license === null ? {} : { license: found.license }),
        ...body.metadata,
        huggingface_model_id: found.id,
        huggingface_revision: found.commit,
      });
      const name = body.name ?? found.id.slice(found.id.indexOf('/') + 1);
      const asked = {
        name,
        version: body.version,
        type: body.type,
        owner_team: body.owner_team,
        lineage_dataset_ids: [],
        metadata,
      };
      const model = await models.add(c, asked, apiKey);
      const by = actorOf(c.access.identity);
      const row = await imports.insert(trx, {
        id: uuidv7(),
        model_id: model.id,
        huggingface_model_id: found.id,
        revision: body.revision,
        commit_sha: found.commit,
        files: chosen,
        created_by: by.userId,
      });
      await jobs.send(trx, importQueue, { importId: row.id, by });
      c.note(model.id, { huggingface_model_id: found.id, commit: found.commit, files: chosen.length });
      return { model: await models.view(model, trx), import: toImport(row) };
    },

    async list(access: Access, id: string): Promise<z.infer<typeof Import>[]> {
      const row = await guard.read(access, id);
      return (await imports.list(row.id)).map(toImport);
    },
  };
}

/** Of a repository: what a model here consists of; with safetensors there, not the same weights as pickles and ONNX again. */
function choose(files: readonly HubFile[], maxBytes: number): HubFile[] {
  const possible = files.filter(({ path }) => isFilePath(path));
  const safe = possible.some(({ path }) => /\.(safetensors|gguf)$/i.test(path));
  const chosen = possible.filter(({ path }) => !safe || !/\.(bin|pt|pth|onnx)$/i.test(path));
  if (chosen.length === 0) throw failure('huggingface_refused', words.tell('hub_nothing'));
  const large = chosen.find(({ size }) => size > maxBytes);
  if (large) throw failure('object_too_large', words.tell('hub_too_large', { path: large.path, most: maxBytes }));
  return chosen.filter(
    ({ path }, index) =>
      collision(
        path,
        chosen.slice(0, index).map((file) => file.path),
      ) === undefined,
  );
}

function throttled(report: (count: number) => Promise<unknown>): (count: number) => void {
  let last = 0;
  let busy = false;
  return (count) => {
    if (busy || Date.now() - last < progressEveryMs) return;
    last = Date.now();
    busy = true;
    // the next report or the end of the file says more than this one would have
    report(count)
      .catch(() => undefined)
      .finally(() => (busy = false));
  };
}

function toImport(row: ImportRow): z.infer<typeof Import> {
  const { id, model_id, huggingface_model_id, revision, status, files, files_done, bytes_done, error } = row;
  return {
    id,
    model_id,
    huggingface_model_id,
    revision,
    status,
    files_total: files.length,
    files_done,
    bytes_total: files.reduce((total, { size }) => total + size, 0),
    bytes_done,
    error,
    created_at: row.created_at.toISOString(),
  };
}
