import { open, rename } from 'node:fs/promises';
import path from 'node:path';

/** Puts a file in the place of another: after a power cut there is the old one or the new one, whole. For its owner alone. */
export async function replaceFile(file: string, bytes: Buffer): Promise<void> {
  const fresh = `${file}.new`;
  const handle = await open(fresh, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
  const folder = await open(path.dirname(file), 'r');
  await folder.sync().finally(() => folder.close());
}
