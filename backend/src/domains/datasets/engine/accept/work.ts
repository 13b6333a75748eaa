import type { DatasetColumn, DatasetFileFacts, DatasetType } from '@llm-ops/contracts';
import type { Sentence } from '#platform/words';
import { missingColumns } from '../../columns-of-type.ts';
import type { AcceptInput } from '../tasks.ts';
import { checkNames } from './columnNames.ts';
import { Refused, type Issues } from './issues.ts';
import { words } from './sentences.ts';

/** What the readers of the formats need. */
export interface Work {
  input: AcceptInput;
  issues: Issues;
  memoryMb: number;
  /** 0 to 1, of reading and converting */
  progress(stage: string, done: number): void;
}

export interface Accepted {
  rows: number;
  badRows: number;
  columns: DatasetColumn[];
  dialect: DatasetFileFacts['dialect'];
  notes: Sentence[];
}

/** Refuses names that cannot be used, too many of them, and columns that lack what the type needs. `line` is where the names stand. */
export function checkColumns({ input, issues }: Work, names: readonly string[], line: number | null): void {
  if (names.length > input.limits.columns)
    issues.refuse({
      line,
      ...words.tell('too_many_columns', { columns: names.length, most: input.limits.columns }),
    });
  for (const issue of checkNames(names)) issues.add({ line, ...issue });
  if (input.type !== null) checkType(issues, input.type, names, line);
  if (issues.count > 0) throw new Refused();
}

export function checkType(issues: Issues, type: DatasetType, names: readonly string[], line: number | null): void {
  const missing = missingColumns(type, names);
  if (missing !== null) issues.add({ line, ...missing });
}

/** After all rows were read: is there anything, and is it good enough? */
export function checkRows({ input, issues }: Work, rows: number, badRows: number): void {
  if (badRows > 0 && (input.badRows === 'refuse' || rows === 0)) throw new Refused();
  if (rows === 0) issues.refuse(words.tell('rows_none'));
}
