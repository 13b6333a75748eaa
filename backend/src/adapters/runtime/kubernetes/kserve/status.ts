import type { Condition, Observation } from '#ports/runtime';
import { words } from '../sentences.ts';
import { observationOf, type PodLike } from '../status.ts';

export interface InferenceServiceLike {
  spec?: { predictor?: { minReplicas?: number; maxReplicas?: number; containers?: { image?: string }[] } };
  status?: {
    url?: string;
    address?: { url?: string };
    conditions?: { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }[];
  };
}

/**
 * What is seen of an InferenceService: from its pods where it has any (FR-006r), else from its own Ready condition, which is the only word
 * about one that is scaled to 0 by itself. `minReplicas` and `maxReplicas` 0: it was stopped. Pure.
 */
export function observationOfService(
  service: InferenceServiceLike | null,
  pods: readonly PodLike[],
  alternatives: readonly string[],
): Observation {
  const none = { total: 0, ready: 0, available: 0 };
  if (service === null) return { phase: 'absent', replicas: none, conditions: [] };
  const { minReplicas = 1, maxReplicas = 1 } = service.spec?.predictor ?? {};
  if (minReplicas === 0 && maxReplicas === 0) return { phase: 'stopped', replicas: none, conditions: [] };
  const ready = service.status?.conditions?.find(({ type }) => type === 'Ready');
  const own = conditionsOf(service);
  if (pods.length > 0) {
    const seen = observationOf(null, pods, alternatives);
    // pods may answer before KServe has made their route
    const phase = seen.phase === 'ready' && ready?.status !== 'True' ? 'starting' : seen.phase;
    const total = Math.max(seen.replicas.total, minReplicas);
    const short = phase === 'ready' && seen.replicas.ready < minReplicas;
    return {
      phase: short ? 'degraded' : phase,
      replicas: { ...seen.replicas, total },
      conditions: seen.conditions.length > 0 ? seen.conditions : phase === 'ready' ? [] : own,
    };
  }
  // without pods, Ready says that the first request starts one
  if (ready?.status === 'True') return { phase: 'ready', replicas: none, conditions: [] };
  return {
    phase: ready?.status === 'False' ? 'failed' : 'starting',
    replicas: { ...none, total: minReplicas },
    conditions: own,
  };
}

function conditionsOf({ status }: InferenceServiceLike): Condition[] {
  return (status?.conditions ?? [])
    .filter(({ status: is, message, reason }) => is === 'False' && (message ?? reason ?? '') !== '')
    .map(({ type, reason, message, lastTransitionTime }) => ({
      type,
      reason: reason ?? 'NotReady',
      message: message ?? reason ?? '',
      ...words.tell('kserve'),
      since: new Date(lastTransitionTime ?? 0).toISOString(),
    }));
}

/** Where it answers: as KServe says; null until it does. */
export function urlOf({ status }: InferenceServiceLike): string | null {
  return status?.address?.url ?? status?.url ?? null;
}
