import { changeRoutes, gatewayRoutes, observationRoutes, servingRoutes } from '@llm-ops/contracts';
import { bindRoutes, type BoundRoutes } from '#platform/http';
import type { Cluster } from '#ports/cluster';
import type { createCanaries } from './endpoints/canaries.ts';
import { recordOf, type createChangeRequests } from './changes/requests.ts';
import type { Checks } from './endpoints/checks.ts';
import type { createEndpoints } from './endpoints/endpoints.ts';
import type { createInspect } from './endpoints/inspect.ts';
import type { createManifests } from './manifests/manifests.ts';
import type { createObservation } from './endpoints/observation.ts';
import type { createRegistry } from './routing/registry.ts';
import type { createRevisions } from './endpoints/revisions.ts';

type Requests = ReturnType<typeof createChangeRequests>;

interface Services {
  requests: Requests;
  endpoints: ReturnType<typeof createEndpoints>;
  revisions: ReturnType<typeof createRevisions>;
  canaries: ReturnType<typeof createCanaries>;
  checks: Checks;
  inspect: ReturnType<typeof createInspect>;
  manifests: ReturnType<typeof createManifests>;
  observation: ReturnType<typeof createObservation>;
  registry: ReturnType<typeof createRegistry>;
}

/** Names what the audit entry is about and hands the answer on. */
function noted<T extends { id: string }>(
  c: { note(id: string, detail?: Record<string, unknown>): void },
  answer: T,
  detail = {},
): T {
  c.note(answer.id, detail);
  return answer;
}

/** Changes that are approved before they are carried out. */
export function createChangeRoutes(requests: Requests): BoundRoutes {
  return bindRoutes(changeRoutes, {
    previewChange: async (c) => requests.preview(c.access, c.body),
    listChanges: async (c) => requests.list(c.access, c.query),
    submitChange: async (c) => {
      const change = await requests.submit(c, c.body);
      const { kind, environment, route, plan, parityNote } = change;
      return noted(c, change, { kind, environment, route, plan, parityNote });
    },
    getChange: async (c) => requests.get(c.access, c.params.id),
    amendChange: async (c) => {
      const change = await requests.amend(c, c.params.id, c.body);
      const { version, plan, parityNote, rollbackPlan } = change;
      return noted(c, change, { version, plan, parityNote, rollbackPlan });
    },
    decideChange: async (c) => {
      const change = await requests.decide(c.trx, c.access, c.params.id, c.body);
      const own = change.submittedBy === change.decidedBy ? { four_eyes: 'off', approved_own: true } : {};
      return noted(c, change, { decision: c.body.decision, version: change.version, notes: change.notes, ...own });
    },
    applyChange: async (c) => {
      const change = await requests.apply(c, c.params.id);
      return noted(c, change, { endpointId: change.endpointId, revision: change.revision });
    },
    withdrawChange: async (c) => noted(c, await requests.withdraw(c.trx, c.access, c.params.id)),
  });
}

/** Looking at what runs, piece by piece. */
export function createObservationRoutes(
  { observation, manifests }: Pick<Services, 'observation' | 'manifests'>,
  clusters: readonly Cluster[],
): BoundRoutes {
  return bindRoutes(observationRoutes, {
    listPods: async (c) => observation.pods(c.access, c.params.id),
    listEndpointEvents: async (c) =>
      c.wantsEvents ? observation.followEvents(c.access, c.params.id) : observation.events(c.access, c.params.id),
    getRevisionManifests: async (c) => manifests.ofRevision(c.access, c.params.id, c.params.revision),
    exportRevisionManifests: async (c) => manifests.asYaml(c.access, c.params.id, c.params.revision),
    exportGitops: async (c) => manifests.asGitops(c.access, c.params.id, c.params.revision, c.query),
    compareRevisionManifests: async (c) => manifests.compare(c.access, c.params.id, c.params.revision, c.params.other),
    getLiveDrift: async (c) => observation.drift(c.access, c.params.id),
    getCluster: async () => Promise.all(clusters.map((cluster) => cluster.look())),
  });
}

export function createRoutes(services: Services): BoundRoutes {
  const { requests, endpoints, revisions, canaries, checks, inspect, registry, observation, manifests } = services;
  return bindRoutes(
    { ...servingRoutes, ...gatewayRoutes },
    {
      listEndpoints: async (c) => endpoints.list(c.access, c.query),
      deployEndpoint: async (c) => {
        const made = await requests.make(c, { ...c.body, kind: 'deploy' });
        const { endpoint } = made;
        const { environment, modelId, route } = endpoint;
        return noted(c, endpoint, { environment, modelId, route, parityNote: c.body.parityNote, ...recordOf(made) });
      },
      getEndpoint: async (c) => endpoints.get(c.access, c.params.id),
      updateEndpoint: async (c) => {
        const patch = { ...c.query, ...c.body };
        return noted(c, await endpoints.update(c.trx, c.access, c.params.id, patch), {
          changed: Object.keys(patch),
          status: patch.status,
        });
      },
      deleteEndpoint: async (c) => noted(c, await endpoints.remove(c.trx, c.access, c.params.id)),
      rollbackEndpoint: async (c) => {
        const endpoint = await revisions.rollback(c.trx, c.access, c.params.id, c.body?.revision);
        return noted(c, endpoint, { revision: endpoint.targetRevision });
      },
      redeployEndpoint: async (c) => {
        const request = { ...c.query, ...c.body };
        const made = await requests.make(c, { ...request, kind: 'redeploy', endpointId: c.params.id });
        const { endpoint } = made;
        return noted(c, endpoint, {
          revision: endpoint.targetRevision,
          changed: Object.keys(request),
          ...recordOf(made),
        });
      },
      getCanary: async (c) => canaries.get(c.access, c.params.id),
      updateCanary: async (c) => {
        const canary = await canaries.update(c.trx, c.access, c.params.id, c.body);
        c.note(c.params.id, { revision: canary.revision, ...c.body });
        return canary;
      },
      abortCanary: async (c) => {
        const canary = await canaries.abort(c.trx, c.access, c.params.id);
        c.note(c.params.id, { revision: canary.revision, serves: canary.stable });
        return canary;
      },
      listRevisions: async (c) => revisions.list(c.access, c.params.id, c.query),
      getManifests: async (c) => manifests.ofEndpoint(c.access, c.params.id),
      getEndpointLogs: async (c) =>
        c.wantsEvents
          ? observation.followLogs(c.access, c.params.id, c.query)
          : observation.logs(c.access, c.params.id, c.query),
      promoteEndpoint: async (c) => {
        const made = await requests.make(c, { ...c.body, kind: 'promote', endpointId: c.params.id });
        const { endpoint } = made;
        return noted(c, endpoint, {
          from: c.params.id,
          environment: endpoint.environment,
          parityNote: c.body.parityNote,
          ...recordOf(made),
        });
      },
      verifyEndpoint: async (c) => inspect.verify(c.access, c.params.id, c.body?.prompt),
      preflight: async (c) => checks.preflight(c.access, c.body),
      listRuntimes: async () => inspect.images(),
      listDrift: async (c) => checks.drift(c.access, c.query.route),
      listRoutes: async (c) => registry.listRoutes(c.access, c.query),
      createRoute: async (c) => noted(c, await registry.createRoute(c.trx, c.access, c.body)),
      getRoute: async (c) => registry.getRoute(c.access, c.params.id),
      updateRoute: async (c) => noted(c, await registry.updateRoute(c.trx, c.access, c.params.id, c.body), c.body),
      deleteRoute: async (c) => noted(c, await registry.deleteRoute(c.trx, c.access, c.params.id)),
      listRegistrations: async (c) => registry.listRegistrations(c.access, c.query),
      createRegistration: async (c) => {
        const registration = await registry.createRegistration(c.trx, c.access, c.body);
        c.note(registration.name, { environment: registration.environment, endpointId: registration.endpointId });
        return registration;
      },
      getRegistration: async (c) => registry.getRegistration(c.access, c.params.name, c.query.environment),
      updateRegistration: async (c) => {
        const { name } = c.params;
        const registration = await registry.updateRegistration(c.trx, c.access, name, c.query.environment, c.body);
        c.note(name, { environment: registration.environment, ...c.body });
        return registration;
      },
      deleteRegistration: async (c) => {
        c.note(c.params.name, { environment: c.query.environment });
        return registry.deleteRegistration(c.trx, c.access, c.params.name, c.query.environment);
      },
    },
  );
}
