import type { Dataset, DatasetJob, datasetRoutes } from '@llm-ops/contracts';
import { failure } from '#platform/errors';
import type { Context, Trx } from '#platform/http';
import { checkedBytes } from './bytes.ts';
import type { DatasetsDeps } from './deps.ts';
import type { Ingest } from './ingest.ts';
import { prefixOf } from './paths.ts';
import type { Records } from './records.ts';
import { digestOfFiles } from './rules.ts';
import type { DatasetRow, DatasetStore } from './store/index.ts';
import { cardOf, type Versions } from './versions.ts';
import type { Guard } from './view.ts';
import type { Filler, Work } from './work.ts';
import { refusalWords } from './refusals.ts';

type Routes = typeof datasetRoutes;
export type Restores = ReturnType<typeof createRestores>;

/** Older versions brought back as new ones, with files of their own. */
export function createRestores(
  deps: DatasetsDeps & {
    store: DatasetStore;
    guard: Guard;
    records: Records;
    versions: Versions;
    ingest: Ingest;
    work: Work;
  },
) {
  const { store, guard, records, versions, ingest, work, objects } = deps;

  const copy: Filler = async (job, dataset, { by, signal, report }) => {
    const { source, files } = await sourceOf(store, job.detail);
    const total = Math.max(
      1,
      files.reduce((sum, { size }) => sum + size, 0),
    );
    let done = 0;
    for (const file of files) {
      const there = await store.file(dataset.id, file.path);
      // brought by an earlier try
      if (there?.status !== 'ready' || there.sha256 !== file.sha256) {
        const body = await objects.get(prefixOf(source) + file.path);
        const onBytes = (count: number) => report((done + count) / total);
        const checked = checkedBytes(body, { ...file, gitBlob: null }, onBytes);
        await ingest.take(
          dataset,
          by,
          async (onFile) => {
            await onFile(file.path, checked);
            return { badRows: file.bad_rows };
          },
          { replace: true, autostart: false, signal, detail: { restored_from: source.id } },
        );
      }
      done += file.size;
    }
    return { files: files.length };
  };
  work.register('restore', copy);

  /** The label of a version that was brought back, when nobody gave one. */
  async function freeLabel(of: DatasetRow, trx: Trx): Promise<string> {
    const base = `${of.version.slice(0, 110)}-restored`;
    for (let number = 1; number < 1000; number++) {
      const label = number === 1 ? base : `${base}-${number}`;
      if ((await store.sibling(of, label, trx)) === null) return label;
    }
    throw failure('dataset_version_exists');
  }

  return {
    async restore(c: Context<Routes['restoreDatasetVersion']>): Promise<{ dataset: Dataset; job: DatasetJob }> {
      const { access, trx, body } = c;
      const named = await guard.read(access, c.params.id, trx);
      const source = await versions.sibling(access, named, c.params.version, trx);
      const detail = await detailOf(store, source, trx);
      const asked = {
        ...cardOf(source),
        version: body.version ?? (await freeLabel(source, trx)),
        change_log: body.change_log ?? `Version ${source.version} brought back.`,
      };
      const row = await records.add(c, asked, { kind: 'restore', sourceId: source.id });
      const job = await work.add(trx, { dataset: row, kind: 'restore', detail, by: access.identity });
      c.note(row.id, { restored_from: source.id, version_of: source.version });
      return { dataset: await records.view(row, trx), job };
    },
  };
}

/** What a job knows of the version that it reads. Throws `dataset_not_ready`. */
export async function detailOf(store: DatasetStore, source: DatasetRow, trx: Trx): Promise<Record<string, unknown>> {
  const digest = digestOfFiles(await store.files([source.id], trx));
  if (digest === null) {
    throw failure(
      'dataset_not_ready',
      refusalWords.tell('files_none_ready', { version: source.version, name: source.name }),
    );
  }
  return { source_id: source.id, source_version: source.version, source_digest: digest };
}

/** That version with its files, as they were when the work was asked for. Throws `object_not_found`. */
export async function sourceOf(store: DatasetStore, detail: Record<string, unknown>) {
  const source = await store.find(String(detail['source_id']));
  const files = source === null ? [] : await store.files([source.id]);
  if (source === null || digestOfFiles(files) !== detail['source_digest']) {
    const version = String(detail['source_version']);
    throw failure(
      'object_not_found',
      refusalWords.tell(source === null ? 'source_deleted' : 'source_changed', { version }),
    );
  }
  return { source, files };
}
