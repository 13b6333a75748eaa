import type { retryCauses } from '@llm-ops/contracts';
import type { WireError } from '#platform/wire';

export type RetryCause = (typeof retryCauses)[number];

/** Why a try at a target gave no answer, for routes that say what may be tried again; null: it never may. */
export function causeOfStatus(status: number): RetryCause | null {
  if (status === 429 || status === 503) return 'busy';
  if (status === 500 || status === 502 || status === 504) return 'error';
  return null;
}

/** `connect`: the request was not sent. The others may have cost something already. */
export function causeOfError(error: Pick<WireError, 'kind' | 'waitedFor'>): RetryCause {
  if (error.kind === 'connect') return 'connect';
  if (error.kind === 'timeout') return error.waitedFor === 'connection' ? 'connect' : 'timeout';
  return 'error';
}

/** Whether the other side is ill, and not merely busy or unwilling: what breakers count. */
export const isIllness = (cause: RetryCause | null): boolean => cause !== null && cause !== 'busy';

/** Tries so far among the targets of one priority. */
export interface Tries {
  within: number;
  priority: number;
}

/**
 * Of the targets, those that may be tried after a failure: within a priority as often again as the route says, each further priority in
 * any case. Pure.
 */
export function leftToTry<T extends { priority: number }>(
  targets: readonly T[],
  cause: RetryCause | null,
  retry: { attempts: number; on: readonly RetryCause[] },
  tries: Tries,
): readonly T[] {
  if (cause === null || !retry.on.includes(cause)) return [];
  const from = tries.within <= retry.attempts ? tries.priority : tries.priority + 1;
  return targets.filter(({ priority }) => priority >= from);
}
