import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { declaredFields } from './fields.ts';

const schema = z.object({
  owner_team: z.string(),
  metadata: z.record(z.string(), z.unknown()).default({}),
  targets: z.array(z.object({ endpointId: z.string() })).optional(),
  nested: z.object({ max_tokens: z.number() }).nullish(),
});

test('FR-008: declared keys are accepted in either case, at any declared depth', () => {
  const given = {
    ownerTeam: 'a',
    metadata: { ownerTeam: 1, deepKey: { x_y: 2 } },
    targets: [{ endpoint_id: 'e' }],
    nested: { maxTokens: 3 },
  };
  const { value, issues } = declaredFields(schema, given);
  assert.deepEqual(value, {
    owner_team: 'a',
    metadata: { ownerTeam: 1, deepKey: { x_y: 2 } },
    targets: [{ endpointId: 'e' }],
    nested: { max_tokens: 3 },
  });
  assert.deepEqual(issues, []);
});

test('FR-008: a key given in both cases is an issue, whatever its values', () => {
  const { issues } = declaredFields(schema, {
    owner_team: 'a',
    ownerTeam: 'a',
    targets: [{ endpoint_id: 'e', endpointId: 'e' }],
  });
  assert.deepEqual(
    issues.map((issue) => issue.path),
    ['owner_team', 'targets.0.endpointId'],
  );
});

test('FR-008: what is no object is left for the schema to refuse', () => {
  for (const value of [null, undefined, 3, 'x', [1]])
    assert.deepEqual(declaredFields(schema, value), { value, issues: [] });
});
