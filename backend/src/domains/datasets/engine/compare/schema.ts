import type { DatasetColumn } from '@llm-ops/contracts';
import type { CompareInput, CompareOutput, RowsFile, SchemaCounts } from '../tasks.ts';

/** Which columns came, went, or hold something else now. A column that is new to nulls alone has changed too. */
export function schemaChanges(
  before: readonly DatasetColumn[],
  after: readonly DatasetColumn[],
): CompareOutput['schema'] {
  const [own, other] = [before, after].map((columns) => new Map(columns.map((column) => [column.name, column])));
  return {
    added: after.filter(({ name }) => !own!.has(name)),
    removed: before.filter(({ name }) => !other!.has(name)),
    changed: before.flatMap((column) => {
      const now = other!.get(column.name);
      if (now === undefined || (now.type === column.type && now.nullable === column.nullable)) return [];
      return [{ name: column.name, before: column, after: now }];
    }),
  };
}

/** A page of each list, and how long the lists are. */
export function pageOfSchema(
  { added, removed, changed }: CompareOutput['schema'],
  { offset, limit, name }: CompareInput['columns'],
): { schema: CompareOutput['schema']; counts: SchemaCounts } {
  const page = <T extends { name: string }>(list: T[]): T[] =>
    name === undefined ? list.slice(offset, offset + limit) : list.filter((one) => one.name === name);
  return {
    schema: { added: page(added), removed: page(removed), changed: page(changed) },
    counts: { added: added.length, removed: removed.length, changed: changed.length },
  };
}

/** Of all files: a column that one of them lacks is nullable, one of several types is mixed. */
export function columnsOf(files: readonly RowsFile[]): DatasetColumn[] {
  const columns = new Map<string, { column: DatasetColumn; files: number }>();
  for (const column of files.flatMap((file) => file.columns)) {
    const known = columns.get(column.name);
    const type = known === undefined || known.column.type === column.type ? column.type : 'mixed';
    const nullable = column.nullable || (known?.column.nullable ?? false);
    columns.set(column.name, { column: { name: column.name, type, nullable }, files: (known?.files ?? 0) + 1 });
  }
  return [...columns.values()].map(({ column, files: having }) => ({
    ...column,
    nullable: column.nullable || having < files.length,
  }));
}
