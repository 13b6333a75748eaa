import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';
import type { RuntimeEvent } from '#ports/insight';
import type { ClusterClient } from './client.ts';
import { createInformer, type Informer, type Stored } from './informer.ts';

export type ClusterEvent = Stored & {
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  series?: { count?: number; lastObservedTime?: string } | null;
  involvedObject?: { kind?: string; name?: string };
  source?: { component?: string };
  reportingComponent?: string;
};

export interface EventFeed {
  /** Events of an endpoint's objects, as they are known; all of them once the namespace has been listed. */
  of(namespace: string, endpointId: string): Promise<readonly ClusterEvent[]>;
  stop(): void;
}

/** Whose an object is by its name; `revision` null: the name has no number. null: nobody's. */
export type Naming = (object: string) => { endpoint: string; revision: number | null } | null;

/** Events carry no labels, but the names of what they are about begin with that of the endpoint. */
const named = /^serving-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:-hpa)?(?:-r(\d+))?(?:-|$)/;

export const endpointNames: Naming = (object) => {
  const [, endpoint, revision] = named.exec(object) ?? [];
  return endpoint === undefined ? null : { endpoint, revision: revision === undefined ? null : Number(revision) };
};

/** a namespace that nobody has looked at for so long is no longer followed */
const idleMs = 5 * 60_000;

/** Events of a namespace are followed while somebody looks: one watch, whatever the number of lookers. */
export function createEventFeed(deps: { client: ClusterClient; log: Logger; naming: Naming }): EventFeed {
  const ownerOf = ({ involvedObject }: ClusterEvent) => deps.naming(involvedObject?.name ?? '')?.endpoint;
  // names that are known by the objects that have them may be known later than their first event
  const fixed = deps.naming === endpointNames;
  const followed = new Map<string, { informer: Informer<ClusterEvent>; asked: number }>();
  const sweep = setInterval(() => {
    for (const [namespace, { informer, asked }] of followed) {
      if (Date.now() - asked < idleMs) continue;
      informer.stop();
      followed.delete(namespace);
    }
  }, 60_000);
  sweep.unref();
  return {
    async of(namespace, endpointId) {
      const known = followed.get(namespace);
      const informer =
        known?.informer ??
        createInformer<ClusterEvent>({
          ...deps,
          path: `/api/v1/namespaces/${namespace}/events`,
          query: {},
          index: ownerOf,
          trim: (event) => trimmed(event, !fixed || ownerOf(event) !== undefined),
          onChange: () => undefined,
        });
      followed.set(namespace, { informer, asked: Date.now() });
      if (!(await informer.listed(5_000))) {
        const message = informer.problem();
        throw failure('cluster_unreachable', message === null ? {} : { message });
      }
      return fixed ? informer.by(endpointId) : [...informer.all()].filter((event) => ownerOf(event) === endpointId);
    },
    stop() {
      clearInterval(sweep);
      for (const { informer } of followed.values()) informer.stop();
      followed.clear();
    },
  };
}

/** Events of other things than endpoints are kept as little as possible. */
function trimmed(event: ClusterEvent, wanted: boolean): ClusterEvent {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = event.metadata;
  const metadata = {
    name,
    uid,
    resourceVersion,
    ...(namespace && { namespace }),
    ...(creationTimestamp && { creationTimestamp }),
  };
  if (!wanted) return { metadata };
  const { type, reason, message, count, firstTimestamp, lastTimestamp, eventTime, series, involvedObject } = event;
  const { kind, name: object } = involvedObject ?? {};
  return {
    metadata,
    ...(type && { type }),
    ...(reason && { reason }),
    ...(message && { message }),
    ...(count && { count }),
    ...(firstTimestamp && { firstTimestamp }),
    ...(lastTimestamp && { lastTimestamp }),
    ...(eventTime && { eventTime }),
    ...(series && { series }),
    involvedObject: { ...(kind && { kind }), ...(object && { name: object }) },
    reportingComponent: event.reportingComponent || event.source?.component || 'cluster',
  };
}

/** In the product's words. `first`: the revision of names without a number; null where those are the endpoint's own. Pure. */
export function eventSeen(event: ClusterEvent, first: number | null, naming: Naming): RuntimeEvent {
  const { metadata, involvedObject, series } = event;
  const name = involvedObject?.name ?? '';
  const began = event.firstTimestamp ?? event.eventTime ?? metadata.creationTimestamp ?? 0;
  const last = series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? began;
  return {
    id: metadata.uid,
    type: event.type === 'Warning' ? 'warning' : 'normal',
    reason: event.reason ?? '',
    message: event.message ?? '',
    object: { kind: involvedObject?.kind ?? '', name },
    revision: naming(name)?.revision ?? first,
    count: series?.count ?? event.count ?? 1,
    firstSeen: new Date(began).toISOString(),
    lastSeen: new Date(last).toISOString(),
    source: event.reportingComponent ?? 'cluster',
  };
}
