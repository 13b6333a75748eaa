import { describe, expect, it } from 'vitest';
import { isLeftUntried, placesOf } from './refusal.ts';

const refused = (code: string, apiKey: string | null = null, endpoint: string | null = null) => ({
  error_code: code,
  api_key_id: apiKey,
  endpoint_id: endpoint,
});
const keysOf = (...of: Parameters<typeof placesOf>) => placesOf(...of).map(({ key }) => key);

describe('FR-009, UI-1: a refused or failed request leads to where that is changed', () => {
  it('to what refused it', () => {
    expect(keysOf(refused('budget_exhausted', 'k'), 'r')).toEqual(['budgets']);
    expect(keysOf(refused('rate_limited', 'k'), 'r')).toEqual(['keys', 'route']);
    expect(keysOf(refused('rate_limited'), 'r')).toEqual(['route']);
    expect(keysOf(refused('permission_denied', 'k'), 'r')).toEqual(['keys', 'policies']);
    expect(placesOf(refused('route_not_found'), null)[0]?.to).toBe('/serving/routes');
  });
  it('to the endpoint that failed, where one was asked', () => {
    expect(placesOf(refused('upstream_failed', null, 'e'), 'r').map(({ to }) => to)).toEqual([
      '/serving/endpoints/e',
      '/serving/routes/r',
    ]);
    expect(keysOf(refused('validation_failed'), null)).toEqual([]);
  });
  it('and says that a fallback was there which the route does not ask for such a failure', () => {
    const attempt = (outcome: string, endpoint = 'a') => ({
      endpoint_id: endpoint,
      revision: 1,
      priority: 0,
      address: 'a:1',
      outcome,
      status: 500,
      milliseconds: 1,
    });
    const target = (endpointId: string) => ({ endpointId, revision: null, weight: 100, priority: 0, timeouts: null });
    const route = {
      targets: [target('a'), target('b')],
      retry: { attempts: 0, on: ['connect' as const, 'busy' as const] },
    };
    expect(isLeftUntried({ attempts: [attempt('error')] }, route)).toBe(true);
    expect(isLeftUntried({ attempts: [attempt('busy'), attempt('error', 'b')] }, route)).toBe(false);
    expect(isLeftUntried({ attempts: [attempt('refused')] }, route)).toBe(false);
    expect(isLeftUntried({ attempts: [attempt('error')] }, { ...route, targets: [target('a')] })).toBe(false);
    expect(isLeftUntried({ attempts: [attempt('error')] }, { ...route, retry: { attempts: 0, on: ['error'] } })).toBe(
      false,
    );
    expect(isLeftUntried(null, route)).toBe(false);
    const later = { ...attempt('error', 'b'), priority: 1 };
    expect(isLeftUntried({ attempts: [later] }, route)).toBe(false);
  });
});
