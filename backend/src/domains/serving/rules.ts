import type { Environment } from '@llm-ops/contracts';
import type { Observation } from '#ports/runtime';
import type { AutoscalePolicy, Condition, EndpointStatus, Replicas, RevisionPosition, ServingConfig } from './types.ts';

export interface RevisionView {
  id: string;
  number: number;
  runtime: string;
  external: boolean;
  state: RevisionPosition;
  message: string | null;
  conditions: Condition[];
  crashes: number;
  verifyAttempts: number;
  appliedGeneration: number;
  removeAttempts: number;
  failingSince: Date | null;
  startedAt: Date | null;
  verifiedAt: Date | null;
  liveAt: Date | null;
  drainingAt: Date | null;
  failedAt: Date | null;
  removeAfter: Date | null;
  removedAt: Date | null;
}

export interface EndpointView {
  id: string;
  name: string;
  environment: Environment;
  desired: 'running' | 'stopped' | 'deleted';
  desiredReason: string | null;
  targetRevision: number;
  liveRevision: number;
  minReplicas: number;
  maxReplicas: number;
  autoscale: AutoscalePolicy | null;
  generation: number;
  status: EndpointStatus;
  replicas: Replicas;
  conditions: Condition[];
  lastHealthCheck: Date | null;
  /** those with something left in a runtime, the newest, the target and those that routes name */
  revisions: RevisionView[];
  /** revisions that routes name by number */
  pinned: readonly number[];
}

/** What is seen at the moment of the decision. */
export interface World {
  /** of the database */
  now: Date;
  observations: ReadonlyMap<string, Observation>;
  /** requests that this server forwards to a revision right now */
  inFlight(revisionId: string): number;
}

/** `revision` is an index into the world by id; `reason` and `message` become a condition. */
export type Action =
  | { do: 'apply'; revision: string; fresh: boolean }
  | { do: 'mark'; revision: string; state?: RevisionPosition; failing?: boolean; crash?: boolean }
  | { do: 'verify'; revision: string }
  | { do: 'switch'; to: string; from: string | null }
  | { do: 'settle'; revision: string }
  | { do: 'fail'; revision: string; backTo: string | null; reason: string; message: string; remedy: string }
  | { do: 'cut'; revision: string }
  | { do: 'retire'; revision: string; message: string }
  | { do: 'remove'; revision: string }
  | { do: 'forget' };

type Limits = Pick<ServingConfig, 'drainMs' | 'drainMaxMs' | 'rolloutTimeoutMs' | 'crash' | 'verification' | 'verify'>;

const absent: Observation = { phase: 'absent', replicas: { total: 0, ready: 0, available: 0 }, conditions: [] };
const ageOf = (now: Date, since: Date | null) => (since === null ? 0 : now.getTime() - since.getTime());

/** What to do next, given what is wanted and what is seen. Nothing to do: an empty list, and nothing is written. */
export function decide(endpoint: EndpointView, world: World, limits: Limits): Action[] {
  const running = endpoint.desired === 'running';
  const wanted = new Set(running ? [endpoint.targetRevision, endpoint.liveRevision, ...endpoint.pinned] : []);
  const actions: Action[] = [];
  for (const revision of endpoint.revisions) {
    const action = decideOne(endpoint, revision, wanted.has(revision.number), world, limits);
    if (action) actions.push(action);
  }
  if (endpoint.desired === 'deleted' && endpoint.revisions.every((revision) => revision.removedAt !== null)) {
    return [{ do: 'forget' }];
  }
  return actions;
}

function decideOne(
  endpoint: EndpointView,
  revision: RevisionView,
  wanted: boolean,
  world: World,
  limits: Limits,
): Action | null {
  switch (revision.state) {
    case 'pending':
      return wanted
        ? { do: 'apply', revision: revision.id, fresh: true }
        : { do: 'retire', revision: revision.id, message: 'A newer revision was asked for before this one started.' };
    case 'starting':
    case 'verifying':
      return wanted
        ? rollOut(endpoint, revision, world, limits)
        : { do: 'retire', revision: revision.id, message: 'A newer revision was asked for before this one was ready.' };
    case 'live':
      if (endpoint.liveRevision === revision.number && endpoint.desired !== 'running') {
        return { do: 'cut', revision: revision.id };
      }
      if (!wanted) return { do: 'mark', revision: revision.id, state: 'draining' };
      return keepAlive(endpoint, revision, world);
    case 'draining':
      if (endpoint.pinned.includes(revision.number) && wanted) return { do: 'settle', revision: revision.id };
      return drained(revision, world, limits) ? removal(revision, world) : null;
    case 'retired':
      if (revision.removedAt === null) return removal(revision, world);
      return wanted ? { do: 'apply', revision: revision.id, fresh: true } : null;
    case 'failed':
      return revision.removedAt === null ? removal(revision, world) : null;
  }
}

function rollOut(endpoint: EndpointView, revision: RevisionView, world: World, limits: Limits): Action | null {
  const seen = world.observations.get(revision.id) ?? absent;
  const fail = (reason: string, message: string, remedy: string): Action => ({
    do: 'fail',
    revision: revision.id,
    backTo: null,
    reason,
    message,
    remedy,
  });
  const cause = seen.conditions[0];
  if (revision.crashes >= limits.crash.limit) {
    return fail(
      cause?.reason ?? 'CrashLoop',
      cause?.message ?? revision.message ?? `It failed ${revision.crashes} times while starting.`,
      cause?.remedy ?? 'Read the log lines of the revision, correct the cause and redeploy.',
    );
  }
  if (seen.phase === 'failed') {
    if (revision.failingSince === null) return { do: 'mark', revision: revision.id, failing: true, crash: true };
    if (ageOf(world.now, revision.failingSince) >= limits.crash.settleMs) {
      return fail(
        cause?.reason ?? 'Failed',
        cause?.message ?? 'The engine failed to start.',
        cause?.remedy ?? 'Read the log lines of the revision, correct the cause and redeploy.',
      );
    }
  } else if (revision.failingSince !== null) {
    return { do: 'mark', revision: revision.id, failing: false };
  }
  if (revision.verifyAttempts >= limits.verification.attempts && revision.verifiedAt === null) {
    return fail(
      'VerificationFailed',
      `It is ready but did not answer a test completion: ${revision.message ?? 'no answer'}`,
      'Look at the log lines of the revision; deploy a model that answers, or leave this environment out of SERVING_VERIFY.',
    );
  }
  if (ageOf(world.now, revision.startedAt) > limits.rolloutTimeoutMs) {
    return fail(
      'RolloutTimeout',
      `It was not ready within ${Math.round(limits.rolloutTimeoutMs / 1000)} s: ${cause?.message ?? revision.message ?? `still ${seen.phase}`}`,
      cause?.remedy ?? 'Give it more time by SERVING_ROLLOUT_SECONDS, or a smaller model.',
    );
  }
  if (seen.phase === 'absent' || seen.phase === 'stopped') return { do: 'apply', revision: revision.id, fresh: false };
  if (seen.phase !== 'ready') return null;
  const gated = !revision.external && limits.verify.includes(endpoint.environment);
  if (gated && revision.verifiedAt === null) return { do: 'verify', revision: revision.id };
  if (revision.number !== endpoint.targetRevision) return { do: 'settle', revision: revision.id };
  const old = endpoint.revisions.find((one) => one.number === endpoint.liveRevision && one.id !== revision.id);
  return { do: 'switch', to: revision.id, from: old?.id ?? null };
}

function keepAlive(endpoint: EndpointView, revision: RevisionView, world: World): Action | null {
  const seen = world.observations.get(revision.id) ?? absent;
  if (seen.phase === 'failed' && endpoint.liveRevision === revision.number) {
    // within its first moments the old one is still there
    const old = endpoint.revisions.find(
      (one) => one.state === 'draining' && world.observations.get(one.id)?.phase === 'ready',
    );
    const cause = seen.conditions[0];
    if (old && endpoint.targetRevision === revision.number) {
      return {
        do: 'fail',
        revision: revision.id,
        backTo: old.id,
        reason: cause?.reason ?? 'FailedUnderTraffic',
        message: cause?.message ?? 'It failed soon after it took the traffic.',
        remedy: cause?.remedy ?? 'Read the log lines of the revision, correct the cause and redeploy.',
      };
    }
  }
  if (seen.phase === 'absent' || seen.phase === 'stopped' || revision.appliedGeneration < endpoint.generation) {
    return { do: 'apply', revision: revision.id, fresh: false };
  }
  return null;
}

function drained(revision: RevisionView, world: World, limits: Limits): boolean {
  const age = ageOf(world.now, revision.drainingAt);
  if (age < limits.drainMs) return false;
  return world.inFlight(revision.id) === 0 || age >= limits.drainMaxMs;
}

function removal(revision: RevisionView, world: World): Action | null {
  if (revision.removeAfter !== null && revision.removeAfter > world.now) return null;
  return { do: 'remove', revision: revision.id };
}

/** A failed removal is tried again after 1, 2, 4 … 60 s. */
export const removalBackoffMs = (attempts: number) => Math.min(1000 * 2 ** Math.min(attempts - 1, 10), 60_000);

/** Whether something is under way that is worth looking at again soon. */
export function busy(endpoint: EndpointView): boolean {
  return (
    endpoint.desired === 'deleted' ||
    endpoint.status === 'deploying' ||
    endpoint.revisions.some(
      ({ state, removedAt }) =>
        state === 'pending' ||
        state === 'starting' ||
        state === 'verifying' ||
        (removedAt === null && state !== 'live'),
    )
  );
}
