import { during, onward } from '../during.ts';
import type { DuckDb } from '../duckdb.ts';
import type { Relation } from '../relation.ts';
import type { RowHashes } from '../profile/rowHashes.ts';
import { createBits, type Bits } from '../text/bits.ts';

export interface ExactDuplicates {
  /** rows that repeat an earlier one, among all rows of all files */
  rows: Bits;
  /** the first so many of them with the row that they repeat */
  firstOf: Map<number, number>;
}

/** When each step ends, as a share of all: hashes of rows, rows that repeat others. */
const shares = { hashed: 0.5, paired: 0.95 };

/**
 * Rows that are equal to an earlier one in every column, by a 64-bit hash (of ten million rows one chance in 370,000 that a pair is wrong).
 * DuckDB groups them and puts aside what does not fit into memory.
 * @param options.hashes what the profile has already; they are dropped
 * @param options.onProgress 0 to 1
 */
export async function findExactDuplicates(
  db: DuckDb,
  relation: Relation,
  options: { hashes: RowHashes; keep: number; onProgress?(done: number): void },
): Promise<ExactDuplicates> {
  const { hashes, keep } = options;
  const found: ExactDuplicates = { rows: createBits(), firstOf: new Map() };
  if (relation.rows === 0 || relation.columns.length === 0) return found;
  const tell = onward(options.onProgress);
  try {
    if (hashes.isEmpty)
      await during(db, { from: 0, to: shares.hashed, tell }, () => hashes.add(relation, relation.columns));
    const table = await hashes.table();
    const repeated = `select h, min(row) as first from ${table} group by h having count(*) > 1`;
    const pairs = `select r.row, d.first from ${table} r join (${repeated}) d using (h) where r.row <> d.first`;
    await during(db, { from: shares.hashed, to: shares.paired, tell }, () =>
      db.run(`create or replace table repeated_row as ${pairs}`),
    );
    for await (const chunk of db.stream('from repeated_row order by 1')) {
      const [rows, firsts] = [chunk.column(0), chunk.column(1)];
      for (let at = 0; at < chunk.rows; at++) {
        const row = Number(rows[at]);
        found.rows.add(row);
        if (found.firstOf.size < keep) found.firstOf.set(row, Number(firsts[at]));
      }
    }
  } finally {
    await db.run('drop table if exists repeated_row');
    await hashes.drop();
  }
  return found;
}
