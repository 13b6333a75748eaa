import type { Environment } from '@llm-ops/contracts';
import type { Address } from '#ports/runtime';
import type { RoutedRevision, RouteRow } from '../store/routes.ts';
import type { Retry, RouteLimits, Timeouts } from '../store/tables.ts';
import type { Visibility } from '../types.ts';
import type { Candidate, Choice, OpenTarget, SkippedTarget } from './snapshot.ts';

/** One of the places where a request may go. */
export interface RouteTarget {
  endpointId: string;
  revisionId: string;
  revisionNumber: number;
  modelId: string;
  modelName: string;
  version: string;
  /** the addresses were given by a user: forward by the egress rules */
  external: boolean;
  promptPolicyId: string | null;
  /** every replica that answers, at least one */
  addresses: readonly Address[];
  weight: number;
  priority: number;
  /** the lowest is tried first: by priority, then healthy before the others */
  rank: number;
  timeouts: Timeouts;
}

/** Where one request may go: a name in one environment with its targets that can be asked now. */
export interface ResolvedRoute {
  kind: 'route';
  routeId: string;
  routeName: string;
  environment: Environment;
  /** where the name is, in the order tried */
  environments: readonly Environment[];
  team: string;
  project: string | null;
  visibility: Visibility;
  targets: readonly RouteTarget[];
  skipped: readonly SkippedTarget[];
  retry: Retry;
  limits: RouteLimits | null;
  cache: { ttlSeconds: number } | null;
  capture: boolean;
}

type Chosen = Extract<Choice, { kind: 'chosen' }>;

export interface Resolved {
  /** The same object as long as nothing changed: what is worked out of a route is kept by it. */
  of(choice: Chosen): ResolvedRoute;
  /** What was answered for the only environment of a name, when all its targets are still asked at the same addresses; null: choose. */
  again(candidate: Candidate, available: (revision: RoutedRevision) => readonly Address[]): ResolvedRoute | null;
}

export function createResolved(): Resolved {
  const last = new WeakMap<RouteRow, { open: readonly OpenTarget[]; route: ResolvedRoute }>();
  return {
    of(choice) {
      const known = last.get(choice.route);
      if (
        known !== undefined &&
        known.open.length === choice.open.length &&
        known.route.skipped.length === choice.skipped.length &&
        known.route.environments.length === choice.environments.length &&
        known.open.every((one, index) => isSame(one, choice.open[index]!, choice.open[index]!.addresses))
      )
        return known.route;
      const route = resolved(choice);
      last.set(choice.route, { open: choice.open, route });
      return route;
    },
    again({ route, targets }, available) {
      const known = last.get(route);
      if (known === undefined || !route.enabled || known.open.length !== targets.length) return null;
      if (known.route.environments.length !== 1) return null;
      for (let index = 0; index < targets.length; index += 1) {
        const [one, target] = [known.open[index]!, targets[index]!];
        if (target.revision === null || !isSame(one, target, available(target.revision))) return null;
      }
      return known.route;
    },
  };
}

/** Rows are those of one snapshot: only replicas come and go within it, and which environments a caller may see. */
function isSame(
  one: OpenTarget,
  other: Pick<OpenTarget, 'endpoint' | 'weight' | 'priority'> & { revision: RoutedRevision | null },
  addresses: readonly Address[],
): boolean {
  if (one.endpoint !== other.endpoint || one.revision !== other.revision || one.weight !== other.weight) return false;
  if (one.addresses.length !== addresses.length || one.priority !== other.priority) return false;
  for (let index = 0; index < addresses.length; index += 1) {
    if (addresses[index] !== one.addresses[index]) return false;
  }
  return true;
}

function resolved(choice: Chosen): ResolvedRoute {
  const { route, open, skipped, environments } = choice;
  return {
    kind: 'route',
    routeId: route.id,
    routeName: route.name,
    environment: route.environment,
    environments,
    team: route.team,
    project: route.project,
    visibility: route.visibility,
    targets: open.map((target) => targetOf(target, route.timeouts)),
    skipped,
    retry: route.retry,
    limits: route.limits,
    cache: route.cache,
    capture: route.capture.content,
  };
}

function targetOf(open: OpenTarget, timeouts: Timeouts): RouteTarget {
  const { endpoint, revision } = open;
  return {
    endpointId: endpoint.id,
    revisionId: revision.revisionId,
    revisionNumber: revision.number,
    modelId: revision.modelId,
    modelName: revision.modelName,
    version: revision.version,
    external: revision.external,
    promptPolicyId: endpoint.promptPolicyId,
    addresses: open.addresses,
    weight: open.weight,
    priority: open.priority,
    rank: open.rank,
    timeouts: open.timeouts === null ? timeouts : { ...timeouts, ...open.timeouts },
  };
}
