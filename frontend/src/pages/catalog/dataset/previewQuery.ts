import type { Dataset, DatasetColumn } from '@llm-ops/contracts';

export const operators = ['eq', 'ne', 'contains', 'gt', 'gte', 'lt', 'lte', 'is_null', 'not_null'] as const;
export type Operator = (typeof operators)[number];
export interface RowFilter {
  column: string;
  operator: Operator;
  value: string;
}
/** What part of the rows is looked at; it is kept in the page's address. */
export interface PreviewState {
  offset: number;
  limit: number;
  search: string;
  filters: RowFilter[];
  sort: { column: string; descending: boolean } | null;
}
export const pageSizes = [25, 50, 100, 200] as const;
/** columns of a screen, and those that are asked for with one page of rows */
export const columnsOfScreen = 30;
export const columnsAtOnce = 7 * columnsOfScreen;

type Query = Record<string, unknown>;
const takesValue = (operator: Operator) => operator !== 'is_null' && operator !== 'not_null';

/** `label:eq:spam`, as the API takes it. A column may have colons itself: the first operator ends its name. */
export const filterText = ({ column, operator, value }: RowFilter): string =>
  takesValue(operator) ? `${column}:${operator}:${value}` : `${column}:${operator}`;

export function filterOf(text: string): RowFilter | null {
  const found = new RegExp(`^(.*?):(${operators.join('|')})(?::(.*))?$`, 's').exec(text);
  if (!found?.[1] || takesValue(found[2] as Operator) !== (found[3] !== undefined)) return null;
  return { column: found[1], operator: found[2] as Operator, value: found[3] ?? '' };
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
const textsOf = (value: unknown) => (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');

/** What an address asks for; whatever makes no sense is as if it were not there. */
export function stateOf(query: Query): PreviewState {
  const sort = textOf(query['sort']);
  const offset = Number(textOf(query['at']));
  const limit = Number(textOf(query['rows']));
  return {
    offset: Number.isSafeInteger(offset) && offset > 0 ? offset : 0,
    limit: pageSizes.find((size) => size === limit) ?? 50,
    search: textOf(query['q']),
    filters: textsOf(query['filter']).flatMap((text) => filterOf(text) ?? []),
    sort: sort === '' ? null : { column: sort.replace(/^-/, ''), descending: sort.startsWith('-') },
  };
}

const sortText = ({ sort }: PreviewState) => sort && `${sort.descending ? '-' : ''}${sort.column}`;

/** The part of an address that says `state`; defaults are left out. */
export function addressQuery(state: PreviewState): Record<string, string | string[] | undefined> {
  const { offset, limit, search, filters } = state;
  return {
    at: offset === 0 ? undefined : String(offset),
    rows: limit === 50 ? undefined : String(limit),
    q: search === '' ? undefined : search,
    filter: filters.length === 0 ? undefined : filters.map(filterText),
    sort: sortText(state) ?? undefined,
  };
}

/** The same for the API. */
export function apiQuery(state: PreviewState) {
  const { offset, search, filters } = state;
  const sort = sortText(state);
  return {
    offset,
    ...(search === '' ? {} : { search }),
    ...(filters.length === 0 ? {} : { filter: filters.map(filterText) }),
    ...(sort === null ? {} : { sort }),
  };
}

/**
 * Where a row of a file stands among all rows of the dataset: files come in their order, one after the other. null: there is no such
 * file, or it was not read.
 */
export function offsetOf(files: Dataset['files'], file: string, row: number): number | null {
  let before = 0;
  for (const { path, facts } of files) {
    if (path === file) return facts === null || row >= facts.rows ? null : before + row;
    before += facts?.rows ?? 0;
  }
  return null;
}

/** Operators that make sense for a column. */
export function operatorsFor(column: Pick<DatasetColumn, 'type'> | undefined): readonly Operator[] {
  const ordered = column && ['integer', 'number', 'date', 'datetime', 'string', 'mixed'].includes(column.type);
  const hasText = column && !['integer', 'number', 'boolean', 'date', 'datetime'].includes(column.type);
  return operators.filter((operator) => {
    if (operator === 'contains') return hasText;
    return ordered || !['gt', 'gte', 'lt', 'lte'].includes(operator);
  });
}
