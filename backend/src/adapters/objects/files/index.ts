import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, realpath, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { failure, isFailure } from '#platform/errors';
import type { Objects } from '#ports/objects';
import { createDigest } from '../digest.ts';
import { checkKey, checkPrefix } from '../keys.ts';
import { walk } from './list.ts';
import { absent, folderOf, makeFolder, removeEmptyFolders, syncFolder } from './place.ts';
import { isAbandoned, isAlive, temporaryName, thisWriter } from './temporary.ts';
import { writeFile } from './write.ts';

const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW;
const readSize = 256 * 1024;
const full = new Set(['ENOSPC', 'EDQUOT']);
const conflicts = new Set(['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST', 'ELOOP']);

export interface FileObjects extends Objects {
  /** Removes what killed writers left; answers how many files. Runs once at creation. */
  collectTemporary(): Promise<number>;
}

/**
 * Objects as files below `root`. An object is written to `root/.tmp`, synced, renamed to its place and the folder synced, so that a
 * reader sees the old or the new one and neither a kill nor a power cut leaves a part. On Linux a name that differs from an existing
 * one only by case is refused as well, so that a store can be moved to any machine.
 */
export async function createFileObjects(options: { root: string; bucket?: string }): Promise<FileObjects> {
  const { bucket } = options;
  await mkdir(join(options.root, '.tmp'), { recursive: true }).catch(unavailable);
  const root = await realpath(options.root);
  const temporary = join(root, '.tmp');
  const writer = thisWriter();

  /** Null, unless the store itself is gone: that must not look like a missing object. */
  async function missing(): Promise<null> {
    await stat(temporary).catch(unavailable);
    return null;
  }

  async function publish(from: string, key: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await makeFolder(root, key);
      try {
        await rename(from, join(root, key));
        return await syncFolder(join(root, key, '..'));
      } catch (error) {
        // a delete may have removed the folder that had become empty
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 5) throw error;
      }
    }
  }

  const objects: FileObjects = {
    kind: 'files',

    async put(key, body, limits) {
      const path = join(temporary, temporaryName(writer));
      const digest = createDigest(body, limits);
      try {
        checkKey(key);
        await missing();
        await makeFolder(root, key);
        await writeFile(path, [body, digest.stream], limits?.signal);
        await publish(path, key);
      } catch (error) {
        const cause = digest.bodyFailed() ? error : translated(error, key);
        body.destroy();
        await rm(path, { force: true }).catch(() => undefined);
        if (!isFailure(error, 'object_key_invalid')) await removeEmptyFolders(root, key);
        throw cause;
      }
      return { key, size: digest.size(), sha256: digest.sha256() };
    },

    async get(key, range) {
      checkKey(key);
      try {
        const folder = await folderOf(root, key);
        const file = folder === null ? null : await open(join(root, key), readOnly).catch(absent);
        if (!file) throw (await missing()) ?? notFound(key);
        const facts = await file.stat();
        const start = range?.start ?? 0;
        const end = Math.min(range?.end ?? Infinity, facts.size - 1);
        if (!facts.isFile() || end < start) {
          await file.close();
          if (!facts.isFile()) throw notFound(key);
          return Readable.from([]);
        }
        return file.createReadStream({ start, end, highWaterMark: readSize });
      } catch (error) {
        throw translated(error, key);
      }
    },

    async stat(key) {
      checkKey(key);
      try {
        const folder = await folderOf(root, key);
        const facts = folder === null ? null : await lstat(join(root, key)).catch(absent);
        if (!facts?.isFile()) return await missing();
        return { key, size: facts.size, modifiedAt: facts.mtime };
      } catch (error) {
        throw translated(error, key);
      }
    },

    async *list(prefix) {
      checkPrefix(prefix);
      try {
        await missing();
        yield* walk(root, prefix);
      } catch (error) {
        throw translated(error, prefix);
      }
    },

    async delete(key) {
      checkKey(key);
      try {
        if (!(await folderOf(root, key))) return void (await missing());
        await unlink(join(root, key)).catch((error: NodeJS.ErrnoException) => {
          // a folder is no object: EISDIR on Linux, EPERM elsewhere
          if (error.code !== 'EISDIR' && error.code !== 'EPERM') absent(error);
        });
        await removeEmptyFolders(root, key);
      } catch (error) {
        throw translated(error, key);
      }
    },

    uri(key) {
      return `s3://${bucket ? `${bucket}/` : ''}${checkPrefix(key)}`;
    },

    async check() {
      const path = join(temporary, temporaryName(writer));
      try {
        await writeFile(path, [Readable.from([Buffer.from('check')])]);
      } catch (error) {
        throw translated(error, 'check');
      } finally {
        await rm(path, { force: true }).catch(() => undefined);
      }
    },

    async local(key) {
      checkKey(key);
      try {
        const folder = await folderOf(root, key);
        const facts = folder === null ? null : await lstat(join(root, key)).catch(absent);
        return facts?.isFile() ? join(root, key) : await missing();
      } catch (error) {
        throw translated(error, key);
      }
    },

    async collectTemporary() {
      let removed = 0;
      for (const name of await readdir(temporary).catch(unavailable)) {
        const facts = await lstat(join(temporary, name)).catch(absent);
        if (!facts || !isAbandoned({ name, modifiedAt: facts.mtimeMs }, writer, { now: Date.now(), alive: isAlive }))
          continue;
        await rm(join(temporary, name), { force: true, recursive: true });
        removed++;
      }
      return removed;
    },
  };
  await objects.collectTemporary();
  return objects;
}

function notFound(key: string) {
  return failure('object_not_found', { message: `There is no object ${key}.` });
}

function unavailable(cause: unknown): never {
  throw failure('object_store_unavailable', { cause });
}

/** System errors of the folder as the product's failures. */
function translated(error: unknown, key: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!code || !syscall) return error;
  if (full.has(code)) return failure('object_store_full', { cause: error });
  if (conflicts.has(code)) {
    return failure('object_key_invalid', {
      message: `${key} is a folder, a link, or lies below an object.`,
      cause: error,
    });
  }
  return failure('object_store_unavailable', { cause: error });
}
