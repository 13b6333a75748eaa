import type { ColumnType } from '@llm-ops/contracts';
import { checkName, nameKey } from '../columnNames.ts';
import { ESCAPED, NONE } from '../rows/pages.ts';
import type { Stored } from '../rows/writer.ts';
import { words } from '../sentences.ts';
import type { Flaw } from '../text.ts';
import { kinds, type OnMember } from './scan.ts';

/** How a column is stored, and what it is in the words of the contract. */
export interface JsonColumn {
  name: string;
  stored: Stored;
  type: ColumnType;
}

/** The columns of JSON lines: all keys, in the order in which they came first, and what their values are. */
export interface JsonColumns {
  readonly names: readonly string[];
  begin(): void;
  /** A member of the row that was begun, told by the scanner. */
  add(bytes: Buffer, ...member: Parameters<OnMember>): ReturnType<OnMember>;
  /** The row counts. */
  keep(): void;
  /** The row does not: nothing of it stays. */
  drop(): void;
  columns(): JsonColumn[];
  /** The values of the row as the writer of rows takes them, for columns that are stored as `stored` says. */
  cells(stored: readonly JsonColumn[], cells: Int32Array): void;
}

export function createJsonColumns(): JsonColumns {
  const names: string[] = [];
  const keys: Buffer[] = [];
  const masks: number[] = [];
  /** the row in which a column was seen last */
  const seen: number[] = [];
  const byKey = new Map<string, number>();
  const byName = new Map<string, number>();
  /** columns of the row before, by position: most rows have the same keys in the same order */
  const order: number[] = [];
  const rowColumns: number[] = [];
  const rowKinds: number[] = [];
  /** three numbers a member: start, end, 1 where it is loose */
  const rowValues: number[] = [];
  let row = 0;
  let before = 0;

  function create(key: string, name: string): number | Flaw {
    const wrong = checkName(name, null);
    if (wrong !== null) return wrong;
    const same = byName.get(nameKey(name));
    if (same !== undefined) return words.tell('json_key_case', { first: shown(names[same]!), second: shown(name) });
    const column = names.push(name) - 1;
    keys.push(Buffer.from(key, 'latin1'));
    masks.push(0);
    seen.push(0);
    byKey.set(key, column);
    byName.set(nameKey(name), column);
    return column;
  }

  function find(bytes: Buffer, start: number, end: number, escaped: boolean): number | Flaw {
    const likely = order[rowColumns.length];
    if (likely !== undefined && likely < keys.length && isKey(keys[likely]!, bytes, start, end)) return likely;
    let key = bytes.toString('latin1', start, end);
    const known = byKey.get(key);
    if (known !== undefined) return known;
    let name = bytes.toString('utf8', start, end);
    if (escaped) {
      name = JSON.parse(`"${name}"`) as string;
      key = Buffer.from(name).toString('latin1');
    }
    return byKey.get(key) ?? create(key, name);
  }

  return {
    names,
    begin() {
      row += 1;
      before = names.length;
      rowColumns.length = 0;
      rowKinds.length = 0;
      rowValues.length = 0;
    },
    add(bytes, start, end, escaped, kind, valueStart, valueEnd, loose) {
      const column = find(bytes, start, end, escaped);
      if (typeof column === 'object') return column;
      if (seen[column] === row) return words.tell('json_key_twice', { key: shown(names[column]!) });
      seen[column] = row;
      order[rowColumns.length] = column;
      rowColumns.push(column);
      rowKinds.push(kind);
      rowValues.push(valueStart, valueEnd, loose ? 1 : 0);
      return null;
    },
    keep() {
      for (let at = 0; at < rowColumns.length; at++) {
        const column = rowColumns[at]!;
        masks[column] = masks[column]! | rowKinds[at]!;
      }
    },
    drop() {
      for (const name of names.splice(before)) {
        byName.delete(nameKey(name));
        byKey.delete(Buffer.from(name).toString('latin1'));
      }
      keys.length = before;
      masks.length = before;
      seen.length = before;
    },
    cells(stored, cells) {
      cells.fill(NONE);
      for (let at = 0; at < rowColumns.length; at++) {
        if (rowKinds[at] === kinds.null) continue;
        const column = rowColumns[at]!;
        // A text is what stands between its quotes.
        const quote = stored[column]!.stored === 'text' ? 1 : 0;
        cells[column * 2] = rowValues[at * 3]! + quote;
        cells[column * 2 + 1] = rowValues[at * 3 + 1]! - quote + (rowValues[at * 3 + 2] === 1 ? ESCAPED : 0);
      }
    },
    columns: () => names.map((name, at) => ({ name, ...storageOf(masks[at]!) })),
  };
}

function isKey(key: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let at = 0; at < key.length; at++) if (key[at] !== bytes[start + at]) return false;
  return true;
}

const wide = kinds.integer | kinds.long;
const exact = wide | kinds.huge;

/** Integers stay exact: a column of them that does not fit into 64 bits, or that has fractions beside large ones, is kept as JSON. */
export function storageOf(mask: number): Omit<JsonColumn, 'name'> {
  const held = mask & ~kinds.null;
  const only = (allowed: number): boolean => (held & ~allowed) === 0;
  if (only(kinds.string)) return { stored: 'text', type: 'string' };
  if (only(wide)) return { stored: 'bigint', type: 'integer' };
  if (only(kinds.integer | kinds.number)) return { stored: 'double', type: 'number' };
  if (only(kinds.boolean)) return { stored: 'boolean', type: 'boolean' };
  if (only(exact)) return { stored: 'json', type: 'integer' };
  if (only(exact | kinds.number | kinds.beyond)) return { stored: 'json', type: 'number' };
  if (only(kinds.list)) return { stored: 'json', type: 'list' };
  return { stored: 'json', type: only(kinds.object) ? 'object' : 'mixed' };
}

const shown = (key: string): string => JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);
