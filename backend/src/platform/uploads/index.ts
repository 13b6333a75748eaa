import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Db } from '#platform/db';
import type { Trx } from '#platform/http';
import type { Logger } from '#platform/log';
import type { Objects, PutResult } from '#ports/objects';
import { assemble, collectExpired } from './assemble.ts';
import { createUploadLocks } from './lock.ts';
import { createTusHandler, type UploadTarget } from './protocol.ts';
import { createUploadStore, type Upload } from './store.ts';

export { discardBody } from './body.ts';
export { receiveFiles } from './receive.ts';
export type { Upload } from './store.ts';
export type { UploadTarget } from './protocol.ts';

export interface UploadsDeps {
  db: Pick<Db, 'kysely' | 'pool' | 'listen'>;
  objects: Objects;
  log: Logger;
  now(): Date;
  /**
   * Who asks, or throws a failure. Called before anything is done; `target` is null when there is no such upload (the answer is 404 then
   * for everybody who is known). An upload is its creator's alone: for others it does not exist, whatever this says.
   */
  authorize(request: IncomingMessage, target: UploadTarget | null): Promise<{ userId: string }>;
  /**
   * The last byte is stored: called once an upload, in the transaction that makes it `verifying`. Put the durable job into `trx` that
   * calls `assemble`, and no I/O. When it throws, the last part does not count and the client sends it again.
   */
  onComplete(upload: Upload, trx: Trx): Promise<void>;
  /** of one file */
  maxBytes: number;
  /** where the handler is mounted, default `/llm-ops/v1/uploads` */
  path?: string;
  /** an upload without progress for so long is given up, default 24 h */
  expiryMs?: number;
  /** how much at most has to be sent again after a kill of the server, default 64 MiB */
  partBytes?: number;
  /** a client that is silent for so long counts as gone, default 60 s */
  idleMs?: number;
}

export interface Uploads {
  /** The tus 1.0 endpoint as a plain handler of node:http. Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  find(id: string): Promise<Upload | null>;
  /**
   * Makes one object of a `verifying` upload, hashed on the way, and deletes its parts. Safe to call again after any failure or kill; a
   * repeated call answers the same. Throws `upload_not_found`, `upload_incomplete`, `upload_locked` (worth another try) and what
   * the store throws.
   */
  assemble(id: string, targetKey: string, options?: { signal?: AbortSignal }): Promise<PutResult>;
  /** Gives an upload up, with the reason for the person; its parts go with `collectExpired`. */
  fail(id: string, error: string): Promise<void>;
  /** To be called every few minutes; answers how many uploads were removed. */
  collectExpired(): Promise<number>;
  /** Ends what is being received, keeping what arrived. */
  close(): Promise<void>;
}

const hour = 60 * 60 * 1000;

/** Resumable uploads: parts in the object store, counted in the database, taken up again by any server. */
export function createUploads(deps: UploadsDeps): Uploads {
  const { db, objects, log, now } = deps;
  const store = createUploadStore(db.kysely);
  const locks = createUploadLocks(db, log);
  const parts = { store, objects, locks, now };
  return {
    handle: createTusHandler({
      expiryMs: 24 * hour,
      idleMs: 60_000,
      partBytes: 64 * 1024 * 1024,
      ...deps,
      store,
      locks,
    }),
    find: store.find,
    assemble: (id, targetKey, options) => assemble(parts, id, targetKey, options?.signal),
    fail: (id, error) => store.fail(id, error, now()),
    collectExpired: () => collectExpired(parts),
    close: locks.close,
  };
}
