import { open, stat } from 'node:fs/promises';
import { describeRows } from '../columns.ts';
import { openDuckDb, type DuckDb } from '../duckdb.ts';
import { isFailure } from '#platform/errors';
import { fileName, ident, parquet, rowColumn } from '../sql.ts';
import type { Issues } from './issues.ts';
import { words } from './sentences.ts';
import { bytesText } from './words.ts';
import { checkColumns, checkRows, type Accepted, type Work } from './work.ts';

const damaged = words.tell('parquet_damaged');

export async function acceptParquet(work: Work): Promise<Accepted> {
  const { input, issues, memoryMb, progress } = work;
  const { local } = input.file;
  await checkEnds(local, issues);
  const db = await openDuckDb({
    // There is hardly any JavaScript beside it here.
    memoryMb: memoryMb * 1.4,
    read: [local],
    write: [input.target],
    scratch: input.scratch,
    threads: 1,
    ordered: false,
  });
  /** What DuckDB says of a file that it cannot read is not for people; that it ran out of memory is not the file's fault. */
  const readable = async <T>(reading: Promise<T>): Promise<T> => {
    try {
      return await reading;
    } catch (error) {
      if (isFailure(error)) throw error;
      return issues.refuse(/encrypt/i.test(String(error)) ? encrypted : damaged);
    }
  };
  try {
    const names = await readable(columnNames(db, local));
    checkColumns(work, names, null);
    checkWidth(work, names.length);
    const { rows, bytes } = await readable(sizes(db, local, names.length));
    if (bytes > input.limits.expanded) issues.refuse(expanded(input.limits.expanded));
    checkRows(work, rows, 0);
    progress('reading', 0.2);
    if ((await readable(textBytes(db, local))) > input.limits.expanded) issues.refuse(expanded(input.limits.expanded));
    progress('converting', 0.5);
    const written = await readable(writeRows(db, { local, target: input.target, rowBytes: bytes / rows }));
    if (written !== rows) issues.refuse(damaged);
    return { rows, badRows: 0, columns: await describeRows(db, input.target), dialect: null, notes: [] };
  } finally {
    db.close();
  }
}

/** DuckDB holds 32 KB for each column that it writes, several times over. */
const COLUMNS_PER_MB = 5;

function checkWidth({ issues, memoryMb }: Work, columns: number): void {
  const most = memoryMb * COLUMNS_PER_MB;
  if (columns > most) issues.refuse(words.tell('parquet_wide', { columns, most }));
}

const GROUP_BYTES = 8 * 1024 * 1024;
const VECTOR = 2048;
const MOST = 60 * VECTOR;

/**
 * The same rows with `__row` behind them, in groups of about 8 MB. With one thread and without keeping of order rows come in their order all
 * the same, and groups may be cut by bytes. Answers the number of rows.
 */
async function writeRows(
  db: DuckDb,
  { local, target, rowBytes }: { local: string; target: string; rowBytes: number },
): Promise<number> {
  const group = Math.min(MOST, Math.max(1, Math.floor(GROUP_BYTES / Math.max(1, rowBytes) / VECTOR)) * VECTOR);
  await db.run(
    `copy (select * exclude (file_row_number), file_row_number as ${rowColumn}
           from read_parquet(${fileName(local)}, hive_partitioning = false, file_row_number = true)) to ${fileName(target)}
     (format parquet, compression zstd, compression_level 1, row_group_size ${group},
      row_group_size_bytes '${GROUP_BYTES * 2}B', use_tmp_file false)`,
  );
  const { rows } = await db.one<{ rows: number }>(`select count(*) as rows from ${parquet(target)}`);
  return rows;
}

const encrypted = words.tell('parquet_encrypted');
const expanded = (limit: number) => words.tell('parquet_too_large', { limit: bytesText(limit) });

/** A Parquet file ends with the length of its description and, like its beginning, PAR1. */
async function checkEnds(local: string, issues: Issues): Promise<void> {
  const { size } = await stat(local);
  const file = await open(local);
  try {
    const { buffer: head } = await file.read(Buffer.alloc(4), 0, 4, 0);
    const { buffer: tail } = await file.read(Buffer.alloc(8), 0, 8, Math.max(0, size - 8));
    const magic = tail.toString('latin1', 4);
    if (magic === 'PARE' || head.toString('latin1') === 'PARE') issues.refuse(encrypted);
    if (size < 12 || magic !== 'PAR1') issues.refuse(words.tell('parquet_cut'));
    if (tail.readUInt32LE(0) > size - 12) issues.refuse(damaged);
  } finally {
    await file.close();
  }
}

/** As they are in the file: DuckDB would give a second one of the same name another. */
async function columnNames(db: DuckDb, local: string): Promise<string[]> {
  const elements = await db.all<{ name: string; num_children: number | null }>(
    `select name, num_children from parquet_schema(${fileName(local)})`,
  );
  const names: string[] = [];
  const skip = (at: number): number => {
    let next = at + 1;
    for (let child = elements[at]?.num_children ?? 0; child > 0; child--) next = skip(next);
    return next;
  };
  // The first element is the root.
  for (let at = 1; at < elements.length; at = skip(at)) names.push(elements[at]!.name);
  return names;
}

/** By the description of the file. Repeated values take next to nothing there but a few bytes each once they are read. */
async function sizes(db: DuckDb, local: string, columns: number): Promise<{ rows: number; bytes: number }> {
  const { rows } = await db.one<{ rows: number }>(
    `select sum(num_rows)::hugeint as rows from parquet_file_metadata(${fileName(local)})`,
  );
  const { bytes } = await db.one<{ bytes: number | null }>(
    `select sum(greatest(total_uncompressed_size, num_values))::hugeint as bytes from parquet_metadata(${fileName(local)})`,
  );
  return { rows: Number(rows), bytes: Math.max(Number(bytes ?? 0), Number(rows) * columns) };
}

/** What all texts come to: a long one that is stored once may stand in every row. */
async function textBytes(db: DuckDb, local: string): Promise<number> {
  const columns = await db.all<{ column_name: string; column_type: string }>(`describe from ${parquet(local)}`);
  const texts = columns.filter(({ column_type }) => /^(VARCHAR|JSON|BLOB)$/.test(column_type));
  let bytes = 0;
  for (let first = 0; first < texts.length; first += 500) {
    const lengths = texts.slice(first, first + 500).map(({ column_name, column_type }) => {
      const length = column_type === 'BLOB' ? 'octet_length' : 'strlen';
      return `coalesce(sum(${length}(${ident(column_name)})), 0)::hugeint`;
    });
    const { total } = await db.one<{ total: number | bigint }>(
      `select ${lengths.join(' + ')} as total from ${parquet(local)}`,
    );
    bytes += Number(total);
  }
  return bytes;
}
