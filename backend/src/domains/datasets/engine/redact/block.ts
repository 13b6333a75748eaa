import { failure } from '#platform/errors';
import type { PiiMatch, Redactor } from '../../pii/index.ts';
import type { NamedEntities } from '../content/ner.ts';
import type { Block } from './blocks.ts';
import type { RedactColumn } from './columns.ts';
import { refusalWords } from '../../refusals.ts';

/** The cells of a block without personal data: the same array where nothing in a column was replaced. */
export async function redactBlock(
  { cells }: Block,
  columns: readonly RedactColumn[],
  { redactor, ner }: { redactor: Redactor; ner: NamedEntities },
): Promise<(string | null)[][]> {
  const redacted: (string | null)[][] = [];
  for (const [at, { name, look, named, number }] of columns.entries()) {
    const column = cells[at]!;
    if (look === null) redacted.push(column);
    else {
      const more = named && ner.state === 'used' ? await namesIn(column, ner) : undefined;
      const cells = redactor.redact(column, { form: number ? 'numbers' : look, column: name, more });
      redacted.push(number ? cells.map((cell, row) => (cell === column[row] ? cell : wholeOf(cell!))) : cells);
    }
  }
  return redacted;
}

/** `[CREDIT_CARD].0` has nothing of a number any more. */
const wholeOf = (replaced: string): string => replaced.replace(/\.0+$/, '');

async function namesIn(cells: readonly (string | null)[], ner: NamedEntities): Promise<Map<number, PiiMatch[]>> {
  const found = new Map<number, PiiMatch[]>();
  for (const { cell, ...match } of await ner.find(cells)) found.set(cell, [...(found.get(cell) ?? []), match]);
  if (ner.state !== 'used') {
    throw failure('dataset_engine_failed', refusalWords.tell('names_unknown'));
  }
  return found;
}
