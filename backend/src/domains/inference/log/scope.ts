import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { Scope } from '#platform/access';

/** What policies may match of a request, by the columns that events and hours both have. */
const columnOf: Record<string, string> = {
  team: 'team',
  owner_team: 'team',
  project: 'project',
  user_id: 'user_id',
  api_key_id: 'api_key_id',
  name: 'route',
  route: 'route',
  environment: 'environment',
  endpoint_id: 'endpoint_id',
  model_id: 'model_id',
  model_name: 'model_name',
};

/** A reader's share of requests as a condition: those of one's teams and one's own, less what policies deny. */
export function visible(scope: Scope, table: string): RawBuilder<SqlBool> {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  const holds = (match: Record<string, unknown>) =>
    sql<SqlBool>`(${sql.join(
      [
        sql<SqlBool>`true`,
        ...Object.entries(match).map(([field, accepted]) => {
          const name = columnOf[field];
          const values = (Array.isArray(accepted) ? accepted : [accepted]).map(String);
          return name === undefined
            ? sql<SqlBool>`false`
            : sql<SqlBool>`${column(name)}::text = any(${values}::text[])`;
        }),
      ],
      sql` and `,
    )})`;
  const parts = scope.denied.map((match) => sql<SqlBool>`not coalesce(${holds(match)}, false)`);
  if (scope.teams !== null)
    parts.push(sql`(${column('team')} = any(${[...scope.teams]}::text[]) or ${column('user_id')} = ${scope.userId})`);
  if (scope.allowed !== null)
    parts.push(sql`(${sql.join([sql<SqlBool>`false`, ...scope.allowed.map(holds)], sql` or `)})`);
  return parts.length === 0 ? sql`true` : sql`(${sql.join(parts, sql` and `)})`;
}

/** Whether it is every request there is. */
export const seesAll = (scope: Scope): boolean =>
  scope.teams === null && scope.denied.length === 0 && scope.allowed === null;
