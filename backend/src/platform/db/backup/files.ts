import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform, Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { failure } from '#platform/errors';

export interface WrittenFile {
  file: string;
  sha256: string;
  /** of the file as it lies there */
  bytes: number;
}

/** Passes bytes on and remembers their digest and number. */
export function measuring(): Transform & { result(): { sha256: string; bytes: number } } {
  const hash = createHash('sha256');
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  return Object.assign(stream, { result: () => ({ sha256: hash.digest('hex'), bytes }) });
}

/** Writes `source` below the backup's folder, on the disk when this returns. */
export async function writeFileOf(
  folder: string,
  file: string,
  source: Readable,
  options: { gzip: boolean },
): Promise<WrittenFile> {
  const path = join(folder, file);
  await mkdir(dirname(path), { recursive: true });
  const measure = measuring();
  const sink = createWriteStream(path, { flush: true, mode: 0o600 });
  if (options.gzip) await pipeline(source, createGzip({ level: 4 }), measure, sink);
  else await pipeline(source, measure, sink);
  return { file, ...measure.result() };
}

type Sink = Writable | ((source: AsyncIterable<Buffer>) => Promise<void>);

/**
 * Streams a compressed file of the backup into `sink`. Throws `backup_invalid` when its digest is not that of the manifest, which is also
 * why it may not be unpacked or the sink may not understand it.
 */
export async function readFileOf(folder: string, expected: WrittenFile, sink: Sink): Promise<void> {
  const path = join(folder, expected.file);
  const measure = measuring();
  let failed: unknown;
  try {
    await pipeline(createReadStream(path), measure, createGunzip(), sink);
    if (measure.result().sha256 === expected.sha256) return;
  } catch (cause) {
    if ((await digestOf(path)) === expected.sha256) throw cause;
    failed = cause;
  }
  throw failure('backup_invalid', {
    message: `${expected.file} of the backup is missing or is not what its manifest says.`,
    cause: failed,
  });
}

async function digestOf(path: string): Promise<string | null> {
  const measure = measuring();
  try {
    await pipeline(createReadStream(path), measure, new Writable({ write: (_chunk, _encoding, done) => done() }));
    return measure.result().sha256;
  } catch {
    return null;
  }
}
