import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { isFailure } from '#platform/errors';
import type { Trx } from '#platform/http';
import type { JobContext } from '#platform/jobs';
import { answersOf, killed, toldOf } from './ask.ts';
import type { DatasetsDeps } from './deps.ts';
import type { Progress, ValidateInput, ValidateOutput } from './engine/tasks.ts';
import { digestOfFiles } from './rules.ts';
import type { DatasetStore, ValidationRow } from './store/index.ts';
import { validationInput } from './validation-input.ts';
import { piiStatusOf, unseenOf } from './validation-view.ts';
import type { Workspace } from './workspace.ts';

export const validateQueue = 'datasets.validate';

/** tries of one validation, those that were killed among them */
const most = 8;
const mostCrashes = 3;
/** findings or columns that are written at once, and characters of their JSON: so long nobody else is served */
const batch = { lines: 1_000, characters: 256 * 1024 };
/** what another try would not make good */
const hopeless = ['worker_memory', 'worker_timeout', 'disk_full', 'object_not_found', 'dataset_not_ready'] as const;

/** The validation is over by a later try, a newer one, or because the files are others. */
class Superseded extends Error {}

/** The durable job that validates: from `queued` over `running` to an end, whatever is killed on the way. */
export function defineValidation(deps: DatasetsDeps & { store: DatasetStore; workspace: Workspace }): void {
  const { store, workspace, workers, jobs, log, config } = deps;
  const { validations, findings } = store;

  async function run(job: { validationId: string }, context: JobContext): Promise<void> {
    const row = await validations.begin(job.validationId, most, killed);
    if (row === null) return;
    const over = new AbortController();
    const heart = reporting(row, over);
    try {
      await validate(row, AbortSignal.any([context.signal, over.signal]), heart.tell);
    } catch (error) {
      if (error instanceof Superseded) return;
      if (context.signal.aborted || !(context.last || isFinal(error, row))) throw error;
      log.warn({ err: error, validationId: row.id, datasetId: row.dataset_id }, 'a validation failed');
      await store.transaction((trx) => validations.finish(trx, row, { status: 'failed', ...toldOf(error) }));
    } finally {
      heart.stop();
    }
  }

  /** Writes where the work is, once a second and only what changed; ends it when nobody wants it any more. */
  function reporting(row: ValidationRow, over: AbortController): { tell(progress: Progress): void; stop(): void } {
    let now = { stage: row.stage, progress: 0 };
    let written = '';
    let busy = false;
    let quiet = 0;
    const timer = setInterval(() => {
      const text = `${now.stage} ${now.progress}`;
      // a row that stays as it is is looked at now and then
      if (busy || (text === written && ++quiet < 5)) return;
      quiet = 0;
      written = text;
      busy = true;
      validations
        .progress(row, now)
        .then(
          (mine) => mine || over.abort(new Superseded()),
          (error: unknown) => log.warn({ err: error }, 'the progress of a validation could not be written'),
        )
        .finally(() => (busy = false));
    }, 1_000);
    return {
      tell: ({ stage, done }) => (now = { stage, progress: Math.min(0.99, Math.max(now.progress, done)) }),
      stop: () => clearInterval(timer),
    };
  }

  async function validate(row: ValidationRow, signal: AbortSignal, tell: (progress: Progress) => void): Promise<void> {
    const dataset = await store.find(row.dataset_id);
    if (dataset === null) throw new Superseded();
    const files = await store.files([dataset.id]);
    if (digestOfFiles(files) !== row.files_digest) return supersede(row);
    const folder = await workspace.folder();
    try {
      const scratch = path.join(folder.path, 'scratch');
      await mkdir(scratch);
      const { input, against, release } = await validationInput(deps, {
        row,
        dataset,
        files,
        folder: folder.path,
        scratch,
      });
      try {
        const output = await workers.long.run<ValidateOutput>('validate', input, {
          timeoutMs: config.timeoutMs,
          signal,
          onProgress: (value) => tell(value as Progress),
          answers: answersOf(deps),
        });
        tell({ stage: 'recording', done: 0.97 });
        await store.transaction((trx) =>
          record(trx, row, output, against && { id: against.id, version: against.version }, input),
        );
      } finally {
        release();
      }
    } finally {
      await folder.remove();
    }
  }

  /** All that was found, with what it means for the dataset, or nothing of it. */
  async function record(
    trx: Trx,
    row: ValidationRow,
    output: ValidateOutput,
    against: { id: string; version: string } | null,
    files: Pick<ValidateInput, 'findings' | 'columns'>,
  ): Promise<void> {
    const dataset = await store.lock(trx, row.dataset_id);
    if (dataset === null || !(await validations.hold(trx, row))) throw new Superseded();
    if (digestOfFiles(await store.files([dataset.id], trx)) !== row.files_digest) {
      await validations.finish(trx, row, { status: 'superseded' });
      return;
    }
    await findings.stage(trx);
    let kept = 0;
    for await (const lines of batchesOf(files.findings)) {
      await findings.add(trx, kept, lines);
      kept += lines.length;
    }
    await findings.record(trx, row.id);
    let columns = 0;
    for await (const lines of batchesOf(files.columns)) {
      await validations.addColumns(trx, row.id, columns, lines);
      columns += lines.length;
    }
    const held = await findings.held(dataset, row.id, trx);
    const unseen = unseenOf(output.counts, held);
    const pii = piiStatusOf(unseen, held, row.options.pii_types !== undefined);
    await validations.finish(trx, row, {
      status: 'succeeded',
      report: { ...output, against, unseen },
      findings_kept: kept,
    });
    await store.update(trx, dataset.id, {
      pii_scan_status: pii,
      quality_score: output.score.overall,
      validated_digest: row.files_digest,
    });
    await deps.events.publish(trx, 'dataset.validated', {
      datasetId: dataset.id,
      validationId: row.id,
      piiScanStatus: pii,
      qualityScore: output.score.overall,
      by: row.requested_by,
    });
  }

  async function supersede(row: ValidationRow): Promise<void> {
    await store.transaction((trx) => validations.finish(trx, row, { status: 'superseded' }));
  }

  jobs.define<Parameters<typeof run>[0]>(
    validateQueue,
    {
      // more than `most`, so that the row is never left to itself
      retryLimit: 4 * most,
      // the most that the queue knows: rows come from the object store first, and other work may have the processes
      expireInSeconds: 24 * 3600,
      concurrency: config.concurrency ?? 1,
    },
    run,
  );
}

function isFinal(error: unknown, { attempt }: ValidationRow): boolean {
  if (attempt >= most) return true;
  if (!isFailure(error)) return attempt >= mostCrashes;
  if (error.code === 'worker_crashed') return attempt >= mostCrashes;
  return error.status < 500 || hopeless.some((code) => code === error.code);
}

/** The lines of a file, so many at a time that nobody else waits for them. */
async function* batchesOf(file: string): AsyncGenerator<string[]> {
  let lines: string[] = [];
  let rest = '';
  let characters = 0;
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 128 * 1024 })) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop()!;
    for (const line of parts) {
      if (line !== '') lines.push(line);
      characters += line.length;
      if (lines.length < batch.lines && characters < batch.characters) continue;
      yield lines;
      lines = [];
      characters = 0;
    }
  }
  if (rest !== '') lines.push(rest);
  if (lines.length > 0) yield lines;
}
