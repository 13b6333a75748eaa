import { sql, type SqlBool } from 'kysely';

/** The rows that come after a position in a list that is newest first; `at` and `id` are columns such as `model.created_at`. */
export function after(at: string, id: string, position: { at: string; id: string }) {
  return sql<SqlBool>`(${sql.ref(at)}, ${sql.ref(id)}) < (${new Date(position.at)}::timestamptz, ${position.id}::uuid)`;
}
