import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { words } from './sentences.ts';
import { bytesText } from './words.ts';
import type { Issues } from './issues.ts';

const CHUNK = 1024 * 1024;

/** Decompresses a gzip file (of one or several members) to `target`. Refuses what is broken and what grows beyond `limit` bytes. */
export async function unpack(
  source: string,
  target: string,
  { issues, limit, onRead }: { issues: Issues; limit: number; onRead(done: number): void },
): Promise<void> {
  const { size } = await stat(source);
  const input = createReadStream(source, { highWaterMark: CHUNK });
  let written = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _, next) {
      written += chunk.length;
      onRead(input.bytesRead / size);
      if (written > limit) next(new TooLarge());
      else next(null, chunk);
    },
  });
  try {
    await pipeline(input, createGunzip({ chunkSize: CHUNK }), counter, createWriteStream(target));
  } catch (error) {
    if (error instanceof TooLarge) issues.refuse(words.tell('gzip_too_large', { limit: bytesText(limit) }));
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'Z_BUF_ERROR') issues.refuse(words.tell('gzip_cut'));
    if (code?.startsWith('Z_')) issues.refuse(words.tell('gzip_damaged', { place: bytesText(written) }));
    throw error;
  }
}

class TooLarge extends Error {}
