import type { Db } from '#platform/db';
import type { Environment } from '@llm-ops/contracts';
import {
  loadRouting,
  routingVersion,
  type RoutedEndpoint,
  type RoutedRevision,
  type RouteRow,
} from '../store/routes.ts';

export interface Routing {
  routes: RouteRow[];
  endpoints: RoutedEndpoint[];
  revisions: RoutedRevision[];
}

/**
 * Keeps what routing needs of the database: read as a whole, or only what hangs on endpoints that are said to have changed, for a thousand
 * rows that did not change are most of the cost. All methods throw what the database throws, and then nothing is kept of it.
 */
export function createRouting(db: Db, answers: (environment: Environment) => boolean) {
  const routes = new Map<string, RouteRow>();
  const endpoints = new Map<string, RoutedEndpoint>();
  const revisions = new Map<string, RoutedRevision[]>();
  let version = '';

  /** Answers the revisions that were read. */
  function keep(found: Routing): readonly RoutedRevision[] {
    for (const route of found.routes) if (answers(route.environment)) routes.set(route.id, route);
    for (const endpoint of found.endpoints) endpoints.set(endpoint.id, endpoint);
    for (const [id, list] of Map.groupBy(found.revisions, ({ endpointId }) => endpointId)) revisions.set(id, list);
    return found.revisions;
  }

  return {
    /** as read last */
    now: (): Routing => ({
      routes: [...routes.values()],
      endpoints: [...endpoints.values()],
      revisions: [...revisions.values()].flat(),
    }),

    /** Takes what an earlier process read. */
    keep,

    /** Whether something was changed that nothing was said of. */
    changed: async (): Promise<boolean> => version !== (await routingVersion(db.kysely)),

    async readAll(): Promise<readonly RoutedRevision[]> {
      const found = await loadRouting(db.kysely);
      for (const map of [routes, endpoints, revisions]) map.clear();
      version = found.version;
      return keep(found);
    },

    /** `ids`: of endpoints, or of routes that lead nowhere. */
    async read(ids: readonly string[]): Promise<readonly RoutedRevision[]> {
      const told = new Set(ids);
      const leading = [...routes.values()]
        .filter(({ targets }) => targets.some(({ endpointId }) => told.has(endpointId)))
        .map(({ id }) => id);
      const found = await loadRouting(db.kysely, { endpoints: ids, routes: [...ids, ...leading] });
      for (const id of [...ids, ...leading]) routes.delete(id);
      for (const id of ids) {
        endpoints.delete(id);
        revisions.delete(id);
      }
      return keep(found);
    },
  };
}
