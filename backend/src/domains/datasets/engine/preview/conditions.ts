import type { ColumnType } from '@llm-ops/contracts';
import { isJson, textOf } from '../cells.ts';
import { ident } from '../sql.ts';
import type { RowFilter } from '../tasks.ts';

/** A column of one file. */
export interface FileColumn {
  name: string;
  /** as its file's facts say */
  type: ColumnType;
  /** DuckDB's type */
  stored: string;
}

/** What a filter asks of the rows of one file; `at` is the number of its parameter. A column that the file lacks is null in every row. */
export function filterCondition(filter: RowFilter, columns: readonly FileColumn[], at: number): string {
  const { operator } = filter;
  const column = columns.find(({ name }) => name === filter.column);
  if (operator === 'is_null') return column ? `${ident(column.name)} is null` : 'true';
  if (operator === 'not_null') return column ? `${ident(column.name)} is not null` : 'false';
  if (column === undefined) return operator === 'ne' ? 'true' : 'false';
  const text = textOf(ident(column.name), column.stored);
  const param = `$${at}::varchar`;
  if (operator === 'contains') return matches(text, param);
  const { left, right } = comparable(column, text, param);
  const sign = { eq: '=', ne: 'is distinct from', gt: '>', gte: '>=', lt: '<', lte: '<=' }[operator];
  const sql = `${left} ${sign} ${right}`;
  // What a value cannot be compared with it is not equal to, nor more nor less.
  return operator === 'ne' ? sql : `coalesce(${sql}, false)`;
}

export const filterParam = ({ operator, value }: RowFilter): string =>
  operator === 'contains' ? containing(value ?? '') : (value ?? '');

/** Both sides as what they are: numbers by their size, dates by time, anything else by its text. */
function comparable(column: FileColumn, text: string, param: string): { left: string; right: string } {
  const name = ident(column.name);
  const isText = column.stored === 'VARCHAR' || isJson(column.stored);
  switch (column.type) {
    case 'integer':
    case 'number':
      // A decimal holds what a double rounds; what is too long for it is compared as a double.
      if (column.type === 'integer' && !isText) return { left: `${name}::hugeint`, right: integer(param) };
      return { left: `try_cast(${isText ? text : name} as double)`, right: `try_cast(${param} as double)` };
    case 'boolean':
      return { left: isText ? `lower(${text})` : text, right: `lower(${param})` };
    case 'date':
    case 'datetime': {
      const zoned = column.stored.endsWith('WITH TIME ZONE') ? 'timestamptz' : 'timestamp';
      return { left: `try_cast(${name} as ${zoned})`, right: `try_cast(${param} as ${zoned})` };
    }
    default:
      return { left: text, right: param };
  }
}

/** An integer as it is, a fraction as a double. */
const integer = (param: string): string =>
  `(case when contains(${param}, '.') or contains(lower(${param}), 'e') then try_cast(${param} as double) else try_cast(${param} as hugeint) end)`;

/** A pattern (`containing`) anywhere in the row; `at` is the number of its parameter. */
export const searchCondition = (columns: readonly FileColumn[], at: number): string =>
  anyOf(columns.map(({ name, stored }) => matches(textOf(ident(name), stored), `$${at}::varchar`)));

/** Twice as fast as comparing lower-case copies of the texts. */
const matches = (text: string, param: string): string => `coalesce(regexp_matches(${text}, ${param}), false)`;

/** The text itself as a pattern, whatever its case. */
export const containing = (text: string): string => `(?is)${text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&')}`;

/** In pairs: thousands of conditions in a row would be nested as deep. */
function anyOf(conditions: readonly string[]): string {
  if (conditions.length === 0) return 'false';
  if (conditions.length === 1) return conditions[0]!;
  const half = conditions.length >> 1;
  return `(${anyOf(conditions.slice(0, half))} or ${anyOf(conditions.slice(half))})`;
}
