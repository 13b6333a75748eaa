import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredObject } from '#ports/objects';
import { absent, folderOf } from './place.ts';

/** Regular files whose key begins with `prefix`, in the order of their keys' bytes, as S3 lists them. Links are not followed. */
export async function* walk(root: string, prefix: string): AsyncGenerator<StoredObject> {
  const parent = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  if (parent !== '' && !(await folderOf(root, `${parent}x`))) return;
  yield* below(root, parent, prefix);
}

async function* below(root: string, folder: string, prefix: string): AsyncGenerator<StoredObject> {
  const entries = (await readdir(join(root, folder), { withFileTypes: true }).catch(absent)) ?? [];
  // "a-b" comes before "a/b", which comes before "a0": a folder is sorted by its name with the slash
  const keys = entries
    .filter((entry) => (entry.isFile() || entry.isDirectory()) && !(folder === '' && entry.name.startsWith('.')))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .filter((key) => key.startsWith(prefix))
    .sort((a, b) => (a < b ? -1 : 1));
  for (const key of keys) {
    if (key.endsWith('/')) {
      yield* below(root, key, prefix);
    } else {
      const facts = await lstat(join(root, key)).catch(absent);
      if (facts?.isFile()) yield { key, size: facts.size, modifiedAt: facts.mtime };
    }
  }
}
