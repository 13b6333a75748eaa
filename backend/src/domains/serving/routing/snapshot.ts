import type { Environment } from '@llm-ops/contracts';
import type { Address } from '#ports/runtime';
import type { Routing } from './rows.ts';
import type { RoutedEndpoint, RoutedRevision, RouteRow } from '../store/routes.ts';
import type { Timeouts } from '../store/tables.ts';
import type { EndpointStatus } from '../types.ts';

interface CandidateTarget {
  endpoint: RoutedEndpoint;
  /** null: named by number and not running */
  revision: RoutedRevision | null;
  serves: boolean;
  weight: number;
  priority: number;
  timeouts: Timeouts | null;
}

/** A name in one environment with what it leads to. */
export interface Candidate {
  route: RouteRow;
  targets: readonly CandidateTarget[];
}

/** Name → its environments, in the order prod, stg, dev. */
export type Snapshot = ReadonlyMap<string, readonly Candidate[]>;

const precedence: Record<Environment, number> = { prod: 0, stg: 1, dev: 2 };
const health: Record<EndpointStatus, number> = {
  healthy: 0,
  degraded: 1,
  deploying: 2,
  failed: 3,
  stopped: 4,
  deleting: 5,
};

export function buildSnapshot(found: Routing): Snapshot {
  const endpoints = new Map<string, RoutedEndpoint>();
  for (const endpoint of found.endpoints) endpoints.set(endpoint.id, endpoint);
  const revisions = new Map<string, RoutedRevision>();
  for (const revision of found.revisions) revisions.set(`${revision.endpointId}:${revision.number}`, revision);
  const byName = new Map<string, Candidate[]>();
  for (const route of found.routes) {
    const targets = route.targets.flatMap((target): CandidateTarget[] => {
      const endpoint = endpoints.get(target.endpointId);
      if (!endpoint) return [];
      const { weight, priority, timeouts = null } = target;
      const leadsTo = (number: number, share: number): CandidateTarget => ({
        endpoint,
        // before the first revision is live, the wanted one says at least which model it will be
        revision: revisions.get(`${endpoint.id}:${number || endpoint.targetRevision}`) ?? null,
        serves: number > 0,
        weight: (weight * share) / 100,
        priority,
        timeouts,
      });
      const { canary, liveRevision } = endpoint;
      if (typeof target.revision === 'number') return [leadsTo(target.revision, 100)];
      if (canary === null || liveRevision === 0 || canary.revision === liveRevision)
        return [leadsTo(liveRevision, 100)];
      // every name that leads to the endpoint shares its traffic alike
      return [leadsTo(liveRevision, 100 - canary.weight), leadsTo(canary.revision, canary.weight)];
    });
    byName.set(route.name, [...(byName.get(route.name) ?? []), { route, targets }]);
  }
  for (const list of byName.values()) {
    list.sort((a, b) => precedence[a.route.environment] - precedence[b.route.environment]);
  }
  return byName;
}

/** A target that can be asked now, with every replica of it that answers. */
export interface OpenTarget {
  endpoint: RoutedEndpoint;
  revision: RoutedRevision;
  addresses: readonly Address[];
  weight: number;
  /** what is tried first has the lowest: by the route's priority, then healthy before the others */
  rank: number;
  priority: number;
  timeouts: Timeouts | null;
}

export interface SkippedTarget {
  endpointId: string;
  reason: string;
}

export type Choice =
  | {
      kind: 'chosen';
      route: RouteRow;
      open: readonly OpenTarget[];
      skipped: readonly SkippedTarget[];
      /** where the name is, in the order tried */
      environments: readonly Environment[];
    }
  | { kind: 'unknown' }
  | { kind: 'disabled'; environment: Environment }
  | { kind: 'unavailable'; environment: Environment; endpointId: string; status: EndpointStatus; reason: string };

/**
 * Healthy environments first, then prod, stg, dev; of the first that can answer, everything that can be asked. A name that is disabled
 * in the first environment that has it is denied as a whole: a request never slips past it into another environment; one disabled
 * further down is left out.
 */
export function choose(
  candidates: readonly Candidate[],
  available: (revision: RoutedRevision) => readonly Address[],
): Choice {
  const first = candidates[0];
  if (!first) return { kind: 'unknown' };
  if (!first.route.enabled) return { kind: 'disabled', environment: first.route.environment };
  const ranked = candidates.length === 1 ? candidates : byHealth(candidates);
  for (const { route, targets } of ranked) {
    const open: OpenTarget[] = [];
    const skipped: SkippedTarget[] = [];
    for (const target of targets) {
      const { endpoint, revision, weight, priority, timeouts } = target;
      const addresses = revision && target.serves && asked(target) ? available(revision) : [];
      if (revision === null || addresses.length === 0) {
        skipped.push({ endpointId: endpoint.id, reason: weight === 0 ? 'Its weight is 0.' : reasons[endpoint.status] });
        continue;
      }
      const rank = priority * 10 + health[endpoint.status];
      open.push({ endpoint, revision, addresses, weight, rank, priority, timeouts });
    }
    if (open.length > 0) {
      return { kind: 'chosen', route, open, skipped, environments: ranked.map((one) => one.route.environment) };
    }
  }
  const best = ranked[0]!;
  const endpoint = best.targets[0]?.endpoint;
  // its last target was deleted a moment ago
  if (!endpoint) return { kind: 'unknown' };
  const { environment } = best.route;
  return {
    kind: 'unavailable',
    environment,
    endpointId: endpoint.id,
    status: endpoint.status,
    reason: reasons[endpoint.status],
  };
}

const asked = ({ weight, endpoint }: CandidateTarget): boolean =>
  weight > 0 && health[endpoint.status] < health.stopped;

function byHealth(candidates: readonly Candidate[]): Candidate[] {
  return candidates
    .filter(({ route }) => route.enabled)
    .map((candidate) => ({
      candidate,
      rank: Math.min(9, ...candidate.targets.map(({ endpoint }) => health[endpoint.status])),
    }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ candidate }) => candidate);
}

const reasons: Record<EndpointStatus, string> = {
  healthy: 'Its engine does not answer right now.',
  degraded: 'Its engine is being restarted.',
  deploying: 'It is still starting.',
  failed: 'Its engine failed.',
  stopped: 'It is scaled to 0.',
  deleting: 'It is being deleted.',
};
