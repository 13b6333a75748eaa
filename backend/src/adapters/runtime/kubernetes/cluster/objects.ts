import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';
import type { DeploymentLike, PodLike } from '../status.ts';
import { pathOf, type ClusterClient, type ResourceKind } from './client.ts';
import { createInformer, type Informer, type Stored } from './informer.ts';

export type Deployment = Stored & DeploymentLike;
export type Pod = Stored & PodLike;
export type EndpointSlice = Stored & {
  endpoints?: {
    addresses: string[];
    conditions?: { ready?: boolean; terminating?: boolean };
    targetRef?: { name?: string };
  }[];
  ports?: { port?: number }[];
};

/** What the platform follows in the cluster: only what carries its own labels, in all namespaces. Labels of others (`managed-by`) are not asked for: who changes one takes nothing out of sight. */
export interface Followed {
  deployments: Informer<Deployment>;
  pods: Informer<Pod>;
  slices: Informer<EndpointSlice>;
  /** What else is applied for endpoints, by kind, indexed by endpoint: looked at to see what others change of it. */
  owned: ReadonlyMap<string, Informer<Stored>>;
  /** Throws `cluster_unreachable` before everything was listed once. */
  requireSynced(): void;
  stop(): void;
}

export const revisionLabel = 'llm-ops.io/revision';
export const endpointLabel = 'llm-ops.io/endpoint';
/** selector of what the platform made */
export const ours = 'app.kubernetes.io/managed-by=llm-ops';

const deploymentsPath = '/apis/apps/v1/deployments';

/**
 * A watch each, whatever the number of endpoints: what runs is indexed by revision, the kinds that are `owned` beside it by endpoint. `selector`
 * tells what is followed of what is ours.
 */
export function followCluster(deps: {
  client: ClusterClient;
  selector: string;
  owned: readonly ResourceKind[];
  /** Where ours are: elsewhere are copies that others made of what was exported, and theirs. */
  namespaces: ReadonlySet<string>;
  onChange(revisionId: string): void;
  /** what runs can be followed no more, or again */
  onTurn(): void;
  /** an object that is applied for this endpoint changed */
  onOwned(endpointId: string): void;
  log: Logger;
}): Followed {
  const keep = ({ metadata }: Stored) => deps.namespaces.has(metadata.namespace ?? '');
  const follow = <T extends Stored>(path: string): Informer<T> =>
    createInformer<T>({
      ...deps,
      keep,
      path,
      query: { labelSelector: `${deps.selector},${revisionLabel}` },
      index: ({ metadata }) => metadata.labels?.[revisionLabel],
      trim: (object) => trimmed(object, path === deploymentsPath),
      onChange(revisionId) {
        deps.onChange(revisionId);
        if (path !== deploymentsPath) return;
        for (const { metadata } of deployments.by(revisionId)) deps.onOwned(metadata.labels?.[endpointLabel] ?? '');
      },
    });
  const owned = new Map(
    deps.owned.map((kind) => [
      kind.kind,
      createInformer<Stored>({
        ...deps,
        keep,
        path: pathOf(kind, null),
        query: { labelSelector: `${deps.selector},${endpointLabel}` },
        index: ({ metadata }) => metadata.labels?.[endpointLabel],
        trim: (object) => ({ ...trimmed(object, true), status: undefined }),
        onChange: deps.onOwned,
        // of what runs alone it is told that it is lost
        onTurn: () => undefined,
      }),
    ]),
  );
  const deployments = follow<Deployment>(deploymentsPath);
  const pods = follow<Pod>('/api/v1/pods');
  // slices carry the labels of their Service
  const slices = follow<EndpointSlice>('/apis/discovery.k8s.io/v1/endpointslices');
  return {
    deployments,
    pods,
    slices,
    owned,
    requireSynced() {
      if (!deployments.synced() || !pods.synced()) throw failure('cluster_unreachable');
    },
    stop() {
      for (const informer of [deployments, pods, slices, ...owned.values()]) informer.stop();
    },
  };
}

/** Who wrote which field is kept as text where it is wanted, and left out elsewhere: it is most of an object. */
export function trimmed<T extends Stored>(object: T, writers: boolean): T {
  const { managedFields, ...metadata } = object.metadata;
  if (managedFields === undefined) return object;
  if (!writers) return { ...object, metadata };
  const kept = managedFields
    .filter(({ subresource }) => subresource === undefined)
    .map((entry) => ({ ...entry, fieldsV1: JSON.stringify(entry.fieldsV1) }));
  return { ...object, metadata: { ...metadata, managedFields: kept } };
}
