export interface Column<Row> {
  key: string;
  label: string;
  /** what the cell says and is sorted by; without it the column cannot be sorted */
  value?: (row: Row) => string | number | null | undefined;
  numeric?: boolean;
  /** the label is for screen readers alone */
  hiddenLabel?: boolean;
  /** takes what room the others leave; a text that is too long for it is cut (see `NameCell`) */
  fills?: boolean;
  class?: string;
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** A sorted copy; rows without a value go last either way, and numbers inside texts count as numbers (v2 before v10). */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: { key: string; descending: boolean } | null,
): readonly Row[] {
  const value = columns.find((column) => column.key === sort?.key)?.value;
  if (!sort || !value) return rows;
  const direction = sort.descending ? -1 : 1;
  return rows.toSorted((rowA, rowB) => {
    const a = value(rowA) ?? null;
    const b = value(rowB) ?? null;
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    if (typeof a === 'number' && typeof b === 'number') return direction * (a - b);
    return direction * collator.compare(String(a), String(b));
  });
}
