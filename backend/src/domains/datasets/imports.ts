import type { Dataset, DatasetJob, datasetRoutes } from '@llm-ops/contracts';
import { failure, isFailure, type Issue } from '#platform/errors';
import type { Context } from '#platform/http';
import type { HubFile } from '#ports/hub';
import { checkedBytes } from './bytes.ts';
import type { DatasetsDeps } from './deps.ts';
import type { Ingest } from './ingest.ts';
import { checkFilePath, collision } from './paths.ts';
import type { Records } from './records.ts';
import type { DatasetStore } from './store/index.ts';
import type { Filler, Work } from './work.ts';
import { datasetFieldWords, refusalWords } from './refusals.ts';

type Routes = typeof datasetRoutes;
export type Imports = ReturnType<typeof createImports>;

const maxFiles = 1000;

/** Datasets of the Hugging Face hub: registered at once, their files streamed by a durable job. */
export function createImports(
  deps: DatasetsDeps & { store: DatasetStore; records: Records; ingest: Ingest; work: Work },
) {
  const { store, records, ingest, work, hub, config } = deps;

  const bring: Filler = async (job, dataset, { by, signal, report }) => {
    const { huggingface_dataset_id: id, commit, files } = job.detail as unknown as Detail;
    const total = Math.max(1, sizeOf(files));
    let bytes = 0;
    for (const [index, file] of files.entries()) {
      const there = await store.file(dataset.id, file.path);
      const before = bytes;
      const tell = (count: number) =>
        report((before + count) / total, { files_done: index, bytes_done: before + count });
      // brought by an earlier try
      const done = there?.status === 'ready' && there.size === file.size && [null, there.sha256].includes(file.sha256);
      if (!done) {
        const body = checkedBytes(hub.read(id, commit, file, signal, 'dataset'), file, tell);
        await ingest.take(dataset, by, (onFile) => onFile(file.path, body), {
          replace: true,
          autostart: false,
          signal,
          detail: { huggingface_dataset_id: id, commit },
        });
      }
      bytes += file.size;
      report(bytes / total, { files_done: index + 1, bytes_done: bytes });
    }
    return { files_done: files.length, bytes_done: bytes };
  };
  work.register('import', bring);

  return {
    async start(c: Context<Routes['importDataset']>): Promise<{ dataset: Dataset; job: DatasetJob }> {
      const { body, trx, access } = c;
      const found = await hub.describe(body.huggingface_dataset_id, body.revision, 'dataset');
      const files = choose(found.files, body.files, config.maxFileBytes);
      const asked = {
        name: body.name ?? found.id.slice(found.id.indexOf('/') + 1),
        version: body.version,
        type: body.type ?? null,
        owner_team: body.owner_team,
        metadata: {
          ...(found.license === null ? {} : { license: found.license }),
          ...(found.languages.length === 0 ? {} : { language: found.languages }),
          source: `https://huggingface.co/datasets/${found.id}`,
          ...body.metadata,
          huggingface_dataset_id: found.id,
          huggingface_revision: found.commit,
        },
      };
      const row = await records.add(c, asked, { kind: 'import', huggingFaceId: found.id });
      const detail: Detail & Record<string, unknown> = {
        huggingface_dataset_id: found.id,
        revision: body.revision,
        commit: found.commit,
        files,
        files_total: files.length,
        files_done: 0,
        bytes_total: sizeOf(files),
        bytes_done: 0,
      };
      const job = await work.add(trx, { dataset: row, kind: 'import', detail, by: access.identity });
      c.note(row.id, { huggingface_dataset_id: found.id, commit: found.commit, files: files.length });
      return { dataset: await records.view(row, trx), job };
    },
  };
}

interface Detail {
  huggingface_dataset_id: string;
  commit: string;
  files: HubFile[];
}

const sizeOf = (files: readonly HubFile[]) => files.reduce((sum, { size }) => sum + size, 0);

/** Of a repository: what was asked for, or what a dataset here consists of. Throws `validation_failed`, `huggingface_refused`, `object_too_large`. */
export function choose(files: readonly HubFile[], asked: readonly string[] | undefined, maxBytes: number): HubFile[] {
  const chosen = asked === undefined ? files.filter(({ path }) => refusalOf(path) === null) : named(files, asked);
  if (chosen.length === 0) {
    throw failure('huggingface_refused', refusalWords.tell('repository_empty'));
  }
  if (chosen.length > maxFiles) {
    throw failure(
      'huggingface_refused',
      refusalWords.tell('repository_full', { files: chosen.length, most: maxFiles }),
    );
  }
  const large = chosen.find(({ size }) => size > maxBytes);
  if (large)
    throw failure('object_too_large', refusalWords.tell('repository_large', { path: large.path, most: maxBytes }));
  const paths = chosen.map(({ path }) => path);
  return chosen.filter(({ path }, index) => collision(path, paths.slice(0, index)) === undefined);
}

function named(files: readonly HubFile[], asked: readonly string[]): HubFile[] {
  const issues: Issue[] = [];
  const chosen: HubFile[] = [];
  for (const [index, path] of [...new Set(asked)].entries()) {
    const file = files.find((one) => one.path === path);
    const refusal = file === undefined ? datasetFieldWords.tell('not_in_repository', { path }) : refusalOf(path);
    if (file !== undefined && refusal === null) chosen.push(file);
    else if (refusal !== null) issues.push({ path: `files.${index}`, message: refusal.message, said: refusal.said });
  }
  if (issues.length > 0) throw failure('validation_failed', { issues });
  return chosen;
}

/** Why a file cannot be one of a dataset here; null: it can. */
function refusalOf(path: string): Pick<Issue, 'message' | 'said'> | null {
  try {
    checkFilePath(path);
    return null;
  } catch (error) {
    if (isFailure(error)) return error;
    throw error;
  }
}
