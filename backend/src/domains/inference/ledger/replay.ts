import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '#platform/log';
import { linesIn, type Change } from './lines.ts';

const linesAtATime = 500;

/**
 * Gives the lines of a segment one by one, with pauses in which the loop does other work. A last line without an end is what a killed
 * process had not written to its end; any other that is no line is left out and told. Throws when the file cannot be read.
 */
export async function* readSegment(file: string, log: Logger): AsyncGenerator<Change[]> {
  const name = path.basename(file);
  const lines = (await readFile(file, 'utf8')).split('\n');
  const torn = lines.pop()!;
  if (torn !== '')
    log.warn({ file: name, bytes: torn.length }, 'a torn line at the end of the usage journal was dropped');
  let some: Change[] = [];
  const damaged = (line: number): void =>
    log.error({ file: name, line }, 'a damaged line of the usage journal was left out');
  for (const change of linesIn(lines, damaged)) {
    some.push(change);
    if (some.length < linesAtATime) continue;
    yield some;
    some = [];
    await new Promise(setImmediate);
  }
  yield some;
}
