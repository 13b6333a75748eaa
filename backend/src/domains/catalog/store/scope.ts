import { sql, type Expression, type ExpressionBuilder, type SqlBool } from 'kysely';
import type { Scope } from '#platform/access';
import type { Cursor } from '#platform/http';
import type { CatalogTables } from './tables.ts';

const visible = sql<
  'team' | 'organization'
>`coalesce(model.visibility, case when model.status in ('approved', 'deprecated') then 'organization' else 'team' end)`;

export type Builder = ExpressionBuilder<CatalogTables, 'model'>;

/** The rows that a list may show, as the access rules put it. */
export function within(scope: Scope) {
  return (eb: Builder): Expression<SqlBool> => {
    const every: Expression<SqlBool>[] = scope.denied.map((match) => eb.not(holds(match)));
    if (scope.allowed !== null) every.push(eb.or(scope.allowed.map(holds)));
    if (scope.teams !== null) {
      every.push(
        eb.or([
          eb(visible, '=', 'organization'),
          sql<SqlBool>`model.owner_team = any(${scope.teams}::text[])`,
          eb('model.created_by', '=', scope.userId),
        ]),
      );
    }
    return eb.and(every);
  };
}

function holds(match: Record<string, unknown>): Expression<SqlBool> {
  const tests = Object.entries(match).map(([path, accepted]) => {
    const names = path === 'team' ? ['owner_team'] : path.split('.');
    const field = names[0] === 'visibility' ? sql`to_jsonb(${visible})` : sql`to_jsonb(model) #> ${names}::text[]`;
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
  column: 'model.created_at' | 'model_review.submitted_at',
  id: 'model.id' | 'model_review.id',
  cursor: Cursor,
) {
  return sql<SqlBool>`(${sql.ref(column)}, ${sql.ref(id)}) < (${new Date(cursor.at)}::timestamptz, ${cursor.id}::uuid)`;
}
