import { ident, rowColumn, type DuckDb } from '../duckdb.ts';
import { fileColumn, type RelationColumn } from '../relation.ts';

export type RowHashes = ReturnType<typeof createRowHashes>;

/**
 * Hashes of rows that are too wide to be looked at in one go: each part adds its own, salted by its number, so that parts are not exchangeable.
 * They are of 64 bits: of ten million rows one chance in 370,000 that two of them are taken for the same.
 */
export function createRowHashes(db: DuckDb) {
  let parts = 0;
  const place = `${ident(fileColumn)}, ${ident(rowColumn)}`;
  const keep = async (selected: string): Promise<void> => {
    await db.run(
      parts === 0 ? `create or replace temp table row_parts as ${selected}` : `insert into row_parts ${selected}`,
    );
    parts++;
  };
  const rows = `(select ${place}, sum(h) as h from row_parts group by all)`;
  return {
    async add(from: string, columns: readonly RelationColumn[]): Promise<void> {
      const hash = `hash(${columns.map(({ sql }) => sql).join(', ')}, ${parts})`;
      await keep(`select ${place}, ${hash}::hugeint as h from ${from}`);
    },
    /** The same of what `layOut` laid out. */
    async addCells(): Promise<void> {
      await keep(`select ${place}, sum(hash(c, k, ${parts})::hugeint) as h from cells group by all`);
    },
    /** To select from: the hash `h` of each row, with its place; null: nothing was added, rows are narrow. */
    get rows(): string | null {
      return parts === 0 ? null : rows;
    },
    async distinct(): Promise<number> {
      const { n } = await db.one<{ n: number }>(`select count(distinct h) as n from ${rows}`);
      return n;
    },
    async drop(): Promise<void> {
      await db.run('drop table if exists row_parts');
      parts = 0;
    },
  };
}
