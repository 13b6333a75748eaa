import type { Db } from '#platform/db';
import type { BoundRoutes, Trx } from '#platform/http';
import type { Logger } from '#platform/log';
import type { Cluster } from '#ports/cluster';
import type { Runtime } from '#ports/runtime';
import { createChanges } from './endpoints/wanted.ts';
import { createCanaries } from './endpoints/canaries.ts';
import { createChangeRequests } from './changes/requests.ts';
import type { Face } from './changes/faces.ts';
import { createChecks } from './endpoints/checks.ts';
import type { Compare } from './rollout/comparing.ts';
import type { Providers, Send } from './rollout/completion.ts';
import { createDesk, type Desk } from './endpoints/desk.ts';
import { createEndpoints } from './endpoints/endpoints.ts';
import { createExamine } from './changes/examine.ts';
import type { Publisher } from './rollout/executor.ts';
import { createInspect } from './endpoints/inspect.ts';
import { createManifests } from './manifests/manifests.ts';
import { createObservation } from './endpoints/observation.ts';
import { createReconciler, type Reconciler } from './rollout/reconciler.ts';
import { createRegistry } from './routing/registry.ts';
import { createRevisions } from './endpoints/revisions.ts';
import { createChangeRoutes, createObservationRoutes, createRoutes } from './routes.ts';
import { endpointsOfModel, tellServing } from './store/endpoints.ts';
import type { RouteTable } from './routing/table.ts';
import type { ServingCatalog, ServingConfig } from './types.ts';

export interface ServingDeps {
  db: Db;
  /** kind → runtime; `external` serves external models, `config.internalRuntime` the others */
  runtimes: Readonly<Record<string, Runtime>>;
  /** those that internal models run on; none: they run on this machine */
  clusters?: readonly Cluster[];
  catalog: ServingCatalog;
  events: Publisher;
  /** for test completions of external models: under the egress rules */
  egress: Send;
  /** how each kind of upstream is asked */
  providers: Providers;
  /** of this process: it counts requests under way, and denies at once what is being disabled */
  table: Pick<RouteTable, 'inFlight' | 'deny' | 'admit'>;
  /** from the ledger of all gateways */
  compare: Compare;
  log: Logger;
  config: ServingConfig;
}

export interface Serving {
  routes: BoundRoutes;
  /** what runs, piece by piece: pods, events, manifests, the cluster */
  observationRoutes: BoundRoutes;
  /** what is to be approved before it is deployed */
  changeRoutes: BoundRoutes;
  /** for other faces of the same core */
  desk: Desk;
  /** runs in processes of the role worker */
  reconciler: Reconciler;
  /** For `catalog.registerReferences('endpoint', …)`: endpoints, not deleted, that want or run this model. */
  references(trx: Trx, modelId: string): Promise<{ kind: 'endpoint'; id: string; label: string; status: string }[]>;
  /** For `catalog.onKeyReplaced`: every gateway reads the key of this external model again once the transaction is done. */
  keyReplaced(trx: Trx, modelId: string): Promise<void>;
}

/** Endpoints, revisions and routes: the control plane of serving. */
export function createServing(deps: ServingDeps): Serving {
  const { db, runtimes, catalog, events, egress, providers, table, config } = deps;
  const changes = createChanges({ catalog, events });
  const checks = createChecks({ db, runtimes, catalog, config });
  const seen = {
    manifests: createManifests({ db, runtimes, config }),
    observation: createObservation({ db, runtimes, config }),
  };
  const endpoints = createEndpoints({ db, runtimes, changes, config });
  const revisions = createRevisions({ db, runtimes, catalog, events, changes, config });
  const examine = createExamine({ runtimes, clusters: deps.clusters ?? [], checks, config });
  const faces: { model: Face | null } = { model: null };
  const requests = createChangeRequests({ db, checks, examine, endpoints, revisions, events, faces, config });
  return {
    observationRoutes: createObservationRoutes(seen, deps.clusters ?? []),
    changeRoutes: createChangeRoutes(requests),
    routes: createRoutes({
      ...seen,
      checks,
      requests,
      endpoints,
      revisions,
      canaries: createCanaries({ db, changes, compare: deps.compare }),
      inspect: createInspect({ db, runtimes, egress, providers, config }),
      registry: createRegistry({ db, gate: table }),
    }),
    desk: createDesk({ db, runtimes, changes, requests, faces, remove: endpoints.remove }),
    reconciler: createReconciler({ ...deps, inFlight: table.inFlight }),
    async references(trx, modelId) {
      const rows = await endpointsOfModel(trx, modelId);
      return rows.map(({ id, name, environment, status }) => ({
        kind: 'endpoint',
        id,
        label: `${name} (${environment})`,
        status,
      }));
    },
    async keyReplaced(trx, modelId) {
      for (const { id } of await endpointsOfModel(trx, modelId)) await tellServing(trx, id);
    },
  };
}

export {
  createRouteTable,
  type ListedRoute,
  type Resolution,
  type ResolveOptions,
  type RouteHealth,
  type RouteTable,
} from './routing/table.ts';
export type { ResolvedRoute, RouteTarget } from './routing/resolved.ts';
export type { Routing } from './routing/rows.ts';
export type { Asking, FaceRequest } from './changes/faces.ts';
export type { Pending } from './changes/requests.ts';
export type { Desk, DeskSpec, Scale, Served } from './endpoints/desk.ts';
export type { Prepared } from './endpoints/wanted.ts';
export type { Reconciler } from './rollout/reconciler.ts';
export type { ServingCatalog, ServingConfig } from './types.ts';
