import { environments } from '@llm-ops/contracts';
import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';
import type { Address, Observation, Runtime } from '#ports/runtime';
import { createAddressBook } from '../cluster/addresses.ts';
import type { Census } from '../cluster/census.ts';
import { createChanges } from '../cluster/changes.ts';
import { ClusterError, pathOf, type ClusterClient, type ResourceKind } from '../cluster/client.ts';
import { endpointNames } from '../cluster/events.ts';
import { createInformer, type Stored } from '../cluster/informer.ts';
import { createNamespaces, type ObjectStoreAccess } from '../cluster/namespace.ts';
import { endpointLabel, revisionLabel, trimmed, type Pod } from '../cluster/objects.ts';
import { createDriftBook } from '../drift-book.ts';
import { driftOf, isOfPlan, marked } from '../drift.ts';
import { createInsight } from '../insight.ts';
import { logsOf } from '../logs.ts';
import { namesOf } from '../names.ts';
import { servedNameAnnotation } from '../plan.ts';
import { preflightOf } from '../preflight.ts';
import { profileOf } from '../profiles/index.ts';
import { outageCondition } from '../status.ts';
import { toldAs } from '../told.ts';
import type { ClusterConfig, Manifest } from '../types.ts';
import { inferenceServiceOf, type KserveMode } from './plan.ts';
import { observationOfService, urlOf, type InferenceServiceLike } from './status.ts';

export type { KserveMode } from './plan.ts';

type InferenceService = Stored & InferenceServiceLike;

const kind: ResourceKind = { apiVersion: 'serving.kserve.io/v1beta1', kind: 'InferenceService' };

/**
 * Serves revisions by KServe: one InferenceService each, so that a new one is verified before the traffic moves, and shares of the traffic
 * are the gateway's whatever the mode. Without KServe's definitions on the cluster an apply fails with `cluster_crd_missing`.
 */
export function createKserveRuntime(deps: {
  client: ClusterClient;
  census: Census;
  config: ClusterConfig;
  mode: KserveMode;
  objectStore: ObjectStoreAccess | null;
  alternatives: readonly string[];
  log: Logger;
}): Runtime {
  const { client, config, log } = deps;
  const inNamespace = createNamespaces(deps);
  const drifts = createDriftBook();
  const changes = createChanges();
  const addresses = createAddressBook();
  const namespaces = new Set(environments.map((environment) => `${config.namespacePrefix}${environment}`));
  const follow = <T extends Stored>(path: string) =>
    createInformer<T>({
      client,
      log,
      path,
      query: { labelSelector: revisionLabel },
      keep: ({ metadata }) => namespaces.has(metadata.namespace ?? ''),
      index: ({ metadata }) => metadata.labels?.[revisionLabel],
      trim: (object) => trimmed(object, path === servicesPath),
      onTurn: changes.ofAll,
      onChange(revisionId) {
        addresses.changed(revisionId);
        const endpoint = services.by(revisionId)[0]?.metadata.labels?.[endpointLabel];
        if (endpoint !== undefined) drifts.changed(endpoint);
        changes.ofRevision(revisionId, endpoint);
      },
    });
  const servicesPath = pathOf(kind, null);
  const services = follow<InferenceService>(servicesPath);
  const pods = follow<Pod>('/api/v1/pods');

  function requireSynced(): void {
    if (!services.synced() || !pods.synced()) throw failure('cluster_unreachable');
  }

  const insight = createInsight({
    ...deps,
    pods: pods.by,
    requireSynced,
    namespaceOf: (environment) => `${config.namespacePrefix}${environment}`,
    unnumbered: 1,
    naming: endpointNames,
  });

  function observe(revisionId: string): Observation {
    const [service] = services.by(revisionId);
    const seen = observationOfService(service ?? null, pods.by(revisionId), deps.alternatives);
    const lost = services.lostSince() ?? pods.lostSince();
    return { ...seen, conditions: [...seen.conditions, ...outageCondition(lost)] };
  }

  const addressesOf = (revisionId: string) => addresses.of(revisionId, () => findAddresses(revisionId));

  function findAddresses(revisionId: string): Address[] {
    const [service] = services.by(revisionId);
    const url = config.baseUrl ?? (service && urlOf(service));
    return service === undefined || url === null || url === undefined || observe(revisionId).phase !== 'ready'
      ? []
      : [
          {
            baseUrl: `${url.replace(/\/$/, '')}/v1`,
            headers: {},
            provider: profileOf(service.spec?.predictor?.containers?.[0]?.image ?? '').name,
            model: service.metadata.annotations?.[servedNameAnnotation] ?? '',
          },
        ];
  }

  return {
    kind: 'kserve',
    insight,

    plan(spec) {
      return { kind: 'kserve', revisionId: spec.revisionId, ...inferenceServiceOf(spec, deps.mode, config) };
    },

    async apply(plan, spec) {
      if (!services.synced()) await requireKserve(client);
      requireSynced();
      const wanted = marked(plan.manifests[0] as Manifest);
      const [live] = services.by(spec.revisionId);
      if (live && isOfPlan(wanted, live) && driftOf(wanted, live).length === 0) return;
      try {
        const { namespace } = namesOf(spec, config);
        services.learn(await inNamespace(namespace, spec.environment, () => client.apply<InferenceService>(wanted)));
      } catch (error) {
        throw toldAs(error);
      }
    },

    drift: (spec) =>
      drifts.of(spec, 0, () => {
        const [live] = services.by(spec.revisionId);
        if (live === undefined && !services.synced()) return [];
        return driftOf(marked(inferenceServiceOf(spec, deps.mode, config).manifests[0]!), live ?? null);
      }),

    onChange: changes.listen,

    observe: async (revisionId) => {
      requireSynced();
      return observe(revisionId);
    },

    async remove(revisionId) {
      addresses.forget(revisionId);
      changes.forget(revisionId);
      for (const { metadata } of services.by(revisionId)) {
        try {
          await client.remove(kind, metadata.namespace ?? null, metadata.name);
        } catch (error) {
          throw toldAs(error);
        }
      }
    },

    address: (revisionId) => addressesOf(revisionId)[0] ?? null,
    addresses: addressesOf,
    logs: (revisionId, lines) => logsOf(client, pods.by(revisionId), lines),

    async preflight(spec) {
      const fit = await preflightOf(deps, spec).catch((error: unknown) => {
        throw toldAs(error);
      });
      const missing = await requireKserve(client).then(
        () => null,
        (error: unknown) => error as Error & { remedy?: string },
      );
      if (missing === null) return fit;
      const check = { name: 'kserve', level: 'red', message: missing.message, remedy: missing.remedy ?? null } as const;
      return { ...fit, level: 'red', checks: [check, ...fit.checks] };
    },

    async list() {
      if (!services.synced()) return [];
      return [...services.all()].flatMap(({ metadata }) => metadata.labels?.[revisionLabel] ?? []);
    },

    async close() {
      insight.stop();
      services.stop();
      pods.stop();
    },
  };
}

/** Throws `cluster_crd_missing` where the cluster does not know InferenceServices. */
async function requireKserve(client: ClusterClient): Promise<void> {
  try {
    await client.get('/apis/serving.kserve.io/v1beta1');
  } catch (error) {
    if (!(error instanceof ClusterError && error.status === 404)) throw toldAs(error);
    throw failure('cluster_crd_missing', {
      message: 'The cluster has no InferenceService (serving.kserve.io/v1beta1): KServe is not installed.',
    });
  }
}
