import assert from 'node:assert/strict';
import test from 'node:test';
import type { ManagedFields, Stored } from './cluster/informer.ts';
import { driftOf, isOfPlan, marked } from './drift.ts';
import type { Manifest } from './types.ts';

const deployment: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'serving-1', namespace: 'llm-ops-dev', labels: { app: 'serving-1' } },
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: 'serving',
            image: 'vllm:1',
            args: ['--port', '8000'],
            env: [
              { name: 'A', value: '1' },
              { name: 'B', value: '2' },
            ],
            resources: { limits: { cpu: '1000m', memory: '1Gi' } },
          },
        ],
      },
    },
  },
};
const wanted = marked(deployment);
const container = 'k:{"name":"serving"}';
const fields = (inner: object) => ({
  'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { [container]: inner } } } },
});
const writer = (manager: string, inner: object, time = '2026-05-01T10:00:00Z'): ManagedFields => ({
  manager,
  operation: 'Update',
  time,
  fieldsV1: JSON.stringify(fields(inner)),
});
const all = {
  'f:image': {},
  'f:args': {},
  'f:env': { 'k:{"name":"A"}': { 'f:value': {} }, 'k:{"name":"B"}': { 'f:value': {} } },
  'f:resources': { 'f:limits': { 'f:cpu': {}, 'f:memory': {} } },
};

/** The object as the cluster has it: the first container as changed, and who wrote what. */
function live(change: object = {}, writers: ManagedFields[] = [writer('llm-ops', all)], manifest = wanted): Stored {
  const copy = structuredClone(manifest) as unknown as Stored & {
    spec: { template: { spec: { containers: object[] } } };
  };
  Object.assign(copy.spec.template.spec.containers[0]!, { terminationMessagePath: '/dev/log' }, change);
  Object.assign(copy.metadata, { uid: 'u', resourceVersion: '9', managedFields: writers });
  return copy;
}
const paths = (object: Stored | null) => driftOf(wanted, object).map(({ path, by }) => `${path} ${by}`);
const here = 'spec.template.spec.containers[serving]';

test('EC-drift: what the API server adds, writes otherwise or a webhook changes in our own write is no drift', () => {
  assert.deepEqual(paths(live()), []);
  assert.deepEqual(paths(live({ resources: { limits: { cpu: '1', memory: '1024Mi' } } })), []);
  assert.deepEqual(paths(live({ image: 'mirror/vllm:1' })), [], 'still ours: a webhook wrote it so');
});

test('EC-drift: a field that somebody else has written since is drift, with the writer; a value of the environment is never told', () => {
  const { 'f:image': _, ...rest } = all;
  const edited = live({ image: 'vllm:2' }, [writer('llm-ops', rest), writer('kubectl-edit', { 'f:image': {} })]);
  const [drift] = driftOf(wanted, edited);
  assert.deepEqual(drift, {
    object: 'Deployment serving-1',
    path: `${here}.image`,
    wanted: 'vllm:1',
    found: 'vllm:2',
    by: 'kubectl-edit',
    at: '2026-05-01T10:00:00Z',
  });
  const env = [
    { name: 'B', value: 'hush' },
    { name: 'A', value: '1' },
    { name: 'C', value: 'theirs' },
  ];
  const { 'f:env': __, ...others } = all;
  const secret = live({ env }, [
    writer('llm-ops', { ...others, 'f:env': { 'k:{"name":"A"}': { 'f:value': {} } } }),
    writer('kubectl-set', { 'f:env': { 'k:{"name":"B"}': { 'f:value': {} }, 'k:{"name":"C"}': {} } }),
  ]);
  assert.deepEqual(paths(secret), [`${here}.env[B].value kubectl-set`]);
  assert.ok(!JSON.stringify(driftOf(wanted, secret)).includes('hush'));
});

test('EC-drift: what was taken out is drift by whoever wrote last; an object that is gone or going is, too', () => {
  const { 'f:args': _, ...rest } = all;
  const writers = [writer('llm-ops', rest), writer('older', {}, '2026-04-01T00:00:00Z'), writer('helm', {})];
  assert.deepEqual(paths(live({ args: undefined }, writers)), [`${here}.args helm`]);
  assert.deepEqual(paths(null), [' null']);
  const going = live();
  going.metadata.deletionTimestamp = '2026-05-01T10:00:00Z';
  assert.deepEqual(paths(going), [' null']);
});

test('EC-drift: an object of an earlier plan is not taken for a changed one, but what others wrote in it is', () => {
  const earlier = marked({
    ...deployment,
    metadata: { ...deployment.metadata, labels: { app: 'serving-1', old: '1' } },
  });
  const { 'f:args': _, 'f:image': __, ...rest } = all;
  const old = live({ args: undefined }, [writer('llm-ops', rest)], earlier);
  assert.equal(isOfPlan(wanted, old), false);
  assert.deepEqual(paths(old), [], 'an argument that the earlier plan did not have');
  const edited = live({ image: 'x' }, [writer('llm-ops', rest), writer('kubectl-edit', { 'f:image': {} })], earlier);
  assert.deepEqual(paths(edited), [`${here}.image kubectl-edit`]);
});
