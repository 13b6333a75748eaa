import type { Cell, DuckDb } from './duckdb.ts';
import type { Relation, RelationColumn } from './relation.ts';

/**
 * Of tables with many columns and few rows a plan costs more than what is done with the rows: some milliseconds for each column, and more the more
 * there are. So the cells of columns of one type are laid out one below the other, with the number of their column, and what is asked of a
 * column is asked once for all of them, by that number. For each cell this costs several times as much as in a column of its own.
 */
export interface Laid {
  columns: readonly RelationColumn[];
  /** the column `c` of the table `cells`, which has `k`, the place of its column in `columns`, and the `row` it is in */
  cell: RelationColumn;
  /** Answers `select k, … group by k`, by column; a column is not there when none of its cells was selected. */
  byColumn(asked: string): Promise<Map<number, Record<string, Cell>>>;
}

/** Tables of less columns are looked at column by column. */
const leastColumns = 200;
/** To open a file of 20,000 columns takes as long as to read 500 of them; of more than a thousand each takes longer the more there are. */
const most = { columns: 1_000, cells: 400_000 };

/** Columns of one table that are read together, where rows are few. */
export const columnsAtOnce = (rows: number, least: number): number =>
  Math.max(least, Math.min(most.columns, Math.floor(most.cells / Math.max(1, rows))));

/** Whether cells are laid out; beyond `mostRows` it is not worth it for whoever asks. */
export const isWide = (mostRows: number, ...relations: readonly Relation[]): boolean =>
  relations.every(({ rows, columns }) => rows <= mostRows && columns.length > leastColumns);

/** Columns that are alike by what `kindOf` says, so many as are laid out in one go. */
export function groupsOf<T>(columns: readonly T[], rows: number, kindOf: (column: T) => string): T[][] {
  const size = columnsAtOnce(rows, 1);
  return [...Map.groupBy(columns, kindOf).values()].flatMap((alike) =>
    Array.from({ length: Math.ceil(alike.length / size) }, (_, at) => alike.slice(at * size, (at + 1) * size)),
  );
}

export const typeOf = ({ type, physical }: RelationColumn): string => `${type} ${physical}`;

/** Makes the table `cells`, in place of an earlier one, of columns of one type. */
export async function layOut(db: DuckDb, relation: Relation, columns: readonly RelationColumn[]): Promise<Laid> {
  const names = columns.map(({ sql }) => sql).join(', ');
  await db.run(
    `create or replace table cells as
     select ${relation.position} as row, unnest(range(${columns.length})) as k, unnest([${names}]) as c
     from ${relation.from(columns)}`,
  );
  return {
    columns,
    cell: { ...columns[0]!, sql: 'c' },
    byColumn: async (asked) =>
      new Map((await db.all(`select k, ${asked} group by k`)).map((row) => [Number(row['k']), row])),
  };
}

export const forgetCells = (db: DuckDb): Promise<void> => db.run('drop table if exists cells');
