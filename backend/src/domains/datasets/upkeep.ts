import { recordAudit } from '#platform/audit';
import type { Identity } from '#platform/access';
import { failure, fieldWords, isFailure } from '#platform/errors';
import type { Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import type { Upload } from '#platform/uploads';
import type { DatasetsDeps } from './deps.ts';
import { heldKeys, keysOf, type Ingest } from './ingest.ts';
import { checkFilePath, prefixOf } from './paths.ts';
import { actorOf, removeFilesQueue, requireDraft, type Actor } from './records.ts';
import { abandonedAfter, type DatasetRow, type DatasetStore, type FileKey, type FileRow } from './store/index.ts';

const acceptQueue = 'datasets.accept';
export const removeObjectsQueue = 'datasets.remove-objects';
const hour = 60 * 60 * 1000;
const place = /^(?:datasets|dataset-rows)\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/.+$/;
/** seconds; longer than the pause between two tries of a job */
const strandedAfter = 300;
/** what another try does not make good */
const hopeless = new Set<string>([
  'upload_not_found',
  'upload_incomplete',
  'object_not_found',
  'worker_memory',
  'worker_timeout',
]);
const mostCrashes = 3;

/** How a resumable upload says what to do with rows that cannot be read. Throws `validation_failed`. */
export function badRowsOf(given: string | undefined): 'refuse' | 'skip' {
  if (given === undefined || given === '' || given === 'refuse') return 'refuse';
  if (given === 'skip') return 'skip';
  throw failure('validation_failed', {
    issues: [{ path: 'bad_rows', ...fieldWords.tell('one_of', { values: ['refuse', 'skip'] }) }],
  });
}

export type Upkeep = ReturnType<typeof createUpkeep>;
type Job = { datasetId: string; path: string; uploadId: string; attempt: string; by: Actor };

/** Durable work on files: resumed uploads are put together and read, what was interrupted goes on or goes away, what is nobody's is removed. */
export function createUpkeep(deps: DatasetsDeps & { store: DatasetStore; ingest: Ingest }) {
  const { store, ingest, objects, jobs, log } = deps;

  function uploads() {
    const found = deps.uploads?.();
    if (found === undefined) throw new Error('There is nothing that assembles uploads.');
    return found;
  }

  /** Puts a resumed upload in its place and has it read; ends `ready` or `refused`. */
  async function accept(job: Job, context: { attempt: number; last: boolean; signal: AbortSignal }): Promise<void> {
    const row = await store.find(job.datasetId);
    const file = await store.takeUpFile({ dataset_id: job.datasetId, path: job.path, attempt: job.attempt });
    if (row === null || file === null) {
      const there = row && (await store.file(row.id, job.path));
      if (there?.upload_id !== job.uploadId) await uploads().fail(job.uploadId, 'The file or its dataset was deleted.');
      return;
    }
    let rowsKey: string | null = null;
    try {
      await ingest.kept(job.attempt, context.signal, async (signal, held) => {
        held(1);
        const known = file.sha256 === '' ? await assemble(row, file, job.uploadId, signal) : file;
        const found = await ingest.read(row, known, signal);
        if (!found.accepted) return refuse(row, known, found);
        rowsKey = found.rowsKey;
        await finish(row, known, found.facts, job.by);
      });
    } catch (error) {
      // it was taken over meanwhile, or deleted
      if (isFailure(error, 'upload_gone'))
        return void (await ingest.removeObjects(row, keysOf(row, { ...file, rows_key: rowsKey })));
      if (context.signal.aborted || !(context.last || isHopeless(error, context.attempt))) throw error;
      log.warn({ err: error, datasetId: row.id, path: file.path }, 'an uploaded file was given up');
      const issue = issueOf(file.path, error);
      await refuse(row, file, { issues: [issue], count: 1 });
      await uploads().fail(job.uploadId, issue.reason);
    }
  }

  async function assemble(row: DatasetRow, file: FileRow, uploadId: string, signal: AbortSignal): Promise<FileRow> {
    const { size, sha256 } = await uploads().assemble(uploadId, prefixOf(row) + file.path, { signal });
    try {
      return await ingest.advance(file, { size, sha256 });
    } catch (error) {
      await overwritten(row, file, sha256);
      throw error;
    }
  }

  /**
   * The file was deleted while its bytes came to their place. Another one that was uploaded under its name meanwhile may have been
   * overwritten: then it is refused, so that bytes and digest of two files are never taken for one.
   */
  async function overwritten(row: DatasetRow, { path }: FileKey, sha256: string): Promise<void> {
    await store.transaction(async (trx) => {
      await store.lock(trx, row.id);
      const other = await store.file(row.id, path, trx);
      if (other === null || other.sha256 === sha256) return;
      await store.removeFile(trx, row.id, path);
      const reason = 'An upload of the same name that had been cancelled overwrote it.';
      const issues = [{ file: path, line: null, column: null, reason, fix: 'Upload the file again.' }];
      await store.insertFile(trx, {
        ...other,
        attempt: uuidv7(),
        status: 'refused',
        facts: null,
        issues,
        issue_count: 1,
      });
    });
  }

  async function finish(row: DatasetRow, file: FileKey, facts: FileRow['facts'], by: Actor): Promise<void> {
    await store.transaction(async (trx) => {
      const now = await store.lock(trx, row.id);
      if (now === null) return;
      const done = await ingest.finish(trx, [{ file, facts }]);
      await ingest.settle(trx, now, by);
      await ingest.audit(trx, by, now, done, { resumable: true });
    });
  }

  /** The file stays as a row that says why; its bytes go. */
  async function refuse(
    row: DatasetRow,
    file: FileKey,
    found: { issues: FileRow['issues']; count: number },
  ): Promise<void> {
    await store.transaction(async (trx) => {
      const now = await store.lock(trx, row.id);
      if (now === null) return;
      const known = await store.file(row.id, file.path, trx);
      const change = { status: 'refused', issues: found.issues, issue_count: found.count, rows_key: null } as const;
      if (known === null || (await store.advanceFile(trx, file, change)) === null) return;
      await ingest.settle(trx, now, { userId: known.uploaded_by, kind: 'system', roles: [] });
      await jobs.send(trx, removeObjectsQueue, { datasetId: row.id, keys: keysOf(row, known) });
    });
  }

  /** Nothing stays half done: what came with a request that died is removed, what was sent resumably is read by another try. */
  async function sweep(): Promise<void> {
    for (const file of await store.staleFiles(abandonedAfter)) {
      if (file.upload_id === null) await drop(file);
    }
    for (const file of await store.staleFiles(strandedAfter)) {
      if (file.upload_id !== null) await strand(file, file.upload_id);
    }
  }

  async function drop(file: FileRow): Promise<void> {
    const keys = await store.transaction(async (trx) => {
      const row = await store.lock(trx, file.dataset_id);
      if (row === null || !(await store.isAbandoned(trx, file))) return [];
      const removed = await store.removeFile(trx, row.id, file.path, file.attempt);
      if (removed === null) return [];
      await ingest.settle(trx, row, { userId: file.uploaded_by, kind: 'system', roles: [] });
      return keysOf(row, removed);
    });
    if (keys.length === 0) return;
    log.info({ datasetId: file.dataset_id, path: file.path }, 'removed what an upload left that had been cut off');
    await ingest.removeObjects({ id: file.dataset_id }, keys);
  }

  async function strand(file: FileRow, uploadId: string): Promise<void> {
    const attempt = uuidv7();
    await store.transaction(async (trx) => {
      if ((await store.advanceFile(trx, file, { attempt })) === null) return;
      const by: Actor = { userId: file.uploaded_by, kind: 'system', roles: [] };
      await jobs.send(trx, acceptQueue, { datasetId: file.dataset_id, path: file.path, uploadId, attempt, by });
    });
  }

  async function removeFiles(job: { datasetId: string; prefix: string; by: Actor }): Promise<void> {
    let removed = 0;
    for await (const { key } of objects.list(job.prefix)) {
      await objects.delete(key);
      removed++;
    }
    const record = { action: 'dataset.files.remove', resourceType: 'dataset', resourceId: job.datasetId } as const;
    await store.transaction((trx) =>
      recordAudit(trx, job.by as Identity, { ...record, result: 'allowed', detail: { prefix: job.prefix, removed } }),
    );
  }

  /** Objects that no row tells of, an hour after they were written: what a killed server left. Answers how many were removed. */
  async function collectOrphans(): Promise<number> {
    const before = deps.now().getTime() - hour;
    const old = new Map<string, string[]>();
    for (const prefix of ['datasets/', 'dataset-rows/']) {
      for await (const { key, modifiedAt } of objects.list(prefix)) {
        const id = place.exec(key)?.[1];
        if (id === undefined || modifiedAt.getTime() >= before) continue;
        const keys = old.get(id);
        if (keys === undefined) old.set(id, [key]);
        else keys.push(key);
      }
    }
    let removed = 0;
    for (const [id, keys] of old) {
      // most of them are held: only what is not is looked at under the lock
      const row = await store.find(id);
      const held = new Set(row === null ? [] : heldKeys(row, await store.files([id])));
      removed += await ingest.removeObjects(
        { id },
        keys.filter((key) => !held.has(key)),
      );
    }
    if (removed > 0) log.info({ removed }, 'removed objects that belonged to no dataset');
    return removed;
  }

  jobs.define<Job>(acceptQueue, { retryLimit: 20, expireInSeconds: 24 * 3600, concurrency: 2 }, accept);
  jobs.define<{ datasetId: string; keys: string[] }>(
    removeObjectsQueue,
    { retryLimit: 20 },
    async (job) => void (await ingest.removeObjects({ id: job.datasetId }, job.keys)),
  );
  jobs.define<Parameters<typeof removeFiles>[0]>(removeFilesQueue, { retryLimit: 20 }, removeFiles);
  jobs.every('datasets.sweep', 5, sweep);
  jobs.every('datasets.orphans', 1800, async () => void (await collectOrphans()));

  return {
    collectOrphans,
    sweep,

    /** For `onComplete` of resumable uploads of kind `dataset`: the file shows as `checking` from this moment. */
    async uploadComplete(upload: Upload, trx: Trx): Promise<void> {
      const path = checkFilePath(upload.path);
      const by: Actor = { userId: upload.createdBy, kind: 'system', roles: [] };
      const row = await store.lock(trx, upload.subjectId);
      const attempt = uuidv7();
      if (row !== null) {
        requireDraft(row);
        await ingest.makeRoom(trx, row, path, false);
        await store.insertFile(trx, {
          dataset_id: row.id,
          path,
          size: upload.size,
          sha256: '',
          status: 'checking',
          bad_rows: badRowsOf(upload.metadata['bad_rows']),
          upload_id: upload.id,
          uploaded_by: upload.createdBy,
          attempt,
        });
      }
      // without its dataset the upload is given up by the job: its own row is locked until this transaction ends
      const job: Job = { datasetId: upload.subjectId, path, uploadId: upload.id, attempt, by: actorOf(by) };
      await jobs.send(trx, acceptQueue, job);
    },
  };
}

function isHopeless(error: unknown, attempt: number): boolean {
  if (!isFailure(error)) return attempt >= mostCrashes;
  return hopeless.has(error.code) || (error.code === 'worker_crashed' && attempt >= mostCrashes);
}

function issueOf(file: string, error: unknown): FileRow['issues'][number] {
  const known = isFailure(error) && error.code !== 'internal' ? error : null;
  return {
    file,
    line: null,
    column: null,
    reason: known?.message ?? 'It could not be read; the log of the server says why.',
    fix: known?.remedy ?? 'Delete it and upload it again.',
  };
}
