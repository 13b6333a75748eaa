import type { DatasetIssue } from '@llm-ops/contracts';

const KEPT = 100;

/** What is wrong with one file, in the order in which it was found: the first hundred, and how many there are. */
export interface Issues {
  readonly list: DatasetIssue[];
  readonly count: number;
  add(issue: Omit<DatasetIssue, 'file'>): void;
  /** Says what is wrong with the file as a whole and ends the work on it. */
  refuse(issue: Omit<DatasetIssue, 'file' | 'line' | 'column'> & Partial<DatasetIssue>): never;
}

/** The work on a file ends here; why is among its issues. */
export class Refused extends Error {}

export function createIssues(file: string): Issues {
  const list: DatasetIssue[] = [];
  let count = 0;
  const add: Issues['add'] = (issue) => {
    count += 1;
    if (list.length < KEPT) list.push({ file, ...issue });
  };
  return {
    list,
    get count() {
      return count;
    },
    add,
    refuse(issue) {
      add({ line: null, column: null, ...issue });
      throw new Refused();
    },
  };
}
