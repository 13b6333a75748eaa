import { columnType } from './columns.ts';
import type { Cell } from './values.ts';

/** How a cell of one of DuckDB's types becomes text or JSON. `sql` is the column. */

export const isNested = (duckDbType: string): boolean => {
  const type = columnType(duckDbType);
  return type === 'list' || type === 'object';
};
export const isJson = (duckDbType: string): boolean => duckDbType === 'JSON' || isNested(duckDbType);

/** As text: JSON of lists and objects, base64 of binary. */
export function textOf(sql: string, duckDbType: string): string {
  if (duckDbType === 'VARCHAR') return sql;
  if (isNested(duckDbType)) return `to_json(${sql})::varchar`;
  if (duckDbType === 'BLOB') return `base64(${sql})`;
  return `${sql}::varchar`;
}

/** As something that `to_json` writes as it should be. Infinity and NaN within lists and objects are left for `finiteJson`. */
export function jsonOf(sql: string, duckDbType: string): string {
  if (duckDbType === 'BLOB') return `base64(${sql})`;
  if (duckDbType === 'DOUBLE' || duckDbType === 'FLOAT') return `case when isfinite(${sql}) then ${sql} end`;
  return sql;
}

/** DuckDB writes NaN and Infinity, which no JSON has: they become null. */
export function finiteJson(json: string): string {
  if (!/NaN|Infinity/.test(json)) return json;
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) => (token.startsWith('"') ? token : 'null'));
}

/** JSON as values; an integer that a double does not hold exactly is its text. */
export function parseJson(json: string): unknown {
  // TypeScript does not know of the third argument yet.
  return JSON.parse(finiteJson(json), ((_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
      ? source
      : value) as (key: string, value: unknown) => unknown);
}

/** A cell as a JSON value: integers beyond 2^53 and what is no finite number are text. */
export function jsonValue(cell: Cell): unknown {
  if (typeof cell === 'bigint') return String(cell);
  return typeof cell === 'number' && !Number.isFinite(cell) ? String(cell) : cell;
}
