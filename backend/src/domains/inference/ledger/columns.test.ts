import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrayOf } from './columns.ts';

test('FR-009: columns are written as PostgreSQL reads arrays', () => {
  const rows = [
    null,
    undefined,
    1,
    -2.5,
    true,
    'plain-1.2:3',
    '',
    'null',
    'NULL',
    'a,b {c}',
    'say "\\"',
    'ü',
    { a: ['"'] },
  ];
  assert.equal(
    arrayOf(
      rows.map((value) => ({ value })),
      'value',
    ).toString(),
    String.raw`{NULL,NULL,1,-2.5,true,plain-1.2:3,"","null","NULL","a,b {c}","say \"\\\"","ü","{\"a\":[\"\\\"\"]}"}`,
  );
  assert.equal(arrayOf([] as { value: string }[], 'value').toString(), '{}');
});
