import type { BodyOf, DataOf, Environment, gatewayRoutes, QueryOf } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import { decodeCursor, pageOf, type Paged, type Trx } from '#platform/http';
import { uuidv7 } from '#platform/ids';
import { admitted } from '../guard.ts';
import { faultOfName } from '../names.ts';
import { findEndpoint, findRevision, json, tellServing, type EndpointWithTarget } from '../store/endpoints.ts';
import {
  deleteRoute,
  findRoute,
  insertRoute,
  listRoutes,
  routesNamed,
  updateRoute,
  type RouteRow,
} from '../store/routes.ts';
import type { Target } from '../store/tables.ts';
import { registrationView, routeView } from '../views.ts';
import { refusalWords } from '../sentences.ts';

type Routes = typeof gatewayRoutes;
type RouteView = DataOf<Routes['getRoute']>;
type RegistrationView = DataOf<Routes['getRegistration']>;
type GivenTarget = BodyOf<Routes['createRoute']>['targets'][number];

/** The route table of this process: what is being disabled is denied at once. */
export interface Gate {
  deny(routeId: string): void;
  admit(routeId: string): void;
}

/** Names and where they lead. A registration is the same row: a name with one endpoint. */
export function createRegistry({ db, gate }: { db: Db; gate: Gate }) {
  const resourceOf = (row: Pick<RouteRow, 'name' | 'environment' | 'team'> & { id?: string }) => ({
    type: 'route',
    ...(row.id === undefined ? {} : { id: row.id }),
    name: row.name,
    environment: row.environment,
    team: row.team,
    owner_team: row.team,
  });

  const seen = (access: Access, row: RouteRow) =>
    access.sees({ team: row.team, visibility: row.visibility, createdBy: row.created_by });

  function allowed(access: Access, row: RouteRow | null, permission: 'route:read' | 'route:write'): RouteRow {
    if (!row || !seen(access, row)) throw failure('route_not_found');
    access.require(permission, resourceOf(row), row.environment);
    return row;
  }

  /** Of a name that may be in several environments, the one that is meant. */
  async function registered(
    trx: Trx | Db['kysely'],
    access: Access,
    name: string,
    environment: Environment | undefined,
    permission: 'route:read' | 'route:write',
  ): Promise<RouteRow> {
    const rows = (await routesNamed(trx, name)).filter((row) => seen(access, row));
    const among = environment === undefined ? rows : rows.filter((row) => row.environment === environment);
    const [row] = among;
    if (!row) throw failure('registration_not_found');
    if (among.length > 1) {
      const environments = among.map((one) => one.environment);
      throw failure('registration_ambiguous', refusalWords.tell('ambiguous', { name, environments }));
    }
    access.require(permission, resourceOf(row), row.environment);
    return row;
  }

  async function endpointFor(
    trx: Trx,
    access: Access,
    id: string,
    environment: Environment | undefined,
  ): Promise<EndpointWithTarget> {
    const endpoint = admitted(access, await findEndpoint(trx, id));
    if (endpoint.desired === 'deleted') throw failure('endpoint_not_found');
    if (environment !== undefined && endpoint.environment !== environment) {
      throw failure('validation_failed', {
        issues: [
          {
            path: 'environment',
            ...refusalWords.tell('other_environment', { environment: endpoint.environment }),
          },
        ],
      });
    }
    return endpoint;
  }

  async function checkedTargets(
    trx: Trx,
    access: Access,
    given: readonly GivenTarget[],
    environment: Environment,
  ): Promise<{ targets: Target[]; first: EndpointWithTarget }> {
    const targets: Target[] = [];
    let first: EndpointWithTarget | null = null;
    for (const [index, target] of given.entries()) {
      const endpoint = await endpointFor(trx, access, target.endpointId, environment);
      first ??= endpoint;
      const revision = target.revision ?? null;
      if (revision !== null && !(await findRevision(trx, endpoint.id, revision))) {
        throw failure('validation_failed', {
          issues: [
            { path: `targets.${index}.revision`, ...refusalWords.tell('no_revision', { revision: String(revision) }) },
          ],
        });
      }
      const { weight, priority, timeouts = null } = target;
      targets.push({ endpointId: endpoint.id, revision, weight, priority, timeouts });
    }
    if (targets.every(({ weight }) => weight === 0)) {
      throw failure('validation_failed', {
        issues: [{ path: 'targets', ...refusalWords.tell('no_weight') }],
      });
    }
    return { targets, first: first! };
  }

  async function add(
    trx: Trx,
    access: Access,
    name: string,
    endpoint: EndpointWithTarget,
    rest: { enabled: boolean; targets: Target[] } & Partial<
      Pick<BodyOf<Routes['createRoute']>, 'retry' | 'timeouts' | 'cache' | 'limits' | 'capture'>
    >,
  ): Promise<RouteRow> {
    const fault = faultOfName(name);
    if (fault !== null) throw failure('route_name_invalid', { issues: [{ path: 'name', message: fault }] });
    const { environment, team, project, visibility } = endpoint;
    access.require('route:write', resourceOf({ name, environment, team }), environment);
    const row = await insertRoute(trx, {
      id: uuidv7(),
      name,
      environment,
      team,
      project,
      visibility,
      enabled: rest.enabled,
      targets: json(rest.targets),
      retry: json(rest.retry ?? { attempts: 0, on: ['connect', 'busy'] }),
      timeouts: json(rest.timeouts ?? {}),
      cache: rest.cache ? json(rest.cache) : null,
      limits: rest.limits ? json(rest.limits) : null,
      capture: json(rest.capture ?? { content: false }),
      created_by: access.identity.userId,
    });
    if (!row) throw failure('route_name_taken', refusalWords.tell('name_taken', { name, environment }));
    await tellServing(trx, endpoint.id);
    return row;
  }

  async function change(trx: Trx, row: RouteRow, changes: Parameters<typeof updateRoute>[2]): Promise<RouteRow> {
    const changed = await updateRoute(trx, row.id, changes);
    if (!changed) throw failure('route_not_found');
    if (changed.enabled) gate.admit(row.id);
    else gate.deny(row.id);
    await tellServing(trx, row.targets[0]?.endpointId ?? row.id);
    return changed;
  }

  async function page(
    access: Access,
    query: {
      limit: number;
      cursor?: string | undefined;
      environment?: Environment | undefined;
      name?: string | undefined;
    },
  ): Promise<Paged<RouteRow[]>> {
    const { environment, name, limit } = query;
    const scope = access.scope('route:read', 'route');
    const rows = await listRoutes(db.kysely, scope, { environment, name, limit, after: decodeCursor(query.cursor) });
    return pageOf(rows, limit, (row) => ({ at: row.created_at, id: row.id }));
  }

  return {
    async listRoutes(access: Access, query: QueryOf<Routes['listRoutes']>): Promise<Paged<RouteView[]>> {
      const { rows, next } = await page(access, query);
      return { rows: rows.map(routeView), next };
    },
    async createRoute(trx: Trx, access: Access, request: BodyOf<Routes['createRoute']>): Promise<RouteView> {
      const { targets, first } = await checkedTargets(trx, access, request.targets, request.environment);
      return routeView(await add(trx, access, request.name, first, { ...request, targets }));
    },
    async getRoute(access: Access, id: string): Promise<RouteView> {
      return routeView(allowed(access, await findRoute(db.kysely, id), 'route:read'));
    },
    async updateRoute(trx: Trx, access: Access, id: string, patch: BodyOf<Routes['updateRoute']>): Promise<RouteView> {
      const row = allowed(access, await findRoute(trx, id), 'route:write');
      const { enabled, targets, retry, timeouts, cache, limits, capture } = patch;
      const checked = targets && (await checkedTargets(trx, access, targets, row.environment)).targets;
      return routeView(
        await change(trx, row, {
          ...(enabled === undefined ? {} : { enabled }),
          ...(checked ? { targets: json(checked) } : {}),
          ...(retry ? { retry: json(retry) } : {}),
          ...(timeouts ? { timeouts: json(timeouts) } : {}),
          ...(cache === undefined ? {} : { cache: cache && json(cache) }),
          ...(limits === undefined ? {} : { limits: limits && json(limits) }),
          ...(capture ? { capture: json(capture) } : {}),
        }),
      );
    },
    async deleteRoute(trx: Trx, access: Access, id: string): Promise<{ id: string }> {
      const row = allowed(access, await findRoute(trx, id), 'route:write');
      await deleteRoute(trx, id);
      gate.deny(id);
      await tellServing(trx, row.targets[0]?.endpointId ?? id);
      return { id };
    },

    async listRegistrations(
      access: Access,
      query: QueryOf<Routes['listRegistrations']>,
    ): Promise<Paged<RegistrationView[]>> {
      const { rows, next } = await page(access, query);
      return { rows: rows.map(registrationView), next };
    },
    async createRegistration(
      trx: Trx,
      access: Access,
      request: BodyOf<Routes['createRegistration']>,
    ): Promise<RegistrationView> {
      const endpoint = await endpointFor(trx, access, request.endpointId, request.environment);
      const targets = [{ endpointId: endpoint.id, revision: null, weight: 100, priority: 0, timeouts: null }];
      return registrationView(await add(trx, access, request.name, endpoint, { enabled: request.enabled, targets }));
    },
    async getRegistration(
      access: Access,
      name: string,
      environment: Environment | undefined,
    ): Promise<RegistrationView> {
      return registrationView(await registered(db.kysely, access, name, environment, 'route:read'));
    },
    async updateRegistration(
      trx: Trx,
      access: Access,
      name: string,
      environment: Environment | undefined,
      patch: BodyOf<Routes['updateRegistration']>,
    ): Promise<RegistrationView> {
      const row = await registered(trx, access, name, environment, 'route:write');
      const endpoint =
        patch.endpointId === undefined ? null : await endpointFor(trx, access, patch.endpointId, row.environment);
      const targets = endpoint && [{ endpointId: endpoint.id, revision: null, weight: 100, priority: 0 }];
      return registrationView(
        await change(trx, row, {
          ...(patch.enabled === undefined ? {} : { enabled: patch.enabled }),
          ...(targets ? { targets: json(targets) } : {}),
        }),
      );
    },
    async deleteRegistration(
      trx: Trx,
      access: Access,
      name: string,
      environment: Environment | undefined,
    ): Promise<{ name: string }> {
      const row = await registered(trx, access, name, environment, 'route:write');
      await deleteRoute(trx, row.id);
      gate.deny(row.id);
      await tellServing(trx, row.targets[0]?.endpointId ?? row.id);
      return { name };
    },
  };
}
