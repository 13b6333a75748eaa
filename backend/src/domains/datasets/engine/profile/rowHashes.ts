import type { DuckDb } from '../duckdb.ts';
import type { Relation, RelationColumn } from '../relation.ts';

export type RowHashes = ReturnType<typeof createRowHashes>;

const columns = 'row bigint, h ubigint';

/**
 * Hashes of rows by their numbers, of rows that are too wide or too many to be looked at in one go: each part of their columns adds its own, salted
 * by its number, so that parts are not exchangeable. They are of 64 bits: of ten million rows one chance in 370,000 that two of them are
 * taken for the same. DuckDB puts aside what does not fit into memory.
 */
export function createRowHashes(db: DuckDb) {
  let parts = 0;
  const keep = async (selected: string): Promise<void> => {
    if (parts === 0) await db.run(`create or replace table row_hash (${columns})`);
    await db.run(`insert into row_hash ${selected}`);
    parts++;
  };
  return {
    get isEmpty(): boolean {
      return parts === 0;
    },
    async add(relation: Relation, some: readonly RelationColumn[]): Promise<void> {
      const hash = `hash(${some.map(({ sql }) => sql).join(', ')}, ${parts})`;
      await keep(`select ${relation.position}, ${hash} from ${relation.from(some)}`);
    },
    /** The same of what `layOut` laid out. */
    async addCells(): Promise<void> {
      await keep(`select row, bit_xor(hash(c, k, ${parts})) from cells group by row`);
    },
    /** To select from: `row` and the hash `h` of all its parts. */
    async table(): Promise<string> {
      if (parts > 1) {
        await db.run('create table whole_rows as select row, bit_xor(h) as h from row_hash group by row');
        await db.run('drop table row_hash');
        await db.run('alter table whole_rows rename to row_hash');
        parts = 1;
      }
      return 'row_hash';
    },
    async distinct(): Promise<number> {
      const { n } = await db.one<{ n: number }>(
        `select count(*) as n from (select h from ${await this.table()} group by h)`,
      );
      return n;
    },
    async drop(): Promise<void> {
      await db.run('drop table if exists row_hash');
      parts = 0;
    },
  };
}
