import { isDeepStrictEqual } from 'node:util';
import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';
import type { Address, Observation, RevisionSpec, Runtime, RuntimePlan } from '#ports/runtime';
import { fieldManager, type ClusterClient, type ResourceKind } from './cluster/client.ts';
import { createNamespaces, type ObjectStoreAccess } from './cluster/namespace.ts';
import { followCluster, revisionLabel, type Deployment } from './cluster/objects.ts';
import { logsOf } from './logs.ts';
import { namesOf } from './names.ts';
import { endpointObjects, revisionObjects, servedNameAnnotation } from './plan.ts';
import { preflightOf } from './preflight.ts';
import { profileOf } from './profiles/index.ts';
import { observationOf } from './status.ts';
import { toldAs } from './told.ts';
import { servingPort, type ClusterConfig, type Manifest } from './types.ts';

export type { ClusterConfig } from './types.ts';
export { openCluster } from './cluster/open.ts';
export { createKserveRuntime } from './kserve/index.ts';

/** What belongs to a revision, and what to the endpoint as a whole. */
const revisionKinds: readonly ResourceKind[] = [
  { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
];
const endpointKinds: readonly ResourceKind[] = [
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'v1', kind: 'Service' },
];

/**
 * Serves revisions on a Kubernetes cluster by plain objects. What is seen comes from informers, so that a look costs no request; what is
 * wanted is applied by server-side apply, and only when it differs from what was applied last or the cluster has lost it.
 */
export function createKubernetesRuntime(deps: {
  client: ClusterClient;
  config: ClusterConfig;
  objectStore: ObjectStoreAccess | null;
  /** images to name beside one that cannot be pulled */
  alternatives: readonly string[];
  log: Logger;
}): Runtime {
  const { client, config, log } = deps;
  const followed = followCluster({ client, log, onChange: (revisionId) => addresses.delete(revisionId) });
  const addresses = new Map<string, readonly Address[]>();
  /** manifests as they were last applied, by revision: an equal plan is not sent again */
  const applied = new Map<string, readonly Manifest[]>();
  const ensure = createNamespaces(deps);

  function requireSynced(): void {
    if (followed.deployments.syncedAt() !== null && followed.pods.syncedAt() !== null) return;
    throw failure('cluster_unreachable');
  }

  function observe(revisionId: string): Observation {
    const [deployment] = followed.deployments.by(revisionId);
    return observationOf(deployment ?? null, followed.pods.by(revisionId), deps.alternatives);
  }

  function addressesOf(revisionId: string): readonly Address[] {
    const known = addresses.get(revisionId);
    if (known !== undefined) return known;
    const [deployment] = followed.deployments.by(revisionId);
    if (deployment === undefined) return [];
    const what = whatRuns(deployment);
    if (config.baseUrl !== null) {
      const ready = observe(revisionId).replicas.ready > 0;
      return ready ? [{ baseUrl: `${config.baseUrl.replace(/\/$/, '')}/v1`, headers: {}, ...what }] : [];
    }
    // a pod that is being ended leaves its slice's ready ones before it stops to answer
    const found = followed.slices.by(revisionId).flatMap(({ endpoints = [] }) =>
      endpoints
        .filter(({ conditions }) => conditions?.ready === true && conditions.terminating !== true)
        .flatMap(({ addresses: ips }) => ips)
        .map((ip) => ({
          baseUrl: `http://${ip.includes(':') ? `[${ip}]` : ip}:${servingPort}/v1`,
          headers: {},
          ...what,
        })),
    );
    addresses.set(revisionId, found);
    return found;
  }

  return {
    kind: 'kubernetes',
    followsTraffic: true,

    plan(spec): RuntimePlan {
      const { manifests, warnings } = revisionObjects(spec, config);
      return {
        kind: 'kubernetes',
        revisionId: spec.revisionId,
        manifests: [...manifests, ...(spec.live === true ? endpointObjects(spec, config) : [])],
        warnings,
      };
    },

    async apply(plan, spec) {
      requireSynced();
      const names = namesOf(spec, config);
      const manifests = plan.manifests as Manifest[];
      const whole = followed.deployments.by(spec.revisionId).length > 0;
      if (whole && isDeepStrictEqual(applied.get(spec.revisionId), manifests)) return;
      try {
        await ensure(names.namespace, spec.environment);
        for (const manifest of manifests) await client.apply(manifest);
        await scale(manifests, spec.minReplicas, followed.deployments.by(spec.revisionId)[0]);
      } catch (error) {
        throw toldAs(error);
      }
      applied.set(spec.revisionId, manifests);
    },

    observe: async (revisionId) => {
      requireSynced();
      return observe(revisionId);
    },

    async remove(revisionId) {
      applied.delete(revisionId);
      addresses.delete(revisionId);
      const [deployment] = followed.deployments.by(revisionId);
      const namespace = deployment?.metadata.namespace;
      if (deployment === undefined || namespace === undefined) return;
      const endpoint = deployment.metadata.labels?.['llm-ops.io/endpoint'];
      const siblings = [...followed.deployments.all()].filter(
        ({ metadata }) =>
          metadata.labels?.['llm-ops.io/endpoint'] === endpoint && metadata.labels?.[revisionLabel] !== revisionId,
      );
      for (const kind of revisionKinds) {
        if (kind.kind === 'Deployment') await client.remove(kind, namespace, deployment.metadata.name);
        else await removeLabelled(kind, namespace, `${revisionLabel}=${revisionId}`);
      }
      if (siblings.length > 0 || endpoint === undefined) return;
      for (const kind of endpointKinds) await removeLabelled(kind, namespace, `llm-ops.io/endpoint=${endpoint}`);
    },

    address: (revisionId) => addressesOf(revisionId)[0] ?? null,
    addresses: addressesOf,

    logs: (revisionId, lines) => logsOf(client, followed.pods.by(revisionId), lines),

    preflight: (spec: RevisionSpec) => preflightOf({ client, config }, spec),

    async list() {
      requireSynced();
      return [...followed.deployments.all()].flatMap(({ metadata }) => metadata.labels?.[revisionLabel] ?? []);
    },

    async close() {
      followed.stop();
    },
  };

  /**
   * The number of replicas is the HPA's, but it starts from one and leaves zero alone: the first number, and those from and to zero, are
   * set here, under a field manager of their own so that later manifests, which name none, take nothing back.
   */
  async function scale(manifests: readonly Manifest[], wanted: number, known: Deployment | undefined): Promise<void> {
    const now = known?.spec?.replicas;
    if (now !== undefined && now >= wanted && (now === 0) === (wanted === 0)) return;
    const { apiVersion, kind, metadata } = manifests.find((manifest) => manifest.kind === 'Deployment')!;
    const { name, namespace } = metadata;
    await client.apply(
      {
        apiVersion,
        kind,
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
        spec: { replicas: wanted },
      },
      { manager: `${fieldManager}-scale` },
    );
  }

  async function removeLabelled(kind: ResourceKind, namespace: string, selector: string): Promise<void> {
    try {
      await client.removeAll(kind, namespace, selector);
    } catch (error) {
      throw toldAs(error);
    }
  }
}

/** Read from the object itself, so that a server that has just started knows it too. */
function whatRuns({ spec, metadata }: Deployment): Pick<Address, 'provider' | 'model'> {
  const image = spec?.template?.spec?.containers[0]?.image ?? '';
  return { provider: profileOf(image).name, model: metadata.annotations?.[servedNameAnnotation] ?? '' };
}
