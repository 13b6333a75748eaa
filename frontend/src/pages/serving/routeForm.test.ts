import { RouteCreate } from '@llm-ops/contracts';
import { describe, expect, it } from 'vitest';
import { createOf, faultOf, formOf, patchOf, planOf } from './routeForm.ts';
import type { Route } from './vocabulary.ts';

const id = (digit: number) => `00000000-0000-7000-8000-00000000000${digit}`;
const route: Route = {
  id: id(0),
  name: 'support',
  team: 'platform',
  environment: 'stg',
  enabled: true,
  targets: [
    { endpointId: id(1), revision: 3, weight: 80, priority: 0, timeouts: { firstTokenMs: 900 } },
    { endpointId: id(2), revision: null, weight: 20, priority: 0, timeouts: null },
  ],
  retry: { attempts: 2, on: ['connect', 'timeout'] },
  timeouts: { idleMs: 30_000 },
  cache: { ttlSeconds: 60 },
  limits: { tokensPerMinute: 1000 },
  capture: { content: true },
  createdAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
};

describe('FR-006l: the form of a route', () => {
  it('sent unchanged, it changes nothing', () => {
    const { enabled, targets, retry, timeouts, cache, limits, capture } = route;
    expect(patchOf(formOf(route))).toEqual({ enabled, targets, retry, timeouts, cache, limits, capture });
    expect(planOf(formOf(route))).toEqual({ enabled, targets, retry, timeouts, cache, limits, capture });
  });
  it('what is emptied is taken away, however the widget says empty', () => {
    const form = formOf(route);
    Object.assign(form, { cacheSeconds: 0, tokensPerMinute: null, attempts: undefined });
    form.timeouts.idleMs = null;
    form.targets[0]!.revision = undefined;
    form.targets[0]!.timeouts.firstTokenMs = null;
    expect(patchOf(form)).toMatchObject({
      cache: null,
      limits: null,
      timeouts: {},
      retry: { attempts: 0 },
      targets: [{ revision: null, timeouts: null }, {}],
    });
  });
  it('a new one is what the platform takes', () => {
    const form = formOf(null);
    expect(faultOf(form)).toBe('target');
    form.name = ' support ';
    form.targets[0]!.endpointId = id(1);
    expect(faultOf(form)).toBeNull();
    const parsed = RouteCreate.parse(createOf(form));
    expect(parsed).toMatchObject({ name: 'support', environment: 'dev', targets: [{ weight: 100, priority: 0 }] });
  });
  it('one endpoint twice in a priority, and nobody with a weight, are told before they are sent', () => {
    const form = formOf(route);
    form.targets[1]!.endpointId = id(1);
    expect(faultOf(form)).toBeNull();
    form.targets[1]!.revision = 3;
    expect(faultOf(form)).toBe('twice');
    form.targets[1]!.priority = 1;
    form.targets[1]!.weight = 0;
    expect(faultOf(form)).toBeNull();
    form.targets[0]!.weight = null;
    expect(faultOf(form)).toBe('weight');
  });
});
