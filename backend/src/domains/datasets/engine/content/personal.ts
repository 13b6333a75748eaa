import {
  fingerprintOf,
  maskOf,
  labelOf,
  scanNumbers,
  valueIn,
  type PiiMatch,
  type PiiScanner,
} from '../../pii/index.ts';
import { findingWords, tellable } from '../findings/sentences.ts';
import { piiLabel } from '../sentences.ts';
import type { FoundLine } from '../tasks.ts';
import type { FindingRun } from '../findings/sink.ts';
import type { ReadColumn } from './columns.ts';
import type { Names } from './names.ts';
import type { NamedEntities } from './ner.ts';

/** Personal data of one chunk of rows, to be told row by row. */
export interface PersonalData {
  /** Looks through the columns of a chunk. */
  look(columns: readonly ReadColumn[], cells: readonly (readonly (string | null)[])[]): Promise<void>;
  /** Tells of what was found in a row of the chunk; rows must be asked for in their order. */
  tell(at: number, row: { run: FindingRun; file: string; fileIndex: number; row: number }): void;
}

interface Found {
  at: number;
  column: number;
  match: PiiMatch;
  named: boolean;
}

export function createPersonalData(options: {
  scanner: PiiScanner;
  key: string;
  ner: NamedEntities;
  /** what the server names is told here */
  names: Names;
}): PersonalData {
  const { scanner, key, ner, names } = options;
  let found: Found[] = [];
  let next = 0;
  let read: { columns: readonly ReadColumn[]; cells: readonly (readonly (string | null)[])[] };

  async function addNamed(column: number, cells: readonly (string | null)[], from: number): Promise<void> {
    const known = found.slice(from);
    for (const { cell, type, start, end, confidence } of await ner.find(cells)) {
      names.add(type, cells[cell]!.slice(start, end));
      const isKnown = known.some(({ at, match }) => at === cell && start < match.end && match.start < end);
      if (!isKnown) found.push({ at: cell, column, match: { type, start, end, confidence }, named: true });
    }
  }

  return {
    async look(columns, cells) {
      read = { columns, cells };
      found = [];
      next = 0;
      for (const [column, { name, json, number, plain }] of columns.entries()) {
        if (plain) continue;
        const from = found.length;
        const take = (at: number, match: PiiMatch): void => void found.push({ at, column, match, named: false });
        if (json) scanner.scanJson(cells[column]!, take, name);
        else if (number) scanNumbers(scanner, cells[column]!, take, name);
        else scanner.scan(cells[column]!, take, name);
        if (!number && ner.state === 'used') await addNamed(column, cells[column]!, from);
      }
      found.sort((a, b) => a.at - b.at || a.column - b.column || a.match.start - b.match.start);
    },
    tell(at, { run, file, fileIndex, row }) {
      for (; next < found.length && found[next]!.at === at; next++) {
        const { column, match, named } = found[next]!;
        const { type, start, end, confidence } = match;
        run.add('pii', type, fileIndex, row, () => {
          const { name, json } = read.columns[column]!;
          const value = valueIn(read.cells[column]![at]!, start, end, json && !named);
          return {
            kind: 'pii',
            type,
            file,
            row,
            column: name,
            start,
            end,
            excerpt: maskOf(type, value),
            confidence,
            ...sentenceOf(type, named),
            fingerprint: fingerprintOf(key, type, value),
          };
        });
      }
    },
  };
}

function sentenceOf(type: string, named: boolean): Pick<FoundLine, 'message' | 'said'> {
  if (type.startsWith('custom:')) return tellable(findingWords.line('custom', { rule: type.slice('custom:'.length) }));
  const label = labelOf(type);
  return named
    ? tellable(findingWords.line('named', { label: piiLabel(type, label) }))
    : { message: `${label}.`, said: null };
}
