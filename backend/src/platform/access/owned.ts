import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { Scope } from './index.ts';

/**
 * Conditions for the rows of a table of owned assets: one with `owner_team`, `created_by`, `status`, and `visibility`, which when null is the
 * team's until the asset is approved, then the organization's.
 */
export function ownedRows(table: string) {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  const visible = sql`coalesce(${column('visibility')}, case when ${column('status')} in ('approved', 'deprecated') then 'organization' else 'team' end)`;

  /** A match of a policy: each path has one of the accepted values, or is a list that holds one. */
  function holds(match: Record<string, unknown>): RawBuilder<SqlBool> {
    const tests = Object.entries(match).map(([path, accepted]) => {
      const names = path === 'team' ? ['owner_team'] : path.split('.');
      const field =
        names[0] === 'visibility' ? sql`to_jsonb(${visible})` : sql`to_jsonb(${sql.table(table)}) #> ${names}::text[]`;
      const values = (Array.isArray(accepted) ? accepted : [accepted]).map(
        (value) => sql`${JSON.stringify(value) ?? 'null'}::jsonb`,
      );
      if (values.length === 0) return sql<SqlBool>`false`;
      const list = sql.join(values);
      return sql<SqlBool>`coalesce(${field} in (${list}) or exists (select from jsonb_array_elements(case when jsonb_typeof(${field}) = 'array' then ${field} else '[]' end) item where item in (${list})), false)`;
    });
    return tests.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`(${sql.join(tests, sql` and `)})`;
  }

  return {
    /** The rows that a list may show, as the access rules put it. */
    within(scope: Scope): RawBuilder<SqlBool> {
      const every = scope.denied.map((match) => sql<SqlBool>`not ${holds(match)}`);
      if (scope.allowed !== null) {
        const some = [sql<SqlBool>`false`, ...scope.allowed.map(holds)];
        every.push(sql<SqlBool>`(${sql.join(some, sql` or `)})`);
      }
      if (scope.teams !== null) {
        every.push(
          sql<SqlBool>`(${visible} = 'organization' or ${column('owner_team')} = any(${[...scope.teams]}::text[]) or ${column('created_by')} = ${scope.userId})`,
        );
      }
      return sql<SqlBool>`(${sql.join([sql<SqlBool>`true`, ...every], sql` and `)})`;
    },
  };
}
