import type { Environment } from '@llm-ops/contracts';
import type { Address } from '#ports/runtime';
import type { RouteRow } from '../store/routes.ts';
import type { Retry, RouteLimits, Timeouts } from '../store/tables.ts';
import type { Visibility } from '../types.ts';
import type { Choice, OpenTarget, SkippedTarget } from './snapshot.ts';

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

/** Answers the same object as long as nothing changed: what is worked out of a route is kept by it. */
export function createResolved(): (choice: Chosen) => ResolvedRoute {
  const last = new WeakMap<RouteRow, { open: readonly OpenTarget[]; route: ResolvedRoute }>();
  return (choice) => {
    const known = last.get(choice.route);
    if (
      known !== undefined &&
      known.open.length === choice.open.length &&
      known.route.skipped.length === choice.skipped.length &&
      known.route.environments.length === choice.environments.length &&
      known.open.every((one, index) => same(one, choice.open[index]!))
    )
      return known.route;
    const route = resolved(choice);
    last.set(choice.route, { open: choice.open, route });
    return route;
  };
}

/** Rows are those of one snapshot: only replicas come and go within it, and which environments a caller may see. */
function same(one: OpenTarget, other: OpenTarget): boolean {
  if (one.endpoint !== other.endpoint || one.revision !== other.revision || one.weight !== other.weight) return false;
  const { addresses } = one;
  if (addresses.length !== other.addresses.length || one.priority !== other.priority) return false;
  for (let index = 0; index < addresses.length; index += 1) {
    if (addresses[index] !== other.addresses[index]) return false;
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
