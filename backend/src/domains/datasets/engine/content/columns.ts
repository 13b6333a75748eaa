import type { DatasetType } from '@llm-ops/contracts';
import { storedColumns } from '../columns.ts';
import { ident, parquet, rowColumn, type DuckDb } from '../duckdb.ts';
import { columnsAtOnce } from '../laid.ts';
import type { RowsFile } from '../tasks.ts';
import { columnsOfShape, shapeOf, type Shape } from './shape.ts';

/** A column as the content pass reads it: always as text. */
export interface ReadColumn {
  name: string;
  /** JSON text; otherwise text as it is */
  json: boolean;
  /** whole numbers, also those among fractions: looked at for what may be a number of a person alone */
  number: boolean;
  /** read for the form of the example only */
  plain: boolean;
  sql: string;
}

export interface FilePlan {
  file: RowsFile;
  index: number;
  /** number of its first row among all rows */
  first: number;
  shape: Shape;
  /** so many columns at a time, those of the shape in the first group */
  groups: ReadColumn[][];
}

/** A chunk has 2,048 rows: so many columns of it are in memory, more where there are less rows. */
const AT_ONCE = 200;
/** What is read of each file. */
export async function planFiles(db: DuckDb, files: readonly RowsFile[], type: DatasetType | null): Promise<FilePlan[]> {
  const plans: FilePlan[] = [];
  let first = 0;
  for (const [index, file] of files.entries()) {
    const stored = await storedColumns(db, file.local);
    const physical = new Map(stored.map(({ name, type: of }) => [name, of]));
    const texts = file.columns.filter(({ type: of }) => of === 'string' || isNested(of)).map(({ name }) => name);
    const shape = shapeOf(
      type,
      file.columns.map(({ name }) => name),
      texts.slice(0, AT_ONCE),
    );
    const used = new Set(columnsOfShape(shape));
    const all = file.columns.flatMap((column) => readColumn(column, physical.get(column.name), used.has(column.name)));
    const ordered = [...all.filter(({ name }) => used.has(name)), ...all.filter(({ name }) => !used.has(name))];
    plans.push({ file, index, first, shape, groups: grouped(ordered, columnsAtOnce(file.rows, AT_ONCE)) });
    first += file.rows;
  }
  return plans;
}

const isNested = (type: string): boolean => type === 'list' || type === 'object' || type === 'mixed';

function readColumn(
  { name, type }: RowsFile['columns'][number],
  physical: string | undefined,
  used: boolean,
): ReadColumn[] {
  if (physical === undefined || type === 'binary') return [];
  const text = physical === 'VARCHAR' || physical === 'JSON';
  const json = physical === 'JSON' || (isNested(type) && !text);
  const column = { name, json, number: false, plain: false };
  if (json) return [{ ...column, sql: text ? `${ident(name)}::varchar` : `to_json(${ident(name)})::varchar` }];
  if (type === 'string' || isNested(type)) return [{ ...column, sql: text ? ident(name) : `${ident(name)}::varchar` }];
  // what a CSV has is text as it was written, and the form of an example needs all of it
  if (type === 'number' && !used && !text)
    return physical === 'FLOAT' ? [] : [{ ...column, number: true, sql: wholeSql(name) }];
  const number = type === 'integer' || type === 'number';
  if (!number && !used) return [];
  return [{ ...column, number, plain: !number, sql: text ? ident(name) : `${ident(name)}::varchar` }];
}

/** Whole numbers as far as a double has all of them; half as wide ones hold no number of a person. */
const wholeSql = (name: string): string =>
  `case when ${ident(name)} = trunc(${ident(name)}) and abs(${ident(name)}) < 9007199254740992 then ${ident(name)}::varchar end`;

function grouped(columns: ReadColumn[], size: number): ReadColumn[][] {
  const groups: ReadColumn[][] = [];
  for (let from = 0; from < columns.length || from === 0; from += size) groups.push(columns.slice(from, from + size));
  return groups;
}

/** Rows in their order: their numbers in the file, then the columns as text. */
export const rowsSql = (file: RowsFile, columns: readonly ReadColumn[]): string =>
  `select ${[ident(rowColumn), ...columns.map(({ sql }) => sql)].join(', ')} from ${parquet(file.local)}`;
