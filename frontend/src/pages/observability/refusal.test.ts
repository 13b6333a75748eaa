import { describe, expect, it } from 'vitest';
import { placesOf } from './refusal.ts';

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
});
