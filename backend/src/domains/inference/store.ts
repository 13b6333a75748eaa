import { sql } from 'kysely';
import type { Db } from '#platform/db';
import type { UsageEvent } from './usage.ts';

type UsageTables = {
  usage_event: {
    id: string;
    at: Date;
    request_id: string;
    user_id: string;
    team: string | null;
    project: string | null;
    api_key_id: string | null;
    route: string;
    environment: string;
    endpoint_id: string;
    model_id: string;
    model_name: string;
    revision: number;
    operation: string;
    streamed: boolean;
    status: number;
    prompt_tokens: number;
    completion_tokens: number;
    estimated: boolean;
    latency_ms: number;
    first_token_ms: number | null;
    finish_reason: string | null;
  };
};

export interface UsageSummary {
  key: string;
  requests: number;
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  mean_latency_ms: number | null;
}

const columnOf = {
  user: 'user_id',
  team: 'team',
  model: 'model_name',
  endpoint: 'endpoint_id',
  environment: 'environment',
  route: 'route',
} as const;
export type UsageGroup = keyof typeof columnOf;

export function createUsageStore(db: Db) {
  const tables = db.kysely.$extendTables<UsageTables>();
  return {
    /** Once by id: an event that is there already is left alone. */
    async insert(events: readonly UsageEvent[]): Promise<void> {
      if (events.length === 0) return;
      await tables
        .insertInto('usage_event')
        .values(events.map((event) => ({ ...event, at: new Date(event.at) })))
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
    },

    async summarise(query: {
      group: UsageGroup;
      since: Date;
      until: Date;
      endpointId?: string;
      environment?: string;
      teams: readonly string[] | null;
      userId: string;
      limit: number;
    }): Promise<UsageSummary[]> {
      const column = columnOf[query.group];
      let select = tables
        .selectFrom('usage_event')
        .select([
          sql<string>`coalesce(${sql.ref(column)}::text, '')`.as('key'),
          sql<number>`count(*)::int`.as('requests'),
          sql<number>`(count(*) filter (where status >= 400))::int`.as('errors'),
          sql<number>`coalesce(sum(prompt_tokens), 0)::float8`.as('prompt_tokens'),
          sql<number>`coalesce(sum(completion_tokens), 0)::float8`.as('completion_tokens'),
          sql<number | null>`avg(latency_ms)::float8`.as('mean_latency_ms'),
        ])
        .where('at', '>=', query.since)
        .where('at', '<', query.until)
        .groupBy(sql`1`)
        .orderBy(sql`2`, 'desc')
        .limit(query.limit);
      if (query.endpointId !== undefined) select = select.where('endpoint_id', '=', query.endpointId);
      if (query.environment !== undefined) select = select.where('environment', '=', query.environment);
      if (query.teams !== null) {
        const { teams } = query;
        select = select.where((where) =>
          where.or([
            where('user_id', '=', query.userId),
            ...(teams.length === 0 ? [] : [where('team', 'in', [...teams])]),
          ]),
        );
      }
      return select.execute();
    },
  };
}
