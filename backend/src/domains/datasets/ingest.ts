import { Transform, pipeline, type Readable } from 'node:stream';
import { callbackify } from 'node:util';
import type { DatasetIssue } from '@llm-ops/contracts';
import type { Identity } from '#platform/access';
import { recordAudit } from '#platform/audit';
import { failure } from '#platform/errors';
import type { Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { again } from '#platform/words';
import { createClaims } from './claims.ts';
import type { DatasetsDeps } from './deps.ts';
import { words } from './engine/accept/sentences.ts';
import { prefixOf } from './paths.ts';
import { createReading } from './reading.ts';
import { requireDraft, type Actor } from './records.ts';
import { digestOfFiles } from './rules.ts';
import type { DatasetRow, DatasetStore, FileKey, FileRow } from './store/index.ts';
import { notFound } from './view.ts';
import type { Workspace } from './workspace.ts';

export type Ingest = ReturnType<typeof createIngest>;

/** The validation that follows when all files of a draft are ready, and its end when they are others. */
export interface Revalidation {
  autostart(trx: Trx, row: DatasetRow, by: Actor): Promise<void>;
  supersede(trx: Trx, row: DatasetRow): Promise<void>;
}

export interface TakeOptions {
  /** replaces what lies under a path, whoever works on it: for work that begins again */
  replace?: boolean;
  /** false: no validation follows by itself */
  autostart?: boolean;
  signal?: AbortSignal;
  /** for the audit entry */
  detail?: Record<string, unknown>;
}

/** Brings files one after the other, and answers what to do with rows that cannot be read. */
export type Source = (
  onFile: (path: string, body: Readable) => Promise<void>,
) => Promise<{ badRows?: 'refuse' | 'skip' } | void>;

/**
 * Takes files in: bytes to the object store, then the engine reads them and writes their rows. Nothing lies in the store that no row
 * knows, and a file is `ready` only when bytes, digest and rows belong together.
 */
export function createIngest(
  deps: DatasetsDeps & { store: DatasetStore; workspace: Workspace; validations: Revalidation },
) {
  const { store, validations, objects, log, config } = deps;
  const claims = createClaims(deps);
  const { begin, advance, kept } = claims;
  const read = createReading({ ...deps, claims });

  /** Bytes to their place, hashed; they appear there only while the file is still this attempt's. */
  async function put(row: DatasetRow, file: FileKey, body: Readable, signal?: AbortSignal): Promise<void> {
    const gate = new Transform({
      highWaterMark: 256 * 1024,
      transform: (chunk: Buffer, _encoding, done) => done(null, chunk),
      // an empty change: it is still this attempt's, and kept alive from now on
      flush: callbackify(async () => void (await advance(file, {}))),
    });
    pipeline(body, gate, () => undefined);
    const { size, sha256 } = await objects.put(prefixOf(row) + file.path, gate, {
      maxBytes: config.maxFileBytes,
      ...(signal ? { signal } : {}),
    });
    await advance(file, { size, sha256, status: 'checking' });
  }

  /** Makes files `ready` that were read, in the transaction that locked their dataset. */
  async function finish(trx: Trx, files: readonly { file: FileKey; facts: FileRow['facts'] }[]): Promise<FileRow[]> {
    const done: FileRow[] = [];
    for (const { file, facts } of files)
      done.push(await advance(file, { status: 'ready', facts, issues: [], issue_count: 0 }, trx));
    return done;
  }

  /**
   * The files of a locked dataset are others now, or what is asked of them (`anew`): what was found before no longer holds, what is being
   * found is of no use, and when all files are ready their validation begins.
   */
  async function settle(
    trx: Trx,
    row: DatasetRow,
    by: Actor,
    options: { autostart?: boolean; anew?: boolean } = {},
  ): Promise<DatasetRow> {
    const { autostart = true, anew = false } = options;
    const digest = digestOfFiles(await store.files([row.id], trx));
    const stale = row.validated_digest !== null && (anew || row.validated_digest !== digest);
    const settled = await store.update(trx, row.id, {
      storage_uri: row.storage_uri ?? objects.uri(prefixOf(row)),
      ...(stale ? { pii_scan_status: 'pending', quality_score: null, validated_digest: null } : {}),
    });
    const newest = (await store.standings([row.id], trx)).get(row.id);
    if (!anew && digest !== null && newest?.files_digest === digest && newest.status !== 'superseded') return settled;
    await validations.supersede(trx, settled);
    if (digest !== null && autostart) await validations.autostart(trx, settled, by);
    return settled;
  }

  /** Removes files of an attempt that came to nothing, with all that lies in the store of them. */
  async function abandon(row: DatasetRow, attempt: string, begun: readonly FileKey[], by: Actor, autostart: boolean) {
    const keys: string[] = [];
    await store.transaction(async (trx) => {
      const there = await store.lock(trx, row.id);
      if (there === null) return void keys.push(...begun.map((file) => prefixOf(row) + file.path));
      for (const file of await store.files([row.id], trx)) {
        if (file.attempt !== attempt || file.status === 'ready') continue;
        await store.removeFile(trx, row.id, file.path, attempt);
        keys.push(...keysOf(row, file));
      }
      if (keys.length > 0) await settle(trx, there, by, { autostart });
    });
    await removeObjects(row, keys);
  }

  /** Removes objects unless a row tells of them by now. Answers how many. */
  async function removeObjects(dataset: { id: string }, keys: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0;
    return store.transaction(async (trx) => {
      const row = await store.lock(trx, dataset.id);
      const held = row === null ? [] : heldKeys(row, await store.files([row.id], trx));
      const orphans = keys.filter((key) => !held.includes(key));
      for (const key of orphans) await objects.delete(key);
      return orphans.length;
    });
  }

  async function audit(
    trx: Trx,
    by: Actor,
    row: DatasetRow,
    files: readonly FileRow[],
    detail: Record<string, unknown>,
  ) {
    const shown = files.map(({ path, size, sha256 }) => ({ path, size, sha256 }));
    const record = {
      action: 'dataset.upload',
      resourceType: 'dataset',
      resourceId: row.id,
      result: 'allowed',
    } as const;
    await recordAudit(trx, by as Identity, {
      ...record,
      detail: { ...detail, files: shown.slice(0, 100), count: shown.length },
    });
  }

  return {
    ...claims,
    read,
    finish,
    settle,
    removeObjects,
    audit,

    /**
     * Takes files as `source` brings them: all of them or none. Throws `dataset_rejected` with what is wrong, `dataset_file_exists`,
     * `dataset_frozen`, `object_key_invalid`, `file_type_refused`, `object_too_large`, and what source, store and engine throw; then
     * nothing is left of them.
     */
    async take(row: DatasetRow, by: Actor, source: Source, options: TakeOptions = {}): Promise<FileRow[]> {
      const { replace = false, autostart = true, detail = {} } = options;
      const attempt = uuidv7();
      const files: FileKey[] = [];
      try {
        return await kept(attempt, options.signal, async (signal, held) => {
          const { badRows = 'refuse' } =
            (await source(async (name, body) => {
              const file = await begin(row.id, name, attempt, by, replace);
              files.push(file);
              held(files.length);
              await put(row, file, body, signal);
            })) ?? {};
          const good: { file: FileKey; facts: FileRow['facts'] }[] = [];
          const bad: { issues: DatasetIssue[]; count: number }[] = [];
          for (const file of files) {
            const known = await advance(file, { bad_rows: badRows });
            const found = await read(row, known, signal);
            if (found.accepted) good.push({ file, facts: found.facts });
            else bad.push(found);
          }
          if (bad.length > 0) throw rejected(bad);
          return store.transaction(async (trx) => {
            const now = await store.lock(trx, row.id);
            if (now === null) throw notFound();
            requireDraft(now);
            const done = await finish(trx, good);
            if (done.length > 0) {
              await settle(trx, now, by, { autostart });
              await audit(trx, by, now, done, detail);
            }
            return done;
          });
        });
      } catch (error) {
        await abandon(row, attempt, files, by, autostart).catch((cause: unknown) => {
          log.warn({ err: cause, datasetId: row.id }, 'an upload that failed could not be cleaned up yet; it will be');
        });
        throw error;
      }
    },
  };
}

/** Objects of a file, whatever became of it. */
export function keysOf(row: { id: string; version: string }, file: FileRow): string[] {
  return [prefixOf(row) + file.path, ...(file.rows_key === null ? [] : [file.rows_key])];
}

/** Objects that must stay: of a refused file nothing does. */
export function heldKeys(row: { id: string; version: string }, files: readonly FileRow[]): string[] {
  return files.filter(({ status }) => status !== 'refused').flatMap((file) => keysOf(row, file));
}

/** All that is wrong with the files of a request, as an answer tells it. */
export function rejected(bad: readonly { issues: DatasetIssue[]; count: number }[]) {
  const issues = bad.flatMap((one) => one.issues).slice(0, 100);
  const count = bad.reduce((sum, one) => sum + one.count, 0);
  const [first] = issues;
  return failure('dataset_rejected', {
    ...(first && words.tell('refused', { place: placeOf(first), reason: again(first, 'reason') })),
    issues: issues.map((issue) => {
      const told = words.tell('both', { reason: again(issue, 'reason'), fix: again(issue, 'fix') });
      return { path: placeOf(issue), ...issue, ...told, said: { ...issue.said, ...told.said } };
    }),
    data: { issue_count: count },
  });
}

function placeOf({ file, line }: DatasetIssue): string {
  return line === null ? file : `${file}:${line}`;
}
