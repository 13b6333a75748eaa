import { createContamination, type Contamination } from '../contamination/index.ts';
import type { DuckDb } from '../duckdb.ts';
import type { ValidateInput } from '../tasks.ts';
import { createUnits, unitCapacity } from '../text/units.ts';
import { createWindows } from '../text/windows.ts';
import { planFiles, rowsSql } from './columns.ts';
import { createExampleReader } from './example.ts';
import { createPieces } from './pieces.ts';

/** n-grams of all benchmarks together: about 170 MB */
const GRAMS = 5_000_000;

/** Reads the benchmarks' columns. Items are numbered over all files of a benchmark. */
export async function readBenchmarks(
  db: DuckDb,
  benchmarks: ValidateInput['benchmarks'],
): Promise<Contamination | null> {
  if (benchmarks.length === 0) return null;
  const contamination = createContamination({ benchmarks: benchmarks.length, limit: GRAMS });
  const units = createUnits();
  const windows = createWindows(unitCapacity);
  const pieces = createPieces();
  for (const [benchmark, { files, columns }] of benchmarks.entries()) {
    const chosen = files.map((file) => ({
      ...file,
      columns: file.columns.filter(({ name }) => columns.includes(name)),
    }));
    for (const plan of await planFiles(db, chosen, null)) {
      const read = plan.groups[0]!.filter(({ number }) => !number);
      const texts = read.map(({ name }) => name);
      const reader = createExampleReader({ kind: 'texts', texts }, texts);
      const json = read.map((column) => column.json);
      for await (const chunk of db.stream(rowsSql(plan.file, read))) {
        const rows = chunk.column(0);
        const cells = read.map((_, at) => chunk.strings(at + 1));
        for (let at = 0; at < chunk.rows; at++) {
          pieces.clear();
          reader.read({ texts: cells.map((column) => column[at]!), json }, pieces, () => {});
          for (let piece = 0; piece < pieces.count; piece++) {
            units.clear();
            units.add(pieces.text(piece), piece);
            contamination.addItem(benchmark, plan.first + Number(rows[at]), units, windows);
          }
        }
      }
    }
  }
  return contamination;
}
