import type { DatasetFormat } from '@llm-ops/contracts';
import { jsonOf, textOf } from '../cells.ts';
import { columnType, storedColumns } from '../columns.ts';
import { planFiles } from '../content/columns.ts';
import type { DuckDb } from '../duckdb.ts';
import { ident } from '../sql.ts';
import type { RowsFile } from '../tasks.ts';

/** A column of a file of rows, as a redaction reads it: always as text. */
export interface RedactColumn {
  name: string;
  /** DuckDB's type */
  physical: string;
  /** how personal data is looked for in it; null: not at all, it stays as it is */
  look: 'text' | 'json' | null;
  /** what is read is a token of JSON already, unless it was replaced */
  token: boolean;
  /** of numbers, a replaced one is replaced with its `.0` */
  number: boolean;
  /** names and places are looked for, too */
  named: boolean;
  sql: string;
}

/** All columns in their order; what is looked at is what a validation looks at. */
export async function redactColumns(db: DuckDb, file: RowsFile, format: DatasetFormat): Promise<RedactColumn[]> {
  const [plan] = await planFiles(db, [file], null);
  const looked = new Map(
    plan!.groups.flat().flatMap((column) => (column.plain ? [] : [[column.name, column] as const])),
  );
  const plainOf = (name: string, physical: string): string =>
    format === 'jsonl' ? `to_json(${jsonOf(ident(name), physical)})::varchar` : textOf(ident(name), physical);
  return (await storedColumns(db, file.local)).map(({ name, type: physical }) => {
    const column = looked.get(name);
    if (column !== undefined) {
      const { json, number } = column;
      // of fractions all, not only what is looked at
      const sql = columnType(physical) === 'number' ? plainOf(name, physical) : column.sql;
      return { name, physical, look: json ? 'json' : 'text', token: json || number, number, named: !number, sql };
    }
    const sql = plainOf(name, physical);
    return { name, physical, look: null, token: format === 'jsonl', number: false, named: false, sql };
  });
}
