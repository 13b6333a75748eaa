import { stat } from 'node:fs/promises';
import type { TaskContext } from '#platform/workers';
import { createSink } from './accept/sink.ts';
import { openDuckDb, type DuckDb } from './duckdb.ts';
import { csvLine, neutralised } from './export/csv.ts';
import { writeParquet } from './export/parquet.ts';
import { jsonRows, openSource, textRows, type Source } from './export/source.ts';
import type { ExportInput, ExportOutput, Progress } from './tasks.ts';

/** Writes the rows of all files into one, `__row` left out. A column that a file lacks is null there. */
export async function exportRows(input: ExportInput, context: TaskContext): Promise<ExportOutput> {
  const { files, format, target, scratch, neutralise } = input;
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const db = await openDuckDb({
    memoryMb: context.memoryMb,
    read: files.map(({ local }) => local),
    write: [target],
    scratch,
    // So rows come in their order without being sorted.
    threads: 1,
  });
  let done = 0;
  const onRows = (more: number): void => {
    done += more;
    context.progress({ stage: 'writing', done: rows === 0 ? 1 : done / rows } satisfies Progress);
  };
  try {
    const source = await openSource(db, files);
    let changed = 0;
    if (format === 'parquet') await writeParquet(db, source, target);
    else if (format === 'jsonl') await writeJsonl(db, source, { target, onRows });
    else changed = await writeCsv(db, source, { target, neutralise, onRows });
    return { rows, size: (await stat(target)).size, neutralised: changed };
  } finally {
    db.close();
  }
}

async function writeJsonl(
  db: DuckDb,
  { files, columns }: Source,
  { target, onRows }: { target: string; onRows(more: number): void },
): Promise<void> {
  const sink = createSink(target);
  try {
    for (const file of files)
      for await (const lines of jsonRows(db, file, columns)) {
        sink.put(Buffer.from(`${lines.join('\n')}\n`));
        onRows(lines.length);
      }
    sink.close();
  } finally {
    sink.abandon();
  }
}

/** Answers how many cells were made harmless. */
async function writeCsv(
  db: DuckDb,
  { files, columns }: Source,
  { target, neutralise, onRows }: { target: string; neutralise: boolean; onRows(more: number): void },
): Promise<number> {
  const sink = createSink(target);
  let changed = 0;
  const put = (cells: readonly (string | null)[]): void => {
    const safe = neutralise
      ? cells.map((cell) => {
          const harmless = cell === null ? null : neutralised(cell);
          if (harmless !== cell) changed += 1;
          return harmless;
        })
      : cells;
    sink.put(Buffer.from(csvLine(safe)));
  };
  try {
    put(columns.map(({ name }) => name));
    for (const file of files)
      for await (const rows of textRows(db, file, columns)) {
        for (const row of rows) put(row);
        onRows(rows.length);
      }
    sink.close();
  } finally {
    sink.abandon();
  }
  return changed;
}
