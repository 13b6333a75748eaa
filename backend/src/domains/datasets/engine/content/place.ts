import type { Sentence } from '#platform/words';
import { findingWords } from '../findings/sentences.ts';

export interface Place {
  path: string;
  /** in the file, from 0 */
  row: number;
}

/** A row among those of several files. */
export function placeOf(files: readonly { path: string; rows: number }[], row: number): Place {
  let left = row;
  for (const { path, rows } of files) {
    if (left < rows) return { path, row: left };
    left -= rows;
  }
  throw new Error('There is no such row.');
}

/** For a person; a row of the same file goes without the file's name. */
export const nameOfRow = (own: string, { path, row }: Place): Sentence =>
  path === own ? findingWords.line('row', { row: row + 1 }) : findingWords.line('row_of', { row: row + 1, file: path });
