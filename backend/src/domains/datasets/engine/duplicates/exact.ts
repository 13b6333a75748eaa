import { ident, literal, rowColumn, type DuckDb } from '../duckdb.ts';
import { fileColumn, type Relation } from '../relation.ts';
import type { RowHashes } from '../profile/rowHashes.ts';
import type { RowsFile } from '../tasks.ts';
import { createBits, type Bits } from '../text/bits.ts';

export interface ExactDuplicates {
  /** rows that repeat an earlier one, among all rows of all files */
  rows: Bits;
  /** the first so many of them with the row that they repeat */
  firstOf: Map<number, number>;
}

/**
 * Rows that are equal to an earlier one in every column, by a 64-bit hash (of ten million rows one chance in 370,000 that a pair is wrong).
 * DuckDB groups them and puts aside what does not fit into memory.
 * @param hashes of rows that are wide, from the profile
 */
export async function findExactDuplicates(
  db: DuckDb,
  relation: Relation,
  options: { files: readonly RowsFile[]; hashes: RowHashes; keep: number },
): Promise<ExactDuplicates> {
  const { files, hashes, keep } = options;
  const found: ExactDuplicates = { rows: createBits(), firstOf: new Map() };
  if (relation.rows === 0 || relation.columns.length === 0) return found;
  const hash = `hash(${relation.columns.map(({ sql }) => sql).join(', ')})`;
  const [h, from] = hashes.rows === null ? [hash, relation.from(relation.columns)] : ['h', hashes.rows];
  await db.run(`create table row_hash as select ${positionSql(files)} as row, ${h} as h from ${from}`);
  await hashes.drop();
  try {
    const repeated = 'select h, min(row) as first from row_hash group by h having count(*) > 1';
    const pairs = `select r.row, d.first from row_hash r join (${repeated}) d using (h) where r.row <> d.first order by 1`;
    for await (const chunk of db.stream(pairs)) {
      const [rows, firsts] = [chunk.column(0), chunk.column(1)];
      for (let at = 0; at < chunk.rows; at++) {
        const row = Number(rows[at]);
        found.rows.add(row);
        if (found.firstOf.size < keep) found.firstOf.set(row, Number(firsts[at]));
      }
    }
  } finally {
    await db.run('drop table row_hash');
  }
  return found;
}

/** A row's number among all rows: those of the files before it come first. */
function positionSql(files: readonly RowsFile[]): string {
  let before = 0;
  const cases = files.map(({ local, rows }) => {
    const line = `when ${literal(local)} then ${before}`;
    before += rows;
    return line;
  });
  const offset = files.length === 1 ? '0' : `case ${ident(fileColumn)} ${cases.join(' ')} end`;
  return `(${offset} + ${ident(rowColumn)})::bigint`;
}
