import { environments } from '@llm-ops/contracts';
import type { Logger } from '#platform/log';
import type { Address, Drifted, Observation, RevisionSpec, Runtime, RuntimePlan } from '#ports/runtime';
import { aibrixFlavour, type AibrixDeps } from './aibrix/index.ts';
import { createAddressBook } from './cluster/addresses.ts';
import type { Census } from './cluster/census.ts';
import { createChanges } from './cluster/changes.ts';
import { fieldManager, type ClusterClient } from './cluster/client.ts';
import { createNamespaces, type ObjectStoreAccess } from './cluster/namespace.ts';
import type { Informer, Stored } from './cluster/informer.ts';
import { endpointLabel, followCluster, revisionLabel, type Deployment } from './cluster/objects.ts';
import { driftOf, isOfPlan, marked, planOf } from './drift.ts';
import { createDriftBook } from './drift-book.ts';
import { createInsight } from './insight.ts';
import { isFixed, plainFlavour, type Flavour } from './flavour.ts';
import { logsOf } from './logs.ts';
import { liveRevisionAnnotation, servedNameAnnotation } from './plan.ts';
import { profileOf } from './profiles/index.ts';
import { observationOf, outageCondition } from './status.ts';
import { toldAs } from './told.ts';
import { servingPort, type ClusterConfig, type Manifest, type OwnerReference } from './types.ts';

export type { ClusterConfig } from './types.ts';
export { createCensus } from './cluster/census.ts';
export { openCluster } from './cluster/open.ts';
export { createModelCluster } from './aibrix/cluster.ts';
export { createOperators } from './aibrix/operators.ts';
export type { ModelsConfig } from './aibrix/names.ts';
export { createEnvironmentsRuntime } from './environments.ts';
export { createKserveRuntime } from './kserve/index.ts';
export { createOverview } from './overview/index.ts';

export interface KubernetesDeps {
  client: ClusterClient;
  /** of the same cluster */
  census: Census;
  config: ClusterConfig;
  objectStore: ObjectStoreAccess | null;
  /** images to name beside one that cannot be pulled */
  alternatives: readonly string[];
  log: Logger;
}

/**
 * Serves revisions on a Kubernetes cluster by plain objects, or those of another flavour. What is seen comes from informers, so that a look
 * costs no request; what is wanted is applied by server-side apply, and only where the cluster does not have it: a server that has just
 * started sends nothing anew.
 */
export function createKubernetesRuntime(deps: KubernetesDeps, flavour: Flavour = plainFlavour(deps)): Runtime {
  const { client, config, log } = deps;
  const addresses = createAddressBook();
  const drifts = createDriftBook();
  const changes = createChanges();
  const { selector, owned } = flavour;
  const followed = followCluster({
    client,
    log,
    selector,
    owned,
    namespaces: new Set(environments.map(flavour.namespaceOf)),
    onChange(revisionId) {
      addresses.changed(revisionId);
      changes.ofRevision(revisionId, followed.deployments.by(revisionId)[0]?.metadata.labels?.[endpointLabel]);
    },
    onTurn: changes.ofAll,
    onOwned(endpointId) {
      drifts.changed(endpointId);
      changes.tell(endpointId);
    },
  });
  /** by which plan an object was made last, of kinds that are not followed */
  const plans = new Map<string, string | undefined>();
  const inNamespace = createNamespaces(deps);
  const insight = createInsight({
    ...deps,
    pods: followed.pods.by,
    requireSynced: followed.requireSynced,
    namespaceOf: flavour.namespaceOf,
    unnumbered: flavour.unnumbered,
    naming: flavour.naming(() => followed.deployments.all()),
  });

  function observe(revisionId: string): Observation {
    const [deployment] = followed.deployments.by(revisionId);
    const seen = observationOf(deployment ?? null, followed.pods.by(revisionId), deps.alternatives);
    const lost = followed.deployments.lostSince() ?? followed.pods.lostSince();
    const more = flavour.conditions?.(seen) ?? [];
    const conditions = [...seen.conditions, ...more, ...outageCondition(lost)];
    // pods that outlive it serve nobody: without it there is no address
    return { ...seen, ...(deployment === undefined ? { phase: 'absent' } : {}), conditions };
  }

  const informerOf = ({ kind }: Manifest): Informer<Stored> | undefined =>
    kind === 'Deployment' ? followed.deployments : followed.owned.get(kind);

  /** The object of a manifest as the cluster has it; undefined: that kind cannot be followed (yet). */
  function liveOf(manifest: Manifest): Stored | null | undefined {
    const informer = informerOf(manifest);
    const { namespace = '', name } = manifest.metadata;
    return informer?.synced() === true ? informer.named(namespace, name) : undefined;
  }

  /** The object as it is then; null: it was sent before and is not followed. `owner`: it goes when that one goes. */
  async function send(manifest: Manifest, owner: OwnerReference | null): Promise<Stored | null> {
    const wanted = marked(manifest);
    const live = liveOf(wanted);
    const owned = owner === null || live?.metadata.ownerReferences?.some(({ uid }) => uid === owner.uid) === true;
    if (live && owned && isOfPlan(wanted, live) && driftOf(wanted, live).length === 0) return live;
    const sent = owner === null ? wanted : { ...wanted, metadata: { ...wanted.metadata, ownerReferences: [owner] } };
    const informer = informerOf(manifest);
    if (informer === undefined) return sendUnfollowed(sent);
    const answered = await client.apply<Stored>(sent);
    informer.learn(answered);
    return answered;
  }

  /** What is not followed is sent once for each plan. */
  async function sendUnfollowed(manifest: Manifest): Promise<Stored | null> {
    const { kind, metadata } = manifest;
    const [key, plan] = [`${kind} ${metadata.namespace} ${metadata.name}`, planOf(manifest)];
    if (plans.get(key) === plan) return null;
    const answered = await client.apply<Stored>(manifest);
    plans.set(key, plan);
    return answered;
  }

  function findDrift(spec: RevisionSpec): Drifted[] {
    const manifests = runtime.plan(spec).manifests as Manifest[];
    return manifests.flatMap((manifest) => {
      const wanted = marked(manifest);
      const live = liveOf(wanted);
      return live === undefined ? [] : driftOf(wanted, live);
    });
  }

  function goneOf(spec: RevisionSpec): Drifted[] {
    const deployment = (runtime.plan(spec).manifests as Manifest[]).find(({ kind }) => kind === 'Deployment');
    return deployment === undefined ? [] : driftOf(marked(deployment), null);
  }

  /** What there is of a revision; of one whose Deployment was deleted by hand, what was applied for the endpoint when it was live. */
  function* left(): Iterable<{ revision: string; endpoint: string; namespace: string }> {
    for (const { metadata } of everything()) {
      const revision = metadata.labels?.[revisionLabel] ?? metadata.annotations?.[liveRevisionAnnotation];
      const endpoint = metadata.labels?.[endpointLabel];
      const { namespace } = metadata;
      if (revision !== undefined && endpoint !== undefined && namespace !== undefined)
        yield { revision, endpoint, namespace };
    }
  }

  function* everything(): Iterable<Stored> {
    yield* followed.deployments.all();
    yield* followed.slices.all();
    for (const informer of followed.owned.values()) yield* informer.all();
  }

  function placeOf(revisionId: string): { namespace: string; endpoint: string } | null {
    for (const one of left()) if (one.revision === revisionId) return one;
    return null;
  }

  /** Revisions that something is left of. */
  function revisions(of?: string): Set<string> {
    const found = new Set<string>();
    for (const { revision, endpoint } of left()) if (of === undefined || endpoint === of) found.add(revision);
    return found;
  }

  const addressesOf = (revisionId: string) => addresses.of(revisionId, () => findAddresses(revisionId));

  function findAddresses(revisionId: string): Address[] {
    const [deployment] = followed.deployments.by(revisionId);
    if (deployment === undefined) return [];
    const what = whatRuns(deployment);
    if (config.baseUrl !== null) {
      const ready = observe(revisionId).replicas.ready > 0;
      return ready ? [{ baseUrl: `${config.baseUrl.replace(/\/$/, '')}/v1`, headers: {}, ...what }] : [];
    }
    // a pod that is being ended leaves its slice's ready ones before it stops to answer
    return followed.slices.by(revisionId).flatMap(({ endpoints = [] }) =>
      endpoints
        .filter(({ conditions }) => conditions?.ready === true && conditions.terminating !== true)
        .flatMap(({ addresses: ips }) => ips)
        .map((ip) => ({
          baseUrl: `http://${ip.includes(':') ? `[${ip}]` : ip}:${servingPort}/v1`,
          headers: {},
          ...what,
        })),
    );
  }

  const runtime: Runtime = {
    kind: flavour.kind,
    followsTraffic: true,
    insight,

    plan(spec): RuntimePlan {
      return { kind: flavour.kind, revisionId: spec.revisionId, ...flavour.plan(spec) };
    },

    async apply(plan, spec) {
      followed.requireSynced();
      const manifests = plan.manifests as Manifest[];
      try {
        await inNamespace(flavour.namespaceOf(spec.environment), spec.environment, async () => {
          await flavour.prepare?.(spec);
          const missing = await flavour.missing?.();
          const known = manifests.filter(({ kind }) => missing?.has(kind) !== true);
          // the Deployment first: while it is there, what else is left of a revision is found again
          const deployment = known.find(({ kind }) => kind === 'Deployment')!;
          const { apiVersion, kind } = deployment;
          const { name, uid } = (await send(deployment, null))!.metadata;
          const owner = { apiVersion, kind, name, uid };
          const isOwn = ({ metadata }: Manifest) => metadata.labels?.[revisionLabel] === spec.revisionId;
          const others = known.filter((one) => one !== deployment);
          await Promise.all(others.map((one) => send(one, isOwn(one) ? owner : null)));
          await scale(manifests, spec.minReplicas, followed.deployments.by(spec.revisionId)[0]);
        });
      } catch (error) {
        throw toldAs(error);
      }
    },

    drift(spec) {
      const [deployment] = followed.deployments.by(spec.revisionId);
      if (deployment === undefined) return followed.deployments.synced() ? goneOf(spec) : [];
      const seen = [...followed.owned.values()].filter((informer) => informer.synced()).length;
      return [...emptied(deployment, spec.minReplicas), ...drifts.of(spec, seen, findDrift)];
    },

    onChange: changes.listen,

    observe: async (revisionId) => {
      followed.requireSynced();
      return observe(revisionId);
    },

    async remove(revisionId) {
      // what goes here has to be sent anew when it is wanted again
      plans.clear();
      followed.requireSynced();
      addresses.forget(revisionId);
      changes.forget(revisionId);
      const place = placeOf(revisionId);
      if (place === null) return;
      const { namespace, endpoint } = place;
      const last = [...revisions(endpoint)].every((id) => id === revisionId);
      try {
        if (last) {
          for (const kind of flavour.endpointKinds)
            await client.removeAll(kind, namespace, `${endpointLabel}=${endpoint}`);
        }
        for (const kind of flavour.revisionKinds)
          await client.removeAll(kind, namespace, `${revisionLabel}=${revisionId}`);
      } catch (error) {
        throw toldAs(error);
      }
    },

    address: (revisionId) => addressesOf(revisionId)[0] ?? null,
    addresses: addressesOf,

    logs: (revisionId, lines) => logsOf(client, followed.pods.by(revisionId), lines),

    preflight: (spec: RevisionSpec) =>
      flavour.preflight(spec).catch((error: unknown) => {
        throw toldAs(error);
      }),

    async list() {
      followed.requireSynced();
      return [...revisions()];
    },

    async close() {
      insight.stop();
      followed.stop();
      flavour.close?.();
    },
  };
  return runtime;

  /**
   * The number of replicas is the autoscaler's, but it starts from one and leaves zero alone: the first number, and those from and to zero,
   * are set here, under a field manager of their own so that later manifests, which name none, take nothing back. Without an autoscaler
   * every number is set here.
   */
  async function scale(manifests: readonly Manifest[], wanted: number, known: Deployment | undefined): Promise<void> {
    const now = known?.spec?.replicas;
    const deployment = manifests.find((manifest) => manifest.kind === 'Deployment')!;
    const enough = isFixed(deployment) ? now === wanted : now !== undefined && now >= wanted;
    if (enough && (now === 0) === (wanted === 0)) return;
    const { apiVersion, kind, metadata } = deployment;
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
}

/** Models of organizations, by the objects of AIBrix. The object store's keys stay out of their namespace: they come from the hub. */
export const createAibrixRuntime = (deps: AibrixDeps & Omit<KubernetesDeps, 'objectStore'>): Runtime =>
  createKubernetesRuntime({ ...deps, objectStore: null }, aibrixFlavour(deps));

/** The number of replicas is nobody's drift, but none where some are wanted: an autoscaler leaves that alone. */
function emptied({ metadata, spec }: Deployment, wanted: number): Drifted[] {
  if (spec?.replicas !== 0 || wanted === 0) return [];
  return [{ object: `Deployment ${metadata.name}`, path: 'spec.replicas', wanted, found: 0, by: null, at: null }];
}

/** Read from the object itself, so that a server that has just started knows it too. */
function whatRuns({ spec, metadata }: Deployment): Pick<Address, 'provider' | 'model'> {
  const image = spec?.template?.spec?.containers[0]?.image ?? '';
  return { provider: profileOf(image).name, model: metadata.annotations?.[servedNameAnnotation] ?? '' };
}
