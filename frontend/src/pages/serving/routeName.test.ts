import { expect, test } from 'vitest';
import { nameOfRoute, previewRoute, suggestRoute } from './routeName.ts';

test('FR-006: a route is trimmed, gets a leading slash and loses a trailing one', () => {
  expect(previewRoute('  assistants/glossary/ ')).toEqual({
    route: '/assistants/glossary',
    name: 'assistants/glossary',
    fault: null,
  });
  expect(previewRoute('/한국어')).toEqual({ route: '/한국어', name: '한국어', fault: null });
});

test('FR-006: the name is what follows the serve prefix', () => {
  expect(nameOfRoute('/llm-ops/v1/serve/a/b')).toBe('a/b');
  expect(nameOfRoute('/a/b')).toBe('a/b');
});

test.each([
  ['', 'empty'],
  [' / ', 'empty'],
  ['/a//b', 'slashes'],
  ['/a b', 'spaces'],
  ['/a?b', 'query'],
  ['/a{b}', 'forbidden'],
  ['/a/../b', 'dots'],
  ['/a/chat', 'reserved'],
  ['/Health', 'reserved'],
  ['/a\u200bb', 'control'],
  [`/${'a'.repeat(200)}`, 'long'],
])('FR-006: %j is refused as %s', (given, fault) => {
  expect(previewRoute(given).fault).toBe(fault);
});

test('FR-006: a suggestion is a route that is taken as it is', () => {
  for (const name of ['Qwen/Qwen3 8B', 'glossary-llama', ' my model! ', '한국어 모델']) {
    expect(previewRoute(suggestRoute(name))).toMatchObject({ route: suggestRoute(name), fault: null });
  }
});
