import type { ValidateInput } from '../tasks.ts';
import { chatFaults, confidenceOf, type ChatFault } from '../chat/faults.ts';
import { lintText } from '../chat/text.ts';
import { findingWords, type Say } from '../findings/sentences.ts';
import type { Contamination } from '../contamination/index.ts';
import type { ExactDuplicates } from '../duplicates/exact.ts';
import type { NearIndex } from '../duplicates/near.ts';
import { createLanguages } from '../language/index.ts';
import { gibberish, shareOutliers, type Outlier } from '../outliers/index.ts';
import { createSeen } from '../text/seen.ts';
import type { TokenCounter } from '../tokens/counter.ts';
import type { FilePlan } from './columns.ts';
import { createExampleReader, type ExampleReader } from './example.ts';
import { createPieces } from './pieces.ts';
import { nameOfRow, placeOf } from './place.ts';
import { createRowText } from './rowText.ts';
import { columnsOfShape } from './shape.ts';
import type { RowAt, Tell } from './teller.ts';

export interface RowChecksOptions {
  tell: Tell;
  files: ValidateInput['files'];
  exact: ExactDuplicates;
  near: NearIndex;
  benchmarks: ValidateInput['benchmarks'];
  contamination: Contamination | null;
  tokens: { counter: TokenCounter; limit: number } | null;
  /** prompts that are remembered, 27 bytes each */
  prompts?: number;
}

const PROMPTS = 8_000_000;

/** What is looked at in a row as a whole: its form, its texts, and what it has in common with others. */
export function createRowChecks(options: RowChecksOptions) {
  const { tell, files, exact, near, benchmarks, contamination, tokens } = options;
  const pieces = createPieces();
  const text = createRowText();
  const languages = createLanguages();
  const prompts = createSeen(options.prompts ?? PROMPTS);
  const rowsOf = new Map<string, number>();
  const totals = { tokens: 0, longest: 0, overLimit: 0, certainFaults: 0, leftOut: 0 };
  let reader: ExampleReader;
  let main: string | null = null;
  let isChat = false;
  let faults: { type: ChatFault; say: Say | undefined; piece: number }[] = [];

  /** To be called before the rows of a file. */
  function begin(plan: FilePlan): void {
    reader = createExampleReader(
      plan.shape,
      plan.groups[0]!.map(({ name }) => name),
    );
    isChat = plan.shape.kind !== 'texts';
    main = isChat ? columnsOfShape(plan.shape)[0]! : null;
  }

  /** Each once a row, with the first text that has it (−1: the form of the row). */
  function fault(type: ChatFault, say?: Say, piece = -1): void {
    if (!faults.some((each) => each.type === type)) faults.push({ type, say, piece });
  }

  function check(at: RowAt): void {
    if (faults.length > 0) faults = [];
    pieces.clear();
    reader.read(at.cells, pieces, fault);
    for (let piece = 0; piece < pieces.count; piece++)
      lintText(pieces.text(piece), (type, say) => fault(type, say, piece));
    const repeated = exact.rows.has(at.number);
    if (repeated) tellRepetition(at);
    else lookForPrompt(at);
    if (tokens !== null) count(tokens);
    for (const each of faults) tellFault(at, each);
    let odd: Outlier | null = null;
    text.read(pieces, {
      contamination,
      begun: () => {
        const first = pieces.count === 0 ? '' : pieces.text(0);
        const language = languages.of(text.units, first);
        rowsOf.set(language, (rowsOf.get(language) ?? 0) + 1);
        odd = gibberish(text.units, first);
        if (!repeated && text.distinct > 0 && !near.add(at.number, text.members, text.distinct)) totals.leftOut++;
      },
    });
    tellOverlaps(at);
    const shares = shareOutliers(text.units, { all: text.shingles, distinct: text.distinct });
    for (const outlier of odd === null ? shares : [...shares, odd]) tellOutlier(at, outlier);
  }

  /** Where rows are no examples, they are faults of texts. */
  function tellFault(at: RowAt, { type: fault, say, piece }: (typeof faults)[number]): void {
    const confidence = confidenceOf[fault] ?? 1;
    if (isChat && confidence >= 0.8) totals.certainFaults++;
    const where = piece === -1 ? 0 : piece;
    tell(at, {
      kind: isChat ? 'chat' : 'outlier',
      type: isChat ? fault : fault.replace('chat_', 'text_'),
      say: say ?? chatFaults[fault].message,
      confidence,
      column: piece === -1 ? main : nameOf(at, pieces.column(piece)),
      text: where < pieces.count ? pieces.text(where) : undefined,
    });
  }

  function tellRepetition(at: RowAt): void {
    tell(at, {
      kind: 'duplicate',
      type: 'duplicate',
      say: () => {
        const first = exact.firstOf.get(at.number);
        const which =
          first === undefined ? findingWords.line('earlier_row') : nameOfRow(at.plan.file.path, placeOf(files, first));
        return findingWords.line('same', { which });
      },
      confidence: 1,
      text: pieces.count === 0 ? undefined : pieces.text(0),
    });
  }

  /** Several answers to a prompt are what a pair of a chosen and a rejected one is about: those are not compared. */
  function lookForPrompt(at: RowAt): void {
    if (reader.prompt === null || at.plan.shape.kind === 'pair') return;
    const before = prompts.add(reader.prompt, at.number);
    if (before === -1) return;
    const own = at.plan.file.path;
    fault('chat_prompt_repeated', () =>
      findingWords.line('same_prompt', { which: nameOfRow(own, placeOf(files, before)) }),
    );
  }

  function tellOverlaps(at: RowAt): void {
    if (contamination === null) return;
    for (const { benchmark, item, items, piece, start, end } of contamination.endRow()) {
      const { id, name, files: its } = benchmarks[benchmark]!;
      const isCell = pieces.isCell(piece);
      tell(at, {
        kind: 'contamination',
        type: 'contamination',
        say: () => {
          const { row, path: file } = placeOf(its, item);
          const of = { item: item + 1, name, row: row + 1, file };
          return items === 1
            ? findingWords.line('contaminated', of)
            : findingWords.line('contaminated_more', { ...of, more: items - 1 });
        },
        confidence: 0.95,
        column: nameOf(at, pieces.column(piece)),
        text: pieces.text(piece),
        from: start,
        ...(isCell ? { start, end } : {}),
        about: id,
      });
    }
  }

  function tellOutlier(at: RowAt, { type, confidence, say }: Outlier): void {
    tell(at, {
      kind: 'outlier',
      type: `text_${type}`,
      say,
      confidence,
      column: pieces.count === 0 ? null : nameOf(at, pieces.column(0)),
      text: pieces.count === 0 ? undefined : pieces.text(0),
    });
  }

  /** Of two alternatives a model reads one at a time. */
  function count({ counter, limit }: { counter: TokenCounter; limit: number }): void {
    const parts = [counter.overhead(reader.messages), 0, 0];
    for (let piece = 0; piece < pieces.count; piece++)
      parts[pieces.alternative(piece)]! += counter.count(pieces.text(piece));
    const length = parts[0]! + Math.max(parts[1]!, parts[2]!);
    totals.tokens += parts[0]! + parts[1]! + parts[2]!;
    totals.longest = Math.max(totals.longest, length);
    if (length <= limit) return;
    totals.overLimit++;
    fault('chat_too_long', () => findingWords.line('too_long', { tokens: length, limit }));
  }

  return {
    begin,
    check,
    results: () => ({
      ...totals,
      prompts: { remembered: prompts.count, leftOut: prompts.leftOut },
      languages: [...rowsOf]
        .map(([language, rows]) => ({ language, rows }))
        .toSorted((a, b) => b.rows - a.rows || (a.language < b.language ? -1 : 1)),
    }),
  };
}

const nameOf = ({ plan }: RowAt, column: number): string => plan.groups[0]![column]!.name;
