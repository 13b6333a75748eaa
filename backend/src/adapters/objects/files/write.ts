import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';

/** Chunks are gathered to calls of this size; larger ones cost more, because they leave the processor's cache. */
const batchBytes = 256 * 1024;

/** Runs the streams into a new file and syncs it. */
export async function writeFile(
  path: string,
  streams: [Readable, ...NodeJS.ReadWriteStream[]],
  signal?: AbortSignal,
): Promise<void> {
  const file = await open(path, 'wx', 0o640);
  // The stream closes the handle itself: a handle that is closed while a stream of it is open never closes.
  const target = file.createWriteStream({ flush: true, highWaterMark: batchBytes });
  const closed = new Promise<void>((resolve) => target.once('close', resolve));
  try {
    await pipeline([...streams, target], { signal });
  } finally {
    await closed;
  }
}
