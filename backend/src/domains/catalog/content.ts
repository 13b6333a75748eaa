import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Objects } from '#ports/objects';
import type { RandomAccess } from './inspect/index.ts';

/** An object of the store, read by position. */
export function objectReader(objects: Objects, key: string, size: number): RandomAccess {
  return {
    size,
    async read(start, length) {
      const end = Math.min(start + length, size) - 1;
      return end < start ? Buffer.alloc(0) : buffer(await objects.get(key, { start, end }));
    },
  };
}

export async function digestOf(
  objects: Objects,
  key: string,
  signal?: AbortSignal,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of (await objects.get(key)) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/** Passes the bytes on and fails at their end when they are not those of the digest, so that nobody takes a corrupt file for whole. */
export async function* verified(body: Readable, sha256: string, path: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256) throw new Error(`${path} in the object store is not what was uploaded.`);
}
