import type { Insight } from '#ports/insight';
import type { Logger } from '#platform/log';
import type { ClusterClient } from './cluster/client.ts';
import { createEventFeed, eventSeen, type Naming } from './cluster/events.ts';
import type { Pod } from './cluster/objects.ts';
import { manifestDifferences } from './diff.ts';
import { followLog, readLog } from './logs.ts';
import { podSeen } from './pods.ts';

/** Pods from the informers, events from a watch while somebody looks, logs through the API server. */
export function createInsight(deps: {
  client: ClusterClient;
  log: Logger;
  pods(revisionId: string): readonly Pod[];
  requireSynced(): void;
  namespaceOf(environment: string): string;
  /** revision of objects whose names carry no number; null: they are the endpoint's */
  unnumbered: number | null;
  naming: Naming;
}): Insight & { stop(): void } {
  const { client, requireSynced } = deps;
  const events = createEventFeed(deps);
  return {
    async pods(revisionId) {
      requireSynced();
      return deps.pods(revisionId).map(podSeen);
    },

    async events({ endpointId, environment }) {
      const found = await events.of(deps.namespaceOf(environment), endpointId);
      return found.map((event) => eventSeen(event, deps.unnumbered, deps.naming));
    },

    read: (revisionId, query) => readLog(client, deps.pods(revisionId), query),
    follow: (revisionId, query, signal) => followLog(client, () => deps.pods(revisionId), query, signal),

    differences: manifestDifferences,

    stop: () => events.stop(),
  };
}
