import { filterOperators } from '@llm-ops/contracts';
import { failure, type Issue } from '#platform/errors';
import type { Sentence } from '#platform/words';
import type { PreviewInput, RowFilter } from './engine/tasks.ts';
import { datasetFieldWords } from './refusals.ts';

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
    if ('column' in found) return [found];
    issues.push({ path: texts.length === 1 ? 'filter' : `filter.${index}`, ...found });
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
    issues: [{ path: 'sort', ...datasetFieldWords.tell('sort', { columns: named(columns) }) }],
  });
}

/** The filter, or what is wrong with it. */
function filterOf(text: string, columns: readonly string[]): RowFilter | Pick<Issue, 'message' | 'said'> {
  const fitting = columns.filter((name) => text.startsWith(`${name}:`)).sort((a, b) => b.length - a.length);
  if (fitting.length === 0)
    return datasetFieldWords.tell('filter_column', {
      text: JSON.stringify(text.slice(0, 200)),
      columns: named(columns),
    });
  for (const column of fitting) {
    const rest = text.slice(column.length + 1);
    const end = rest.indexOf(':');
    const operator = filterOperators.find((one) => one === (end < 0 ? rest : rest.slice(0, end)));
    if (operator === undefined) continue;
    if (alone.has(operator)) return { column, operator, value: null };
    if (end < 0) return datasetFieldWords.tell('filter_value', { column, operator });
    return { column, operator, value: rest.slice(end + 1) };
  }
  return datasetFieldWords.tell('filter_operator', { column: fitting[0]!, operators: filterOperators });
}

function named(columns: readonly string[]): Sentence {
  const names = columns.slice(0, shownColumns);
  const more = columns.length - shownColumns;
  return more > 0
    ? datasetFieldWords.line('columns_more', { names, more })
    : datasetFieldWords.line('columns', { names });
}
