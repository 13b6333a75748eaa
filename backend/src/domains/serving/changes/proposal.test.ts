import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChangePlan } from '@llm-ops/contracts';
import { proposedPlan } from './proposal.ts';

const known: Parameters<typeof proposedPlan>[0] = {
  now: new Date('2026-01-02T03:04:05Z'),
  by: 'olga',
  environment: 'prod',
  route: '/glossary',
  live: { number: 4, modelName: 'glossary', version: '1', image: 'vllm:1', artifactDigest: 'd1' },
  wanted: { modelName: 'glossary', version: '2', storageUri: 's3://models/m/2/', artifactDigest: 'd2', hub: null },
  rollbackPlan: 'Roll back, then tell the callers.',
  team: 'search',
  rolloutTimeoutMs: 600_000,
  watch: { ms: 60_000, moreErrors: 1, slower: 20 },
  shares: null,
};

test('FR-012: a plan to begin with names what a rollback returns to, where the bytes are, and a window that is open', () => {
  const { plan } = proposedPlan(known);
  assert.match(plan.backup.kept, /Revision 4 \(glossary 1, vllm:1, digest d1\).*\n.*s3:\/\/models\/m\/2\/, digest d2/);
  assert.match(plan.backup.kept, /llmops backup/);
  assert.match(plan.backup.restore, /"revision": 4.*\n.*tell the callers/);
  assert.equal(plan.maintenance.startsAt, '2026-01-02T03:04:00.000Z');
  assert.equal(plan.maintenance.endsAt, '2026-01-02T05:04:00.000Z');
  assert.match(plan.maintenance.steps, /at most 10 minutes/);
  assert.match(plan.maintenance.rollbackCriteria, /1 percentage points .* 20 %/);
  assert.deepEqual(ChangePlan.parse(plan), plan, 'it can be given as it is');
});

test('FR-012: without a revision to return to the plan says so, and shares of the traffic are among its steps', () => {
  const { plan } = proposedPlan({ ...known, live: null, shares: [5, 50, 100] });
  assert.match(plan.backup.kept, /nothing to lose/);
  assert.match(plan.backup.restore, /^1\. Delete the endpoint/);
  assert.match(plan.backup.restore, /\n2\. Were the database lost/);
  assert.match(plan.maintenance.steps, /at 5, 50, 100 % of the traffic/);
});

test('FR-012, ORG-5: of a model that its runtime fetches from Hugging Face the plan says that no file of it is here', () => {
  const wanted = { ...known.wanted, artifactDigest: null, hub: 'Qwen/Qwen3' };
  const { plan } = proposedPlan({ ...known, live: null, wanted });
  assert.match(plan.backup.kept, /none here, its runtime fetches Qwen\/Qwen3 from Hugging Face/);
  assert.doesNotMatch(plan.backup.kept, /s3:/);
});
