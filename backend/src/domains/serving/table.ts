import type { Environment } from '@llm-ops/contracts';
import type { Db } from '#platform/db';
import type { Logger } from '#platform/log';
import type { Address, Runtime } from '#ports/runtime';
import { reasonOf } from './completion.ts';
import { buildSnapshot, choose, type Candidate, type Snapshot } from './snapshot.ts';
import { loadRouting, type RoutedRevision } from './store-routes.ts';
import type { RouteLimits, Timeouts } from './tables.ts';
import type { EndpointStatus, Visibility } from './types.ts';

/** Where one request goes. */
export interface ResolvedTarget {
  kind: 'target';
  routeId: string;
  routeName: string;
  endpointId: string;
  revisionId: string;
  revisionNumber: number;
  address: Address;
  /** the address was given by a user: forward by the egress rules */
  external: boolean;
  modelId: string;
  modelName: string;
  version: string;
  environment: Environment;
  team: string;
  project: string | null;
  visibility: Visibility;
  createdBy: string;
  endpointStatus: EndpointStatus;
  promptPolicyId: string | null;
  retry: { attempts: number };
  timeouts: Timeouts;
  limits: RouteLimits | null;
}

export type Resolution =
  | ResolvedTarget
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
  /** 0 ≤ random < 1, chooses among weighted targets */
  random?: number;
  /** revisions that just failed this request: not chosen again */
  exclude?: ReadonlySet<string>;
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
  /** Loads once (throws `database_unavailable` when it cannot) and keeps up from then on. */
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
  /** read again at least this often: notifications are only hints; 2000 when not given */
  pollMs?: number;
}

/**
 * An immutable snapshot of routes, swapped when the database tells of a change and every `pollMs`. Without the database the last one
 * is kept. Resolving never leaves the process.
 */
export function createRouteTable(deps: TableDeps): RouteTable {
  const { db, runtimes, log } = deps;
  const pollMs = deps.pollMs ?? 2_000;
  const counts = new Map<string, number>();
  const attached = new Set<string>();
  /** route → until when it is denied, in ms since 1970 */
  const denied = new Map<string, number>();
  let snapshot: Snapshot = buildSnapshot({ routes: [], endpoints: [], revisions: [] });
  let loading: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | null = null;
  let listening: { close(): Promise<void> } | null = null;
  let warned = false;

  const addressOf = (revision: RoutedRevision): Address | null =>
    runtimes[revision.runtime]?.address(revision.revisionId) ?? null;

  /** What runs nowhere needs no placement: every server attaches to it by itself. */
  async function attach(revision: RoutedRevision): Promise<void> {
    const runtime = runtimes[revision.runtime];
    if (!revision.spec || !runtime || attached.has(revision.revisionId) || addressOf(revision)) return;
    try {
      await runtime.apply(runtime.plan(revision.spec), revision.spec);
      attached.add(revision.revisionId);
    } catch (error) {
      log.warn({ revision: revision.revisionId, reason: reasonOf(error) }, 'could not attach to an external model');
    }
  }

  async function load(): Promise<void> {
    const found = await loadRouting(db.kysely);
    for (const revision of found.revisions) await attach(revision);
    snapshot = buildSnapshot(found);
    for (const [id, until] of denied) if (until < Date.now()) denied.delete(id);
  }

  /** One load at a time; a wish that comes during one is served by the next, which starts after it. */
  function reload(): Promise<void> {
    if (loading) {
      again = true;
      return loading;
    }
    loading = (async () => {
      do {
        again = false;
        await load();
      } while (again);
    })().finally(() => (loading = null));
    return loading;
  }

  function hint(): void {
    reload().then(
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

  return {
    async start() {
      if (timer) return;
      timer = setInterval(hint, pollMs);
      timer.unref();
      listening = await db.listen('serving', hint);
      await reload();
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
      const found = candidates(name, options);
      const available = (revision: RoutedRevision) =>
        options.exclude?.has(revision.revisionId) ? null : addressOf(revision);
      const choice = choose(found, available, options.random ?? Math.random());
      if (choice.kind !== 'chosen') return choice;
      const { route, endpoint, revision, address } = choice;
      return {
        kind: 'target',
        routeId: route.id,
        routeName: route.name,
        endpointId: endpoint.id,
        revisionId: revision.revisionId,
        revisionNumber: revision.number,
        address,
        external: revision.external,
        modelId: revision.modelId,
        modelName: revision.modelName,
        version: revision.version,
        environment: route.environment,
        team: endpoint.team,
        project: endpoint.project,
        visibility: endpoint.visibility,
        createdBy: endpoint.createdBy,
        endpointStatus: endpoint.status,
        promptPolicyId: endpoint.promptPolicyId,
        retry: route.retry,
        timeouts: route.timeouts,
        limits: route.limits,
      };
    },
    health(name, options = {}) {
      const found = candidates(name, options);
      const choice = choose(found, addressOf, 0);
      if (choice.kind === 'unknown' || choice.kind === 'disabled') return choice;
      const id = choice.kind === 'chosen' ? choice.endpoint.id : choice.endpointId;
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
