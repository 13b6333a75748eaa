import type { TaskContext } from '#platform/workers';
import { readRows, type ReadRow } from './compare/cells.ts';
import { findDifferences, pageOfDifferences, type Difference, type Differences } from './compare/differences.ts';
import { columnsOf, schemaChanges } from './compare/schema.ts';
import { drift } from './drift.ts';
import { openDuckDb, type DuckDb } from './duckdb.ts';
import type { CompareInput, CompareOutput, Progress } from './tasks.ts';

/** Two versions row by row: what came, went and changed, a page of it cell by cell, and how columns and their distributions changed. */
export async function compare(input: CompareInput, { memoryMb, progress }: TaskContext): Promise<CompareOutput> {
  const { before, after, limit, change, scratch } = input;
  const tell = (stage: string, done: number): void => progress({ stage, done } satisfies Progress);
  const db = await openDuckDb({
    memoryMb,
    read: [...new Set([...before, ...after].map(({ local }) => local))],
    write: [],
    scratch,
    ordered: false,
  });
  try {
    tell('differences', 0);
    const found = await findDifferences(db, { before, after }, input.keyColumns);
    tell('rows', 0.6);
    const page = limit === 0 ? [] : await pageOfDifferences(db, input);
    const rows = await rowsOf(db, input, page.slice(0, limit), found.keyedBy);
    tell('distributions', 0.7);
    // Whoever compares sees the rows themselves: there is nothing to hide in their labels.
    const distributions = await drift(db, before, after, { mask: (value) => value });
    const { added, removed, modified } = found.summary;
    const all = change === null ? added + removed + modified : found.summary[change];
    return {
      ...found,
      rows,
      truncated: all > input.offset + rows.length,
      schema: schemaChanges(columnsOf(before), columnsOf(after)),
      distributions,
    };
  } finally {
    db.close();
  }
}

/** The counts alone, for a validation; the tables that they were made with are gone. */
export async function summarise(
  db: DuckDb,
  { before, after, keyColumns }: Pick<CompareInput, 'before' | 'after' | 'keyColumns'>,
): Promise<Differences & Pick<CompareOutput, 'schema'>> {
  try {
    return {
      ...(await findDifferences(db, { before, after }, keyColumns)),
      schema: schemaChanges(columnsOf(before), columnsOf(after)),
    };
  } finally {
    for (const table of ['side_before', 'side_after', 'uneven', 'differences', 'parts']) {
      await db.run(`drop table if exists ${table}`);
    }
  }
}

async function rowsOf(
  db: DuckDb,
  { before, after, cellLimit }: CompareInput,
  page: readonly Difference[],
  keyedBy: readonly string[],
): Promise<CompareOutput['rows']> {
  const positions = (side: 'before' | 'after'): number[] => page.flatMap((difference) => difference[side] ?? []);
  const own = await readRows(db, before, positions('before'), cellLimit);
  const other = await readRows(db, after, positions('after'), cellLimit);
  return page.map((difference) => {
    const was = difference.before === null ? undefined : own.get(difference.before);
    const is = difference.after === null ? undefined : other.get(difference.after);
    const known = is ?? was;
    if (known === undefined) throw new Error('A row of the page is not in its file.');
    return {
      change: was === undefined ? 'added' : is === undefined ? 'removed' : 'modified',
      key: keyedBy.length === 0 ? null : Object.fromEntries(keyedBy.map((name) => [name, known.cells[name]])),
      before: was?.cells ?? null,
      after: is?.cells ?? null,
      cells: was === undefined || is === undefined ? [] : changedCells(was, is),
    };
  });
}

/** Names of the cells that differ, of columns that both rows have. */
const changedCells = (was: ReadRow, is: ReadRow): string[] =>
  [...was.hashes].flatMap(([name, hash]) => (is.hashes.has(name) && is.hashes.get(name) !== hash ? [name] : []));
