import { usageRoutes, type RequestDetail, type RequestEntry } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import { recordAudit } from '#platform/audit';
import type { Db } from '#platform/db';
import { failure, isFailure } from '#platform/errors';
import { bindRoutes, decodeCursor, pageOf, type BoundRoutes, type Context } from '#platform/http';
import { dayMs, hourMs } from './ledger/days.ts';
import { seesAll } from './log/scope.ts';
import { findContent, findEntry, isVisible, listEntries, type DetailRow, type EntryRow } from './log/store.ts';
import { objectivesOf, type Objective } from './objectives.ts';
import { endpointAnswers, listGateways, summarise, traffic } from './store.ts';
import { trafficView, windowOf } from './view.ts';

type Routes = typeof usageRoutes;

export interface UsageDeps {
  db: Db;
  /** ISO 4217 */
  currency: string;
  objective: Objective;
  now(): Date;
  /** what looking through the log may take; 10 s when not given */
  searchMs?: number | undefined;
}

/** What was asked of which model, what it took, and how the gateways stand. */
export function createUsageRoutes({ db, currency, objective, now, searchMs = 10_000 }: UsageDeps): BoundRoutes {
  const { kysely } = db;

  /** A reader's own requests are theirs; an API key is nobody's person. */
  const isOwn = (access: Access, row: { user_id: string }): boolean =>
    access.identity.kind !== 'api-key' && row.user_id === access.identity.userId;

  /** Reading what others asked is an administrative act: without its audit entry it does not happen. */
  async function audited(c: Context, action: string, resourceId: string | null, detail: Record<string, unknown>) {
    const { identity, requestId, remoteAddress } = c;
    const entry = {
      action,
      resourceType: 'request',
      resourceId,
      result: 'allowed',
      requestId,
      remoteAddress,
      detail,
    } as const;
    await kysely.transaction().execute((trx) => recordAudit(trx as never, identity, entry));
  }

  async function contentFor(c: Context<Routes['getRequest']>, row: DetailRow): Promise<RequestDetail['content']> {
    if (!row.captured) return null;
    if (isOwn(c.access, row)) return findContent(kysely, row.id);
    const { team, project, environment, endpoint_id, model_id, model_name, user_id, api_key_id, route } = row;
    const resource = { project, environment, endpoint_id, model_id, model_name, user_id, api_key_id, route };
    const about = { ...resource, type: 'request', name: route, team, owner_team: team };
    if (!c.access.decide('request:content', about, environment).allowed) return null;
    await audited(c, 'request.read', row.id, { user_id, team, route });
    return findContent(kysely, row.id);
  }

  return bindRoutes(usageRoutes, {
    async summariseUsage({ query, access }) {
      const until = query.until === undefined ? now() : new Date(query.until);
      const rows = await summarise(kysely, {
        group: query.group_by,
        since: query.since === undefined ? new Date(until.getTime() - dayMs) : new Date(query.since),
        until,
        endpointId: query.endpoint_id,
        environment: query.environment,
        scope: access.scope('usage:read', 'usage'),
        limit: query.limit,
      });
      return rows.map((row) => ({ ...row, currency }));
    },

    async listRequests(c) {
      const { limit, cursor, since, until, model, outcome, min_latency_ms, search, ...equal } = c.query;
      const end = until === undefined ? now() : new Date(until);
      const start = since === undefined ? new Date(end.getTime() - dayMs) : new Date(since);
      const reader = {
        scope: c.access.scope('usage:read', 'usage'),
        content: c.access.scope('request:content', 'request'),
        userId: c.access.identity.kind === 'api-key' ? '' : c.access.identity.userId,
      };
      if (search !== undefined && reader.content.allowed?.length !== 0)
        await audited(c as unknown as Context, 'request.search', null, {
          since: start.toISOString(),
          until: end.toISOString(),
        });
      const filters = { since: start, until: end, model, outcome, min_latency_ms, search, equal };
      const page = { limit: limit + 1, beyond: decodeCursor(cursor) };
      const rows = await kysely
        .transaction()
        .execute((trx) => listEntries(trx, filters, reader, { ...page, searchMs }))
        .catch((error: unknown) => tooSlow(error, searchMs));
      const { rows: shown, next } = pageOf(rows, limit, ({ at, id }) => ({ at, id }));
      return { rows: shown.map((row) => entryOf(row, currency)), next };
    },

    async getRequest(c) {
      const row = await findEntry(kysely, c.params.id);
      if (row === null) throw failure('request_not_found');
      if (!(await isVisible(kysely, row.id, c.access.scope('usage:read', 'usage'))))
        throw failure('request_not_found', { hidden: true });
      const { price, decision, gateway } = row;
      return {
        ...entryOf(row, currency),
        gateway,
        price:
          price === null
            ? null
            : { input_per_million: price.input, output_per_million: price.output, per_request: price.request },
        decision,
        content: await contentFor(c, row),
      };
    },

    async viewGateway({ query, access }) {
      const time = now();
      const window = windowOf(time, query.minutes);
      const asked = { ...window, environment: query.environment, route: query.route };
      const scope = access.scope('usage:read', 'usage');
      const all = seesAll(scope);
      const routes = await traffic(kysely, asked, 'route', all ? null : scope);
      const series = await traffic(kysely, asked, 'step', all ? null : scope);
      // hosts and addresses are the operators' matter
      const gateways = all ? await listGateways(kysely) : [];
      return {
        now: time.toISOString(),
        currency,
        step_seconds: window.stepSeconds,
        gateways: gateways.map((gateway) => ({ ...gateway, seen_at: gateway.seen_at.toISOString() })),
        ...trafficView(routes, series, window),
      };
    },

    async viewObjectives({ query, access }) {
      const until = now();
      const from = new Date(Math.floor((until.getTime() - query.days * dayMs) / hourMs) * hourMs);
      const scope = access.scope('usage:read', 'usage');
      const asked = { from, to: until, environment: query.environment };
      const answers = await endpointAnswers(kysely, asked, seesAll(scope) ? null : scope);
      return {
        since: from.toISOString(),
        until: until.toISOString(),
        objective: { availability: objective.availability, answer_p50_ms: objective.answerMs },
        endpoints: objectivesOf(answers, objective),
      };
    },
  });
}

const entryOf = (row: EntryRow, currency: string): RequestEntry => ({ ...row, at: row.at.toISOString(), currency });

/** A search that ran into its time limit is asked to be narrower; a database that is away stays what it is. */
function tooSlow(error: unknown, searchMs: number): never {
  const cause = isFailure(error, 'database_unavailable') ? (error.cause as { code?: unknown } | undefined) : undefined;
  if (cause?.code !== '57014') throw error;
  throw failure('validation_failed', {
    message: `Looking through so many requests took more than ${searchMs / 1000} s.`,
    issues: [{ path: 'since', message: 'Ask for a shorter time (since, until), or give more filters.' }],
  });
}
