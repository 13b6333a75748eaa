import type { Environment } from '@llm-ops/contracts';
import type { Address } from '#ports/runtime';
import type { RoutedEndpoint, RoutedRevision, RouteRow } from './store-routes.ts';
import type { EndpointStatus } from './types.ts';

interface CandidateTarget {
  endpoint: RoutedEndpoint;
  /** null: named by number and not running */
  revision: RoutedRevision | null;
  serves: boolean;
  weight: number;
  priority: number;
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

export function buildSnapshot(found: {
  routes: readonly RouteRow[];
  endpoints: readonly RoutedEndpoint[];
  revisions: readonly RoutedRevision[];
}): Snapshot {
  const endpoints = new Map(found.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const revisions = new Map(found.revisions.map((revision) => [`${revision.endpointId}:${revision.number}`, revision]));
  const byName = new Map<string, Candidate[]>();
  for (const route of found.routes) {
    const targets = route.targets.flatMap((target): CandidateTarget[] => {
      const endpoint = endpoints.get(target.endpointId);
      if (!endpoint) return [];
      const { weight, priority } = target;
      const number = target.revision ?? endpoint.liveRevision;
      // before the first revision is live, the wanted one says at least which model it will be
      const revision = revisions.get(`${endpoint.id}:${number || endpoint.targetRevision}`) ?? null;
      return [{ endpoint, revision, serves: number > 0, weight, priority }];
    });
    byName.set(route.name, [...(byName.get(route.name) ?? []), { route, targets }]);
  }
  for (const list of byName.values()) {
    list.sort((a, b) => precedence[a.route.environment] - precedence[b.route.environment]);
  }
  return byName;
}

export type Choice =
  | { kind: 'chosen'; route: RouteRow; endpoint: RoutedEndpoint; revision: RoutedRevision; address: Address }
  | { kind: 'unknown' }
  | { kind: 'disabled'; environment: Environment }
  | { kind: 'unavailable'; environment: Environment; endpointId: string; status: EndpointStatus; reason: string };

/**
 * Healthy environments first, then prod, stg, dev. A name that is disabled in the first environment that has it is denied as a whole:
 * a request never slips past it into another environment; one disabled further down is left out.
 */
export function choose(
  candidates: readonly Candidate[],
  available: (revision: RoutedRevision) => Address | null,
  random: number,
): Choice {
  const first = candidates[0];
  if (!first) return { kind: 'unknown' };
  if (!first.route.enabled) return { kind: 'disabled', environment: first.route.environment };
  const enabled = candidates.filter(({ route }) => route.enabled);
  const ranked = enabled
    .map((candidate) => ({
      candidate,
      rank: Math.min(9, ...candidate.targets.map(({ endpoint }) => health[endpoint.status])),
    }))
    .sort((a, b) => a.rank - b.rank);
  for (const { candidate } of ranked) {
    const open = candidate.targets.flatMap((target) => {
      const { endpoint, revision, serves, weight } = target;
      if (!revision || !serves || weight === 0 || health[endpoint.status] >= health.stopped) return [];
      const address = available(revision);
      return address ? [{ ...target, revision, address }] : [];
    });
    if (open.length === 0) continue;
    const { endpoint, revision, address } = pick(open, random);
    return { kind: 'chosen', route: candidate.route, endpoint, revision, address };
  }
  const best = ranked[0]!.candidate;
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

/** Of the best priority (the lowest number), healthy before the others, by weight. */
function pick<T extends { endpoint: RoutedEndpoint; weight: number; priority: number }>(
  open: readonly T[],
  random: number,
): T {
  const rank = (target: T) => target.priority * 10 + health[target.endpoint.status];
  const best = Math.min(...open.map(rank));
  const among = open.filter((target) => rank(target) === best);
  let point = random * among.reduce((sum, { weight }) => sum + weight, 0);
  for (const target of among) {
    point -= target.weight;
    if (point < 0) return target;
  }
  return among.at(-1)!;
}

const reasons: Record<EndpointStatus, string> = {
  healthy: 'Its engine does not answer right now.',
  degraded: 'Its engine is being restarted.',
  deploying: 'Its first revision is still starting.',
  failed: 'Its engine failed.',
  stopped: 'It is scaled to 0.',
  deleting: 'It is being deleted.',
};
