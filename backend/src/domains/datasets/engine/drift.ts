import type { DistributionChange } from '@llm-ops/contracts';
import { compareCells } from './drift/cells.ts';
import type { Pair } from './drift/changes.ts';
import { compareColumns } from './drift/columns.ts';
import type { DuckDb } from './duckdb.ts';
import { effectOf } from './effect.ts';
import { forgetCells, groupsOf, isWide, typeOf } from './laid.ts';
import { kindOf } from './profile/queries.ts';
import { openRelation, type Relation, type RelationColumn } from './relation.ts';
import type { RowsFile } from './tasks.ts';

export { isDrift } from './effect.ts';

export interface DriftOptions {
  /** labels may be personal: what is reported of them goes through this */
  mask(value: string): string;
}

const columnsAtOnce = 200;
/** Changes that are told, the largest first. */
const told = 200;

/**
 * How the columns that both versions have are distributed in each, the most changed first (of more than 200 columns those 200). Labels (at most 50
 * different short texts) are counted in all rows and tested by chi-squared, missing ones as a label of their own. Numbers, dates and the
 * lengths of texts are tested by Kolmogorov-Smirnov on at most 100,000 rows of each, the same ones each time; the counts told are scaled up.
 */
export async function drift(
  db: DuckDb,
  before: readonly RowsFile[],
  after: readonly RowsFile[],
  { mask }: DriftOptions,
): Promise<DistributionChange[]> {
  const versions = { before: await openRelation(db, before), after: await openRelation(db, after) };
  if (versions.before.rows === 0 || versions.after.rows === 0) return [];
  const pairs = pairsOf(versions.before, versions.after);
  const changes: DistributionChange[] = [];
  if (isWide(versions.before, versions.after)) {
    const rows = Math.max(versions.before.rows, versions.after.rows);
    const alike = groupsOf(pairs, rows, (pair) => `${typeOf(pair.before)} ${typeOf(pair.after)}`);
    for (const some of alike) changes.push(...(await compareCells(db, versions, some, mask)));
    await forgetCells(db);
  } else {
    for (let first = 0; first < pairs.length; first += columnsAtOnce) {
      const some = pairs.slice(first, first + columnsAtOnce);
      changes.push(...(await compareColumns(db, versions, some, mask)));
    }
  }
  const places = new Map(pairs.map(({ name }, at) => [name, at]));
  return changes
    .map((change) => ({ change, effect: effectOf(change), at: places.get(change.column)! }))
    .toSorted((a, b) => b.effect - a.effect || a.at - b.at)
    .slice(0, told)
    .map(({ change }) => change);
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
