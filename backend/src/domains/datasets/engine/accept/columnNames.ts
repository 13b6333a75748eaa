import type { DatasetIssue } from '@llm-ops/contracts';
import { fileColumn, rowColumn } from '../sql.ts';
import { words } from './sentences.ts';

const LONGEST = 500;

/** DuckDB, like most of what reads data, takes names that differ in the case of ASCII letters only for the same. */
export const nameKey = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

type NameIssue = Pick<DatasetIssue, 'column' | 'reason' | 'fix' | 'said'>;

/** What is wrong with the names of columns, each told by its position. */
export function checkNames(names: readonly string[]): NameIssue[] {
  const first = new Map<string, number>();
  return names.flatMap((name, at): NameIssue[] => {
    const own = checkName(name, at + 1);
    if (own !== null) return [own];
    const earlier = first.get(nameKey(name));
    if (earlier === undefined) {
      first.set(nameKey(name), at);
      return [];
    }
    const same = names[earlier] === name;
    return [
      {
        column: name,
        ...words.tell(same ? 'column_twice' : 'column_case', { first: earlier + 1, second: at + 1 }),
      },
    ];
  });
}

/** `number` tells of the column where its name cannot; null: it is a key of JSON. */
export function checkName(name: string, number: number | null): NameIssue | null {
  const nameless = (issue: Omit<NameIssue, 'column'>): NameIssue => ({ column: null, ...issue });
  if (name.trim() === '')
    return nameless(number === null ? words.tell('key_unnamed') : words.tell('column_unnamed', { number }));
  if (name.length > LONGEST) {
    const known = { length: name.length, most: LONGEST };
    return nameless(
      number === null ? words.tell('key_name_long', known) : words.tell('column_name_long', { number, ...known }),
    );
  }
  if (name.includes('\0'))
    return nameless(number === null ? words.tell('key_name_nul') : words.tell('column_name_nul', { number }));
  if (['file_row_number', rowColumn, fileColumn].includes(nameKey(name)))
    return { column: name, ...words.tell('column_name_reserved', { name }) };
  return null;
}
