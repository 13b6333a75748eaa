import type { DatasetIssue } from '@llm-ops/contracts';
import { fileColumn, rowColumn } from '../sql.ts';

const LONGEST = 500;

/** DuckDB, like most of what reads data, takes names that differ in the case of ASCII letters only for the same. */
export const nameKey = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

type NameIssue = Pick<DatasetIssue, 'column' | 'reason' | 'fix'>;

/** What is wrong with the names of columns, each told by its position. */
export function checkNames(names: readonly string[]): NameIssue[] {
  const first = new Map<string, number>();
  return names.flatMap((name, at): NameIssue[] => {
    const own = checkName(name, `Column ${at + 1}`);
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
        reason: `Columns ${earlier + 1} and ${at + 1} have ${same ? 'the same name' : 'names that differ in case only'}.`,
        fix: 'Give each column a name of its own.',
      },
    ];
  });
}

/** `what` names the column where its name cannot. */
export function checkName(name: string, what: string): NameIssue | null {
  if (name.trim() === '') return { column: null, reason: `${what} has no name.`, fix: 'Give it one, or take it out.' };
  if (name.length > LONGEST)
    return {
      column: null,
      reason: `${what} has a name of ${name.length} characters.`,
      fix: `Give it one of at most ${LONGEST}.`,
    };
  if (name.includes('\0'))
    return { column: null, reason: `${what} has a NUL character in its name.`, fix: 'Take it out.' };
  if (['file_row_number', rowColumn, fileColumn].includes(nameKey(name)))
    return { column: name, reason: `The name ${name} is the platform's own.`, fix: 'Give the column another name.' };
  return null;
}
