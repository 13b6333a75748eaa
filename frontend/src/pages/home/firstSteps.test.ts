import type { Endpoint, Model } from '@llm-ops/contracts';
import { expect, it } from 'vitest';
import { firstSteps } from './firstSteps.ts';

const model = (facts: Partial<Model>) =>
  ({ id: 'm', type: 'base', status: 'draft', files: [], ...facts }) as unknown as Model;
const endpoint = { id: 'e', status: 'healthy' } as Endpoint;
const done = (...of: Parameters<typeof firstSteps>) =>
  firstSteps(...of)
    .filter((step) => step.done)
    .map((step) => step.key);

it('QS-1: the checklist is ticked from what is there', () => {
  expect(done([], [], 0)).toEqual([]);
  expect(done([model({})], [], 0)).toEqual(['register']);
  expect(done([model({ type: 'external' })], [], 0)).toEqual(['register', 'upload']);
  expect(done([model({ status: 'approved' })], [], 0)).toEqual(['register', 'submit', 'approve']);
  expect(done([model({ status: 'approved' })], [endpoint], 3)).toEqual([
    'register',
    'upload',
    'submit',
    'approve',
    'deploy',
    'chat',
  ]);
});
it('QS-1: the chat step leads to the endpoint that answers', () => {
  expect(firstSteps([model({})], [endpoint], 0).at(-1)?.to).toBe('/serving/chat/e');
});
