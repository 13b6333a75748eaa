import { stat } from 'node:fs/promises';
import type { TaskContext } from '#platform/workers';
import { createSink } from './accept/sink.ts';
import { finiteJson, isNested, jsonOf, textOf } from './cells.ts';
import { storedColumns } from './columns.ts';
import { openDuckDb, type DuckDb } from './duckdb.ts';
import { csvLine, neutralised } from './export/csv.ts';
import { writeParquet } from './export/parquet.ts';
import { ident, literal, parquet } from './sql.ts';
import type { ExportInput, ExportOutput, Progress } from './tasks.ts';

/** Writes the rows of all files into one, `__row` left out. A column that a file lacks is null there. */
export async function exportRows(input: ExportInput, context: TaskContext): Promise<ExportOutput> {
  const { files, format, target, scratch } = input;
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const db = await openDuckDb({
    memoryMb: context.memoryMb,
    read: files.map(({ local }) => local),
    write: [target],
    scratch,
    // So rows come in their order without being sorted.
    threads: 1,
  });
  const onRow = (done: number): void =>
    context.progress({ stage: 'writing', done: rows === 0 ? 1 : done / rows } satisfies Progress);
  try {
    let changed = 0;
    if (format === 'parquet') await writeParquet(db, files, target);
    else if (format === 'jsonl') await writeJsonl(db, input, onRow);
    else changed = await writeCsv(db, input, onRow);
    return { rows, size: (await stat(target)).size, neutralised: changed };
  } finally {
    db.close();
  }
}

async function writeJsonl(db: DuckDb, { files, target }: ExportInput, onRow: (done: number) => void): Promise<void> {
  const names = namesOf(await Promise.all(files.map(({ local }) => storedColumns(db, local))));
  const sink = createSink(target);
  let done = 0;
  try {
    for (const { local } of files) {
      const columns = new Map((await storedColumns(db, local)).map(({ name, type }) => [name, type]));
      const members = names.map((name) => {
        const type = columns.get(name);
        return `${literal(name)}: ${type === undefined ? 'null' : jsonOf(ident(name), type)}`;
      });
      const fractions = [...columns.values()].some((type) => isNested(type) && /FLOAT|DOUBLE/.test(type));
      const sql = `select to_json({${members.join(', ')}})::varchar from ${parquet(local)}`;
      for await (const chunk of db.stream(sql)) {
        const lines = chunk.strings(0).map((line) => (fractions ? finiteJson(line!) : line!));
        sink.put(Buffer.from(`${lines.join('\n')}\n`));
        onRow((done += chunk.rows));
      }
    }
  } finally {
    sink.close();
  }
}

async function writeCsv(db: DuckDb, input: ExportInput, onRow: (done: number) => void): Promise<number> {
  const { files, target, neutralise } = input;
  const names = namesOf(await Promise.all(files.map(({ local }) => storedColumns(db, local))));
  const sink = createSink(target);
  let done = 0;
  let changed = 0;
  const safe = (cell: string | null): string | null => {
    const harmless = neutralise && cell !== null ? neutralised(cell) : cell;
    if (harmless !== cell) changed += 1;
    return harmless;
  };
  try {
    sink.put(Buffer.from(csvLine(names.map(safe))));
    for (const { local } of files) {
      const columns = new Map((await storedColumns(db, local)).map(({ name, type }) => [name, type]));
      const selected = names.map((name) => {
        const type = columns.get(name);
        return type === undefined ? 'null::varchar' : textOf(ident(name), type);
      });
      const sql = `select ${selected.join(', ')} from ${parquet(local)}`;
      for await (const chunk of db.stream(sql)) {
        const cells = names.map((_, at) => chunk.strings(at));
        for (let row = 0; row < chunk.rows; row++)
          sink.put(Buffer.from(csvLine(cells.map((column) => safe(column[row]!)))));
        onRow((done += chunk.rows));
      }
    }
  } finally {
    sink.close();
  }
  return changed;
}

const namesOf = (files: readonly (readonly { name: string }[])[]): string[] => [
  ...new Set(files.flatMap((columns) => columns.map(({ name }) => name))),
];
