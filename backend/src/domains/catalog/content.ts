import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { failure } from '#platform/errors';
import type { Objects } from '#ports/objects';
import type { RandomAccess } from './inspect/index.ts';
import { words } from './refusals.ts';

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

/** Passes the bytes on but fails before the last of them when they are not those of the digest, so that nobody takes a corrupt file for whole. */
export async function* verified(body: Readable, sha256: string, path: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | null = null;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (held !== null) yield held;
    held = chunk;
  }
  if (hash.digest('hex') !== sha256) throw failure('object_corrupt', words.tell('corrupt', { path }));
  if (held !== null) yield held;
}
