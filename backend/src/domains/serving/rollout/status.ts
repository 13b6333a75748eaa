import type { Observation } from '#ports/runtime';
import { driftConditions } from './drift.ts';
import { nextShare } from './decide.ts';
import type { EndpointView, RevisionView, World } from './decide.ts';
import type { Condition, EndpointStatus, Replicas, ServingConfig } from '../types.ts';

export interface Status {
  status: EndpointStatus;
  replicas: Replicas;
  conditions: Condition[];
}

const none: Replicas = { total: 0, ready: 0, available: 0 };

/** What people see of an endpoint, from what is wanted and what is seen. Pure; `since` of a condition stays while it says the same. */
export function statusOf(
  endpoint: EndpointView,
  world: World,
  { repairDrift }: Pick<ServingConfig, 'repairDrift'>,
): Status {
  const live = endpoint.revisions.find(({ number }) => number === endpoint.liveRevision);
  const target = endpoint.revisions.find(({ number }) => number === endpoint.targetRevision);
  const newest = endpoint.revisions.reduce<RevisionView | undefined>(
    (best, one) => (best && best.number > one.number ? best : one),
    undefined,
  );
  const shown = live ?? target;
  const seen = shown && world.observations.get(shown.id);
  const conditions: Omit<Condition, 'since'>[] = [
    ...removalConditions(endpoint),
    ...(endpoint.desired === 'running' && live ? rolloutConditions(endpoint, live, target, newest, world) : []),
    ...(endpoint.desired === 'running' && !live && target?.state === 'failed' ? target.conditions : []),
    ...(endpoint.desired === 'stopped'
      ? [
          {
            type: 'Stopped',
            reason: 'ScaledToZero',
            message: endpoint.desiredReason ?? 'It is scaled to 0.',
            remedy: 'Redeploy it to serve again.',
          },
        ]
      : []),
    ...(endpoint.desired === 'running' && target?.message && target.state === 'starting'
      ? [{ type: 'Progressing', reason: 'Retrying', message: target.message, remedy: 'It is tried again by itself.' }]
      : []),
    ...(endpoint.desired === 'running' && live?.message && live.state === 'live'
      ? [
          {
            type: 'Apply',
            reason: 'ApplyFailed',
            message: `What is wanted of revision ${live.number} could not be applied: ${live.message}`,
            remedy: 'It is tried again by itself; see what the platform may do there (RBAC, quota, the namespace).',
          },
        ]
      : []),
    ...(seen?.conditions ?? []),
    ...(endpoint.desired === 'running'
      ? driftConditions(endpoint.drift, endpoint.environment, repairDrift.includes(endpoint.environment))
      : []),
  ];
  return {
    status: word(endpoint, live, target, seen),
    replicas: endpoint.desired === 'running' ? (seen?.replicas ?? none) : none,
    conditions: keepSince(conditions, endpoint.conditions, world.now),
  };
}

function word(
  endpoint: EndpointView,
  live: RevisionView | undefined,
  target: RevisionView | undefined,
  seen: Observation | undefined,
): EndpointStatus {
  if (endpoint.desired === 'deleted') return 'deleting';
  if (endpoint.desired === 'stopped') return 'stopped';
  if (!live) return target?.state === 'failed' ? 'failed' : 'deploying';
  switch (seen?.phase) {
    case 'ready':
      return 'healthy';
    case 'degraded':
      return 'degraded';
    case 'failed':
      return seen.replicas.ready > 0 ? 'degraded' : 'failed';
    // one that starts again after a crash says why; one that only starts (a restarted platform) says at most how far it is
    default:
      return seen && (seen.replicas.ready > 0 || seen.conditions.some(({ type }) => type !== 'Progressing'))
        ? 'degraded'
        : 'deploying';
  }
}

function rolloutConditions(
  endpoint: EndpointView,
  live: RevisionView,
  target: RevisionView | undefined,
  newest: RevisionView | undefined,
  world: World,
): Omit<Condition, 'since'>[] {
  if (newest && newest.state === 'failed' && newest.number > live.number) {
    const cause = newest.conditions[0];
    return [
      {
        type: 'RolloutFailed',
        reason: cause?.reason ?? 'Failed',
        message:
          `Revision ${newest.number} failed and ${newest.liveAt === null ? 'got no traffic' : 'was taken out of the traffic'}; revision ${live.number} serves ${newest.liveAt === null ? 'on' : 'it'}. ${cause?.message ?? newest.message ?? ''}`.trim(),
        remedy: cause?.remedy ?? 'Read the log lines of the revision, correct the cause and redeploy.',
      },
    ];
  }
  const { canary } = endpoint;
  if (target && canary?.revision === target.number && target.state === 'live' && target.number !== live.number) {
    const next = nextShare(canary);
    const then = next >= 100 ? 'takes it all' : `gets ${next} %`;
    return [
      {
        type: 'Canary',
        reason: canary.automatic ? 'Sharing' : 'SharingByHand',
        message: `Revision ${target.number} gets ${canary.weight} % of the traffic beside revision ${live.number}.`,
        remedy: canary.automatic
          ? `It ${then} after ${canary.stepSeconds} s and ${canary.minimumRequests} requests without more errors or slower answers; else it is taken back. Its share can be changed at any time.`
          : 'Change its share, let it take all, or take it back; more errors or slower answers take it back by itself.',
      },
    ];
  }
  if (target && target.number !== live.number) {
    const progress = world.observations.get(target.id)?.conditions[0];
    return [
      {
        type: 'Progressing',
        reason: target.state === 'verifying' ? 'Verifying' : 'RollingOut',
        message:
          `Revision ${target.number} starts beside revision ${live.number}, which serves until it is ready. ${progress?.message ?? ''}`.trim(),
        remedy: progress?.remedy ?? 'Nothing to do.',
      },
    ];
  }
  return [];
}

function removalConditions(endpoint: EndpointView): Omit<Condition, 'since'>[] {
  return endpoint.revisions
    .filter(({ removedAt, removeAttempts }) => removedAt === null && removeAttempts > 0)
    .map(({ number, removeAttempts, message }) => ({
      type: endpoint.desired === 'deleted' ? 'DeleteFailed' : 'RemoveFailed',
      reason: 'RuntimeError',
      message: `Revision ${number} could not be removed yet: ${message ?? 'unknown'} (tried ${removeAttempts} times).`,
      remedy: 'It is tried again by itself; see that the runtime can be reached.',
    }));
}

/** A condition that says the same as before keeps its time; the observer's own time wins over now. */
function keepSince(
  conditions: (Omit<Condition, 'since'> & { since?: string })[],
  before: Condition[],
  now: Date,
): Condition[] {
  return conditions.map(({ type, reason, message, remedy, since }) => {
    const same = before.find((one) => one.type === type && one.reason === reason && one.message === message);
    return { type, reason, message, remedy, since: same?.since ?? since ?? now.toISOString() };
  });
}
