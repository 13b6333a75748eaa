import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sentences } from '@llm-ops/contracts';
import { z } from 'zod';
import { parse } from './refused.ts';

const schema = z.object({
  name: z.string().trim().min(1, sentences.empty),
  note: z.string().min(1).max(3),
  code: z.string().min(2),
  many: z.array(z.number()).min(2).max(3),
  share: z.coerce.number().gt(0).lte(100),
  whole: z.number().int().multipleOf(5),
  id: z.uuid(),
  at: z.iso.datetime(),
  day: z.iso.date(),
  kind: z.enum(['a', 'b']),
  always: z.literal(true),
  free: z.string().regex(/^x+$/),
  either: z.union([z.string(), z.object({ a: z.string() })]),
});
const refused = (value: object) =>
  Object.fromEntries(
    parse(schema, value).issues.map(({ path: at, message, said }) => [at, [message, said?.['message']]]),
  );

test('FR-008, UI-1: what is wrong with a field is said in words of the platform, by a code and its values', () => {
  const missing = ['Must be given.', { code: 'field.missing.message' }];
  assert.deepEqual(
    Object.entries(refused({})).filter(([at]) => at !== 'share'),
    Object.keys(schema.shape)
      .filter((name) => name !== 'share')
      .map((name) => [name, missing]),
  );
  const wrong = {
    name: ' ',
    note: 'long',
    code: 'x',
    many: [1],
    share: 0,
    whole: 7,
    id: 'x',
    at: 'now',
    day: '1',
    kind: 'c',
    always: false,
    free: 'y',
    either: 4,
  };
  const said = Object.fromEntries(Object.entries(refused(wrong)).map(([at, [message]]) => [at, message]));
  assert.deepEqual(said, {
    name: 'Must not be empty.',
    note: 'Must have at most 3 characters.',
    code: 'Must have at least 2 characters.',
    many: 'Must have at least 2 entries.',
    share: 'Must be above 0.',
    whole: 'Must be a multiple of 5.',
    id: 'Must be an id: a UUID.',
    at: 'Must be a moment, such as 2026-01-31T09:00:00Z.',
    day: 'Must be a day, such as 2026-01-31.',
    kind: 'Must be one of a, b.',
    always: 'Must be true.',
    free: 'Must be written as /^x+$/ says.',
    either: 'Has none of the shapes that are taken here.',
  });
  assert.deepEqual(refused(wrong)['name']![1], { code: 'contract.empty.message' });
  assert.deepEqual(refused(wrong)['note']![1], { code: 'field.characters_most.message', values: { most: 3 } });
  const types = refused({ ...wrong, note: null, many: 'x', share: 'x', whole: 1.5, kind: 7 });
  assert.deepEqual(
    ['note', 'many', 'share', 'whole'].map((at) => types[at]![0]),
    [
      'Must be a text, and is null.',
      'Must be a list, and is a text.',
      'Must be a number, and is no number.',
      'Must be a whole number, and is a number.',
    ],
  );
});

test('UI-1: schemas say nothing of their own that is not in the table of sentences', () => {
  const folder = path.resolve(import.meta.dirname, '../../../../contracts');
  const own = /(?:\.(?:min|max|length|regex|refine)\([^;]*?,\s*|message: )'[A-Z][^']+\.'/g;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts')))
    for (const line of readFileSync(path.join(folder, file), 'utf8').split('\n'))
      assert.doesNotMatch(line, new RegExp(own.source), `${file}: ${line}`);
});
