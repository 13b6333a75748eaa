import { expect, it } from 'vitest';
import { routesBeside } from './vocabulary.ts';

it('UI-1: one talks to a route where it is more than the own name of an endpoint', () => {
  const endpoints = [
    { id: 'a', route: '/a', environment: 'dev' as const },
    { id: 'b', route: '/llm-ops/v1/serve/b', environment: 'dev' as const },
  ];
  const target = (endpointId: string) => ({ endpointId, revision: null, weight: 100, priority: 0, timeouts: null });
  const route = (name: string, ...ids: string[]) => ({ name, environment: 'dev' as const, targets: ids.map(target) });
  const found = routesBeside(
    [route('a', 'a'), route('b', 'b'), route('support', 'a', 'b'), route('alias', 'a'), route('a', 'a', 'b')],
    endpoints,
  );
  expect(found.map(({ name, targets }) => `${name} ${targets.length}`)).toEqual(['support 2', 'alias 1', 'a 2']);
});
