import type { DistributionChange } from '@llm-ops/contracts';
import type { DuckDb } from '../duckdb.ts';
import { layOut, type Laid } from '../laid.ts';
import { asText, measuredFrom, numberOf } from '../profile/queries.ts';
import type { Relation } from '../relation.ts';
import {
  hasMeasure,
  labelChange,
  labelLength,
  labels,
  labelsOf,
  mayHaveLabels,
  measureChange,
  type Measures,
  type Pair,
} from './changes.ts';

/** How columns of one type changed, of which the cells of each version are laid out in turn: versions with many columns and few rows. */
export async function compareCells(
  db: DuckDb,
  versions: { before: Relation; after: Relation },
  pairs: readonly Pair[],
  mask: (value: string) => string,
): Promise<DistributionChange[]> {
  const sideOf = async (side: 'before' | 'after') => {
    const columns = pairs.map((pair) => pair[side]);
    const laid = await layOut(db, versions[side], columns);
    return {
      labels: mayHaveLabels(pairs[0]!) ? await countLabels(laid) : new Map<number, Map<string, number>>(),
      measures: hasMeasure(pairs[0]!) ? await readMeasures(db, laid) : null,
    };
  };
  const before = await sideOf('before');
  const after = await sideOf('after');
  return pairs.flatMap((pair, at): DistributionChange[] => {
    const [own, other] = [before.labels.get(at), after.labels.get(at)];
    const change = own === undefined || other === undefined ? null : labelChange(pair, own, other, mask);
    if (change !== null) return [change];
    if (before.measures === null || after.measures === null) return [];
    return [measureChange(pair, before.measures[at]!, after.measures[at]!)];
  });
}

/** Of columns with few different texts, none of them long. */
async function countLabels({ cell, byColumn }: Laid): Promise<Map<number, Map<string, number>>> {
  const text = asText(cell);
  const found = await byColumn(
    `histogram(${text}) as found, count(*) - count(c) as absent from cells
     where k in (select k from cells group by k having approx_count_distinct(c) <= ${labels} and coalesce(max(length(${text})), 0) <= ${labelLength})`,
  );
  return new Map(
    [...found].map(([k, { found: counts, absent }]) => [
      k,
      labelsOf((counts ?? {}) as Record<string, number>, numberOf(absent)),
    ]),
  );
}

async function readMeasures(db: DuckDb, { columns, cell }: Laid): Promise<Measures[]> {
  const read: number[][] = columns.map(() => []);
  const numbers = `select k, v_c::double as v from ${measuredFrom('cells', [cell], ['k'])} where v_c is not null`;
  for await (const chunk of db.stream(numbers)) {
    const [at, values] = [chunk.column(0), chunk.column(1)];
    for (let row = 0; row < chunk.rows; row++) read[Number(at[row])]!.push(values[row] as number);
  }
  return read.map((values) => ({ values: Float64Array.from(values).sort(), step: 1 }));
}
