import { ApiError } from '@llm-ops/sdk';

export interface Difference {
  path: string;
  before: unknown;
  after: unknown;
  environment?: string;
}

/** The differences that a refusal names; null when it was refused for something else. */
export function driftOf(error: unknown): Difference[] | null {
  if (!(error instanceof ApiError) || error.code !== 'drift_unexplained') return null;
  const { differences } = error.data as { differences?: Difference[] };
  return differences ?? [];
}
