import type { Cell } from '../duckdb.ts';
import type { Laid } from '../laid.ts';
import type { Binning } from './distribution.ts';
import {
  asText,
  blankSql,
  countsOf,
  isNumeric,
  measuredFrom,
  measuredOf,
  measures,
  numberOf,
  sketchOf,
  sketchSql,
  textCountsOf,
  type Counted,
  type Measured,
  type Sketch,
  type Wanted,
} from './queries.ts';

/** What `sketch`, `measure` and `count` tell of columns, of columns whose cells are laid out. */

export async function sketchCells({ columns, cell, byColumn }: Laid): Promise<(Sketch | null)[]> {
  if (!isNumeric(cell)) return columns.map(() => null);
  const found = await byColumn(`${sketchSql(cell, 0)} from ${measuredFrom('cells', [cell], ['k'])}`);
  return columns.map((column, k) => sketchOf(column, found.get(k)!, 0));
}

export async function measureCells(laid: Laid, sketches: readonly (Sketch | null)[]): Promise<Measured[]> {
  const { columns, cell, byColumn } = laid;
  const binnings = sketches.flatMap((sketch, k) => (sketch?.binning ? [{ k, ...sketch.binning }] : []));
  const from = measuredFrom('cells', [cell], ['k']);
  const [bins, bin, joined] =
    binnings.length === 0
      ? ['null', 'null', from]
      : ['histogram(bin)', binSql, `${from} left join ${binningsSql(binnings)} using (k)`];
  const found = await byColumn(
    `${measures(cell, 0).join(', ')}, ${bins} as bins
     from (select k, c, v_c as v0, hash(c) as h0, ${bin} as bin from ${joined})`,
  );
  return columns.map((_, k) => ({ ...measuredOf(found.get(k)!, 0), bins: countsOf(found.get(k)!['bins']) }));
}

export async function countCells({ columns, cell, byColumn }: Laid, wanted: readonly Wanted[]): Promise<Counted[]> {
  const text = asText(cell);
  const of = async (what: 'values' | 'distinct' | 'blank', sql: string): Promise<Map<number, Record<string, Cell>>> => {
    const some = wanted.flatMap((each, k) => (each[what] ? [k] : []));
    return some.length === 0 ? new Map() : byColumn(`${sql} as found from cells where k in (${some.join(', ')})`);
  };
  const values = await of('values', `histogram(${text})`);
  const distinct = await of('distinct', 'count(distinct c)');
  const blank = await of('blank', blankSql(text));
  return columns.map((_, k) => ({
    values: values.has(k) ? textCountsOf(values.get(k)!['found']) : null,
    distinct: distinct.has(k) ? numberOf(distinct.get(k)!['found']) : null,
    blank: numberOf(blank.get(k)?.['found']),
  }));
}

/** `binAt` of the measure, by the binning that is joined to the cell; null where there is none. */
const binSql = `case when v_c is null or width is null then null when v_c < low then -1 when v_c > high then bins
  else greatest(0, least(bins - 1, floor((v_c - start) / width))) end::integer`;

function binningsSql(binnings: readonly (Binning & { k: number })[]): string {
  const rows = binnings.map(
    ({ k, from, width, count, low, high }) =>
      `(${k}, ${[from, width, low, high].map((value) => `${value.toExponential()}::double`).join(', ')}, ${count})`,
  );
  return `(values ${rows.join(', ')}) as binnings(k, start, width, low, high, bins)`;
}
