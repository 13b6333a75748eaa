import type { Environment } from '@llm-ops/contracts';
import { again, remedyBy, together, type Said } from '#platform/words';
import type { Drifted, Observation } from '#ports/runtime';
import { driftStep, putBack, type DriftRecord } from './drift.ts';
import { judge, type Comparison, type Verdict } from './judge.ts';
import { words } from '../sentences.ts';
import type { CanaryView } from '../store/canaries.ts';
import type {
  AutoscalePolicy,
  Condition,
  EndpointStatus,
  Replicas,
  RevisionPosition,
  ServingConfig,
} from '../types.ts';

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
  /** what others have changed of its objects, as last written */
  drift: DriftRecord | null;
  /** a revision that gets a share of the traffic beside the live one, or is to */
  canary: CanaryView | null;
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
  /** what others have changed, by revision; without an entry nothing */
  drifts: ReadonlyMap<string, readonly Drifted[]>;
  /** the two revisions that share the traffic, or of which one took it a moment ago; null: there are no two, or nothing is known yet */
  compared: Comparison | null;
  /** requests that this server forwards to a revision right now */
  inFlight(revisionId: string): number;
}

/** `revision` is an index into the world by id; `reason` and `message` become a condition. */
export type Action =
  /** `lost`: others had taken it away; remembered once it is back */
  | { do: 'apply'; revision: string; fresh: boolean; lost?: DriftRecord }
  | { do: 'mark'; revision: string; state?: RevisionPosition; failing?: boolean; crash?: boolean }
  | { do: 'verify'; revision: string }
  | { do: 'switch'; to: string; from: string | null }
  | { do: 'settle'; revision: string }
  | { do: 'share'; revision: string; weight: number; from: number }
  | { do: 'drift'; record: DriftRecord | null; repair: readonly string[] }
  | {
      do: 'fail';
      revision: string;
      backTo: string | null;
      reason: string;
      message: string;
      remedy: string;
      said?: Said | undefined;
    }
  | { do: 'cut'; revision: string }
  | { do: 'retire'; revision: string; message: string }
  | { do: 'remove'; revision: string }
  | { do: 'forget' };

type Limits = Pick<
  ServingConfig,
  'drainMs' | 'drainMaxMs' | 'rolloutTimeoutMs' | 'crash' | 'verification' | 'verify' | 'watch' | 'repairDrift'
>;

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
  if (actions.length > 0 || !running) return actions;
  const drift = decideDrift(endpoint, world, limits);
  return drift === null ? [] : [drift];
}

/** Only of what was applied as it is wanted now: what is being changed by us is not changed by others. */
function decideDrift(endpoint: EndpointView, world: World, limits: Limits): Action | null {
  const applied = endpoint.revisions.filter(
    ({ id, state, appliedGeneration, message }) =>
      state === 'live' && appliedGeneration >= endpoint.generation && message === null && world.observations.has(id),
  );
  if (applied.length === 0) return null;
  const drifted = applied.filter(({ id }) => (world.drifts.get(id) ?? []).length > 0);
  const step = driftStep(
    endpoint.drift,
    drifted.flatMap(({ id }) => world.drifts.get(id)!),
    { now: world.now, repair: limits.repairDrift.includes(endpoint.environment) },
  );
  return step && { do: 'drift', record: step.record, repair: step.repair ? drifted.map(({ id }) => id) : [] };
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
      return sharing(endpoint, revision, world) ?? keepAlive(endpoint, revision, world, limits);
    case 'draining':
      if (watchedBeside(endpoint, world, limits)?.id === revision.id) return null;
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
  const fail = (reason: string, told: Told): Action => ({
    do: 'fail',
    revision: revision.id,
    backTo: null,
    reason,
    ...told,
  });
  const cause = seen.conditions[0];
  if (revision.crashes >= limits.crash.limit) {
    // nothing of it is there that could have logged
    if (seen.phase === 'absent' && revision.message !== null)
      return fail('ApplyFailed', words.tell('refused', { cause: revision.message, times: revision.crashes }));
    return fail(
      cause?.reason ?? 'CrashLoop',
      toldBy(cause) ?? withOwn(words.tell('failed_starting', { times: revision.crashes }), revision.message),
    );
  }
  if (seen.phase === 'failed') {
    if (revision.failingSince === null) return { do: 'mark', revision: revision.id, failing: true, crash: true };
    if (ageOf(world.now, revision.failingSince) >= limits.crash.settleMs) {
      return fail(cause?.reason ?? 'Failed', toldBy(cause) ?? words.tell('engine_failed'));
    }
  } else if (revision.failingSince !== null) {
    return { do: 'mark', revision: revision.id, failing: false };
  }
  if (revision.verifyAttempts >= limits.verification.attempts && revision.verifiedAt === null) {
    return fail('VerificationFailed', words.tell('silent', { cause: revision.message ?? words.line('no_answer') }));
  }
  if (ageOf(world.now, revision.startedAt) > limits.rolloutTimeoutMs) {
    const told = words.tell('too_slow', {
      seconds: Math.round(limits.rolloutTimeoutMs / 1000),
      cause: cause ? again(cause, 'message') : (revision.message ?? words.line('still', { phase: seen.phase })),
    });
    return fail('RolloutTimeout', cause ? together(told, remedyBy(cause)) : told);
  }
  if (seen.phase === 'absent' || seen.phase === 'stopped') return { do: 'apply', revision: revision.id, fresh: false };
  if (seen.phase !== 'ready') return null;
  const gated = !revision.external && limits.verify.includes(endpoint.environment);
  if (gated && revision.verifiedAt === null) return { do: 'verify', revision: revision.id };
  if (revision.number !== endpoint.targetRevision) return { do: 'settle', revision: revision.id };
  const first = endpoint.canary?.revision === revision.number ? endpoint.canary.steps[0]! : 100;
  if (first < 100 && endpoint.liveRevision > 0) return { do: 'share', revision: revision.id, weight: first, from: 0 };
  const old = endpoint.revisions.find((one) => one.number === endpoint.liveRevision && one.id !== revision.id);
  return { do: 'switch', to: revision.id, from: old?.id ?? null };
}

type Told = Pick<Condition, 'message' | 'remedy' | 'said'>;
/** What the runtime itself says is best known. */
const toldBy = (cause: Condition | undefined): Told | null =>
  cause ? { message: cause.message, remedy: cause.remedy, ...(cause.said && { said: cause.said }) } : null;
const withOwn = (told: Told, message: string | null): Told =>
  message === null ? told : together(told, { message, said: undefined });
const worse = ({ message, said }: Verdict): Told => together({ message, said }, words.tell('worse'));

/** The share that follows; 100: all of it. */
export const nextShare = ({ steps, weight }: Pick<CanaryView, 'steps' | 'weight'>): number =>
  steps.find((step) => step > weight) ?? 100;

/** A revision that has a share of the traffic: it gets more, all of it, or none; null: it is none of these, or its time has not come. */
function sharing(endpoint: EndpointView, revision: RevisionView, world: World): Action | null {
  const { canary } = endpoint;
  if (canary?.revision !== revision.number || endpoint.liveRevision === revision.number) return null;
  const seen = world.observations.get(revision.id) ?? absent;
  const end = (reason: string, told: Told): Action => ({
    do: 'fail',
    revision: revision.id,
    backTo: null,
    reason,
    ...told,
  });
  const [cause] = seen.conditions;
  if (seen.phase === 'failed')
    return end(cause?.reason ?? 'FailedUnderTraffic', toldBy(cause) ?? words.tell('failed_sharing'));
  const old = endpoint.revisions.find((one) => one.number === endpoint.liveRevision);
  const whole: Action = { do: 'switch', to: revision.id, from: old?.id ?? null };
  if (canary.weight >= 100) return whole;
  const verdict = world.compared && judge(world.compared, canary);
  if (verdict?.level === 'bad') return end(verdict.reason, worse(verdict));
  const due = canary.automatic && ageOf(world.now, canary.weightSince) >= canary.stepSeconds * 1000;
  if (verdict?.level !== 'good' || !due || seen.phase !== 'ready') return null;
  const weight = nextShare(canary);
  return weight >= 100 ? whole : { do: 'share', revision: revision.id, weight, from: canary.weight };
}

/** The revision that served before and stays, while the one that took the traffic a moment ago is measured against it. */
export function watchedBeside(
  endpoint: EndpointView,
  { now, observations }: Pick<World, 'now' | 'observations'>,
  { watch }: Pick<Limits, 'watch'>,
): RevisionView | null {
  const live = endpoint.revisions.find(({ number }) => number === endpoint.liveRevision);
  if (endpoint.desired !== 'running' || endpoint.targetRevision !== endpoint.liveRevision) return null;
  if (!live || live.liveAt === null || ageOf(now, live.liveAt) >= watch.ms) return null;
  const before = endpoint.revisions.filter(
    ({ id, state, number }) =>
      state === 'draining' && number !== live.number && observations.get(id)?.phase === 'ready',
  );
  return before.reduce<RevisionView | null>(
    (last, one) => (last && (last.drainingAt ?? 0) > (one.drainingAt ?? 0) ? last : one),
    null,
  );
}

function keepAlive(endpoint: EndpointView, revision: RevisionView, world: World, limits: Limits): Action | null {
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
        ...(toldBy(cause) ?? words.tell('failed_soon')),
      };
    }
  }
  const before = endpoint.liveRevision === revision.number ? watchedBeside(endpoint, world, limits) : null;
  const verdict = before && world.compared && judge(world.compared, limits.watch);
  if (before && verdict?.level === 'bad') {
    return {
      do: 'fail',
      revision: revision.id,
      backTo: before.id,
      reason: verdict.reason,
      ...worse(verdict),
    };
  }
  if (seen.phase === 'absent' || seen.phase === 'stopped' || revision.appliedGeneration < endpoint.generation) {
    const lost = lostOf(endpoint, revision, seen, world);
    return { do: 'apply', revision: revision.id, fresh: false, ...(lost && { lost }) };
  }
  return null;
}

/** What serves is put back at once whatever the policy is, and told as what others change is. null: it was not others who took it. */
function lostOf(endpoint: EndpointView, revision: RevisionView, seen: Observation, world: World): DriftRecord | null {
  const found = world.drifts.get(revision.id) ?? [];
  const gone = seen.phase === 'absent' || seen.phase === 'stopped';
  const applied = revision.appliedGeneration >= endpoint.generation && revision.message === null;
  return gone && applied && found.length > 0 ? putBack(endpoint.drift, found, world.now) : null;
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
    endpoint.canary !== null ||
    endpoint.revisions.some(
      ({ state, removedAt }) =>
        state === 'pending' ||
        state === 'starting' ||
        state === 'verifying' ||
        (removedAt === null && state !== 'live'),
    )
  );
}
