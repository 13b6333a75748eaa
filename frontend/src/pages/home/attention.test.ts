import { describe, expect, it } from 'vitest';
import { concernsOf } from './attention.ts';

const endpoint = (route: string, status: 'healthy' | 'failed' | 'degraded') => ({
  id: route,
  route,
  status,
  environment: 'dev' as const,
});
const budget = (name: string, state: 'ok' | 'warning' | 'exhausted', enabled = true) => ({
  name,
  enabled,
  current: { state } as Parameters<typeof concernsOf>[0]['budgets'][number]['current'],
});
const nothing = { endpoints: [], approvals: 0, changes: 0, budgets: [] };

describe('UI-1: what the home page asks one to look at', () => {
  it('is nothing while all runs and nothing waits', () => {
    expect(concernsOf({ ...nothing, endpoints: [endpoint('/a', 'healthy')], budgets: [budget('b', 'ok')] })).toEqual(
      [],
    );
  });
  it('is what fails first, then what is near it, then what waits for a person', () => {
    const found = concernsOf({
      endpoints: [endpoint('/slow', 'degraded'), endpoint('/gone', 'failed')],
      approvals: 2,
      changes: 1,
      budgets: [budget('near', 'warning'), budget('spent', 'exhausted'), budget('off', 'exhausted', false)],
    });
    expect(found.map(({ level, of }) => `${level} ${of}`)).toEqual([
      'error /gone · dev',
      'error spent',
      'warning /slow · dev',
      'warning near',
      'info 2',
      'info 1',
    ]);
    expect(found[0]?.to).toBe('/serving/endpoints//gone');
  });
  it('is never more than one can take in at a look', () => {
    const many = Array.from({ length: 50 }, (_, index) => endpoint(`/e${index}`, 'failed'));
    expect(concernsOf({ ...nothing, endpoints: many })).toHaveLength(8);
  });
});
