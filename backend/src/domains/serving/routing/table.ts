import type { Environment } from '@llm-ops/contracts';
import { unavailable, type Db } from '#platform/db';
import type { Kept } from '#platform/kept';
import type { Logger } from '#platform/log';
import type { Address, Runtime } from '#ports/runtime';
import { reasonOf } from '../rollout/completion.ts';
import {
  buildSnapshot,
  choose,
  type Candidate,
  type OpenTarget,
  type SkippedTarget,
  type Snapshot,
} from './snapshot.ts';
import { createRouting, type Routing } from './rows.ts';
import type { RoutedRevision, RouteRow } from '../store/routes.ts';
import type { Retry, RouteLimits, Timeouts } from '../store/tables.ts';
import type { EndpointStatus, Visibility } from '../types.ts';

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

export type Resolution =
  | ResolvedRoute
  | { kind: 'unknown' }
  | { kind: 'disabled'; environment: Environment }
  | { kind: 'unavailable'; environment: Environment; endpointId: string; status: EndpointStatus; reason: string };

export interface ResolveOptions {
  /** named by the request: no other environment is looked at */
  environment?: Environment | undefined;
  /** environments that the caller is held to (an API key's) */
  pinned?: readonly Environment[] | null | undefined;
  /** rows that the caller may not see are as if they were not there */
  sees?: (row: { team: string; visibility: Visibility; createdBy: string }) => boolean;
}

export interface RouteHealth {
  kind: 'health';
  status: 'healthy' | 'degraded' | 'failed' | 'deploying' | 'stopped';
  environment: Environment;
  endpointId: string;
  model: { name: string; version: string };
}

export interface ListedRoute {
  name: string;
  environment: Environment;
  endpointId: string;
  team: string;
  status: EndpointStatus;
  model: { id: string; name: string; version: string };
  createdAt: Date;
}

/** The gateway's view of routes: answers from memory alone. */
export interface RouteTable {
  /** Loads once (throws `database_unavailable` when it cannot, and nothing is kept) and keeps up from then on. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Reads again now; for tests and after changes of one's own. */
  reload(): Promise<void>;
  resolve(name: string, options?: ResolveOptions): Resolution;
  health(name: string, options?: ResolveOptions): RouteHealth | Extract<Resolution, { kind: 'unknown' | 'disabled' }>;
  /** Enabled names, one entry a name and environment, in the order in which they are taken. */
  list(options?: Pick<ResolveOptions, 'pinned' | 'sees' | 'environment'>): ListedRoute[];
  /** Counts a request under way to a revision; call what comes back once when it has ended. */
  acquire(revisionId: string): () => void;
  inFlight(revisionId: string): number;
  /**
   * Denies a route in this process from now on, before the change that disables it is even committed; until that change has been read.
   * Without it a request could slip through in the milliseconds that a notification takes.
   */
  deny(routeId: string): void;
  /** Takes a `deny` back. */
  admit(routeId: string): void;
}

interface TableDeps {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  log: Logger;
  /** what takes the place of the first load while the database is away */
  kept?: Kept<Routing>;
  /** whose routes are answered; all, when not given */
  environments?: readonly Environment[];
  /** read again at least this often: notifications are only hints; 2000 when not given */
  pollMs?: number;
}

/** More than so many that changed are read with all others. */
const someAtOnce = 200;

/**
 * An immutable snapshot of routes, swapped when the database tells of a change or, every `pollMs`, has one. Without the database the last
 * one is kept. Resolving never leaves the process.
 */
export function createRouteTable(deps: TableDeps): RouteTable {
  const { db, runtimes, log, kept } = deps;
  const pollMs = deps.pollMs ?? 2_000;
  const answers = (environment: Environment) => deps.environments?.includes(environment) ?? true;
  const counts = new Map<string, number>();
  const attached = new Set<string>();
  /** route → until when it is denied, in ms since 1970 */
  const denied = new Map<string, number>();
  /** as last resolved */
  const routes = new WeakMap<RouteRow, { open: readonly OpenTarget[]; resolved: ResolvedRoute }>();
  let snapshot: Snapshot = buildSnapshot({ routes: [], endpoints: [], revisions: [] });
  let loading: Promise<void> | null = null;
  /** endpoints that changed since, or all of them */
  let wanted: Set<string> | 'all' = 'all';
  /** more may have changed than what is read tells */
  let missed = false;
  let timer: NodeJS.Timeout | null = null;
  let listening: { close(): Promise<void> } | null = null;
  let warned = false;

  const routing = createRouting(db, answers);

  const addressesOf = (revision: RoutedRevision): readonly Address[] =>
    runtimes[revision.runtime]?.addresses(revision.revisionId) ?? [];

  /** What runs nowhere needs no placement: every server attaches to it by itself, `again` where its key may be another. */
  async function attach(revision: RoutedRevision, again: boolean): Promise<void> {
    const runtime = runtimes[revision.runtime];
    if (!revision.spec || !runtime) return;
    if (!again && (attached.has(revision.revisionId) || addressesOf(revision).length > 0)) return;
    try {
      await runtime.apply(runtime.plan(revision.spec), revision.spec);
      attached.add(revision.revisionId);
    } catch (error) {
      log.warn({ revision: revision.revisionId, reason: reasonOf(error) }, 'could not attach to an external model');
    }
  }

  async function load(): Promise<void> {
    const what = wanted;
    const again = what !== 'all' || missed;
    wanted = new Set();
    missed = false;
    try {
      const found = what === 'all' ? await routing.readAll() : await routing.read([...what]);
      for (const revision of found) await attach(revision, again);
    } catch (error) {
      wanted = 'all';
      missed = again;
      throw error;
    }
    snapshot = buildSnapshot(routing.now());
    kept?.learnt(routing.now);
    for (const [id, until] of denied) if (until < Date.now()) denied.delete(id);
  }

  /** One load at a time; a wish that comes during one is served by the next, which starts after it. */
  function follow(): Promise<void> {
    loading ??= (async () => {
      do await load();
      while (wanted === 'all' || wanted.size > 0);
    })().finally(() => (loading = null));
    return loading;
  }

  function reload(): Promise<void> {
    wanted = 'all';
    return follow();
  }

  async function poll(): Promise<void> {
    if (loading === null && wanted !== 'all' && !(await routing.changed())) kept?.unchanged();
    else await reload();
  }

  /** What an earlier process knew; it is read again with the next look. */
  async function startFrom(found: Routing): Promise<void> {
    for (const revision of routing.keep(found)) await attach(revision, false);
    snapshot = buildSnapshot(routing.now());
  }

  /** `changed`: the endpoint; null or nothing: any, changes may have been missed. */
  function hint(changed: string | null): void {
    if (!changed || (wanted !== 'all' && wanted.size >= someAtOnce)) {
      wanted = 'all';
      missed = true;
    } else if (wanted !== 'all') wanted.add(changed);
    told(follow());
  }

  function told(reading: Promise<void>): void {
    reading.then(
      () => (warned = false),
      (error: unknown) => {
        if (!warned) log.warn({ reason: reasonOf(error) }, 'routes could not be read again; the last ones are kept');
        warned = true;
      },
    );
  }

  function candidates(name: string, options: ResolveOptions): Candidate[] {
    const { environment, pinned, sees } = options;
    const found = (snapshot.get(name) ?? []).filter(
      ({ route }) =>
        (environment === undefined || route.environment === environment) &&
        (!pinned || pinned.includes(route.environment)) &&
        (!sees || sees({ team: route.team, visibility: route.visibility, createdBy: route.created_by })),
    );
    if (denied.size === 0) return found;
    const now = Date.now();
    return found.map((one) =>
      (denied.get(one.route.id) ?? 0) > now ? { ...one, route: { ...one.route, enabled: false } } : one,
    );
  }

  /** The same object as long as nothing changed: what is worked out of a route is kept by it. */
  function known(choice: Chosen): ResolvedRoute {
    const last = routes.get(choice.route);
    if (
      last !== undefined &&
      last.open.length === choice.open.length &&
      last.resolved.skipped.length === choice.skipped.length &&
      last.resolved.environments.length === choice.environments.length &&
      last.open.every((one, index) => same(one, choice.open[index]!))
    )
      return last.resolved;
    const made = resolved(choice);
    routes.set(choice.route, { open: choice.open, resolved: made });
    return made;
  }

  return {
    async start() {
      if (timer) return;
      timer = setInterval(() => told(poll()), pollMs);
      timer.unref();
      listening = await db.listen('serving', hint);
      await reload().catch((error: unknown) => {
        const found = unavailable(error) ? kept?.found : null;
        if (!found) throw error;
        return startFrom(found);
      });
    },
    async stop() {
      if (timer) clearInterval(timer);
      timer = null;
      await listening?.close();
      listening = null;
      await loading?.catch(() => {});
    },
    reload,
    resolve(name, options = {}) {
      const choice = choose(candidates(name, options), addressesOf);
      return choice.kind === 'chosen' ? known(choice) : choice;
    },
    health(name, options = {}) {
      const found = candidates(name, options);
      const choice = choose(found, addressesOf);
      if (choice.kind === 'unknown' || choice.kind === 'disabled') return choice;
      const id = choice.kind === 'chosen' ? first(choice.open).endpoint.id : choice.endpointId;
      const one = found.flatMap(({ targets }) => targets).find(({ endpoint }) => endpoint.id === id);
      if (!one) return { kind: 'unknown' };
      const { status } = one.endpoint;
      return {
        kind: 'health',
        // a name on its way out answers nothing any more
        status: status === 'deleting' ? 'stopped' : status,
        environment: one.endpoint.environment,
        endpointId: id,
        model: { name: one.revision?.modelName ?? '', version: one.revision?.version ?? '' },
      };
    },
    list(options = {}) {
      return [...snapshot.keys()].flatMap((name) =>
        candidates(name, options).flatMap(({ route, targets }) => {
          const first = targets[0];
          if (!route.enabled || !first?.revision) return [];
          const { revision, endpoint } = first;
          return [
            {
              name,
              environment: route.environment,
              endpointId: endpoint.id,
              team: route.team,
              status: endpoint.status,
              model: { id: revision.modelId, name: revision.modelName, version: revision.version },
              createdAt: route.created_at,
            },
          ];
        }),
      );
    },
    acquire(revisionId) {
      counts.set(revisionId, (counts.get(revisionId) ?? 0) + 1);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        const left = counts.get(revisionId)! - 1;
        if (left === 0) counts.delete(revisionId);
        else counts.set(revisionId, left);
      };
    },
    inFlight: (revisionId) => counts.get(revisionId) ?? 0,
    deny: (routeId) => void denied.set(routeId, Date.now() + pollMs + 250),
    admit: (routeId) => void denied.delete(routeId),
  };
}

const first = (open: readonly OpenTarget[]): OpenTarget =>
  open.reduce((best, target) => (target.rank < best.rank ? target : best));

interface Chosen {
  route: RouteRow;
  open: readonly OpenTarget[];
  skipped: readonly SkippedTarget[];
  environments: readonly Environment[];
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
