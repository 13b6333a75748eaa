import { copyFile, open, stat, truncate } from 'node:fs/promises';

const MAX_BYTES = 1024 * 1024;
const TAIL_BYTES = 128 * 1024;

/** Keeps a log and one older part of at most 1 MB. Engines hold the file open for appending, so it is copied and cut, not renamed. */
export async function rotate(path: string): Promise<void> {
  if ((await size(path)) < MAX_BYTES) return;
  await copyFile(path, `${path}.1`);
  await truncate(path);
}

/** The last lines, oldest first. */
export async function tail(path: string, lines: number): Promise<string[]> {
  const text = await end(path);
  const found = text.split('\n').filter((line) => line !== '');
  if (found.length >= lines) return found.slice(-lines);
  const older = (await end(`${path}.1`)).split('\n').filter((line) => line !== '');
  return [...older, ...found].slice(-lines);
}

async function end(path: string): Promise<string> {
  const length = await size(path);
  if (length === 0) return '';
  const file = await open(path);
  try {
    const start = Math.max(0, length - TAIL_BYTES);
    const buffer = Buffer.alloc(length - start);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    const text = buffer.toString('utf8', 0, bytesRead);
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    await file.close();
  }
}

async function size(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}
