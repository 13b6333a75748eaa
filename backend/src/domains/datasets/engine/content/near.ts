import type { DuckDb } from '../duckdb.ts';
import type { Candidates, NearIndex } from '../duplicates/near.ts';
import { createVerifier, type Likeness } from '../duplicates/verify.ts';
import { findingWords } from '../findings/sentences.ts';
import type { FindingSink } from '../findings/sink.ts';
import type { RowsFile } from '../tasks.ts';
import { rowsSql, type FilePlan } from './columns.ts';
import { createExampleReader } from './example.ts';
import { createPieces } from './pieces.ts';
import { nameOfRow, placeOf } from './place.ts';
import { createRowText } from './rowText.ts';
import type { RowAt, Tell } from './teller.ts';

/** bytes of texts that wait for later ones: about 140,000 texts of a kilobyte */
const HELD = 96 * 1024 * 1024;

/** Reads again the rows that seem to be alike, judges them by their texts and tells of those that are. Answers how many. */
export async function tellNearDuplicates(options: {
  db: DuckDb;
  plans: readonly FilePlan[];
  files: readonly RowsFile[];
  index: NearIndex;
  candidates: Candidates;
  threshold: number;
  sink: FindingSink;
  tell: Tell;
  /** 0 to 1 */
  onProgress(done: number): void;
}): Promise<number> {
  const { db, plans, files, index, candidates, threshold, sink, tell, onProgress } = options;
  if (candidates.count === 0) return 0;
  const verifier = createVerifier(index, candidates, { threshold, bytes: HELD });
  const pieces = createPieces();
  const text = createRowText();
  const run = sink.run();
  const total = files.reduce((sum, { rows }) => sum + rows, 0);
  let place = 0;
  let count = 0;

  /** The next text that is needed; `index.count`: there is none. */
  function next(): number {
    while (place < index.count && !verifier.isNeeded(place)) place++;
    return place;
  }

  for (const plan of plans) {
    const columns = plan.groups[0]!;
    const reader = createExampleReader(
      plan.shape,
      columns.map(({ name }) => name),
    );
    const json = columns.map((column) => column.json);
    for await (const chunk of db.stream(rowsSql(plan.file, columns))) {
      const rows = chunk.column(0);
      const last = plan.first + Number(rows[chunk.rows - 1]);
      if (next() === index.count) return finish();
      if (index.rowOf(place) > last) continue;
      const read = columns.map((_, column) => chunk.strings(column + 1));
      for (let at = 0; at < chunk.rows && next() < index.count; at++) {
        const row = Number(rows[at]);
        if (index.rowOf(place) !== plan.first + row) continue;
        const cells = { texts: read.map((column) => column[at]!), json };
        pieces.clear();
        reader.read(cells, pieces, () => {});
        text.read(pieces, { only: true });
        const likeness = verifier.look(place++, text.members.slice(0, text.distinct).sort());
        if (likeness !== null) tellLikeness({ plan, row, number: plan.first + row, cells, run }, likeness);
      }
      await run.flush();
      onProgress(last / total);
    }
  }
  return finish();

  function tellLikeness(at: RowAt, { earlier, similarity, verified }: Likeness): void {
    count++;
    tell(at, {
      kind: 'near_duplicate',
      type: 'near_duplicate',
      say: () =>
        findingWords.line(verified ? 'alike' : 'alike_about', {
          percent: Math.floor(similarity * 100),
          which: nameOfRow(at.plan.file.path, placeOf(files, earlier)),
        }),
      confidence: Math.min(1, similarity),
      text: longest(),
    });
  }

  /** What is alike is in the longest text of a row, seldom in a name before it. */
  function longest(): string | undefined {
    let found: string | undefined;
    for (let at = 0; at < pieces.count; at++) {
      const piece = pieces.text(at);
      if (found === undefined || piece.length > found.length) found = piece;
    }
    return found;
  }

  async function finish(): Promise<number> {
    await run.flush();
    return count;
  }
}
