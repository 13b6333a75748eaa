import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { failure } from '#platform/errors';
import type { Trx } from '#platform/http';
import type { Objects } from '#ports/objects';
import type { Body } from './body.ts';
import type { UploadLock } from './lock.ts';
import { partKey, tooLarge, type Checksum } from './rules.ts';
import type { Upload, UploadStore } from './store.ts';

interface Append {
  store: UploadStore;
  objects: Objects;
  now(): Date;
  expiryMs: number;
  /** a part is no larger, so that no more is lost when the server is killed */
  partBytes: number;
  onComplete(upload: Upload, trx: Trx): Promise<void>;
}

/**
 * Stores a body behind what is there already, part by part, each counted once it is stored; answers where the upload stands then. A body
 * with a checksum is one part and kept whole or not at all. Throws `object_too_large`, `upload_checksum_mismatch`.
 */
export async function appendBody(
  { store, objects, now, expiryMs, partBytes, onComplete }: Append,
  upload: Upload,
  body: Body,
  lock: UploadLock,
  checksum: Checksum | null,
): Promise<Upload> {
  let current = upload;
  for (let first = await body.read(partBytes); first !== null; first = await body.read(partBytes)) {
    const part = Readable.from(piece(first, current.received), { objectMode: false });
    const { size } = await objects.put(partKey(current.id, current.received), part);
    const at = now();
    const change = { received: current.received + size, now: at, expiresAt: new Date(at.getTime() + expiryMs) };
    current = await store.advance(current, change, onComplete);
  }
  return current;

  async function* piece(first: Buffer, offset: number) {
    const limit = checksum ? Infinity : partBytes;
    const hash = checksum && createHash(checksum.algorithm);
    let size = 0;
    for (let bytes: Buffer | null = first; bytes !== null;) {
      size += bytes.length;
      if (offset + size > upload.size) throw tooLarge(upload.size);
      hash?.update(bytes);
      yield bytes;
      bytes = size < limit ? await body.read(limit - size) : null;
    }
    if (hash && body.lost) throw failure('upload_aborted');
    if (hash && !hash.digest().equals(checksum!.digest)) throw failure('upload_checksum_mismatch');
    // the part appears once this returns: not if another server may be writing the same one
    await lock.verify();
  }
}
