import type { GatewayView } from '@llm-ops/contracts';
import { describe, expect, it } from 'vitest';
import { ratesOf, readableRate, windowOf, type Traffic } from './gatewayFigures.ts';

const traffic = (facts: Partial<Traffic>) =>
  ({
    requests: 0,
    errors: 0,
    refused: 0,
    cached: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    cost: '0',
    ...facts,
  }) as Traffic;

describe('FR-009: figures of the live gateway', () => {
  it('rates are of the time that has passed', () => {
    const rates = ratesOf(
      traffic({ requests: 600, errors: 6, cached: 300, prompt_tokens: 5000, completion_tokens: 1000 }),
      600,
    );
    expect(rates).toEqual({ requestsPerSecond: 1, tokensPerSecond: 10, errorShare: 0.01, cachedShare: 0.5 });
  });
  it('nothing asked has no share of errors', () => {
    expect(ratesOf(traffic({}), 3600)).toMatchObject({ requestsPerSecond: 0, errorShare: null, cachedShare: null });
  });
  it.each([
    [1234.5, '1,235', 'second'],
    [1.26, '1.3', 'second'],
    [0.5, '30', 'minute'],
    [0, '0', 'minute'],
    [1 / 1200, '3', 'hour'],
    [1 / 86_400, '0.042', 'hour'],
  ])('%d a second reads %s a %s', (perSecond, value, unit) => {
    expect(readableRate(perSecond, 'en')).toEqual({ value, unit });
  });
  it('the window goes from the first step to the end of the one that is under way', () => {
    const series = [{ at: '2025-12-31T23:55:00Z' }];
    const view = { now: '2026-01-01T00:00:07Z', step_seconds: 60, series } as GatewayView;
    expect(windowOf(view, 5)).toEqual({
      from: Date.parse('2025-12-31T23:55:00Z'),
      until: Date.parse('2026-01-01T00:01:00Z'),
      seconds: 307,
    });
    expect(windowOf({ ...view, series: [] }, 5)).toMatchObject({ seconds: 300 });
  });
});
