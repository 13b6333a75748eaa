import type { Budget } from '@llm-ops/contracts';

export type ScopeType = Budget['scope']['type'];
export const scopeTypes = [
  'team',
  'project',
  'user',
  'key',
  'endpoint',
  'model',
  'global',
] as const satisfies readonly ScopeType[];
export const periods = ['daily', 'monthly', 'total'] as const satisfies readonly Budget['period'][];
export const actions = ['warn', 'stop'] as const satisfies readonly Budget['action'][];

/** As the platform takes amounts: at most 12 digits before and 6 after the point. */
export const isAmount = (text: string): boolean => /^(?:0|[1-9]\d{0,11})(?:\.\d{1,6})?$/.test(text);
