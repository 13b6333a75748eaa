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
const nothing = { endpoints: [], approvals: 0, changes: 0, budgets: [], traffic: { routes: [], gateways: [] } };

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
      traffic: { routes: [], gateways: [] },
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
  it('is a cluster that cannot be reached, though its endpoints read as they were seen last', () => {
    const lost = { type: 'Cluster', reason: 'Unreachable', message: '', remedy: '', since: '2026-01-01T00:00:00Z' };
    const seen = { ...endpoint('/a', 'healthy'), conditions: [lost] };
    const found = concernsOf({
      ...nothing,
      endpoints: [seen, { ...seen, id: '/b' }, endpoint('/external', 'healthy')],
    });
    expect(found).toEqual([{ key: 'cluster', level: 'error', of: '2', to: '/serving/cluster' }]);
  });
  it('is what answers badly, though what the platform sees of it is well', () => {
    const route = (name: string, requests: number, errors: number) => ({
      route: name,
      environment: 'dev' as const,
      requests,
      errors,
    });
    const open = { endpoint_id: '/far', address: 'far:443', until: '2026-01-01T00:00:00Z' };
    const found = concernsOf({
      ...nothing,
      endpoints: [endpoint('/far', 'healthy'), endpoint('/gone', 'failed')],
      traffic: {
        routes: [route('slips', 2, 2), route('mostly', 1000, 99), route('a/b', 30, 3)],
        gateways: [
          { host: 'one', alive: true, open_breakers: [open, { ...open, endpoint_id: '/gone' }] },
          { host: 'two', alive: false, open_breakers: [open] },
        ],
      },
    });
    expect(found.map(({ key, of }) => `${key} ${of}`)).toEqual([
      'endpoint /gone · dev',
      'upstream /far · dev',
      'route a/b · dev',
      'gateway two',
    ]);
    expect(found[2]?.to).toBe('/observability/requests?outcome=error&route=a%2Fb&environment=dev');
    expect(found[2]?.share).toEqual({ errors: 3, requests: 30 });
  });
  it('is never more than one can take in at a look', () => {
    const many = Array.from({ length: 50 }, (_, index) => endpoint(`/e${index}`, 'failed'));
    expect(concernsOf({ ...nothing, endpoints: many })).toHaveLength(8);
  });
});
