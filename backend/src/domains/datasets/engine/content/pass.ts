import type { DatasetProfile } from '@llm-ops/contracts';
import type { PiiScanner } from '../../pii/index.ts';
import type { DuckDb } from '../duckdb.ts';
import type { FindingSink } from '../findings/sink.ts';
import { fencesOf, lengthOutlier, type LengthFences } from '../outliers/index.ts';
import { rowsSql, type FilePlan, type ReadColumn } from './columns.ts';
import type { Cells } from './example.ts';
import type { Names } from './names.ts';
import type { NamedEntities } from './ner.ts';
import { createPersonalData } from './personal.ts';
import type { createRowChecks } from './row.ts';
import type { RowAt, Tell } from './teller.ts';

export interface PassOptions {
  db: DuckDb;
  plans: readonly FilePlan[];
  profile: DatasetProfile;
  sink: FindingSink;
  scanner: PiiScanner;
  /** hex */
  key: string;
  ner: NamedEntities;
  names: Names;
  tell: Tell;
  checks: ReturnType<typeof createRowChecks>;
  /** 0 to 1 */
  onProgress(done: number): void;
}

/**
 * Reads every text once, chunk by chunk and row by row: personal data and lengths in all columns, everything else in the row as a whole. Tables
 * with many columns are read in groups of columns, each with a run of findings of its own.
 */
export async function readContent(options: PassOptions): Promise<void> {
  const { plans, profile, sink, onProgress } = options;
  const fences = new Map(profile.columns.map((column) => [column.name, fencesOfColumn(column)]));
  const total = plans.reduce((sum, { file, groups }) => sum + file.rows * groups.length, 0);
  const most = Math.max(0, ...plans.map(({ groups }) => groups.length));
  let done = 0;
  for (let group = 0; group < most; group++) {
    const run = sink.run();
    const personal = createPersonalData(options);
    for (const plan of plans) {
      const columns = plan.groups[group];
      if (columns === undefined) continue;
      if (group === 0) options.checks.begin(plan);
      await readFile({ ...options, plan, columns, fences, personal, run, isMain: group === 0, onRows });
    }
    await run.flush();
  }

  function onRows(rows: number): void {
    done += rows;
    onProgress(total === 0 ? 1 : done / total);
  }
}

/** As the profile has it: a label's length means nothing, and it counts none of those as outliers. */
const fencesOfColumn = ({ outliers, quantiles }: DatasetProfile['columns'][number]): LengthFences | null =>
  outliers > 0 ? fencesOf(quantiles) : null;

interface FileOptions extends PassOptions {
  plan: FilePlan;
  columns: readonly ReadColumn[];
  fences: ReadonlyMap<string, LengthFences | null>;
  personal: ReturnType<typeof createPersonalData>;
  run: RowAt['run'];
  isMain: boolean;
  onRows(rows: number): void;
}

async function readFile(options: FileOptions): Promise<void> {
  const { db, plan, columns, fences, personal, run, isMain, checks, tell, onRows } = options;
  const texts: (string | null)[] = columns.map(() => null);
  const cells: Cells = { texts, json: columns.map(({ json }) => json) };
  const measured = columns.map(({ name, number, plain }) => (number || plain ? null : (fences.get(name) ?? null)));
  const at: RowAt = { plan, row: 0, number: 0, cells, run };
  const place = { run, file: plan.file.path, fileIndex: plan.index, row: 0 };
  for await (const chunk of db.stream(rowsSql(plan.file, columns))) {
    const rows = chunk.column(0);
    const read = columns.map((_, column) => chunk.strings(column + 1));
    await personal.look(columns, read);
    for (let index = 0; index < chunk.rows; index++) {
      at.row = place.row = Number(rows[index]);
      at.number = plan.first + at.row;
      for (let column = 0; column < columns.length; column++) texts[column] = read[column]![index]!;
      personal.tell(index, place);
      if (isMain) checks.check(at);
      for (let column = 0; column < columns.length; column++) {
        const text = texts[column]!;
        if (text === null || measured[column] === null) continue;
        const outlier = lengthOutlier(text, measured[column]!);
        if (outlier === null) continue;
        const { type, ...found } = outlier;
        tell(at, { kind: 'outlier', type: `text_${type}`, ...found, column: columns[column]!.name, text });
      }
    }
    await run.flush();
    onRows(chunk.rows);
  }
}
