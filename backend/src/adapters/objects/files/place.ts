import { mkdir, open, readdir, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failure } from '#platform/errors';

/** Makes what a crash of the machine must not undo: a new or renamed entry of this folder. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * The real folder of a key below the real path `root`, or null when it does not exist. A symbolic link on the way, or a name
 * that differs only by case on a file system that does not tell them apart, throws `object_key_invalid`.
 */
export async function folderOf(root: string, key: string): Promise<string | null> {
  const expected = dirname(join(root, key));
  const real = await realpath(expected).catch(absent);
  if (real !== null && real !== expected) throw refused(key, 'is behind a link or differs by case from what is there');
  return real;
}

/** Makes the folder of a key, durably. Throws `object_key_invalid` where a name of the way exists in another case. */
export async function makeFolder(root: string, key: string): Promise<void> {
  let folder = root;
  const segments = key.split('/');
  for (const [depth, name] of segments.entries()) {
    const path = join(folder, name);
    const last = depth === segments.length - 1;
    const siblings = await realpath(path).then((real) => (real === path ? null : refuse(key)), namesIn(folder));
    if (siblings?.some((other) => other !== name && other.toLowerCase() === name.toLowerCase())) {
      throw refused(key, 'differs only by case from what is there');
    }
    if (last) return;
    if (siblings) {
      await mkdir(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      await syncFolder(folder);
    }
    folder = path;
  }
}

/** Removes the folders of a key that are empty now, up to the root. */
export async function removeEmptyFolders(root: string, key: string): Promise<void> {
  for (let folder = dirname(join(root, key)); folder !== root; folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      return;
    }
  }
}

export function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}

function namesIn(folder: string) {
  return async (error: NodeJS.ErrnoException) => {
    absent(error);
    return readdir(folder);
  };
}

function refuse(key: string): never {
  throw refused(key, 'is behind a link or differs by case from what is there');
}

function refused(key: string, why: string) {
  return failure('object_key_invalid', { message: `${JSON.stringify(key)} ${why}.` });
}
