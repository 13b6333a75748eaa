import { sql, type Expression, type ExpressionBuilder, type SqlBool } from 'kysely';
import type { Scope } from '#platform/access';
import type { Cursor } from '#platform/http';
import type { DatasetTables } from './tables.ts';

const visible = sql<
  'team' | 'organization'
>`coalesce(dataset.visibility, case when dataset.status in ('approved', 'deprecated') then 'organization' else 'team' end)`;

export type Builder = ExpressionBuilder<DatasetTables, 'dataset'>;

/** The rows that a list may show, as the access rules put it. */
export function within(scope: Scope) {
  return (eb: Builder): Expression<SqlBool> => {
    const every: Expression<SqlBool>[] = scope.denied.map((match) => eb.not(holds(match)));
    if (scope.allowed !== null) every.push(eb.or(scope.allowed.map(holds)));
    if (scope.teams !== null) {
      every.push(
        eb.or([
          eb(visible, '=', 'organization'),
          sql<SqlBool>`dataset.owner_team = any(${scope.teams}::text[])`,
          eb('dataset.created_by', '=', scope.userId),
        ]),
      );
    }
    return eb.and(every);
  };
}

function holds(match: Record<string, unknown>): Expression<SqlBool> {
  const tests = Object.entries(match).map(([path, accepted]) => {
    const names = path === 'team' ? ['owner_team'] : path.split('.');
    const field = names[0] === 'visibility' ? sql`to_jsonb(${visible})` : sql`to_jsonb(dataset) #> ${names}::text[]`;
    const values = (Array.isArray(accepted) ? accepted : [accepted]).map(
      (value) => sql`${JSON.stringify(value) ?? 'null'}::jsonb`,
    );
    if (values.length === 0) return sql<SqlBool>`false`;
    const list = sql.join(values);
    return sql<SqlBool>`coalesce(${field} in (${list}) or exists (select from jsonb_array_elements(case when jsonb_typeof(${field}) = 'array' then ${field} else '[]' end) item where item in (${list})), false)`;
  });
  return tests.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`(${sql.join(tests, sql` and `)})`;
}

export function after(
  column: 'dataset.created_at' | 'dataset_review.submitted_at',
  id: 'dataset.id' | 'dataset_review.id',
  cursor: Cursor,
) {
  return sql<SqlBool>`(${sql.ref(column)}, ${sql.ref(id)}) < (${new Date(cursor.at)}::timestamptz, ${cursor.id}::uuid)`;
}
