import { filterOperators } from '@llm-ops/contracts';
import { failure, type Issue } from '#platform/errors';
import type { PreviewInput, RowFilter } from './engine/tasks.ts';

const alone = new Set(['is_null', 'not_null']);
const shownColumns = 50;

/**
 * `column:operator:value` as a query gives it. Columns may hold colons, values too: the longest column that fits is meant. Throws
 * `validation_failed` with the columns that there are.
 */
export function filtersOf(given: string | readonly string[] | undefined, columns: readonly string[]): RowFilter[] {
  const texts = given === undefined ? [] : typeof given === 'string' ? [given] : given;
  const issues: Issue[] = [];
  const filters = texts.flatMap((text, index): RowFilter[] => {
    const found = filterOf(text, columns);
    if (typeof found !== 'string') return [found];
    issues.push({ path: texts.length === 1 ? 'filter' : `filter.${index}`, message: found });
    return [];
  });
  if (issues.length > 0) throw failure('validation_failed', { issues });
  return filters;
}

/** A column to sort by, with `-` before it downwards. Throws `validation_failed`. */
export function sortOf(text: string | undefined, columns: readonly string[]): PreviewInput['sort'] {
  if (text === undefined || text === '') return null;
  if (columns.includes(text)) return { column: text, descending: false };
  if (text.startsWith('-') && columns.includes(text.slice(1))) return { column: text.slice(1), descending: true };
  throw failure('validation_failed', {
    issues: [{ path: 'sort', message: `There is no such column. ${named(columns)}` }],
  });
}

/** The filter, or what is wrong with it. */
function filterOf(text: string, columns: readonly string[]): RowFilter | string {
  const fitting = columns.filter((name) => text.startsWith(`${name}:`)).sort((a, b) => b.length - a.length);
  if (fitting.length === 0) return `${JSON.stringify(text.slice(0, 200))} names no column. ${named(columns)}`;
  for (const column of fitting) {
    const rest = text.slice(column.length + 1);
    const end = rest.indexOf(':');
    const operator = filterOperators.find((one) => one === (end < 0 ? rest : rest.slice(0, end)));
    if (operator === undefined) continue;
    if (alone.has(operator)) return { column, operator, value: null };
    if (end < 0) return `Give a value: ${column}:${operator}:value.`;
    return { column, operator, value: rest.slice(end + 1) };
  }
  return `After ${fitting[0]} must come one of ${filterOperators.join(', ')}, as in ${fitting[0]}:eq:value.`;
}

function named(columns: readonly string[]): string {
  const rest = columns.length - shownColumns;
  return `The columns are ${columns.slice(0, shownColumns).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`;
}
