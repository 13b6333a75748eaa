import { textOf } from '../cells.ts';
import type { DuckDb } from '../duckdb.ts';
import { columnsAtOnce } from '../laid.ts';
import { openRelation, type Relation, type RelationColumn } from '../relation.ts';
import type { CompareOutput, RowsFile } from '../tasks.ts';

export interface Differences {
  keyedBy: string[];
  duplicateKeys: CompareOutput['duplicateKeys'];
  summary: CompareOutput['summary'];
}
export type Side = 'before' | 'after';

/** A chunk has a piece of each column in memory: so many columns at a time, more where there are few rows. */
const leastAtOnce = 400;

/**
 * Finds the rows that differ and leaves them in the table `differences`: `before` and `after` are the row's number among all rows of its version,
 * null where that version has none. Rows are the same when all columns that both versions have are, as text where the types differ.
 * With keys a row is looked for by them (rows that share a key are paired in their order); without, versions are bags of rows. Contents are
 * compared by 64-bit hashes: of two rows with one key a difference is missed once in 10^19, of ten million rows without keys one is
 * taken for another once in 100,000 comparisons. What does not fit into memory is put off to the disk.
 */
export async function findDifferences(
  db: DuckDb,
  files: Record<Side, readonly RowsFile[]>,
  keyColumns: readonly string[],
): Promise<Differences> {
  const relations = { before: await openRelation(db, files.before), after: await openRelation(db, files.after) };
  const named = {
    before: new Map(relations.before.columns.map((column) => [column.name, column])),
    after: new Map(relations.after.columns.map((column) => [column.name, column])),
  };
  const keyedBy = keyColumns.every((name) => named.before.has(name) && named.after.has(name)) ? [...keyColumns] : [];
  // The same parts on both sides, since their hashes are compared.
  const atOnce = columnsAtOnce(Math.max(relations.before.rows, relations.after.rows), leastAtOnce);
  const shared = [...named.before.keys()].filter((name) => named.after.has(name) && !keyedBy.includes(name));
  for (const side of ['before', 'after'] as const) {
    const other = named[side === 'before' ? 'after' : 'before'];
    await readSide(db, {
      side,
      atOnce,
      relation: relations[side],
      keys: keyedBy.map((name) => named[side].get(name)!),
      columns: shared.map((name) => ({
        column: named[side].get(name)!,
        asText: named[side].get(name)!.physical !== other.get(name)!.physical,
      })),
    });
  }
  const rows = { before: relations.before.rows, after: relations.after.rows };
  if (keyedBy.length > 0) return { keyedBy, ...(await byKeys(db, keyedBy.length, rows)) };
  return { keyedBy, duplicateKeys: { before: 0, after: 0 }, summary: await byContent(db, rows) };
}

interface SideOptions {
  side: Side;
  atOnce: number;
  relation: Relation;
  keys: readonly RelationColumn[];
  columns: readonly { column: RelationColumn; asText: boolean }[];
}

/** Table `side_before` or `side_after`: position, keys as text, hash of the content. */
async function readSide(db: DuckDb, { side, atOnce, relation, keys, columns }: SideOptions): Promise<void> {
  const { position } = relation;
  const keyed = keys.map((column, at) => `${textOf(column.sql, column.physical)} as k${at}`);
  const hashed = columns.map(
    ({ column, asText }) => `hash(${asText ? textOf(column.sql, column.physical) : column.sql})`,
  );
  if (hashed.length <= atOnce) {
    const content = hashed.length === 0 ? '0' : `hash(${hashed.join(', ')})`;
    const from = relation.from([...keys, ...columns.map(({ column }) => column)]);
    const selected = [`${position} as position`, ...keyed, `${content}::hugeint as h`];
    await db.run(`create table side_${side} as select ${selected.join(', ')} from ${from}`);
    return;
  }
  for (let first = 0; first < hashed.length; first += atOnce) {
    const from = relation.from(columns.slice(first, first + atOnce).map(({ column }) => column));
    // Salted by its number: parts must not be exchangeable.
    const content = `hash(${hashed.slice(first, first + atOnce).join(', ')}, ${first})::hugeint`;
    const selected = `select ${position} as position, ${content} as h from ${from}`;
    await db.run(first === 0 ? `create table parts as ${selected}` : `insert into parts ${selected}`);
  }
  const keysOf = `select ${[`${position} as position`, ...keyed].join(', ')} from ${relation.from(keys)}`;
  await db.run(
    `create table side_${side} as select * from (${keysOf}) join (select position, sum(h) as h from parts group by position) using (position)`,
  );
  await db.run('drop table parts');
}

async function byKeys(db: DuckDb, keys: number, rows: Record<Side, number>): Promise<Omit<Differences, 'keyedBy'>> {
  const names = Array.from({ length: keys }, (_, at) => `k${at}`);
  const repeated = async (side: Side): Promise<number> => {
    const { n } = await db.one<{ n: number }>(
      `select count(*) as n from (select 1 from side_${side} group by ${names.join(', ')})`,
    );
    return rows[side] - n;
  };
  const duplicateKeys = { before: await repeated('before'), after: await repeated('after') };
  const twice = duplicateKeys.before + duplicateKeys.after > 0;
  // The how many-th of its key a row is; only looked at where it is not always the first.
  const numbered = (side: Side): string =>
    twice
      ? `(select *, row_number() over (partition by ${names.join(', ')} order by position) as turn from side_${side})`
      : `(select *, 1 as turn from side_${side})`;
  const same = [...names, 'turn'].map((name) => `b.${name} is not distinct from a.${name}`).join(' and ');
  await db.run(
    `create table differences as select b.position as before, a.position as after
     from ${numbered('before')} b full join ${numbered('after')} a on ${same}
     where b.h is distinct from a.h`,
  );
  const counted = await countDifferences(db);
  const unchanged = rows.after - counted.added - counted.modified;
  return { duplicateKeys, summary: { ...counted, unchanged } };
}

async function byContent(db: DuckDb, rows: Record<Side, number>): Promise<CompareOutput['summary']> {
  await db.run(
    `create table uneven as select h, sum(b)::bigint as b, sum(a)::bigint as a from (
       select h, count(*) as b, 0 as a from side_before group by h union all select h, 0, count(*) from side_after group by h
     ) group by h having sum(b) <> sum(a)`,
  );
  // Of equal rows the last ones are those that went or came.
  const excess = (side: Side, own: string, other: string): string =>
    `select position from side_${side} join uneven using (h) where ${own} > ${other}
     qualify row_number() over (partition by h order by position) > ${other}`;
  await db.run(
    `create table differences as select position as before, null::bigint as after from (${excess('before', 'b', 'a')})
     union all select null, position from (${excess('after', 'a', 'b')})`,
  );
  const { added, removed } = await countDifferences(db);
  return { added, removed, modified: 0, unchanged: rows.after - added };
}

async function countDifferences(db: DuckDb): Promise<{ added: number; removed: number; modified: number }> {
  return db.one(
    `select count(*) filter (where before is null) as added, count(*) filter (where after is null) as removed,
       count(*) filter (where before is not null and after is not null) as modified from differences`,
  );
}

export interface Difference {
  before: number | null;
  after: number | null;
}

const conditions = {
  added: 'before is null',
  removed: 'after is null',
  modified: 'before is not null and after is not null',
} as const;

/** A page of the differences in the order of the rows; one more than the limit where there are more. */
export async function pageOfDifferences(
  db: DuckDb,
  page: { change: keyof typeof conditions | null; limit: number; offset: number },
): Promise<Difference[]> {
  const where = page.change === null ? 'true' : conditions[page.change];
  return db.all<{ before: number | null; after: number | null }>(
    `select before, after from differences where ${where}
     order by coalesce(after, before), after is not null limit ${page.limit + 1} offset ${page.offset}`,
  );
}
