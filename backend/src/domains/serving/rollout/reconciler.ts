import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createSharedLocks, unavailable, type Db } from '#platform/db';
import type { Trx } from '#platform/http';
import type { Logger } from '#platform/log';
import type { Drifted, Observation, Runtime } from '#ports/runtime';
import { reasonOf } from './completion.ts';
import { createAgenda } from './agenda.ts';
import { createExecutor, type ExecutorDeps } from './executor.ts';
import { createComparing, type Compare } from './comparing.ts';
import { createRetries } from './retries.ts';
import { busy, decide, type Action, type EndpointView, type World } from './decide.ts';
import { specNow } from '../spec.ts';
import { statusOf, type Status } from './status.ts';
import { loadEndpoints, openRevisionIds, writeHealthChecks, writeStatus, type Seen } from '../store/state.ts';
import { tellServing } from '../store/endpoints.ts';
import { createGathering, createTurns } from './turns.ts';
import type { ServingConfig } from '../types.ts';

export interface Reconciler {
  /** Looks at once, then every interval, sooner while something is under way or when the database tells of a change. */
  start(): Promise<void>;
  /** Ends after what is being done, or after 5 s. */
  stop(): Promise<void>;
  /** One look at every endpoint; true when something is under way. */
  once(): Promise<boolean>;
}

interface ReconcilerDeps extends Omit<ExecutorDeps, 'specs' | 'retries'> {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  /** requests that this server forwards to a revision right now */
  inFlight(revisionId: string): number;
  compare: Compare;
  log: Logger;
  config: ServingConfig;
}

/** Until something under way is looked at again: where the runtime tells of changes, only for what time alone decides. */
const soonMs = { told: 1_000, untold: 200 };
/** Endpoints that are worked on at a time: they wait for a cluster more than they do. */
const atOnce = 16;
const rounds = 12;
const patienceMs = 5_000;
/** How long a start waits for the first look. */
const firstLookMs = 1_500;
/** What no row wants any more is looked for this often, counted in looks. */
const collectEvery = 30;
const collectMs = 15_000;
/** Between two looks at all endpoints, where the runtimes tell of changes. */
const quietMs = 15_000;
/** Until an endpoint is looked at again that could not be. */
const troubledMs = 5_000;
const gatherMs = 25;

/**
 * Level-triggered: each look reads what is desired and what is seen, acts on the difference, and writes only what changed. It may be
 * ended at any point and continued by any server; an advisory lock per endpoint keeps two from acting at once.
 */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const { db, runtimes, log, config } = deps;
  let stopping = new AbortController();
  let loop: Promise<void> | null = null;
  let wake: (() => void) | null = null;
  let listening: { close(): Promise<void> } | null = null;
  let looks = 0;
  /** as read before */
  let specs: Seen['specs'] = new Map();
  const turns = createTurns<{ endpoint: EndpointView; seen: Seen }>();
  const agenda = createAgenda();
  let collectedAt = 0;
  let hinted = false;
  const comparing = createComparing(deps);
  const locks = createSharedLocks(db.pool);
  const retries = createRetries();
  /** What is to be done now: what failed a moment ago waits. */
  function actionsOf(endpoint: EndpointView, world: World): Action[] {
    const all = decide(endpoint, world, config);
    const now = all.filter((action) => action.do !== 'apply' || retries.due(action.revision));
    if (now.length < all.length) agenda.later(endpoint.id, soonMs.told);
    return now;
  }
  const looking = new Set<string>();
  /** seen to be well, not yet written */
  const healthy = new Map<string, Date>();
  const workers = new Set<Promise<void>>();

  async function load(only?: readonly string[]): Promise<Seen> {
    const seen = await loadEndpoints(db.kysely, only, specs);
    if (only === undefined) specs = seen.specs;
    else for (const [id, spec] of seen.specs) specs.set(id, spec);
    return seen;
  }
  /** Those worked on at a time read their rows again and again: one by one they would take all connections from the API. */
  const loadOne = createGathering(load);

  async function observe(endpoint: EndpointView): Promise<Map<string, Observation>> {
    const observations = new Map<string, Observation>();
    for (const revision of endpoint.revisions) {
      const runtime = runtimes[revision.runtime];
      if (!runtime || revision.removedAt !== null || revision.state === 'pending') continue;
      observations.set(revision.id, await runtime.observe(revision.id));
    }
    return observations;
  }

  function driftsOf(endpoint: EndpointView, specs: Seen['specs']): World['drifts'] {
    const drifts = new Map<string, readonly Drifted[]>();
    for (const revision of endpoint.revisions) {
      if (revision.state !== 'live' || endpoint.desired !== 'running') continue;
      const found = runtimes[revision.runtime]?.drift?.(specNow(endpoint, revision, specs.get(revision.id)!));
      if (found !== undefined && found.length > 0) drifts.set(revision.id, found);
    }
    return drifts;
  }

  async function worldOf(endpoint: EndpointView, { now, specs }: Seen): Promise<World> {
    const observations = await observe(endpoint);
    const compared = await comparing.of(endpoint, { now, observations });
    return { now, inFlight: deps.inFlight, observations, drifts: driftsOf(endpoint, specs), compared };
  }

  /** Whether there is nothing to do; decided without a lock, so that a quiet look costs a few queries for all. */
  async function quiet(endpoint: EndpointView, seen: Seen): Promise<boolean> {
    const world = await worldOf(endpoint, seen);
    if (actionsOf(endpoint, world).length > 0 || changed(endpoint, statusOf(endpoint, world, config))) return false;
    const checked = checkedAt(endpoint, world);
    if (checked !== null) healthy.set(endpoint.id, checked);
    return true;
  }

  /** Of looks that found nothing else to write, together. */
  async function noteHealth(): Promise<void> {
    const checks = [...healthy];
    healthy.clear();
    if (checks.length > 0) await writeHealthChecks(db.kysely, new Map(checks));
  }

  function checkedAt(endpoint: EndpointView, world: World): Date | null {
    const live = endpoint.revisions.find(({ number }) => number === endpoint.liveRevision);
    if (!live || world.observations.get(live.id)?.phase !== 'ready') return null;
    const last = endpoint.lastHealthCheck?.getTime() ?? 0;
    return world.now.getTime() - last >= config.healthEveryMs ? world.now : null;
  }

  async function reconcile(id: string): Promise<void> {
    const done = new Set<string>();
    for (let round = 0; round < rounds; round += 1) {
      const seen = await loadOne(id);
      const endpoint = seen.endpoints.find((one) => one.id === id);
      if (!endpoint) return;
      const world = await worldOf(endpoint, seen);
      const actions = actionsOf(endpoint, world).filter((action) => !done.has(keyOf(action)));
      if (actions.length === 0) {
        await write(endpoint, world);
        return;
      }
      const executor = createExecutor({ ...deps, specs: seen.specs, retries });
      for (const action of actions) {
        done.add(keyOf(action));
        await executor.execute(endpoint, action, world);
      }
    }
  }

  async function write(endpoint: EndpointView, world: World): Promise<void> {
    const status = statusOf(endpoint, world, config);
    const checked = checkedAt(endpoint, world);
    if (!changed(endpoint, status)) {
      if (checked !== null) healthy.set(endpoint.id, checked);
      return;
    }
    await db.kysely.transaction().execute(async (trx) => {
      await writeStatus(trx, endpoint.id, status, checked);
      if (status.status === endpoint.status) return;
      const event = { endpointId: endpoint.id, from: endpoint.status, to: status.status, at: world.now.toISOString() };
      await deps.events.publish(trx as unknown as Trx, 'endpoint.status-changed', event);
      await tellServing(trx, endpoint.id);
    });
    if (status.status !== endpoint.status) {
      log.info({ endpoint: endpoint.id, from: endpoint.status, to: status.status }, 'endpoint status changed');
    }
  }

  async function look(endpoint: EndpointView, seen: Seen): Promise<void> {
    try {
      if (await quiet(endpoint, seen)) return;
      const mine = await locks.ifFree(`endpoint:${endpoint.id}`, () => reconcile(endpoint.id).then(() => true));
      if (mine === null) agenda.later(endpoint.id, soonMs.told);
    } catch (error) {
      // a runtime or a database that cannot be reached says nothing about the endpoint: keep what is known, look again
      log.warn({ endpoint: endpoint.id, reason: reasonOf(error) }, 'an endpoint could not be reconciled, trying again');
      agenda.later(endpoint.id, troubledMs);
    }
  }

  /** Removes from the runtimes what no row wants: left over when a server died between two steps. */
  async function collect(): Promise<void> {
    for (const [kind, runtime] of Object.entries(runtimes)) {
      // listed before the rows are read: a row is always there before its revision
      const listed = await runtime.list();
      if (listed.length === 0) continue;
      const open = await openRevisionIds(db.kysely);
      for (const revisionId of listed.filter((id) => !open.has(id))) {
        log.info({ revision: revisionId, runtime: kind }, 'removing what no endpoint wants');
        await runtime.remove(revisionId, 0);
      }
    }
  }

  /**
   * Looks at these endpoints, or all, but those that are being looked at already, a few at once. `settled` resolves when these looks have
   * ended: one that takes long (a test completion, an engine that drains) holds up no other.
   */
  async function lookAround(only?: readonly string[]): Promise<{ seen: Seen; settled: Promise<unknown> }> {
    const seen = await load(only);
    for (const endpoint of seen.endpoints) {
      if (looking.has(endpoint.id)) agenda.later(endpoint.id, soonMs.untold);
      else {
        turns.put(
          endpoint.id,
          { endpoint, seen },
          { begun: endpoint.revisions.some(({ state }) => state !== 'pending') },
        );
        if (busy(endpoint)) agenda.later(endpoint.id, soonMs[told(endpoint) ? 'told' : 'untold']);
        else agenda.drop(endpoint.id);
      }
    }
    while (workers.size < Math.min(atOnce, workers.size + turns.size())) {
      const worker: Promise<void> = work().finally(() => workers.delete(worker));
      workers.add(worker);
    }
    if (only === undefined && (looks++ % collectEvery === 0 || performance.now() - collectedAt > collectMs)) {
      collectedAt = performance.now();
      await collect().catch((error: unknown) => log.warn({ reason: reasonOf(error) }, 'could not look for leftovers'));
    }
    return { seen, settled: Promise.all(workers) };
  }

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const turn = turns.take();
      if (turn === null) return;
      looking.add(turn.id);
      await look(turn.item.endpoint, turn.item.seen).finally(() => looking.delete(turn.id));
    }
  }

  async function once(): Promise<boolean> {
    const { seen, settled } = await lookAround();
    await settled;
    await noteHealth();
    return seen.endpoints.some(busy);
  }

  /** Whether its runtimes tell of changes by themselves. */
  const told = ({ revisions }: EndpointView): boolean =>
    revisions.every(({ runtime, external }) => external || runtimes[runtime]?.onChange !== undefined);

  /** Where all are told of, looking at a thousand endpoints often would only cost. */
  const pauseAfter = ({ endpoints }: Seen): number =>
    endpoints.every(told) ? Math.max(quietMs, config.reconcileIntervalMs) : config.reconcileIntervalMs;

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const { all, some } = agenda.take();
      try {
        if (all || some.length > 0) {
          const { seen, settled } = await lookAround(all ? undefined : some);
          if (all) agenda.again(pauseAfter(seen));
          await Promise.race([settled, sleep(soonMs.untold, undefined, { ref: false })]);
          await noteHealth();
        }
      } catch (error) {
        agenda.again(config.reconcileIntervalMs);
        log[unavailable(error) ? 'warn' : 'error'](
          { reason: reasonOf(error) },
          'could not look at the endpoints, trying again',
        );
      }
      const timer = new AbortController();
      await Promise.race([
        woken,
        sleep(agenda.pause(), undefined, { signal: AbortSignal.any([signal, timer.signal]) }).catch(() => {}),
      ]);
      timer.abort();
      // changes come in swarms
      await sleep(gatherMs, undefined, { ref: false });
    }
  }

  function hint(endpointId: string | null): void {
    if (endpointId !== '') agenda.hint(endpointId);
    wake?.();
  }

  return {
    once,
    async start() {
      if (loop) return;
      stopping = new AbortController();
      listening = await db.listen('serving', hint);
      if (!hinted)
        for (const runtime of Object.values(runtimes)) {
          runtime.onChange?.(hint);
          runtime.onCrash?.(hint);
        }
      hinted = true;
      // what the rows say was seen by an earlier process, whose engines may have ended with it: look before anybody reads them
      await Promise.race([once().catch(() => {}), sleep(firstLookMs, undefined, { ref: false })]);
      loop = run(stopping.signal);
    },
    async stop() {
      stopping.abort();
      wake?.();
      await listening?.close();
      await loop;
      // what takes longer is left: any server continues it
      await Promise.race([Promise.all(workers), sleep(patienceMs, undefined, { ref: false })]);
      loop = null;
    },
  };
}

const keyOf = (action: Action) => `${action.do}:${'revision' in action ? action.revision : ''}`;

const changed = (endpoint: EndpointView, status: Status) =>
  endpoint.status !== status.status ||
  !isDeepStrictEqual(endpoint.replicas, status.replicas) ||
  !isDeepStrictEqual(endpoint.conditions, status.conditions);
