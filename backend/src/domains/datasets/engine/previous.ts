import type { DistributionChange } from '@llm-ops/contracts';
import { summarise } from './compare.ts';
import { pageOfSchema } from './compare/schema.ts';
import { drift, told } from './drift.ts';
import type { DuckDb } from './duckdb.ts';
import type { RowsFile, ValidateOutput } from './tasks.ts';

export interface AgainstPrevious {
  diff: NonNullable<ValidateOutput['diff']>;
  drift: DistributionChange[];
  /** columns that drifted, told or not */
  drifted: number;
  /** columns that both versions have */
  shared: number;
}

/** What differs from the version before: rows, columns and distributions. Where it lacks a key column, rows are compared by content. */
export async function comparePrevious(
  db: DuckDb,
  options: {
    files: readonly RowsFile[];
    previous: readonly RowsFile[];
    keyColumns: readonly string[];
    mask(value: string): string;
    /** 0 to 1 */
    onProgress(done: number): void;
  },
): Promise<AgainstPrevious> {
  const { files, previous, keyColumns, mask, onProgress } = options;
  const { summary, schema } = await summarise(db, {
    before: [...previous],
    after: [...files],
    keyColumns: [...keyColumns],
  });
  onProgress(0.5);
  const { changes, drifted } = await drift(db, previous, files, { mask });
  return {
    diff: { summary, ...pageOfSchema(schema, { offset: 0, limit: told }) },
    drift: changes,
    drifted,
    shared: namesOf(files).intersection(namesOf(previous)).size,
  };
}

const namesOf = (files: readonly RowsFile[]): Set<string> =>
  new Set(files.flatMap(({ columns }) => columns.map(({ name }) => name)));
