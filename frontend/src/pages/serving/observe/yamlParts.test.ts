import { expect, test } from 'vitest';
import { yamlParts } from './yamlParts.ts';

test('FR-012: an exported file falls into its head and its objects, each with kind and name', () => {
  const file = [
    '# /support in dev: revision 2',
    '# Make the Secret x',
    '---',
    'apiVersion: apps/v1',
    'kind: Deployment',
    'metadata:',
    '  labels:',
    '    name: no',
    '  name: serving-1-r2',
    'spec:',
    '  name: no',
    '---',
    'kind: LocalEngine',
    'name: serving-1',
    '',
  ].join('\n');
  const { head, parts } = yamlParts(file);
  expect(head).toBe('/support in dev: revision 2\nMake the Secret x');
  expect(parts.map(({ title }) => title)).toEqual(['Deployment serving-1-r2', 'LocalEngine serving-1']);
  expect(parts[1]!.text).toBe('kind: LocalEngine\nname: serving-1');
});

test('FR-012: a file without objects is its head alone', () => {
  expect(yamlParts('# /gpt in prod: revision 1\n')).toEqual({ head: '/gpt in prod: revision 1', parts: [] });
});
