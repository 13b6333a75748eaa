import { failure } from '#platform/errors';
import type { Trx } from '#platform/http';
import type { DatasetsDeps } from './deps.ts';
import { checkFilePath, collision } from './paths.ts';
import { requireDraft, type Actor } from './records.ts';
import type { DatasetRow, DatasetStore, FileKey, FileRow } from './store/index.ts';
import { notFound } from './view.ts';
import { refusalWords } from './refusals.ts';

export type Claims = ReturnType<typeof createClaims>;

const heartbeatMs = 3_000;

/**
 * Who works on which file. A row tells of each file from its first byte on; whoever works on it holds its fencing token (`attempt`) and
 * keeps it alive, and writes only while it is still theirs.
 */
export function createClaims(deps: Pick<DatasetsDeps, 'log'> & { store: DatasetStore }) {
  const { store, log } = deps;

  /** A row for a file that begins to come. Throws `dataset_file_exists`, `dataset_frozen`, `object_key_invalid`, `file_type_refused`. */
  async function begin(id: string, path: string, attempt: string, by: Actor, replace: boolean): Promise<FileKey> {
    checkFilePath(path);
    return store.transaction(async (trx) => {
      const row = await store.lock(trx, id);
      if (row === null) throw notFound();
      requireDraft(row);
      await makeRoom(trx, row, path, replace);
      const file = { dataset_id: id, path, attempt };
      await store.insertFile(trx, {
        ...file,
        size: 0,
        sha256: '',
        status: 'uploading',
        bad_rows: 'refuse',
        upload_id: null,
        uploaded_by: by.userId,
      });
      return file;
    });
  }

  /** Can a file of this path come? Throws `dataset_file_exists`, `object_key_invalid`. Answers whether something gives way to it. */
  async function refuseTaken(trx: Trx, row: DatasetRow, path: string, replace = false): Promise<boolean> {
    const files = await store.files([row.id], trx);
    const paths = files.map((file) => file.path);
    const other = collision(path, paths);
    if (other !== undefined) throw failure('object_key_invalid', refusalWords.tell('path_collides', { path, other }));
    const there = files.find((file) => file.path === path);
    if (there === undefined) return false;
    const settled = there.status === 'ready' || there.status === 'refused';
    const cutOff = !settled && there.upload_id === null && (await store.isAbandoned(trx, there));
    if (replace || cutOff || there.status === 'refused') return true;
    throw failure('dataset_file_exists', refusalWords.tell(settled ? 'file_there' : 'file_coming', { path }));
  }

  /** What was refused or cut off under a path goes. */
  async function makeRoom(trx: Trx, row: DatasetRow, path: string, replace: boolean): Promise<void> {
    if (await refuseTaken(trx, row, path, replace)) await store.removeFile(trx, row.id, path);
  }

  /** What is known of a file now; throws `upload_gone` when it is no longer theirs. */
  async function advance(
    file: FileKey,
    change: Parameters<DatasetStore['advanceFile']>[2],
    trx?: Trx,
  ): Promise<FileRow> {
    const advanced = await (trx
      ? store.advanceFile(trx, file, change)
      : store.transaction((own) => store.advanceFile(own, file, change)));
    if (advanced === null) throw lost(file.path);
    return advanced;
  }

  /**
   * Runs `work` while the files of an attempt are kept alive; its signal is aborted when they are somebody else's, or gone, and then it
   * throws `upload_gone`.
   */
  async function kept<T>(
    attempt: string,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal, held: (count: number) => void) => Promise<T>,
  ): Promise<T> {
    const ended = new AbortController();
    let expected = 0;
    const heart = setInterval(() => {
      const most = expected;
      store.touchFiles(attempt).then(
        (count) => count < most && ended.abort(lost('A file')),
        (error: unknown) => log.warn({ err: error }, 'cannot keep an upload alive'),
      );
    }, heartbeatMs);
    try {
      const signal = outer ? AbortSignal.any([outer, ended.signal]) : ended.signal;
      return await work(signal, (count) => (expected = count));
    } catch (error) {
      // whatever went wrong, it is because the files are gone when they are
      const left = await store.touchFiles(attempt).catch(() => expected);
      throw left < expected ? lost('A file') : error;
    } finally {
      clearInterval(heart);
    }
  }

  return { begin, refuseTaken, makeRoom, advance, kept };
}

function lost(path: string) {
  return failure('upload_gone', refusalWords.tell('upload_lost', { path }));
}
