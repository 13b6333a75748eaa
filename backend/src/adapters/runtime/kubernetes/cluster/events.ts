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

/** Events carry no labels, but the names of what they are about begin with that of the endpoint. */
const named = /^serving-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:-hpa)?(?:-r(\d+))?(?:-|$)/;

/** a namespace that nobody has looked at for so long is no longer followed */
const idleMs = 5 * 60_000;

/** Events of a namespace are followed while somebody looks: one watch, whatever the number of lookers. */
export function createEventFeed(deps: { client: ClusterClient; log: Logger }): EventFeed {
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
          index: ({ involvedObject }) => named.exec(involvedObject?.name ?? '')?.[1],
          trim: trimmed,
          onChange: () => undefined,
        });
      followed.set(namespace, { informer, asked: Date.now() });
      if (!(await informer.listed(5_000))) {
        const message = informer.problem();
        throw failure('cluster_unreachable', message === null ? {} : { message });
      }
      return informer.by(endpointId);
    },
    stop() {
      clearInterval(sweep);
      for (const { informer } of followed.values()) informer.stop();
      followed.clear();
    },
  };
}

/** Events of other things than endpoints are kept as little as possible. */
function trimmed(event: ClusterEvent): ClusterEvent {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = event.metadata;
  const metadata = {
    name,
    uid,
    resourceVersion,
    ...(namespace && { namespace }),
    ...(creationTimestamp && { creationTimestamp }),
  };
  if (!named.test(event.involvedObject?.name ?? '')) return { metadata };
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
export function eventSeen(event: ClusterEvent, first: number | null): RuntimeEvent {
  const { metadata, involvedObject, series } = event;
  const name = involvedObject?.name ?? '';
  const number = named.exec(name)?.[2];
  const began = event.firstTimestamp ?? event.eventTime ?? metadata.creationTimestamp ?? 0;
  const last = series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? began;
  return {
    id: metadata.uid,
    type: event.type === 'Warning' ? 'warning' : 'normal',
    reason: event.reason ?? '',
    message: event.message ?? '',
    object: { kind: involvedObject?.kind ?? '', name },
    revision: number === undefined ? first : Number(number),
    count: series?.count ?? event.count ?? 1,
    firstSeen: new Date(began).toISOString(),
    lastSeen: new Date(last).toISOString(),
    source: event.reportingComponent ?? 'cluster',
  };
}
