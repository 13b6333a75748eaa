import type { Observation } from '#ports/runtime';
import { again, remedyBy, together, type Told } from '#platform/words';
import { words } from '../sentences.ts';
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
            ...stoppedWords(endpoint.desiredReason),
          },
        ]
      : []),
    ...(endpoint.desired === 'running' && target?.message && target.state === 'starting'
      ? [{ type: 'Progressing', reason: 'Retrying', message: target.message, ...words.tell('retrying') }]
      : []),
    ...(endpoint.desired === 'running' && live?.message && live.state === 'live'
      ? [
          {
            type: 'Apply',
            reason: 'ApplyFailed',
            ...words.tell('not_applied', { revision: String(live.number), cause: live.message }),
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
        ...causing(
          words.tell(newest.liveAt === null ? 'failed_before' : 'failed_after', {
            revision: String(newest.number),
            live: String(live.number),
            cause: cause ? again(cause, 'message') : (newest.message ?? ''),
          }),
          cause,
        ),
      },
    ];
  }
  const { canary } = endpoint;
  if (target && canary?.revision === target.number && target.state === 'live' && target.number !== live.number) {
    const next = nextShare(canary);
    const terms = { seconds: canary.stepSeconds, requests: canary.minimumRequests };
    return [
      {
        type: 'Canary',
        reason: canary.automatic ? 'Sharing' : 'SharingByHand',
        ...together(
          words.tell('sharing', {
            revision: String(target.number),
            weight: canary.weight,
            live: String(live.number),
          }),
          !canary.automatic
            ? words.tell('share_by_hand')
            : next >= 100
              ? words.tell('share_all', terms)
              : words.tell('share_next', { ...terms, next }),
        ),
      },
    ];
  }
  if (target && target.number !== live.number) {
    const progress = world.observations.get(target.id)?.conditions[0];
    return [
      {
        type: 'Progressing',
        reason: target.state === 'verifying' ? 'Verifying' : 'RollingOut',
        ...causing(
          words.tell('starting', {
            revision: String(target.number),
            live: String(live.number),
            cause: progress ? again(progress, 'message') : '',
          }),
          progress,
        ),
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
      ...words.tell('not_removed', { revision: String(number), cause: message ?? '?', times: removeAttempts }),
    }));
}

const stoppedWords = (reason: string | null) => {
  const nothing = words.tell('nothing_before');
  if (reason === null) return words.tell('stopped');
  return reason === nothing.message ? nothing : { message: reason, ...words.tell('redeploy') };
};

/** What a cause advises is better than what can be said without one. */
function causing(told: Told<{ message: string; remedy: string }>, cause: Condition | undefined) {
  const { message, remedy, said } = cause ? together(told, remedyBy(cause)) : told;
  return { message: message.trim(), remedy, said };
}

/** A condition that says the same as before keeps its time; the observer's own time wins over now. */
function keepSince(
  conditions: (Omit<Condition, 'since'> & { since?: string })[],
  before: Condition[],
  now: Date,
): Condition[] {
  return conditions.map(({ type, reason, message, remedy, said, since }) => {
    const same = before.find((one) => one.type === type && one.reason === reason && one.message === message);
    return { type, reason, message, remedy, ...(said && { said }), since: same?.since ?? since ?? now.toISOString() };
  });
}
