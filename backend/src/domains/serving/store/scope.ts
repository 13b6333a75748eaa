import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { Scope } from '#platform/access';

/**
 * A list's share of the rules in force as a condition: rows of one's teams, one's own and the organization's, less what policies deny.
 * `fields` names the columns that policies may match; what has no column matches nothing.
 */
export function visible(scope: Scope, table: string, fields: Record<string, string>): RawBuilder<SqlBool> {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  const own =
    scope.teams === null
      ? sql<SqlBool>`true`
      : sql<SqlBool>`(${column('visibility')} = 'organization' or ${column('team')} = any(${[...scope.teams]}::text[])
          or ${column('created_by')} = ${scope.userId})`;
  const known: Record<string, string> = {
    team: `${table}.team`,
    owner_team: `${table}.team`,
    project: `${table}.project`,
    ...fields,
  };
  const holds = (match: Record<string, unknown>) =>
    sql<SqlBool>`(${sql.join(
      [
        sql<SqlBool>`true`,
        ...Object.entries(match).map(([field, accepted]) => {
          const at = known[field];
          const values = (Array.isArray(accepted) ? accepted : [accepted]).map(String);
          return at === undefined ? sql<SqlBool>`false` : sql<SqlBool>`${sql.ref(at)}::text = any(${values}::text[])`;
        }),
      ],
      sql` and `,
    )})`;
  const parts = [own, ...scope.denied.map((match) => sql<SqlBool>`not coalesce(${holds(match)}, false)`)];
  if (scope.allowed !== null) {
    parts.push(sql<SqlBool>`(${sql.join([sql<SqlBool>`false`, ...scope.allowed.map(holds)], sql` or `)})`);
  }
  return sql<SqlBool>`(${sql.join(parts, sql` and `)})`;
}
