import type { BudgetLimit } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { Issue } from '#platform/errors';
import type { BudgetRow } from './store.ts';
import type { ScopeType } from './rules.ts';

type GivenLimit = z.output<typeof BudgetLimit>;

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const control = /[\p{Cc}\p{Cf}\p{Cs}]/u;

/** What each kind of scope is named by. */
const forms: Record<Exclude<ScopeType, 'global'>, { fits(id: string): boolean; message: string }> = {
  team: { fits: (id) => !id.includes('/'), message: 'Give the name of the team.' },
  project: { fits: (id) => /^[^/]+\/.+$/.test(id), message: 'Give the team and the project, as "team/project".' },
  user: { fits: () => true, message: 'Give the name of the user.' },
  key: { fits: (id) => uuid.test(id), message: 'Give the id of the API key, a UUID.' },
  endpoint: { fits: (id) => uuid.test(id), message: 'Give the id of the endpoint, a UUID.' },
  model: { fits: (id) => uuid.test(id), message: 'Give the id of the model version, a UUID.' },
};

export function scopeIssues(type: ScopeType, id: string | null): Issue[] {
  const path = 'scope.id';
  if (type === 'global')
    return id === null ? [] : [{ path, message: 'A global budget is about everything: leave the id out.' }];
  const { fits, message } = forms[type];
  return id !== null && fits(id) && !control.test(id) && id === id.trim() ? [] : [{ path, message }];
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
    issues.push({ path: 'limit', message: 'Set at least one of amount, tokens and requests.' });
  return [...issues, ...currencyIssues('limit.currency', limit.currency, currency)];
}

export const currencyIssues = (path: string, given: string | undefined, currency: string): Issue[] =>
  given === undefined || given === currency
    ? []
    : [{ path, message: `This platform reckons in ${currency} (COST_CURRENCY): write ${currency} or leave it out.` }];

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
