import { createHash } from 'node:crypto';
import { Transform, type Readable } from 'node:stream';
import { failure } from '#platform/errors';

/** A stream to put between a body and where it goes: counts and hashes what passes. */
interface Digest {
  stream: Transform;
  /** bytes so far */
  size(): number;
  /** hex; once, at the end */
  sha256(): string;
  /** the body failed, was too large or aborted: not the place where it went */
  bodyFailed(): boolean;
}

/** Fails with `object_too_large` at the first chunk that passes `maxBytes`. Streams that flow, unlike iterators, do not copy chunks. */
export function createDigest(
  body: Readable,
  { maxBytes = Infinity, signal }: { maxBytes?: number; signal?: AbortSignal } = {},
): Digest {
  const hash = createHash('sha256');
  let size = 0;
  let failed = body.destroyed;
  const stream = new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes) {
        failed = true;
        done(failure('object_too_large', { message: `The file is larger than ${maxBytes} bytes.` }));
        return;
      }
      hash.update(chunk);
      done(null, chunk);
    },
  });
  // an error of the destination destroys this stream before the body says anything
  const onEnd = () => (failed ||= !body.readableEnded && !stream.destroyed);
  body.once('error', onEnd);
  body.once('close', onEnd);
  return {
    stream,
    size: () => size,
    sha256: () => hash.digest('hex'),
    bodyFailed: () => failed || (signal?.aborted ?? false),
  };
}
