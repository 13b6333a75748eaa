import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '#platform/errors';
import { failureBody, failureReply } from './envelope.ts';

test('ORG-3: beside the envelope all that there is to say is one text, each part of it a sentence', () => {
  const reply = failureReply(
    failure('permission_denied', {
      message: 'pods is forbidden at the cluster scope',
      issues: [{ path: 'name', message: 'Must be given.' }],
      remedy: 'Give the right.',
    }),
  );
  assert.deepEqual(failureBody('/v1/organization/models', reply), {
    error: 'pods is forbidden at the cluster scope. name: Must be given. Give the right.',
  });
  assert.equal(failureBody('/llm-ops/v1/models', reply), reply.envelope);
});
