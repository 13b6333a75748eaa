import { expect, test } from 'vitest';
import { replicaSentence, wantedReplicas } from './replicas.ts';

const none = { total: 0, ready: 0, available: 0 };
const seen = {
  status: 'healthy',
  replicas: { total: 2, ready: 1, available: 1 },
  minReplicas: 2,
  targetRevision: 3,
} as const;

test('FR-006r, UI-1: an endpoint without replicas says how many are missing and why, never "0 of 0"', () => {
  const said = (change: object) => {
    const { key, values } = replicaSentence({ ...seen, ...change });
    return [key.replace('serving.detail.', ''), values];
  };
  expect(said({})).toEqual(['replicaText', { ready: 1, total: 2 }]);
  expect(said({ status: 'failed', replicas: none })).toEqual(['replicaFailed', { wanted: 2, revision: 3 }]);
  expect(said({ status: 'deploying', replicas: none })).toEqual(['replicaYet', { wanted: 2, revision: 3 }]);
  expect(said({ status: 'stopped', replicas: none })).toEqual(['replicaStopped', {}]);
  expect(said({ status: 'deleting', replicas: none })).toEqual(['replicaNone', {}]);
  expect(wantedReplicas({ ...seen, status: 'failed', replicas: none })).toEqual(2);
  expect(wantedReplicas({ ...seen, status: 'stopped', replicas: none })).toEqual(0);
});
