import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costRoutes, governanceRoutes } from '@llm-ops/contracts';
import { isFailure, type Issue } from '#platform/errors';
import { parseRequest } from './parse.ts';

function issuesOf(work: () => unknown): Issue[] | undefined {
  try {
    work();
  } catch (error) {
    if (isFailure(error, 'validation_failed')) return error.issues;
    throw error;
  }
  return undefined;
}

test('FR-011: a misspelt limit of a budget is refused with its place and what is known, for it would hold nothing back', () => {
  const budget = (limit: object) => ({ name: 'b', scope: { type: 'global' }, period: 'daily', limit, action: 'stop' });
  const issues = issuesOf(() =>
    parseRequest(costRoutes.createBudget, {}, {}, budget({ money: '5', tokens: 1000, user: 1 })),
  );
  const message = 'Not known. Known are amount, currency, tokens, requests.';
  assert.deepEqual(issues, [
    { path: 'limit.money', message },
    { path: 'limit.user', message },
  ]);
  assert.equal(
    issuesOf(() => parseRequest(costRoutes.createBudget, {}, {}, budget({ tokens: 1000 }))),
    undefined,
  );
});

test('FR-006l: limits of a key may be written in either case of letters, not in other words', () => {
  const key = (limits: object) => ({ name: 'k', team: 't', roles: ['developer'], limits });
  const parsed = parseRequest(governanceRoutes.createApiKey, {}, {}, key({ requests_per_minute: 5 }));
  assert.deepEqual((parsed.body as { limits: unknown }).limits, { requestsPerMinute: 5 });
  const issues = issuesOf(() => parseRequest(governanceRoutes.createApiKey, {}, {}, key({ rpm: 5 })));
  assert.deepEqual(
    issues?.map(({ path }) => path),
    ['limits.rpm'],
  );
});
