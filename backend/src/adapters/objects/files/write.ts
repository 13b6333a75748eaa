import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Chunks are gathered to calls of this size; larger ones cost more, because they leave the processor's cache. */
const batchBytes = 256 * 1024;

/** Runs the streams into a new file and syncs it. */
export async function writeFile(
  path: string,
  streams: [Readable, ...NodeJS.ReadWriteStream[]],
  signal?: AbortSignal,
): Promise<void> {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o640, flush: true, highWaterMark: batchBytes });
  await pipeline([...streams, file], { signal });
}
