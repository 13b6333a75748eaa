import type { Budget } from '@llm-ops/contracts';
import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import { isAmount, type ScopeType } from './vocabulary.ts';

type BudgetCreate = ArgumentsOf<Tables['createBudget']>['body'];
type BudgetPatch = ArgumentsOf<Tables['updateBudget']>['body'];
type Given = number | null | undefined;

export interface BudgetForm {
  name: string;
  scopeType: ScopeType;
  scopeId: string;
  period: Budget['period'];
  amount: string;
  tokens: Given;
  requests: Given;
  action: Budget['action'];
  /** percents, as they are typed: `80, 100` */
  thresholds: string;
  enabled: boolean;
}

export function budgetFormOf(budget: Budget | null): BudgetForm {
  return {
    name: budget?.name ?? '',
    scopeType: budget?.scope.type ?? 'team',
    scopeId: budget?.scope.id ?? '',
    period: budget?.period ?? 'monthly',
    amount: budget?.limit.amount ?? '',
    tokens: budget?.limit.tokens,
    requests: budget?.limit.requests,
    action: budget?.action ?? 'warn',
    thresholds: (budget?.thresholds ?? [80, 100]).join(', '),
    enabled: budget?.enabled ?? true,
  };
}

/** Percents in order, each once; null when one is none from 1 to 100 or there are more than ten. */
export function thresholdsOf(text: string): number[] | null {
  const parts = text
    .split(/[,;\s]+/)
    .map((part) => part.replace(/%$/, ''))
    .filter(Boolean);
  const numbers = [...new Set(parts.map(Number))].toSorted((a, b) => a - b);
  const fits = numbers.length <= 10 && numbers.every((number) => number >= 1 && number <= 100);
  return fits ? numbers : null;
}

export type BudgetFault = 'name' | 'scope' | 'amount' | 'limit' | 'thresholds';

/** What keeps the form from being sent, in the order of its fields; keys of `cost.budget.fault`. */
export function budgetFaults(form: BudgetForm): BudgetFault[] {
  const faults: BudgetFault[] = [];
  if (form.name.trim() === '') faults.push('name');
  const id = form.scopeId.trim();
  if (form.scopeType !== 'global' && (id === '' || (form.scopeType === 'project' && !/^[^/]+\/.+$/.test(id))))
    faults.push('scope');
  const amount = form.amount.trim();
  if (amount !== '' && !isAmount(amount)) faults.push('amount');
  else if (amount === '' && !given(form.tokens) && !given(form.requests)) faults.push('limit');
  if (thresholdsOf(form.thresholds) === null) faults.push('thresholds');
  return faults;
}

const given = (value: Given): value is number => typeof value === 'number';

export function limitOf(form: BudgetForm): BudgetCreate['limit'] {
  const amount = form.amount.trim();
  return {
    ...(amount === '' ? {} : { amount }),
    ...(given(form.tokens) ? { tokens: form.tokens } : {}),
    ...(given(form.requests) ? { requests: form.requests } : {}),
  };
}

/** Scope and period of a budget stay as they are. */
export const budgetPatchOf = (form: BudgetForm): BudgetPatch => ({
  name: form.name.trim(),
  limit: limitOf(form),
  action: form.action,
  thresholds: thresholdsOf(form.thresholds) ?? [],
  enabled: form.enabled,
});

export const budgetCreateOf = (form: BudgetForm): BudgetCreate => ({
  name: form.name.trim(),
  limit: limitOf(form),
  action: form.action,
  thresholds: thresholdsOf(form.thresholds) ?? [],
  enabled: form.enabled,
  scope: { type: form.scopeType, id: form.scopeType === 'global' ? null : form.scopeId.trim() },
  period: form.period,
});
