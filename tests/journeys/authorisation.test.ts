import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  approvedModel,
  ask,
  call,
  people,
  person,
  startPlatform,
  until,
  type Json,
  type RunningPlatform,
} from './harness.ts';

let platform: RunningPlatform;
before(async () => {
  platform = await startPlatform();
});
after(() => platform.stop());

test('FR-010: a look at what is another team’s answers as if it were not there, and is in the audit log', async () => {
  const model = await ask(platform.api, people.researcher, 'POST', '/catalog/models', {
    name: 'private',
    version: '1',
    type: 'base',
    owner_team: 'platform',
    metadata: { description: 'Ours alone.' },
  });
  const stranger = person('stranger', 'operator', 'elsewhere');
  const answer = await call(platform.api, stranger, 'GET', `/catalog/models/${model.id}`);
  assert.deepEqual([answer.status, answer.body.data.code], [404, 'model_not_found']);
  const log = await ask(platform.api, people.admin, 'GET', '/governance/audit/logs?actor_id=stranger&result=denied');
  assert.ok(
    log.some((entry: Json) => entry.rule === 'team' && entry.resource_id === model.id),
    JSON.stringify(log),
  );
});

test('GOV-rbac, FR-010: a policy denies by name within five seconds, is told to the denied, and ends as fast', async () => {
  const model = await approvedModel(platform.api, 'classified');
  const reader = person('reader', 'viewer', 'platform');
  assert.equal((await call(platform.api, reader, 'GET', `/catalog/models/${model.id}`)).status, 200);
  const policy = await ask(platform.api, people.admin, 'POST', '/governance/policies', {
    name: 'classified models',
    scope: 'catalog',
    status: 'active',
    rules: [
      {
        effect: 'deny',
        actions: ['model:read'],
        resources: { type: 'model', match: { name: 'classified' } },
        subjects: { roles: ['viewer'] },
        reason: 'Viewers may not see classified models.',
      },
    ],
  });
  const denied = await until<Json>(
    'denied',
    async () => {
      const answer = await call(platform.api, reader, 'GET', `/catalog/models/${model.id}`);
      return answer.status === 403 ? answer : null;
    },
    5000,
  );
  assert.match(denied.body.message, /Viewers may not see classified models/);
  assert.match(denied.body.data.rule, /policy:classified models/);
  const list = await ask(platform.api, reader, 'GET', '/catalog/models');
  assert.ok(!list.some((row: Json) => row.name === 'classified'), 'policies are part of the query');
  const log = await ask(platform.api, people.admin, 'GET', '/governance/audit/logs?actor_id=reader&result=denied');
  assert.ok(log.length > 0 && /policy:classified models/.test(log[0].rule));
  await ask(platform.api, people.admin, 'DELETE', `/governance/policies/${policy.id}`);
  await until(
    'allowed again',
    async () => (await call(platform.api, reader, 'GET', `/catalog/models/${model.id}`)).status === 200,
    5000,
  );
});
