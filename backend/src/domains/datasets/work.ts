import type { DatasetJob, datasetRoutes } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import { failure, isFailure, type ErrorCode } from '#platform/errors';
import type { Context, Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { JobContext } from '#platform/jobs';
import { inOne, killed, toldOf } from './ask.ts';
import type { DatasetsDeps } from './deps.ts';
import type { Ingest } from './ingest.ts';
import { actorOf, requireDraft, type Actor } from './records.ts';
import type { DatasetRow, DatasetStore, JobRow } from './store/index.ts';
import type { Guard } from './view.ts';
import { refusalWords } from './refusals.ts';

const workQueue = 'datasets.work';
/** tries of one piece of work, those that were killed among them; another such number follows when somebody starts it again */
const most = 8;
const mostCrashes = 3;
/** what another try would not make good */
const hopeless: readonly ErrorCode[] = [
  'worker_memory',
  'worker_timeout',
  'disk_full',
  'object_not_found',
  'object_corrupt',
];
/** below 500, but not for ever */
const passing: readonly ErrorCode[] = ['huggingface_unreachable', 'upload_gone'];

type Routes = typeof datasetRoutes;
export type Work = ReturnType<typeof createWork>;

export interface WorkContext {
  by: Actor;
  signal: AbortSignal;
  /** 0 to 1, and what else is worth telling; written now and then */
  report(progress: number, detail?: Record<string, unknown>): void;
}

/** Fills `dataset` with files; may be begun again after any part of it. Answers what is added to the job's detail. */
export type Filler = (job: JobRow, dataset: DatasetRow, context: WorkContext) => Promise<Record<string, unknown>>;

/** The work is over: a later try has taken it up, or its dataset is gone. */
class TakenOver extends Error {}

/** Versions that fill themselves: redacted, restored, imported, by a durable job that survives whatever is killed. */
export function createWork(deps: DatasetsDeps & { store: DatasetStore; guard: Guard; ingest: Ingest }) {
  const { store, guard, ingest, jobs, log } = deps;
  const fillers = new Map<JobRow['kind'], Filler>();

  async function run(given: { jobId: string; by: Actor }, context: JobContext): Promise<void> {
    const row = await store.jobs.begin(given.jobId, most, inOne(killed));
    if (row === null) return;
    const over = new AbortController();
    const heart = reporting(row, over);
    try {
      const dataset = await store.find(row.dataset_id);
      if (dataset === null) return;
      requireDraft(dataset);
      const signal = AbortSignal.any([context.signal, over.signal]);
      const detail = await fillers.get(row.kind)!(row, dataset, { by: given.by, signal, report: heart.report });
      await finish(row, given.by, detail);
    } catch (error) {
      if (error instanceof TakenOver || over.signal.aborted) return;
      if (context.signal.aborted || !(context.last || isFinal(error, row))) throw error;
      log.warn({ err: error, jobId: row.id, datasetId: row.dataset_id, kind: row.kind }, 'work on a dataset failed');
      await store.transaction((trx) => store.jobs.finish(trx, row, { status: 'failed', ...inOne(toldOf(error)) }));
    } finally {
      heart.stop();
    }
  }

  /** All files are there: their validation follows. */
  async function finish(row: JobRow, by: Actor, detail: Record<string, unknown>): Promise<void> {
    await store.transaction(async (trx) => {
      const dataset = await store.lock(trx, row.dataset_id);
      const end = { status: 'succeeded' as const, detail: { ...row.detail, ...detail } };
      if (dataset === null || !(await store.jobs.finish(trx, row, end))) throw new TakenOver();
      await ingest.settle(trx, dataset, by);
    });
  }

  function reporting(row: JobRow, over: AbortController) {
    let now: { progress: number; detail?: Record<string, unknown> } = { progress: 0 };
    let changed = true;
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      const change = changed ? now : { progress: now.progress };
      changed = false;
      store.jobs
        .progress(row, change)
        .then(
          (mine) => mine || over.abort(new TakenOver()),
          (error: unknown) => log.warn({ err: error }, 'the progress of work on a dataset could not be written'),
        )
        .finally(() => (busy = false));
    }, 1_000);
    return {
      report(progress: number, detail?: Record<string, unknown>): void {
        now = {
          progress: Math.min(0.99, Math.max(now.progress, progress)),
          ...(detail === undefined
            ? now.detail
              ? { detail: now.detail }
              : {}
            : { detail: { ...row.detail, ...detail } }),
        };
        changed = true;
      },
      stop: () => clearInterval(timer),
    };
  }

  async function send(trx: Trx, row: JobRow, by: Actor): Promise<void> {
    await jobs.send(trx, workQueue, { jobId: row.id, by: actorOf(by) }, { singletonKey: row.id });
  }

  jobs.define<Parameters<typeof run>[0]>(
    workQueue,
    {
      // more than `most`, so that the row is never left to itself
      retryLimit: 4 * most,
      expireInSeconds: 24 * 3600,
      concurrency: 2,
    },
    run,
  );

  return {
    /** Who does work of a kind. */
    register: (kind: JobRow['kind'], filler: Filler): void => void fillers.set(kind, filler),

    /** Work on a new version, in the transaction that makes it. */
    async add(
      trx: Trx,
      given: { dataset: DatasetRow; kind: JobRow['kind']; detail: Record<string, unknown>; by: Actor },
    ): Promise<DatasetJob> {
      const { dataset, kind, detail, by } = given;
      const row = await store.jobs.insert(trx, {
        id: uuidv7(),
        dataset_id: dataset.id,
        kind,
        detail,
        created_by: by.userId,
      });
      await send(trx, row, by);
      return toJob(row);
    },

    async list(access: Access, id: string): Promise<DatasetJob[]> {
      const row = await guard.read(access, id);
      return (await store.jobs.list(row.id)).map(toJob);
    },

    async retry(c: Context<Routes['retryDatasetJob']>): Promise<DatasetJob> {
      const { access, trx } = c;
      const dataset = await guard.change(access, c.params.id, trx);
      const row = await store.jobs.lock(trx, dataset.id, c.params.job);
      if (row === null) throw failure('dataset_job_not_found');
      if (row.status !== 'failed') {
        throw failure('dataset_job_running', refusalWords.tell('job_not_failed'));
      }
      requireDraft(dataset);
      const again = await store.jobs.again(trx, row.id);
      await send(trx, again, access.identity);
      c.note(dataset.id, { job: row.id, kind: row.kind });
      return toJob(again);
    },
  };
}

function isFinal(error: unknown, { attempt }: JobRow): boolean {
  const tries = ((attempt - 1) % most) + 1;
  if (tries >= most) return true;
  if (!isFailure(error) || error.code === 'worker_crashed') return tries >= mostCrashes;
  if (passing.includes(error.code)) return false;
  return error.status < 500 || hopeless.includes(error.code);
}

function toJob(row: JobRow): DatasetJob {
  return {
    id: row.id,
    dataset_id: row.dataset_id,
    kind: row.kind,
    status: row.status,
    progress: row.progress,
    detail: row.detail,
    error: row.error,
    said: row.said ?? undefined,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}
