import type { DistributionChange } from '@llm-ops/contracts';
import { compareCells } from './drift/cells.ts';
import type { Pair } from './drift/changes.ts';
import { compareColumns } from './drift/columns.ts';
import type { DuckDb } from './duckdb.ts';
import { effectOf, isDrift } from './effect.ts';
import { forgetCells, groupsOf, isWide, typeOf } from './laid.ts';
import { kindOf } from './profile/queries.ts';
import { openRelation, type Relation, type RelationColumn } from './relation.ts';
import type { RowsFile } from './tasks.ts';

export { isDrift } from './effect.ts';

export interface DriftOptions {
  /** labels may be personal: what is reported of them goes through this */
  mask(value: string): string;
  /** which changes are told, the largest being the first; default: 200 */
  page?: { offset: number; limit: number };
  /** the one column that is compared; others are counted alone, and none of them as drifted */
  only?: string;
}

export interface Drift {
  changes: DistributionChange[];
  /** of all columns that were compared */
  count: number;
  /** columns that drifted */
  drifted: number;
}

const columnsAtOnce = 200;
/** Beyond, a look at each column takes less time than one at its cells: only some of its rows are measured. */
const laidRows = 1_000;
export const told = 200;

/**
 * How the columns that both versions have are distributed in each, the most changed first. Labels (at most 50
 * different short texts) are counted in all rows and tested by chi-squared, missing ones as a label of their own. Numbers, dates and the
 * lengths of texts are tested by Kolmogorov-Smirnov on at most 100,000 rows of each, the same ones each time; the counts told are scaled up.
 */
export async function drift(
  db: DuckDb,
  before: readonly RowsFile[],
  after: readonly RowsFile[],
  { mask, page = { offset: 0, limit: told }, only }: DriftOptions,
): Promise<Drift> {
  const versions = { before: await openRelation(db, before), after: await openRelation(db, after) };
  if (versions.before.rows === 0 || versions.after.rows === 0) return { changes: [], count: 0, drifted: 0 };
  const all = pairsOf(versions.before, versions.after);
  const pairs = only === undefined ? all : all.filter(({ name }) => name === only);
  const ranked = createRanking(pairs, page.offset + page.limit);
  if (isWide(laidRows, versions.before, versions.after)) {
    const rows = Math.max(versions.before.rows, versions.after.rows);
    const alike = groupsOf(pairs, rows, (pair) => `${typeOf(pair.before)} ${typeOf(pair.after)}`);
    for (const some of alike) ranked.add(await compareCells(db, versions, some, mask));
    await forgetCells(db);
  } else {
    for (let first = 0; first < pairs.length; first += columnsAtOnce)
      ranked.add(await compareColumns(db, versions, pairs.slice(first, first + columnsAtOnce), mask));
  }
  return { ...ranked.counts(), count: all.length, changes: ranked.first().slice(page.offset) };
}

/** Keeps the largest changes, of equal ones those of the columns that come first: of twenty thousand columns all would be much to hold. */
function createRanking(pairs: readonly Pair[], most: number) {
  const places = new Map(pairs.map(({ name }, at) => [name, at]));
  let best: { change: DistributionChange; effect: number; place: number }[] = [];
  let [count, drifted] = [0, 0];
  return {
    add(changes: readonly DistributionChange[]): void {
      count += changes.length;
      drifted += changes.filter(isDrift).length;
      best.push(...changes.map((change) => ({ change, effect: effectOf(change), place: places.get(change.column)! })));
      best.sort((a, b) => b.effect - a.effect || a.place - b.place);
      best = best.slice(0, most);
    },
    first: () => best.map(({ change }) => change),
    counts: () => ({ count, drifted }),
  };
}

function pairsOf(before: Relation, after: Relation): Pair[] {
  const own = new Map(after.columns.map((column) => [column.name, column]));
  return before.columns.flatMap((column): Pair[] => {
    const other = own.get(column.name);
    if (other === undefined) return [];
    const kind = kindOf(column);
    if (kind === kindOf(other)) return [{ name: column.name, kind, before: column, after: other }];
    // What is a number here and a text there is compared as text.
    const text = (side: RelationColumn): RelationColumn => ({ ...side, type: 'string' });
    return [{ name: column.name, kind: 'text', before: text(column), after: text(other) }];
  });
}
