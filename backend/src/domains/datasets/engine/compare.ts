import type { TaskContext } from '#platform/workers';
import { readCells, readHashes } from './compare/cells.ts';
import { findDifferences, pageOfDifferences, type Difference, type Differences } from './compare/differences.ts';
import { differencesFile, differencesOnce, driftOnce } from './compare/kept.ts';
import { columnsOf, pageOfSchema, schemaChanges } from './compare/schema.ts';
import { openDuckDb, type DuckDb } from './duckdb.ts';
import type { CompareInput, CompareOutput, Progress, RowsFile } from './tasks.ts';

/**
 * Two versions row by row: what came, went and changed, a page of it cell by cell, and how columns and their distributions changed. What does not
 * depend on the page is left in `input.kept`, where the next page finds it.
 */
export async function compare(input: CompareInput, { memoryMb, progress }: TaskContext): Promise<CompareOutput> {
  const { before, after, limit, change, kept, scratch } = input;
  const tell = (stage: string, done: number): void => progress({ stage, done } satisfies Progress);
  const db = await openDuckDb({
    memoryMb,
    read: [...new Set([...before, ...after].map(({ local }) => local))],
    write: [differencesFile(kept)],
    scratch,
    ordered: false,
  });
  try {
    tell('differences', 0);
    const found = await differencesOnce(db, input);
    tell('rows', 0.6);
    const page = limit === 0 ? [] : await pageOfDifferences(db, input);
    const rows = await rowsOf(db, input, page.slice(0, limit), found.keyedBy);
    tell('distributions', 0.7);
    const changes = await driftOnce(db, input);
    const { schema, counts } = pageOfSchema(schemaChanges(columnsOf(before), columnsOf(after)), input.columns);
    const { added, removed, modified } = found.summary;
    const all = change === null ? added + removed + modified : found.summary[change];
    return {
      ...found,
      rows,
      truncated: all > input.offset + rows.length,
      schema,
      distributions: changes.changes,
      columns: { cells: namesOf(before, after).length, distributions: changes.count, ...counts },
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

const namesOf = (before: readonly RowsFile[], after: readonly RowsFile[]): string[] => [
  ...new Set([...after, ...before].flatMap(({ columns }) => columns.map(({ name }) => name))),
];

/** Of a modified row the cells that differ are the first ones. */
async function rowsOf(
  db: DuckDb,
  { before, after, cellLimit, columns }: CompareInput,
  page: readonly Difference[],
  keyedBy: readonly string[],
): Promise<CompareOutput['rows']> {
  const differing = await differingCells(db, { before, after }, page);
  const names = namesOf(before, after);
  const told = page.map((_, at) => {
    if (columns.name !== undefined) return new Set([columns.name]);
    const first = new Set(differing[at]);
    const all = first.size === 0 ? names : [...first, ...names.filter((name) => !first.has(name))];
    return new Set(all.slice(columns.offset, columns.offset + columns.limit));
  });
  const read = (files: readonly RowsFile[], side: 'before' | 'after') => {
    const rows = page.flatMap((row, at) => (row[side] === null ? [] : [{ position: row[side], told: told[at]! }]));
    const wanted = new Set([...keyedBy, ...rows.flatMap((row) => [...row.told])]);
    return readCells(db, files, { positions: rows.map(({ position }) => position), names: wanted, cellLimit });
  };
  const own = await read(before, 'before');
  const other = await read(after, 'after');
  return page.map((row, at) => {
    const was = row.before === null ? null : own.get(row.before)!;
    const is = row.after === null ? null : other.get(row.after)!;
    const known = is ?? was!;
    const some = (cells: Record<string, unknown> | null): Record<string, unknown> | null =>
      cells && Object.fromEntries(Object.entries(cells).filter(([name]) => told[at]!.has(name)));
    return {
      change: was === null ? 'added' : is === null ? 'removed' : 'modified',
      key: keyedBy.length === 0 ? null : Object.fromEntries(keyedBy.map((name) => [name, known[name]])),
      before: some(was),
      after: some(is),
      cells: differing[at]!.filter((name) => told[at]!.has(name)),
      differing: differing[at]!.length,
    };
  });
}

/** Of each row the names of the cells that differ, of columns that both versions have; none of a row that was added or removed. */
async function differingCells(
  db: DuckDb,
  { before, after }: Pick<CompareInput, 'before' | 'after'>,
  page: readonly Difference[],
): Promise<string[][]> {
  const modified = page.filter((row) => row.before !== null && row.after !== null);
  if (modified.length === 0) return page.map(() => []);
  const own = await readHashes(
    db,
    before,
    modified.map((row) => row.before!),
  );
  const other = await readHashes(
    db,
    after,
    modified.map((row) => row.after!),
  );
  return page.map((row) => {
    if (row.before === null || row.after === null) return [];
    const [was, is] = [own.get(row.before)!, other.get(row.after)!];
    return [...was].flatMap(([name, hash]) => (is.has(name) && is.get(name) !== hash ? [name] : []));
  });
}
