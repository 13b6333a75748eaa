import type { Environment, Topology } from '@llm-ops/contracts';
import { environments } from '../vocabulary.ts';

type Row = Topology['rows'][number];
export interface ShownCell {
  environment: Environment;
  text: string;
  /** what is there now, where the change makes another of it */
  before: string | null;
}
export interface ShownGroup {
  group: Row['group'];
  rows: { field: string; differs: boolean; changes: boolean; cells: ShownCell[] }[];
}

/** Lists a value an item, objects a field; nothing is a dash. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined || value === '') return '—';
  if (Array.isArray(value)) return value.length === 0 ? '—' : value.map(textOf).join('\n');
  if (typeof value !== 'object') return String(value);
  const parts = Object.entries(value)
    .filter(([, one]) => one !== undefined && one !== null)
    .map(([name, one]) => `${name}: ${typeof one === 'object' ? JSON.stringify(one) : String(one)}`);
  return parts.length === 0 ? '—' : parts.join(', ');
}

/** Rows by what they are about; the cell of the environment that the change is for shows what it makes of it. */
export function groupsOf({ rows, target, isNew }: Topology, all: boolean): ShownGroup[] {
  const wanted = all ? rows : rows.filter(({ differs, changes }) => differs || changes);
  const groups = Map.groupBy(wanted, ({ group }) => group);
  return [...groups].map(([group, found]) => ({
    group,
    rows: found.map(({ field, values, wanted: after, differs, changes }) => ({
      field,
      differs,
      changes,
      cells: environments.map((environment) => ({
        environment,
        text: textOf(environment === target ? after : values[environment]),
        before: environment === target && changes && !isNew ? textOf(values[environment]) : null,
      })),
    })),
  }));
}

export const countOf = ({ rows }: Topology) => ({
  differs: rows.filter((row) => row.differs).length,
  changes: rows.filter((row) => row.changes).length,
});
