import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';
import type { DeploymentLike, PodLike } from '../status.ts';
import type { ClusterClient } from './client.ts';
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

/** What the platform follows in the cluster: only what carries its own labels, in all namespaces. */
export interface Followed {
  deployments: Informer<Deployment>;
  pods: Informer<Pod>;
  slices: Informer<EndpointSlice>;
  /** Throws `cluster_unreachable` before everything was listed once. */
  requireSynced(): void;
  stop(): void;
}

export const revisionLabel = 'llm-ops.io/revision';
/** selector of what the platform made */
export const ours = 'app.kubernetes.io/managed-by=llm-ops';

/** Three watches whatever the number of endpoints; all are indexed by revision. */
export function followCluster(deps: {
  client: ClusterClient;
  onChange(revisionId: string): void;
  log: Logger;
}): Followed {
  const follow = <T extends Stored>(path: string, labelSelector: string): Informer<T> =>
    createInformer<T>({
      ...deps,
      path,
      query: { labelSelector },
      index: ({ metadata }) => metadata.labels?.[revisionLabel],
    });
  const deployments = follow<Deployment>('/apis/apps/v1/deployments', ours);
  const pods = follow<Pod>('/api/v1/pods', `${ours},${revisionLabel}`);
  // slices carry the labels of their Service
  const slices = follow<EndpointSlice>('/apis/discovery.k8s.io/v1/endpointslices', `${ours},${revisionLabel}`);
  return {
    deployments,
    pods,
    slices,
    requireSynced() {
      if (!deployments.synced() || !pods.synced()) throw failure('cluster_unreachable');
    },
    stop() {
      for (const informer of [deployments, pods, slices]) informer.stop();
    },
  };
}
