import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { failure } from '#platform/errors';
import { refusalWords } from './refusals.ts';

/** What the bytes of a file must be; null: not known. */
export interface Promised {
  path: string;
  size: number;
  /** hex */
  sha256: string | null;
  /** of git: SHA-1 over `blob {size}\0` and the bytes */
  gitBlob: string | null;
}

/** Passes bytes on and ends with `object_corrupt` instead of the end when they are not those that were promised. `onBytes`: how many came so far. */
export function checkedBytes(body: Readable, promised: Promised, onBytes: (count: number) => void): Readable {
  async function* checked() {
    const sha256 = createHash('sha256');
    const blob = createHash('sha1').update(`blob ${promised.size}\0`);
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      sha256.update(chunk);
      if (promised.gitBlob !== null) blob.update(chunk);
      size += chunk.length;
      onBytes(size);
      yield chunk;
    }
    const good =
      size === promised.size &&
      (promised.sha256 === null || promised.sha256 === sha256.digest('hex')) &&
      (promised.gitBlob === null || promised.gitBlob === blob.digest('hex'));
    if (!good) {
      throw failure('object_corrupt', refusalWords.tell('digest_differs', { path: promised.path }));
    }
  }
  return Readable.from(checked(), { objectMode: false });
}
