import assert from 'node:assert/strict';
import { test } from 'node:test';
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
  assert.deepEqual(said({}), ['replicaText', { ready: 1, total: 2 }]);
  assert.deepEqual(said({ status: 'failed', replicas: none }), ['replicaFailed', { wanted: 2, revision: 3 }]);
  assert.deepEqual(said({ status: 'deploying', replicas: none }), ['replicaYet', { wanted: 2, revision: 3 }]);
  assert.deepEqual(said({ status: 'stopped', replicas: none }), ['replicaStopped', {}]);
  assert.deepEqual(said({ status: 'deleting', replicas: none }), ['replicaNone', {}]);
  assert.equal(wantedReplicas({ ...seen, status: 'failed', replicas: none }), 2);
  assert.equal(wantedReplicas({ ...seen, status: 'stopped', replicas: none }), 0);
});
