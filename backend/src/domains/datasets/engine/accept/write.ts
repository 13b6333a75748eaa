import type { DuckDb } from '../duckdb.ts';
import { fileName, parquet, rowColumn } from '../sql.ts';

const GROUP_BYTES = 8 * 1024 * 1024;
const VECTOR = 2048;
const MOST = 60 * VECTOR;

/**
 * Writes the rows of `source` (something to select from) to `target` with `__row` behind them, in groups of about 8 MB. To be run with one
 * thread and without keeping of order: then rows come in their order all the same, and groups may be cut by bytes. Answers the number of rows.
 */
export async function writeRows(
  db: DuckDb,
  { source, target, rowBytes }: { source: string; target: string; rowBytes: number },
): Promise<number> {
  const group = Math.min(MOST, Math.max(1, Math.floor(GROUP_BYTES / Math.max(1, rowBytes) / VECTOR)) * VECTOR);
  await db.run(
    `copy (select *, row_number() over () - 1 as ${rowColumn} from ${source}) to ${fileName(target)}
     (format parquet, compression zstd, compression_level 1, row_group_size ${group}, row_group_size_bytes '${GROUP_BYTES * 2}B', use_tmp_file false)`,
  );
  const { rows } = await db.one<{ rows: number }>(`select count(*) as rows from ${parquet(target)}`);
  return rows;
}
