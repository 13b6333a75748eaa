import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '#platform/errors';
import { normaliseRoute } from './names.ts';

test('FR-006q: a route is trimmed, begins with a slash and does not end with one; its name is what follows the prefix', () => {
  const cases: [string, string, string][] = [
    ['assistant', '/assistant', 'assistant'],
    ['  /assistant/ ', '/assistant', 'assistant'],
    ['/team/assistant', '/team/assistant', 'team/assistant'],
    ['/llm-ops/v1/serve/team/assistant', '/llm-ops/v1/serve/team/assistant', 'team/assistant'],
    ['/chat/bot', '/chat/bot', 'chat/bot'],
    ['/모델', '/모델', '모델'],
    ['/a.b_c-d~1', '/a.b_c-d~1', 'a.b_c-d~1'],
  ];
  for (const [given, route, name] of cases) assert.deepEqual(normaliseRoute(given), { route, name });
});

test('FR-006q: what cannot be a path is refused with the field and the reason', () => {
  const bad = [
    '/',
    ' / ',
    '//',
    'a//b',
    '//a',
    'a//',
    '/a/../b',
    '/..',
    '/./a',
    'a/.',
    '/a%2fb',
    '/a%2Fb',
    '/%2e%2e/x',
    '/a b',
    '/a\tb',
    '/a?b',
    '/a#b',
    '/a/chat',
    '/chat',
    '/a/Health',
    'health/',
    '/a\u0000b',
    '/a\u200bb',
    '/a\\b',
    '/a;b',
    `/${'a'.repeat(200)}`,
    '/llm-ops/v1/serve/',
    '/<script>',
    '/a"b',
  ];
  for (const given of bad) {
    assert.throws(
      () => normaliseRoute(given),
      (error) =>
        isFailure(error, 'validation_failed') && error.issues?.[0]?.path === 'route' && error.issues[0].message !== '',
      JSON.stringify(given),
    );
  }
});
