import { ident, literal, rowColumn, type DuckDb } from '../duckdb.ts';
import { fileColumn, type Relation } from '../relation.ts';
import type { RowsFile } from '../tasks.ts';
import { createBits, type Bits } from '../text/bits.ts';

export interface ExactDuplicates {
  /** rows that repeat an earlier one, among all rows of all files */
  rows: Bits;
  /** the first so many of them with the row that they repeat */
  firstOf: Map<number, number>;
}

/** A chunk has a piece of each column in memory: so many columns at a time. */
const AT_ONCE = 400;

/**
 * Rows that are equal to an earlier one in every column, by a 64-bit hash (of ten million rows one chance in 370,000 that a pair is wrong).
 * DuckDB groups them and puts aside what does not fit into memory.
 */
export async function findExactDuplicates(
  db: DuckDb,
  relation: Relation,
  options: { files: readonly RowsFile[]; keep: number },
): Promise<ExactDuplicates> {
  const found: ExactDuplicates = { rows: createBits(), firstOf: new Map() };
  if (relation.rows === 0 || relation.columns.length === 0) return found;
  const position = positionSql(options.files);
  const wide = relation.columns.length > AT_ONCE;
  for (let from = 0; from < relation.columns.length; from += AT_ONCE) {
    const columns = relation.columns.slice(from, from + AT_ONCE);
    const hashed = columns.map(({ sql }) => `hash(${sql})`);
    // Salted by its number: parts must not be exchangeable.
    const selected = `select ${position} as row, hash(${hashed.join(', ')}, ${from})${wide ? '::hugeint' : ''} as h from ${relation.from(columns)}`;
    await db.run(from === 0 ? `create table row_hash as ${selected}` : `insert into row_hash ${selected}`);
  }
  const hashes = wide ? '(select row, sum(h) as h from row_hash group by row)' : 'row_hash';
  try {
    const repeated = `select h, min(row) as first from ${hashes} group by h having count(*) > 1`;
    const pairs = `select r.row, d.first from ${hashes} r join (${repeated}) d using (h) where r.row <> d.first order by 1`;
    for await (const chunk of db.stream(pairs)) {
      const [rows, firsts] = [chunk.column(0), chunk.column(1)];
      for (let at = 0; at < chunk.rows; at++) {
        const row = Number(rows[at]);
        found.rows.add(row);
        if (found.firstOf.size < options.keep) found.firstOf.set(row, Number(firsts[at]));
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
