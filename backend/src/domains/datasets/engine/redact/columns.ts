import type { DatasetFormat } from '@llm-ops/contracts';
import { jsonOf, textOf } from '../cells.ts';
import { storedColumns } from '../columns.ts';
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
  return (await storedColumns(db, file.local)).map(({ name, type: physical }) => {
    const column = looked.get(name);
    if (column !== undefined) {
      const { json, number, sql } = column;
      return { name, physical, look: json ? 'json' : 'text', token: json || number, named: !number, sql };
    }
    const json = format === 'jsonl';
    const sql = json ? `to_json(${jsonOf(ident(name), physical)})::varchar` : textOf(ident(name), physical);
    return { name, physical, look: null, token: json, named: false, sql };
  });
}
