import type { Environment } from '@llm-ops/contracts';
import type { Db } from '#platform/db';
import type { Kept } from '#platform/kept';
import type { Logger } from '#platform/log';
import { createTally } from '#platform/tally';
import type { Runtime } from '#ports/runtime';
import type { RouteRow } from '../store/routes.ts';
import type { EndpointStatus, Visibility } from '../types.ts';
import { createAttaching } from './attaching.ts';
import { createFollowing } from './following.ts';
import { createResolved, type ResolvedRoute } from './resolved.ts';
import { createRouting, type Routing } from './rows.ts';
import { buildSnapshot, choose, type Candidate, type Choice, type OpenTarget, type Snapshot } from './snapshot.ts';

export type Resolution = ResolvedRoute | Exclude<Choice, { kind: 'chosen' }>;

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

/**
 * An immutable snapshot of routes, swapped when the database tells of a change or, every `pollMs`, has one. Without the database the last
 * one is kept. Resolving never leaves the process.
 */
export function createRouteTable(deps: TableDeps): RouteTable {
  const { db, runtimes, log, kept, pollMs = 2_000 } = deps;
  const underWay = createTally();
  /** route → until when it is denied, in ms since 1970 */
  const denied = new Map<string, number>();
  let snapshot: Snapshot = buildSnapshot({ routes: [], endpoints: [], revisions: [] });

  const routing = createRouting(db, (environment) => deps.environments?.includes(environment) ?? true);
  const { addressesOf, attach } = createAttaching({ runtimes, log });
  const resolved = createResolved();
  const following = createFollowing({ db, log, routing, kept, pollMs, attach, onRead: renew });

  function renew(): void {
    snapshot = buildSnapshot(routing.now());
    for (const [id, until] of denied) if (until < Date.now()) denied.delete(id);
  }

  function candidates(name: string, options: ResolveOptions): Candidate[] {
    const found = (snapshot.get(name) ?? []).filter(({ route }) => isMeant(route, options));
    if (denied.size === 0) return found;
    const now = Date.now();
    return found.map((one) =>
      (denied.get(one.route.id) ?? 0) > now ? { ...one, route: { ...one.route, enabled: false } } : one,
    );
  }

  return {
    ...following,
    resolve(name, options = {}) {
      const found = snapshot.get(name);
      if (found?.length === 1 && denied.size === 0 && isMeant(found[0]!.route, options)) {
        const known = resolved.again(found[0]!, addressesOf);
        if (known !== null) return known;
      }
      const choice = choose(candidates(name, options), addressesOf);
      return choice.kind === 'chosen' ? resolved.of(choice) : choice;
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
      underWay.began(revisionId);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        underWay.ended(revisionId);
      };
    },
    inFlight: underWay.of,
    deny: (routeId) => void denied.set(routeId, Date.now() + pollMs + 250),
    admit: (routeId) => void denied.delete(routeId),
  };
}

/** Whether the caller may be led there. */
const isMeant = (route: RouteRow, { environment, pinned, sees }: ResolveOptions): boolean =>
  (environment === undefined || route.environment === environment) &&
  (!pinned || pinned.includes(route.environment)) &&
  (!sees || sees({ team: route.team, visibility: route.visibility, createdBy: route.created_by }));

const first = (open: readonly OpenTarget[]): OpenTarget =>
  open.reduce((best, target) => (target.rank < best.rank ? target : best));
