import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { uuidv7 } from '#platform/ids';
import type { Logger } from '#platform/log';

/** Of folders that could not be written: the same to everybody of this process. */
const unkept = new Map<string, string>();
const form = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Who this gateway is: made once, kept in the folder of its journal. One that cannot be kept holds until the process ends. */
export function gatewayOf(directory: string, log: Logger): string {
  const file = path.join(directory, 'gateway-id');
  try {
    const known = readFileSync(file, 'utf8').trim();
    if (form.test(known)) return known;
    log.warn({ file }, 'the id of this gateway was unreadable; it gets a new one');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err: error, file }, 'the id of this gateway cannot be read; it gets a new one');
  }
  const made = unkept.get(directory) ?? uuidv7();
  try {
    mkdirSync(directory, { recursive: true });
    const descriptor = openSync(`${file}.new`, 'w', 0o600);
    try {
      writeSync(descriptor, `${made}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(`${file}.new`, file);
  } catch (error) {
    unkept.set(directory, made);
    log.error({ err: error, file }, 'the id of this gateway cannot be kept; after a restart it is another one');
  }
  return made;
}
