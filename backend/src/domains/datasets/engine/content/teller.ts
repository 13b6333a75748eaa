import type { FindingKind } from '@llm-ops/contracts';
import type { PiiScanner } from '../../pii/index.ts';
import { contentFingerprint, excerptOf } from '../findings/describe.ts';
import { tellable, type Say } from '../findings/sentences.ts';
import type { FindingRun } from '../findings/sink.ts';
import type { FilePlan } from './columns.ts';
import type { Cells } from './example.ts';

/** The row that is looked at. */
export interface RowAt {
  plan: FilePlan;
  /** in its file */
  row: number;
  /** among the rows of all files */
  number: number;
  cells: Cells;
  run: FindingRun;
}

export interface Told {
  kind: FindingKind;
  type: string;
  /** what is wrong; a text: the catalogue's for its type, which says no more */
  say: Say | string;
  confidence: number;
  column?: string | null;
  /** what is shown, from where */
  text?: string;
  from?: number;
  /** places in the cell */
  start?: number;
  end?: number;
  /** what the finding is about beside the row, such as the benchmark */
  about?: string;
}

/** Tells of what is wrong with a row. Excerpts are made only of what is kept, with all that is personal masked. */
export type Tell = (at: RowAt, told: Told) => void;

export const createTell =
  ({ scanner, key }: { scanner: PiiScanner; key: string }): Tell =>
  ({ plan, row, cells, run }, told) => {
    const { kind, type, say, confidence, column = null, text, from = 0, start, end, about = '' } = told;
    run.add(kind, type, plan.index, row, () => ({
      kind,
      type,
      file: plan.file.path,
      row,
      column,
      start: start ?? null,
      end: end ?? null,
      excerpt: text === undefined || text === '' ? null : excerptOf(scanner, text, from),
      confidence,
      ...(typeof say === 'string' ? { message: say, said: null } : tellable(say())),
      fingerprint: contentFingerprint(key, `${kind}\0${type}\0${about}`, cells.texts),
    }));
  };
