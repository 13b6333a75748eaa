import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isFailure } from '#platform/errors';
import type { Objects } from '#ports/objects';
import type { RevisionSpec } from '#ports/runtime';
import { Problem } from './problem.ts';
import type { Python } from './python.ts';
import { convertible, type EngineShape } from './rules.ts';
import { words } from './sentences.ts';

type ModelFile = RevisionSpec['model']['files'][number];
type Progress = (doing: 'copying' | 'verifying' | 'converting', doneBytes: number, totalBytes: number) => void;

interface Deps {
  /** `${dataDir}/models` */
  folder: string;
  objects: Objects;
  python: Python;
}

const KEEP_UNUSED_MS = 30 * 24 * 3600 * 1000;

/**
 * Local copies of models, by the digest of their files: copied from the object store with every byte checked, converted once where
 * they are not GGUF. Two revisions that ask at the same time share the work. Throws `Problem`.
 */
export function createModels({ folder, objects, python }: Deps) {
  const inFlight = new Map<string, Promise<string>>();
  /** Files whose bytes were checked by this process, with what would change if they were written since. */
  const verified = new Map<string, string>();

  async function prepare(shape: EngineShape, prefix: string, progress: Progress, signal: AbortSignal): Promise<string> {
    const { source, digest } = shape;
    if (source.kind === 'none') throw new Problem('ModelFilesMissing', source, { retry: false });
    const place = join(folder, digest);
    await mkdir(place, { recursive: true });
    await touch(place, new Date());
    if (source.kind === 'gguf') {
      await materialise(join(place, 'files'), shape.files, prefix, progress, signal);
      return join(place, 'files', source.entry);
    }
    const output = join(place, 'model.f16.gguf');
    if (await isWhole(output)) return output;
    await materialise(join(place, 'files'), shape.files, prefix, progress, signal);
    progress('converting', 0, 0);
    await convert(join(place, 'files'), output, signal);
    await seal(output);
    // The weights are in the object store and in the converted file; a third copy would only fill the disk.
    await rm(join(place, 'files'), { recursive: true, force: true });
    return output;
  }

  /** Makes `target` hold exactly these files. A copy whose bytes changed is thrown away and made again. */
  async function materialise(
    target: string,
    files: ModelFile[],
    prefix: string,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    const total = files.reduce((sum, file) => sum + file.size, 0);
    let done = 0;
    let whole = true;
    for (const file of files) {
      progress('verifying', done, total);
      whole &&= await matches(join(target, file.path), file.sha256);
      done += file.size;
    }
    if (whole) return;
    await rm(target, { recursive: true, force: true });
    const temporary = `${target}.${randomUUID().slice(0, 8)}`;
    try {
      done = 0;
      for (const file of files) {
        await copy(prefix + file.path, join(temporary, file.path), file, signal, (bytes) =>
          progress('copying', (done += bytes), total),
        );
      }
      await rename(temporary, target);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    for (const file of files) await remember(join(target, file.path));
  }

  async function copy(
    key: string,
    path: string,
    file: ModelFile,
    signal: AbortSignal,
    count: (bytes: number) => void,
  ): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    const hash = createHash('sha256');
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        hash.update(chunk);
        count(chunk.length);
        next(null, chunk);
      },
    });
    const body = await objects.get(key).catch((error: unknown) => {
      if (!isFailure(error, 'object_not_found')) throw error;
      throw new Problem('ModelFileMissing', words.tell('file_missing', { file: file.path }));
    });
    await pipeline(body, meter, createWriteStream(path, { flush: true }), { signal });
    const found = hash.digest('hex');
    if (found !== file.sha256) {
      throw new Problem('DigestMismatch', words.tell('digest', { file: file.path, found, recorded: file.sha256 }));
    }
  }

  async function convert(source: string, output: string, signal: AbortSignal): Promise<void> {
    const args = ['-m', 'llmops_trainer.convert', '--source', source, '--output', output, '--dtype', 'f16'];
    const { code, stderr } = await python.run(args, { signal });
    if (code === 0) return;
    const refusal = refusalOf(stderr);
    if (refusal?.code === 'architecture_unsupported') {
      const known = { cause: refusal.message, supported: refusal.supported ?? convertible };
      throw new Problem('ArchitectureUnsupported', words.tell('architecture_refused', known), { retry: false });
    }
    if (refusal !== null) {
      const told = words.tell('conversion_refused', { cause: refusal.message });
      throw new Problem('ConversionRefused', told, { retry: false });
    }
    const said = stderr.trim().split('\n').slice(-3).join(' ');
    throw new Problem('ConversionFailed', words.tell('conversion_failed', { code: code ?? '?', cause: said }));
  }

  /** Records the digest of a file that was made here, beside it. */
  async function seal(path: string): Promise<void> {
    await writeFile(`${path}.sha256.tmp`, await sha256(path));
    await rename(`${path}.sha256.tmp`, `${path}.sha256`);
    await remember(path);
  }

  async function isWhole(path: string): Promise<boolean> {
    const recorded = await readFile(`${path}.sha256`, 'utf8').catch(() => null);
    return recorded !== null && (await matches(path, recorded));
  }

  async function matches(path: string, digest: string): Promise<boolean> {
    const identity = await identityOf(path);
    if (identity === null) return false;
    if (verified.get(path) === identity) return true;
    if ((await sha256(path)) !== digest) return false;
    verified.set(path, identity);
    return true;
  }

  async function remember(path: string): Promise<void> {
    const identity = await identityOf(path);
    if (identity !== null) verified.set(path, identity);
  }

  return {
    /** Removes what a killed platform left half made; only this process writes here. */
    async collectTemporary(): Promise<void> {
      for (const digest of await names(folder)) {
        for (const name of await names(join(folder, digest))) {
          if (!/^files\.[0-9a-f]{8}$|\.part$|\.tmp$/.test(name)) continue;
          await rm(join(folder, digest, name), { recursive: true, force: true });
        }
      }
    },

    /** Removes copies that nothing used for a month; a revision that comes back makes its own again. */
    async collectUnused(used: Set<string>, now: Date): Promise<void> {
      for (const digest of await names(folder)) {
        const place = join(folder, digest);
        if (used.has(digest)) await touch(place, now);
        else if (!inFlight.has(digest)) {
          const found = await stat(place).catch(() => null);
          const old = found !== null && now.getTime() - found.mtimeMs > KEEP_UNUSED_MS;
          if (old) await rm(place, { recursive: true, force: true });
        }
      }
    },

    /** Path of the GGUF file to load. The first caller's progress and signal count. */
    ready(shape: EngineShape, prefix: string, progress: Progress, signal: AbortSignal): Promise<string> {
      const running = inFlight.get(shape.digest);
      if (running !== undefined) return running;
      const work = prepare(shape, prefix, progress, signal).finally(() => inFlight.delete(shape.digest));
      inFlight.set(shape.digest, work);
      return work;
    },
  };
}

const touch = (path: string, at: Date): Promise<void> => utimes(path, at, at);

const names = (path: string): Promise<string[]> => readdir(path).catch(() => []);

interface Refusal {
  code: string;
  message: string;
  supported?: string[];
}

function refusalOf(stderr: string): Refusal | null {
  for (const line of stderr.trim().split('\n').reverse()) {
    try {
      const { error } = JSON.parse(line) as { error?: Refusal };
      if (error !== undefined) return error;
    } catch {
      continue;
    }
  }
  return null;
}

async function identityOf(path: string): Promise<string | null> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(':');
  } catch {
    return null;
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
