import { Readable } from 'node:stream';
import { failure } from '#platform/errors';
import type { Objects, PutResult, StoredObject } from '#ports/objects';
import type { UploadLocks } from './lock.ts';
import { chainOf, partsPrefix } from './rules.ts';
import type { UploadStore } from './store.ts';

interface Parts {
  store: UploadStore;
  objects: Objects;
  locks: UploadLocks;
  now(): Date;
}

const lockWaitMs = 30_000;
/** how long a complete upload is remembered, so that a late retry still gets its answer */
const rememberMs = 7 * 24 * 60 * 60 * 1000;

/**
 * Puts the parts together under `targetKey` and deletes them. It may be killed anywhere and called again: the result is written to the
 * row after the object is there and before the first part goes. Throws `upload_not_found`, `upload_incomplete`, `upload_locked`.
 */
export async function assemble(
  { store, objects, locks, now }: Parts,
  id: string,
  targetKey: string,
  signal?: AbortSignal,
): Promise<PutResult> {
  return locks.hold(id, { waitMs: lockWaitMs, interrupt: false }, async () => {
    const upload = await store.find(id);
    if (!upload) throw failure('upload_not_found');
    if (upload.status === 'complete' && upload.objectKey === targetKey) {
      await deleteParts(objects, id);
      return { key: targetKey, size: upload.size, sha256: upload.sha256! };
    }
    if (upload.status !== 'verifying')
      throw failure('upload_incomplete', { message: `The upload is ${upload.status}.` });
    const chain = chainOf(id, await partsOf(objects, id), upload.size);
    if (!chain)
      throw failure('upload_incomplete', { message: 'Parts of this upload are missing in the object store.' });
    const result = await objects.put(targetKey, Readable.from(contents(objects, chain), { objectMode: false }), {
      maxBytes: upload.size,
      signal,
    });
    if (result.size !== upload.size) {
      throw failure('upload_incomplete', { message: `${result.size} of ${upload.size} bytes could be read back.` });
    }
    await store.complete(id, { objectKey: targetKey, sha256: result.sha256, now: now() });
    await deleteParts(objects, id);
    return result;
  });
}

/** Removes an upload: the mark first, so that nobody goes on with half of the parts, the row last, so that a kill leaves it to the collector. */
export async function discard(
  { store, objects, now }: Omit<Parts, 'locks'>,
  id: string,
  reason: string,
): Promise<void> {
  await store.fail(id, reason, now());
  await deleteParts(objects, id);
  await store.remove(id);
}

/** Removes what expired and forgets what was complete long ago; answers how many. What somebody is working on is left alone. */
export async function collectExpired(parts: Parts): Promise<number> {
  const { store, locks, now } = parts;
  let collected = 0;
  const due = () => store.collectable(now(), new Date(now().getTime() - rememberMs));
  for (const id of await due()) {
    try {
      await locks.hold(id, { waitMs: 0, interrupt: false }, async () => {
        // it may have gone on since
        const upload = await store.find(id);
        if (!upload || (upload.status === 'receiving' && upload.expiresAt >= now())) return;
        await discard(parts, id, 'expired');
        collected++;
      });
    } catch (error) {
      if ((error as { code?: string }).code !== 'upload_locked') throw error;
    }
  }
  return collected;
}

async function partsOf(objects: Objects, id: string): Promise<StoredObject[]> {
  const parts: StoredObject[] = [];
  for await (const part of objects.list(partsPrefix(id))) parts.push(part);
  return parts;
}

async function deleteParts(objects: Objects, id: string): Promise<void> {
  for (const { key } of await partsOf(objects, id)) await objects.delete(key);
}

async function* contents(objects: Objects, chain: StoredObject[]) {
  for (const { key } of chain) yield* await objects.get(key);
}
