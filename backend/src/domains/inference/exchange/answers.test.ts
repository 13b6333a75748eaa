import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResolvedRoute, RouteTarget } from '#domains/serving';
import type { Identity } from '#platform/access';
import { parseBody } from '../request/body.ts';
import { cacheKeyOf } from './answers.ts';

const target = (revisionId: string): RouteTarget => ({ revisionId, weight: 100, priority: 0 }) as RouteTarget;
const route = { routeId: 'r', cache: { ttlSeconds: 60 } } as ResolvedRoute;

function keyOf(over: { targets?: RouteTarget[]; teams?: string[]; body?: string; cacheControl?: string } = {}) {
  return cacheKeyOf({
    route,
    targets: over.targets ?? [target('a'), target('b')],
    identity: { teams: over.teams ?? ['nlp'] } as unknown as Identity,
    face: 'openai',
    operation: 'chat',
    body: parseBody(Buffer.from(over.body ?? '{"x":1}')),
    cacheControl: over.cacheControl,
  });
}

test('FR-006l, SEC: a kept answer is for the same question, team and targets alone', () => {
  const key = keyOf();
  assert.equal(keyOf(), key);
  assert.notEqual(keyOf({ body: '{"x":2}' }), key);
  assert.notEqual(keyOf({ teams: ['vision'] }), key);
  assert.notEqual(keyOf({ targets: [target('b')] }), key, 'a policy keeps this caller from one of the models');
  assert.notEqual(keyOf({ targets: [target('a2'), target('b')] }), key, 'another revision');
  assert.equal(keyOf({ cacheControl: 'no-cache' }), null);
});
