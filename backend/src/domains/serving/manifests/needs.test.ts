import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsOf } from './needs.ts';

test('FR-012: what exported manifests need in their namespace is found wherever they refer to it, each once with its keys', () => {
  const secret = (key: string) => ({ valueFrom: { secretKeyRef: { name: 'store', key } } });
  const spec = {
    imagePullSecrets: [{ name: 'registry' }],
    containers: [{ env: [secret('A'), secret('B'), secret('A'), { name: 'configMap', value: 'x' }] }],
    initContainers: [{ envFrom: [{ configMapRef: { name: 'settings' } }] }],
    volumes: [
      { persistentVolumeClaim: { claimName: 'cache' } },
      { secret: { secretName: 'token' } },
      { configMap: { name: 'brought' } },
    ],
  };
  const manifests = [
    { kind: 'Deployment', metadata: { name: 'd' }, spec: { template: { spec } } },
    { kind: 'ConfigMap', metadata: { name: 'brought' } },
  ];
  assert.deepEqual(needsOf(manifests), [
    { kind: 'Secret', name: 'registry', keys: [] },
    { kind: 'Secret', name: 'store', keys: ['A', 'B'] },
    { kind: 'ConfigMap', name: 'settings', keys: [] },
    { kind: 'PersistentVolumeClaim', name: 'cache', keys: [] },
    { kind: 'Secret', name: 'token', keys: [] },
  ]);
  // of a runtime without a cluster
  assert.deepEqual(needsOf([{ kind: 'LocalEngine', name: 'serving-1', env: { HOME: '/x' } }]), []);
});
