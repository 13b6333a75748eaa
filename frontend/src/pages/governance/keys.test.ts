import { describe, expect, it } from 'vitest';
import { limitsOf, routesOf } from './vocabulary.ts';

describe('FR-011: limits of a key', () => {
  it('only those that are given, none at all without one', () => {
    expect(limitsOf({ requestsPerMinute: 60, tokensPerMinute: null })).toEqual({ requestsPerMinute: 60 });
    expect(limitsOf({ requestsPerMinute: undefined })).toBeNull();
  });
});

describe('FR-006d: the route of an example', () => {
  const route = (name: string, environment: 'dev' | 'stg' | 'prod', enabled = true) => ({ name, environment, enabled });
  const all = [route('off', 'dev', false), route('a', 'dev'), route('a', 'prod'), route('b', 'dev')];
  it('is one that the key may ask, and that answers', () => {
    expect(routesOf({ routes: null, environments: null }, all).map(({ name }) => name)).toEqual(['a', 'a', 'b', 'off']);
    expect(routesOf({ routes: ['a', 'off'], environments: ['dev'] }, all)).toEqual([
      route('a', 'dev'),
      route('off', 'dev', false),
    ]);
    expect(routesOf({ routes: ['c'], environments: null }, all)).toEqual([]);
  });
});
