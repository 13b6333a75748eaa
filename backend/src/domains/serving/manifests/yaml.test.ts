import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadYaml } from '@kubernetes/client-node';
import fc from 'fast-check';
import { yamlDocuments, yamlOf } from './yaml.ts';

const read = (text: string): unknown => loadYaml(text);

test('FR-012: any value of JSON comes back from its YAML, also texts that look like numbers, dates, booleans or markup', () => {
  const words = fc.constantFrom(
    'yes',
    'no',
    '1e3',
    '0x1F',
    '1_000',
    '~',
    '',
    ' a',
    'a ',
    'a: b',
    'a #b',
    '- a',
    '12:30',
    '2026-01-01',
    '.5',
    '+1',
    '0o7',
    '*',
    '&a',
    '{}',
    '500m',
    '1Gi',
    '--model',
    'a\nb',
    'é',
    '"',
    "'",
    '%',
    '@',
    '`',
    'a:',
    '---',
    '...',
    '<<',
    '=',
    'Null',
    '1.2.3',
  );
  const leaf = fc.oneof(
    fc.string(),
    words,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  );
  const key = fc.oneof(words, fc.string()).filter((name) => name !== '__proto__');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('tree')), fc.dictionary(key, tie('tree'))),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const wanted: unknown = JSON.parse(JSON.stringify(value));
      assert.deepEqual(JSON.parse(JSON.stringify(read(yamlOf({ wanted })))), { wanted });
    }),
    { numRuns: 2_000 },
  );
});

test('FR-012: several objects are several documents', () => {
  assert.equal(
    yamlDocuments([{ kind: 'A' }, { kind: 'B', list: [{ a: 1, b: [] }] }]),
    '---\nkind: A\n---\nkind: B\nlist:\n  - a: 1\n    b: []\n',
  );
});
