import type { BudgetLimit } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Issue } from '#platform/errors';
import type { BudgetRow } from './store.ts';
import type { ScopeType } from './rules.ts';
import { words } from './sentences.ts';

type GivenLimit = z.output<typeof BudgetLimit>;

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const control = /[\p{Cc}\p{Cf}\p{Cs}]/u;

/** What each kind of scope is named by. */
const forms: Record<Exclude<ScopeType, 'global'>, (id: string) => boolean> = {
  team: (id) => !id.includes('/'),
  project: (id) => /^[^/]+\/.+$/.test(id),
  user: () => true,
  key: (id) => uuid.test(id),
  endpoint: (id) => uuid.test(id),
  model: (id) => uuid.test(id),
};

export function scopeIssues(type: ScopeType, id: string | null): Issue[] {
  const path = 'scope.id';
  if (type === 'global') return id === null ? [] : [{ path, ...words.tell('global') }];
  const fits = id !== null && forms[type](id) && !control.test(id) && id === id.trim();
  return fits ? [] : [{ path, ...words.tell(type) }];
}

/** As ids are written in events. */
export const scopeId = (type: ScopeType, id: string | null): string | null =>
  id !== null && (type === 'key' || type === 'endpoint' || type === 'model') ? id.toLowerCase() : id;

/** The team whose people see a budget; null: everybody's. A key's team is looked up. */
export function teamOfScope(type: ScopeType, id: string | null): string | null {
  if (id === null) return null;
  if (type === 'team') return id;
  return type === 'project' ? id.slice(0, id.indexOf('/')) : null;
}

export function limitIssues(limit: GivenLimit, currency: string): Issue[] {
  const issues: Issue[] = [];
  if (limit.amount === undefined && limit.tokens === undefined && limit.requests === undefined)
    issues.push({ path: 'limit', ...words.tell('limit_none') });
  return [...issues, ...currencyIssues('limit.currency', limit.currency, currency)];
}

export const currencyIssues = (path: string, given: string | undefined, currency: string): Issue[] =>
  given === undefined || given === currency ? [] : [{ path, ...words.tell('currency', { currency }) }];

export const limitColumns = (
  limit: GivenLimit,
  currency: string,
): Pick<BudgetRow, 'currency' | 'limit_amount' | 'limit_tokens' | 'limit_requests'> => ({
  currency,
  limit_amount: limit.amount ?? null,
  limit_tokens: limit.tokens ?? null,
  limit_requests: limit.requests ?? null,
});

export const ascending = (thresholds: readonly number[]): number[] => [...new Set(thresholds)].sort((a, b) => a - b);
